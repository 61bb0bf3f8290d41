"""The language an account reads in"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("app_user", sa.Column("language", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("app_user", "language")

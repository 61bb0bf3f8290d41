"""What whoever is to be told by hand should have heard"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("errand", sa.Column("says", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("errand", "says")

"""How often a provider was reminded that one of its papers runs out"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("evidence", sa.Column("reminded", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("evidence", "reminded")

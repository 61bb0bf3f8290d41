"""Where an address is told that it is an account's no more"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dispatch", sa.Column("to_address", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("dispatch", "to_address")

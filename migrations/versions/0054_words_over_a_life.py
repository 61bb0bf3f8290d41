"""How many wrong words were typed since a word was agreed, beside those since the last right one"""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "link", sa.Column("wrong_in_all", sa.Integer(), nullable=False, server_default="0")
    )
    op.execute("UPDATE link SET wrong_in_all = wrong")


def downgrade() -> None:
    op.drop_column("link", "wrong_in_all")

"""A step says when what it tells of was, where it was told later"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("step", sa.Column("happened_at", AT, nullable=True))


def downgrade() -> None:
    op.drop_column("step", "happened_at")

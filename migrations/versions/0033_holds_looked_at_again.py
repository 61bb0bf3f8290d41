"""When whoever keeps a hold against destruction was told that its day has passed"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("legal_hold", sa.Column("reminded_at", AT, nullable=True))


def downgrade() -> None:
    op.drop_column("legal_hold", "reminded_at")

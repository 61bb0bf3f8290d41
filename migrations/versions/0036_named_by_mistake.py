"""Who was named as a source of harm by mistake, and when they were taken out"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(sa.Uuid(), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("concern_source", sa.Column("was_user_id", ID, nullable=True))
    op.add_column("concern_source", sa.Column("was_organisation_id", ID, nullable=True))
    op.add_column("concern_source", sa.Column("struck_at", AT, nullable=True))


def downgrade() -> None:
    op.drop_column("concern_source", "struck_at")
    op.drop_column("concern_source", "was_organisation_id")
    op.drop_column("concern_source", "was_user_id")

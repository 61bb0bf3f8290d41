"""When an account was invited, and when its password was chosen by whoever signs in with it"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.add_column("app_user", sa.Column("invited_at", AT, nullable=True))
    op.add_column("app_user", sa.Column("chose_password_at", AT, nullable=True))


def downgrade() -> None:
    op.drop_column("app_user", "chose_password_at")
    op.drop_column("app_user", "invited_at")

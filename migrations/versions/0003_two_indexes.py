"""Indexes for who is named in a concern, and for proposals that wait"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WAITS = sa.text("answer IS NULL")


def upgrade() -> None:
    op.create_index("ix_concern_source_user_id", "concern_source", ["user_id"])
    op.create_index(
        "ix_confirmation_waiting",
        "confirmation",
        ["proposed_at", "id"],
        sqlite_where=WAITS,
        postgresql_where=WAITS,
    )


def downgrade() -> None:
    op.drop_index("ix_confirmation_waiting", "confirmation")
    op.drop_index("ix_concern_source_user_id", "concern_source")

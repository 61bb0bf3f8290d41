"""Indexes for what is counted over a time: replies, starts, ends of consent, missed deadlines"""

from alembic import op
from sqlalchemy import text

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

COUNTED = text("trigger IN ('decline','start','withdraw')")
MISSED = text("missed IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_step_counted",
        "step",
        ["trigger", "at"],
        sqlite_where=COUNTED,
        postgresql_where=COUNTED,
    )
    op.create_index(
        "ix_clock_missed", "clock", ["missed"], sqlite_where=MISSED, postgresql_where=MISSED
    )
    op.create_index("ix_referral_sent_at", "referral", ["sent_at"])


def downgrade() -> None:
    op.drop_index("ix_referral_sent_at", "referral")
    op.drop_index("ix_clock_missed", "clock")
    op.drop_index("ix_step_counted", "step")

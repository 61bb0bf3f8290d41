"""An index for the holds that end with their referral"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

LIVE = sa.text("ended IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_hold_referral", "hold", ["referral_id"], sqlite_where=LIVE, postgresql_where=LIVE
    )


def downgrade() -> None:
    op.drop_index("ix_hold_referral", "hold")

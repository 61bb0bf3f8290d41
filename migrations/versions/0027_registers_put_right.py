"""What was said of a day and put right later; until when an activity takes nobody new"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attendance", sa.Column("was", sa.Text(), nullable=True))
    op.add_column("attendance", sa.Column("why", sa.Text(), nullable=True))
    op.add_column("activity", sa.Column("paused_until", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("activity", "paused_until")
    op.drop_column("attendance", "why")
    op.drop_column("attendance", "was")

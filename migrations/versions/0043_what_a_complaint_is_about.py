"""What a complaint is about has a column of its own, not the first words of its note"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

TOPICS = "'worker','team','information','other'"


def upgrade() -> None:
    # With its check in one statement: SQLite need not make the table anew.
    op.execute(
        sa.text(
            "ALTER TABLE escalation ADD COLUMN topic TEXT"
            f" CONSTRAINT ck_escalation_topic CHECK (topic IN ({TOPICS}))"
        )
    )


def downgrade() -> None:
    op.drop_column("escalation", "topic")

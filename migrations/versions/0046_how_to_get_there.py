"""How to get to an activity; through whom somebody is reached; a day of death known in part"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

ABOUT = "'month','not_known'"


def upgrade() -> None:
    op.add_column("activity", sa.Column("getting_there", sa.Text(), nullable=True))
    op.add_column("person", sa.Column("through_name", sa.Text(), nullable=True))
    op.add_column("person", sa.Column("through_phone", sa.Text(), nullable=True))
    # With its check in one statement: SQLite need not make the table anew.
    op.execute(
        sa.text(
            "ALTER TABLE person ADD COLUMN died_about TEXT"
            f" CONSTRAINT ck_person_died_about CHECK (died_about IN ({ABOUT}))"
        )
    )


def downgrade() -> None:
    op.drop_column("person", "died_about")
    op.drop_column("person", "through_phone")
    op.drop_column("person", "through_name")
    op.drop_column("activity", "getting_there")

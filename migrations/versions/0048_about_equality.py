"""What a person says of their ethnic group and of disability"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
POINTS = {"system_id": "system", "person_id": "person", "recorded_by": "membership"}


def upgrade() -> None:
    op.create_table(
        "equality_answer",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("ethnic_group", sa.Text(), nullable=True),
        sa.Column("disability", sa.Text(), nullable=True),
        sa.Column("said_on", sa.Date(), nullable=False),
        sa.Column("said_how", sa.Text(), nullable=False),
        sa.Column("recorded_by", ID, nullable=False),
        sa.Column("recorded_at", AT, nullable=False),
        sa.Column("taken_back_at", AT, nullable=True),
        sa.CheckConstraint(
            "taken_back_at IS NULL OR (ethnic_group IS NULL AND disability IS NULL)",
            name=op.f("ck_equality_answer_taken_back"),
        ),
        *(
            sa.ForeignKeyConstraint([name], [f"{of}.id"], name=op.f(f"fk_equality_answer_{name}"))
            for name, of in POINTS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_equality_answer")),
    )
    op.create_index(op.f("ix_equality_answer_person_id"), "equality_answer", ["person_id"])


def downgrade() -> None:
    op.drop_table("equality_answer")

"""Who is close to a person"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
KINDS = "'advocate','attorney','carer','contact','next_of_kin','other'"
POINTS = {
    "system_id": "system",
    "person_id": "person",
    "recorded_by": "membership",
    "replaces_id": "relationship",
    "ended_by": "membership",
}


def upgrade() -> None:
    op.create_table(
        "relationship",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("in_emergency", sa.Boolean(), nullable=False),
        sa.Column("may_speak", sa.Text(), nullable=False),
        sa.Column("said_on", sa.Date(), nullable=True),
        sa.Column("said_how", sa.Text(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("recorded_by", ID, nullable=False),
        sa.Column("recorded_at", AT, nullable=False),
        sa.Column("replaces_id", ID, nullable=True),
        sa.Column("ended_at", AT, nullable=True),
        sa.Column("ended_by", ID, nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(may_speak = 'not_asked') = (said_on IS NULL)", name=op.f("ck_relationship_said_on")
        ),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_relationship_kind")),
        sa.CheckConstraint(
            "may_speak IN ('no','not_asked','yes')", name=op.f("ck_relationship_may_speak")
        ),
        *(
            sa.ForeignKeyConstraint([name], [f"{of}.id"], name=op.f(f"fk_relationship_{name}"))
            for name, of in POINTS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relationship")),
    )
    op.create_index(op.f("ix_relationship_person_id"), "relationship", ["person_id"])
    op.create_index("uq_relationship_replaces", "relationship", ["replaces_id"], unique=True)


def downgrade() -> None:
    op.drop_table("relationship")

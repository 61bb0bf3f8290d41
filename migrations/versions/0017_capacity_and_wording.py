"""Assessments of capacity, and who published the words read out"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "capacity_assessment",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("assessor", sa.Text(), nullable=False),
        sa.Column("understands", sa.Boolean(), nullable=False),
        sa.Column("retains", sa.Boolean(), nullable=False),
        sa.Column("weighs", sa.Boolean(), nullable=False),
        sa.Column("communicates", sa.Boolean(), nullable=False),
        sa.Column("help", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("lacks", sa.Boolean(), nullable=False),
        sa.Column("interests", sa.Text(), nullable=True),
        sa.Column("consulted", sa.Text(), nullable=True),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("recorded_by", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.CheckConstraint(
            "NOT lacks OR (cause IS NOT NULL AND interests IS NOT NULL AND review_on IS NOT NULL)",
            name=op.f("ck_capacity_assessment_lacks"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_capacity_assessment_organisation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_capacity_assessment_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["membership.id"], name=op.f("fk_capacity_assessment_recorded_by")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_capacity_assessment_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capacity_assessment")),
    )
    op.create_index(
        "ix_capacity_assessment_person_id_at", "capacity_assessment", ["person_id", "at"]
    )
    op.add_column("consent", sa.Column("capacity_id", ID, nullable=True))
    op.add_column("wording", sa.Column("published_by", ID, nullable=True))


def downgrade() -> None:
    op.drop_column("wording", "published_by")
    op.drop_column("consent", "capacity_id")
    op.drop_table("capacity_assessment")

"""What was put right, and what a copy leaves out"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "correction",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("request_id", ID, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("was", sa.Text(), nullable=True),
        sa.Column("now", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("changed_by", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["membership.id"], name=op.f("fk_correction_changed_by")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_correction_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_correction_person_id")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["rights_request.id"], name=op.f("fk_correction_request_id")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_correction_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    op.create_index(op.f("ix_correction_person_id"), "correction", ["person_id"], unique=False)
    op.create_table(
        "rights_part",
        sa.Column("request_id", ID, nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("decided_by", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.CheckConstraint(
            "decision = 'give' OR reason IS NOT NULL", name=op.f("ck_rights_part_reason")
        ),
        sa.CheckConstraint("decision IN ('give','withhold')", name=op.f("ck_rights_part_decision")),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["membership.id"], name=op.f("fk_rights_part_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["rights_request.id"], name=op.f("fk_rights_part_request_id")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_rights_part_system_id")
        ),
        sa.PrimaryKeyConstraint("request_id", "part", name=op.f("pk_rights_part")),
    )


def downgrade() -> None:
    op.drop_table("rights_part")
    op.drop_table("correction")

"""Records whose time is over, and holds against destruction"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("placed_at", AT, nullable=False),
        sa.Column("ended_at", AT, nullable=True),
        sa.Column("ended_by", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["ended_by"], ["membership.id"], name=op.f("fk_legal_hold_ended_by")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_legal_hold_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["membership.id"], name=op.f("fk_legal_hold_owner_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_legal_hold_person_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_legal_hold_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
    )
    op.create_index(
        "ix_legal_hold_runs",
        "legal_hold",
        ["person_id"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "retention_review",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("kept_as", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("listed_at", AT, nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("keep_until", sa.Date(), nullable=True),
        sa.Column("decided_by", ID, nullable=True),
        sa.Column("decided_at", AT, nullable=True),
        sa.Column("approved_by", ID, nullable=True),
        sa.Column("approved_at", AT, nullable=True),
        sa.Column("done_at", AT, nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.CheckConstraint("decision IN ('keep','go')", name=op.f("ck_retention_review_decision")),
        sa.CheckConstraint(
            "kept_as IN ('case','child','complaint','contact_only','safeguarding')",
            name=op.f("ck_retention_review_kept_as"),
        ),
        sa.CheckConstraint(
            "result <> 'erased' OR approved_by IS NOT NULL",
            name=op.f("ck_retention_review_approved"),
        ),
        sa.CheckConstraint(
            "approved_by <> decided_by", name=op.f("ck_retention_review_two_people")
        ),
        sa.ForeignKeyConstraint(
            ["approved_by"], ["membership.id"], name=op.f("fk_retention_review_approved_by")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["membership.id"], name=op.f("fk_retention_review_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_retention_review_organisation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_retention_review_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_retention_review_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_review")),
    )
    op.create_index(
        op.f("ix_retention_review_person_id_keep_until"),
        "retention_review",
        ["person_id", "keep_until"],
        unique=False,
    )
    op.create_index(
        "uq_retention_review_open",
        "retention_review",
        ["person_id"],
        unique=True,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("retention_review")
    op.drop_table("legal_hold")

"""What people ask for about their own data"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "rights_request",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("asked_for", sa.Text(), nullable=False),
        sa.Column("on_behalf", sa.Text(), nullable=True),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("taken_by", ID, nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("identity_how", sa.Text(), nullable=True),
        sa.Column("extended", sa.Boolean(), nullable=False),
        sa.Column("stopped_at", AT, nullable=True),
        sa.Column("stopped_days", sa.Integer(), nullable=False),
        sa.Column("told_how", sa.Text(), nullable=True),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_by", ID, nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.CheckConstraint(
            "kind IN ('access','erasure','objection','rectification','restriction')",
            name=op.f("ck_rights_request_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('asked','fulfilled','identity_checked','in_progress','received','refused','withdrawn')",
            name=op.f("ck_rights_request_state"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["membership.id"], name=op.f("fk_rights_request_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_rights_request_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_rights_request_person_id")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_rights_request_system_id")
        ),
        sa.ForeignKeyConstraint(
            ["taken_by"], ["membership.id"], name=op.f("fk_rights_request_taken_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rights_request")),
        sa.UniqueConstraint("reference", name=op.f("uq_rights_request_reference")),
    )
    op.create_index(
        op.f("ix_rights_request_organisation_id_id"),
        "rights_request",
        ["organisation_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_rights_request_person_id"), "rights_request", ["person_id"], unique=False
    )
    op.create_index(op.f("ix_escalation_person_id"), "escalation", ["person_id"], unique=False)
    op.create_index(op.f("ix_note_person_id"), "note", ["person_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_note_person_id", table_name="note")
    op.drop_index("ix_escalation_person_id", table_name="escalation")
    op.drop_table("rights_request")

"""Sharing without consent, with all that its machine keeps"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
LIVE = sa.text("state = 'approved'")


def upgrade() -> None:
    # No command ever wrote a row of the table as it was: it is made anew.
    op.drop_table("override")
    op.create_table(
        "override",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("necessity", sa.Text(), nullable=False),
        sa.Column("proportionality", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("person_told", sa.Boolean(), nullable=False),
        sa.Column("why_not_told", sa.Text(), nullable=True),
        sa.Column("danger", sa.Boolean(), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("proposed_by", ID, nullable=False),
        sa.Column("decided_by", ID, nullable=True),
        sa.Column("until", AT, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.CheckConstraint(
            "state IN ('approved','ended','proposed','refused','reviewed')",
            name=op.f("ck_override_state"),
        ),
        sa.CheckConstraint(
            "state <> 'approved' OR until IS NOT NULL", name=op.f("ck_override_until")
        ),
        sa.CheckConstraint("proposed_by <> decided_by", name=op.f("ck_override_two_people")),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["membership.id"], name=op.f("fk_override_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_override_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_override_person_id")),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["membership.id"], name=op.f("fk_override_proposed_by")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_override_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_override")),
        sa.UniqueConstraint("reference", name=op.f("uq_override_reference")),
    )
    op.create_index(
        "ix_override_live",
        "override",
        ["person_id", "recipient"],
        sqlite_where=LIVE,
        postgresql_where=LIVE,
    )
    op.create_index("ix_override_person_id", "override", ["person_id"])


def downgrade() -> None:
    op.drop_table("override")
    op.create_table(
        "override",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("until", AT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_override")),
    )

"""Emergency access"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
OPENED = sa.text("state = 'opened'")


def upgrade() -> None:
    op.create_table(
        "emergency",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("opened_by", ID, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", AT, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("until", AT, nullable=False),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.CheckConstraint(
            "state IN ('opened','reviewed','under_review')", name=op.f("ck_emergency_state")
        ),
        sa.ForeignKeyConstraint(
            ["opened_by"], ["membership.id"], name=op.f("fk_emergency_opened_by")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_emergency_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_emergency_person_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_emergency_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergency")),
        sa.UniqueConstraint("reference", name=op.f("uq_emergency_reference")),
    )
    op.create_index(
        op.f("ix_emergency_organisation_id_created_at"),
        "emergency",
        ["organisation_id", "created_at"],
    )
    op.create_index(op.f("ix_emergency_person_id"), "emergency", ["person_id"])
    op.create_index(
        "uq_emergency_opened",
        "emergency",
        ["opened_by"],
        unique=True,
        sqlite_where=OPENED,
        postgresql_where=OPENED,
    )


def downgrade() -> None:
    op.drop_table("emergency")

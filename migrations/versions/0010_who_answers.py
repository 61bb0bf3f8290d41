"""Who answers at which hour, whom concerns are reported to, and what more is known of a concern"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
NEW_COLUMNS = (
    ("child", sa.Boolean()),
    ("others_at_risk", sa.Text()),
    ("advocate", sa.Text()),
    ("categories", sa.Text()),
    ("authority_route", sa.Text()),
    ("reported_at", AT),
    ("why_not_asked", sa.Text()),
)


def upgrade() -> None:
    op.create_table(
        "rota_line",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("place_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("serves", sa.Text(), nullable=False),
        sa.Column("days", sa.Text(), nullable=False),
        sa.Column("opens", sa.Text(), nullable=False),
        sa.Column("closes", sa.Text(), nullable=False),
        sa.Column("bank_holidays", sa.Boolean(), nullable=False),
        sa.Column("added_at", AT, nullable=False),
        sa.Column("ended_at", AT, nullable=True),
        sa.CheckConstraint(
            "serves IN ('adults','anyone','children')", name=op.f("ck_rota_line_serves")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_rota_line_organisation_id")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_rota_line_place_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_rota_line_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rota_line")),
    )
    op.create_index("ix_rota_line_place_id", "rota_line", ["place_id"])
    op.create_table(
        "authority",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("place_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("added_at", AT, nullable=False),
        sa.Column("ended_at", AT, nullable=True),
        sa.CheckConstraint(
            "kind IN ('adult_social_care','allegations_adults','allegations_children',"
            "'childrens_services','emergency','other','police','prevent')",
            name=op.f("ck_authority_kind"),
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_authority_place_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_authority_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authority")),
    )
    op.create_index("ix_authority_place_id", "authority", ["place_id"])
    op.create_table(
        "authority_call",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("concern_id", ID, nullable=False),
        sa.Column("route", sa.Text(), nullable=True),
        sa.Column("whom", sa.Text(), nullable=True),
        sa.Column("told_at", AT, nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("told_by", ID, nullable=False),
        sa.Column("reported", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["concern_id"], ["concern.id"], name=op.f("fk_authority_call_concern_id")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_authority_call_system_id")
        ),
        sa.ForeignKeyConstraint(
            ["told_by"], ["membership.id"], name=op.f("fk_authority_call_told_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authority_call")),
    )
    op.create_index("ix_authority_call_concern_id", "authority_call", ["concern_id"])
    for name, kind in NEW_COLUMNS:
        op.add_column("concern", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for name, _kind in reversed(NEW_COLUMNS):
        op.drop_column("concern", name)
    op.drop_table("authority_call")
    op.drop_table("authority")
    op.drop_table("rota_line")

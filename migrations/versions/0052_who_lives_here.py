"""Who lives in a place, by the groups that reports tell apart"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")


def upgrade() -> None:
    op.create_table(
        "residents",
        sa.Column("place_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("loaded_at", AT, nullable=False),
        sa.CheckConstraint(
            "kind IN ('age','language','fifth','ethnic_group','disability')",
            name=op.f("ck_residents_kind"),
        ),
        sa.CheckConstraint("number >= 0", name=op.f("ck_residents_number")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_residents_place_id")),
        sa.PrimaryKeyConstraint("place_id", "kind", "part", name=op.f("pk_residents")),
    )


def downgrade() -> None:
    op.drop_table("residents")

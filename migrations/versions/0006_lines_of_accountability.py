"""Who answers: the rungs of the ladder as data, and who does what under a working agreement"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
ROLES = "'accountable_officer','governance_lead','safeguarding_lead','team_lead'"


def upgrade() -> None:
    op.create_table(
        "ladder_rung",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("place_id", ID, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("stands", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("from_at", AT, nullable=False),
        sa.CheckConstraint("level BETWEEN 1 AND 4", name=op.f("ck_ladder_rung_level")),
        sa.CheckConstraint(f"role IN ({ROLES})", name=op.f("ck_ladder_rung_role")),
        sa.CheckConstraint(
            "stands IN ('organisation','place','root')", name=op.f("ck_ladder_rung_stands")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_ladder_rung_place_id")),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_ladder_rung_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ladder_rung")),
        sa.UniqueConstraint(
            "place_id", "from_at", "level", name=op.f("uq_ladder_rung_place_id_from_at_level")
        ),
    )
    op.create_index(op.f("ix_ladder_rung_system_id"), "ladder_rung", ["system_id"])
    op.add_column("agreement", sa.Column("answers_for", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("agreement", "answers_for")
    op.drop_table("ladder_rung")

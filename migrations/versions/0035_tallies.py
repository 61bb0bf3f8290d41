"""Numbers that are counted ahead"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "tallied",
        sa.Column("system_id", ID, nullable=False),
        sa.Column("quarter", sa.Date(), nullable=False),
        sa.Column("counted_at", AT, nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name="fk_tallied_system_id"),
        sa.PrimaryKeyConstraint("system_id", "quarter", name="pk_tallied"),
    )
    op.create_table(
        "tally",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("quarter", sa.Date(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("measure", "apart", "kind")),
        sa.Column("place_id", ID, nullable=False),
        sa.Column("provider_id", ID, nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name="fk_tally_system_id"),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name="fk_tally_place_id"),
        sa.ForeignKeyConstraint(["provider_id"], ["provider.id"], name="fk_tally_provider_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tally"),
    )
    op.create_index(
        "ix_tally_system_id_quarter_measure", "tally", ["system_id", "quarter", "measure"]
    )


def downgrade() -> None:
    op.drop_table("tally")
    op.drop_table("tallied")

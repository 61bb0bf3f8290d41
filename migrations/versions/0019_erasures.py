"""The list of erasures, and when a person was erased"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
WHY = "An erasure is never edited or taken off the list."


def upgrade() -> None:
    op.create_table(
        "erasure",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("approved_by", ID, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_erasure_person_id")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_erasure_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure")),
    )
    op.create_index(op.f("ix_erasure_person_id"), "erasure", ["person_id"], unique=False)
    op.add_column("person", sa.Column("erased_at", AT, nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER erasure_append_only BEFORE UPDATE OR DELETE ON erasure"
            f" FOR EACH ROW EXECUTE FUNCTION refuse_change('{WHY}')"
        )
        op.execute(
            "CREATE TRIGGER erasure_kept BEFORE TRUNCATE ON erasure"
            f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('{WHY}')"
        )
        return
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER erasure_no_{what.lower()} BEFORE {what} ON erasure"
            f" BEGIN SELECT RAISE(ABORT, '{WHY}'); END"
        )


def downgrade() -> None:
    op.drop_column("person", "erased_at")
    op.drop_table("erasure")

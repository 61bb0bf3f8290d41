"""The tree over the audit log: its hashes, its signed heads, and what came of publishing them"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

APPEND_ONLY = {
    "audit_node": "A hash of the tree never changes.",
    "audit_checkpoint": "A head that was signed is never edited or removed.",
    "audit_cosignature": "What a witness signed is never edited or removed.",
    "audit_check": "What a check came to is never edited or removed.",
}


def upgrade() -> None:
    op.create_table(
        "audit_node",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", BIG, autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_audit_node")),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("size", BIG, autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_audit_checkpoint")),
    )
    op.create_table(
        "audit_cosignature",
        sa.Column("size", BIG, autoincrement=False, nullable=False),
        sa.Column("witness", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_audit_cosignature")),
    )
    op.create_table(
        "audit_duty",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("done_at", AT, nullable=True),
        sa.Column("failing_since", AT, nullable=True),
        sa.Column("tried_at", AT, nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_duty")),
    )
    op.create_table(
        "audit_check",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("entries", BIG, nullable=False),
        sa.Column("size", BIG, nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("first", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_check")),
    )
    for table, why in APPEND_ONLY.items():
        _only_added_to(table, why)


def _only_added_to(table: str, why: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION refuse_change('{why}')"
        )
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE TRUNCATE ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('{why}')"
        )
        return
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{what.lower()} BEFORE {what} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{why}'); END"
        )


def downgrade() -> None:
    for table in (*APPEND_ONLY, "audit_duty"):
        op.drop_table(table)

"""Policy as rows, and changes open for comment"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
WHY = "A rule is never edited or removed: a new one takes its place from its own date."


def upgrade() -> None:
    op.add_column("place", sa.Column("policy", ID, nullable=True))
    op.create_table(
        "policy_change",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("place_id", ID, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("opened_by", ID, nullable=False),
        sa.Column("opened_at", AT, nullable=False),
        sa.Column("closes_at", AT, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", ID, nullable=True),
        sa.Column("decided_at", AT, nullable=True),
        sa.Column("heard", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('open','made','not_made')", name=op.f("ck_policy_change_state")
        ),
        sa.CheckConstraint(
            "state = 'open' OR decided_at IS NOT NULL", name=op.f("ck_policy_change_decided")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["membership.id"], name=op.f("fk_policy_change_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["opened_by"], ["membership.id"], name=op.f("fk_policy_change_opened_by")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_policy_change_place_id")),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_policy_change_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_change")),
        sa.UniqueConstraint("code", name=op.f("uq_policy_change_code")),
    )
    op.create_index(
        "ix_policy_change_system_id_opened_at", "policy_change", ["system_id", "opened_at"]
    )
    op.create_table(
        "policy_comment",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("change_id", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("membership_id", ID, nullable=True),
        sa.Column("voice", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("read_at", AT, nullable=True),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "voice IN ('lived_experience','provider','link_worker','someone_else')",
            name=op.f("ck_policy_comment_voice"),
        ),
        sa.ForeignKeyConstraint(
            ["change_id"], ["policy_change.id"], name=op.f("fk_policy_comment_change_id")
        ),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_policy_comment_membership_id")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_policy_comment_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_comment")),
    )
    op.create_index("ix_policy_comment_change_id_at", "policy_comment", ["change_id", "at"])
    op.create_table(
        "policy_rule",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("place_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("from_at", AT, nullable=False),
        sa.Column("set_at", AT, nullable=False),
        sa.Column("set_by", ID, nullable=True),
        sa.Column("because", sa.Text(), nullable=True),
        sa.Column("takes_back_id", ID, nullable=True),
        sa.Column("change_id", ID, nullable=True),
        sa.CheckConstraint("from_at >= set_at", name=op.f("ck_policy_rule_forward")),
        sa.ForeignKeyConstraint(
            ["change_id"], ["policy_change.id"], name=op.f("fk_policy_rule_change_id")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_policy_rule_place_id")),
        sa.ForeignKeyConstraint(["set_by"], ["membership.id"], name=op.f("fk_policy_rule_set_by")),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_policy_rule_system_id")
        ),
        sa.ForeignKeyConstraint(
            ["takes_back_id"], ["policy_rule.id"], name=op.f("fk_policy_rule_takes_back_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_rule")),
    )
    op.create_index("ix_policy_rule_place_id", "policy_rule", ["place_id"])
    op.create_index("uq_policy_rule_number", "policy_rule", ["system_id", "number"], unique=True)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER policy_rule_append_only BEFORE UPDATE OR DELETE ON policy_rule"
            f" FOR EACH ROW EXECUTE FUNCTION refuse_change('{WHY}')"
        )
        op.execute(
            "CREATE TRIGGER policy_rule_kept BEFORE TRUNCATE ON policy_rule"
            f" FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('{WHY}')"
        )
        return
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER policy_rule_no_{what.lower()} BEFORE {what} ON policy_rule"
            f" BEGIN SELECT RAISE(ABORT, '{WHY}'); END"
        )


def downgrade() -> None:
    op.drop_table("policy_rule")
    op.drop_table("policy_comment")
    op.drop_table("policy_change")
    op.drop_column("place", "policy")

"""Messages that leave the house, errands, preferences, and links without an account"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TO_SEND = sa.text("ended IS NULL")
TO_DO = sa.text("done_at IS NULL")


def _of_system(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=f"fk_{table}_system_id")


def upgrade() -> None:
    op.create_table(
        "dispatch",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("key", ID, nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("outbox_id", BIG, nullable=True),
        sa.Column("to_owner", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("run_at", AT, nullable=False),
        sa.Column("lease_until", AT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sent_at", AT, nullable=True),
        sa.Column("service_id", sa.Text(), nullable=True),
        sa.Column("ended", AT, nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "channel IN ('email','text','letter')", name=op.f("ck_dispatch_channel")
        ),
        _of_system("dispatch"),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_dispatch_outbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatch")),
        sa.UniqueConstraint("key", name=op.f("uq_dispatch_key")),
        sa.UniqueConstraint(
            "to_owner", "channel", "slot", name=op.f("uq_dispatch_to_owner_channel_slot")
        ),
    )
    op.create_index(
        "ix_dispatch_todo",
        "dispatch",
        ["run_at", "id"],
        sqlite_where=TO_SEND,
        postgresql_where=TO_SEND,
    )
    op.create_index("ix_dispatch_record_id", "dispatch", ["record_id"])
    op.create_index("ix_dispatch_service_id", "dispatch", ["service_id"])
    op.create_table(
        "errand",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("whom", sa.Text(), nullable=False),
        sa.Column("noun", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("due", AT, nullable=False),
        sa.Column("done_at", AT, nullable=True),
        sa.Column("done_by", ID, nullable=True),
        _of_system("errand"),
        sa.ForeignKeyConstraint(["done_by"], ["membership.id"], name=op.f("fk_errand_done_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_errand")),
        sa.UniqueConstraint("slot", name=op.f("uq_errand_slot")),
    )
    op.create_index(
        "ix_errand_todo", "errand", ["owner", "due"], sqlite_where=TO_DO, postgresql_where=TO_DO
    )
    op.create_table(
        "preference",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.CheckConstraint("how IN ('at_once','daily','in_app')", name=op.f("ck_preference_how")),
        _of_system("preference"),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("fk_preference_user_id")),
        sa.PrimaryKeyConstraint("user_id", "kind", name=op.f("pk_preference")),
    )
    op.create_table(
        "link",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("membership_id", ID, nullable=True),
        sa.Column("made_by", ID, nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=True),
        sa.Column("word_hash", sa.Text(), nullable=True),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("expires_at", AT, nullable=False),
        sa.Column("used_at", AT, nullable=True),
        sa.Column("used_for", sa.Text(), nullable=True),
        sa.Column("revoked_at", AT, nullable=True),
        sa.Column("wished", sa.Text(), nullable=True),
        sa.Column("called_at", AT, nullable=True),
        sa.CheckConstraint("purpose IN ('answer','came','person')", name=op.f("ck_link_purpose")),
        _of_system("link"),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_link_membership_id")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["membership.id"], name=op.f("fk_link_made_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_link_token_hash")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_link_code_hash")),
    )
    op.create_index("ix_link_record_id_purpose", "link", ["record_id", "purpose"])


def downgrade() -> None:
    for table in ("link", "preference", "errand", "dispatch"):
        op.drop_table(table)

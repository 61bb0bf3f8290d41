"""Messages about a referral, and who has read them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
UNREAD = sa.text("read_at IS NULL")


def _key(table: str, column: str, of: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{of}.id"], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("referral_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("to_organisation_id", ID, nullable=False),
        sa.Column("written_by", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("read_at", AT, nullable=True),
        sa.CheckConstraint("side IN ('provider','team')", name=op.f("ck_message_side")),
        _key("message", "system_id", "system"),
        _key("message", "referral_id", "referral"),
        _key("message", "person_id", "person"),
        _key("message", "to_organisation_id", "organisation"),
        _key("message", "written_by", "membership"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index(op.f("ix_message_person_id"), "message", ["person_id"])
    op.create_index(op.f("ix_message_referral_id_at"), "message", ["referral_id", "at"])
    op.create_index(
        "ix_message_unread",
        "message",
        ["to_organisation_id", "referral_id"],
        sqlite_where=UNREAD,
        postgresql_where=UNREAD,
    )
    op.create_table(
        "message_read",
        sa.Column("message_id", ID, nullable=False),
        sa.Column("membership_id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("referral_id", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        _key("message_read", "message_id", "message"),
        _key("message_read", "membership_id", "membership"),
        _key("message_read", "system_id", "system"),
        _key("message_read", "referral_id", "referral"),
        sa.PrimaryKeyConstraint("message_id", "membership_id", name=op.f("pk_message_read")),
    )
    op.create_index(op.f("ix_message_read_referral_id"), "message_read", ["referral_id"])


def downgrade() -> None:
    op.drop_table("message_read")
    op.drop_table("message")

"""Announcements from leaders to the ground, and who has read them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
UNREAD = sa.text("read_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "announcement",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("act_by", AT, nullable=True),
        sa.Column("escalation_id", ID, nullable=True),
        sa.Column("sent_by", ID, nullable=False),
        sa.Column("sent_at", AT, nullable=False),
        sa.Column("readers", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["escalation_id"], ["escalation.id"], name=op.f("fk_announcement_escalation_id")
        ),
        sa.ForeignKeyConstraint(
            ["sent_by"], ["membership.id"], name=op.f("fk_announcement_sent_by")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_announcement_system_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement")),
        sa.UniqueConstraint("reference", name=op.f("uq_announcement_reference")),
    )
    op.create_index(op.f("ix_announcement_sent_by"), "announcement", ["sent_by"])
    op.create_index(
        op.f("ix_announcement_system_id_sent_at_id"),
        "announcement",
        ["system_id", "sent_at", "id"],
    )
    op.create_table(
        "announcement_reader",
        sa.Column("announcement_id", ID, nullable=False),
        sa.Column("membership_id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("read_at", AT, nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("fired", sa.Integer(), nullable=False),
        sa.Column("look_at", AT, nullable=True),
        sa.ForeignKeyConstraint(
            ["announcement_id"],
            ["announcement.id"],
            name=op.f("fk_announcement_reader_announcement_id"),
        ),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["membership.id"], name=op.f("fk_announcement_reader_membership_id")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_announcement_reader_system_id")
        ),
        sa.PrimaryKeyConstraint(
            "announcement_id", "membership_id", name=op.f("pk_announcement_reader")
        ),
    )
    op.create_index(
        "ix_announcement_reader_due",
        "announcement_reader",
        ["look_at"],
        sqlite_where=UNREAD,
        postgresql_where=UNREAD,
    )
    op.create_index("ix_announcement_reader_owner", "announcement_reader", ["owner"])
    op.create_index(
        "ix_announcement_reader_membership",
        "announcement_reader",
        ["membership_id", "announcement_id"],
    )


def downgrade() -> None:
    op.drop_table("announcement_reader")
    op.drop_table("announcement")

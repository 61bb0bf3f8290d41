"""Documents on a referral"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
TO_SCAN = sa.text("scan = 'waiting' AND content IS NOT NULL")
WHY = "'wrong_person','wrong_file','out_of_date','not_wanted'"


def _key(column: str, of: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{of}.id"], name=op.f(f"fk_document_{column}"))


def _among(column: str, codes: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN ({codes})", name=op.f(f"ck_document_{column}"))


def upgrade() -> None:
    op.create_table(
        "document",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("referral_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("attached_by", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("scan", sa.Text(), nullable=False),
        sa.Column("scan_at", AT, nullable=False),
        sa.Column("scanned_at", AT, nullable=True),
        sa.Column("taken_back_at", AT, nullable=True),
        sa.Column("taken_back_by", ID, nullable=True),
        sa.Column("taken_back_why", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        _among("side", "'provider','team'"),
        _among("kind", "'letter','assessment','care_plan','form','work','other'"),
        _among("scan", "'waiting','clean','refused'"),
        _among("taken_back_why", WHY),
        _key("system_id", "system"),
        _key("referral_id", "referral"),
        _key("person_id", "person"),
        _key("attached_by", "membership"),
        _key("taken_back_by", "membership"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
    )
    op.create_index(op.f("ix_document_person_id"), "document", ["person_id"])
    op.create_index(op.f("ix_document_referral_id_at"), "document", ["referral_id", "at"])
    op.create_index(
        "ix_document_to_scan",
        "document",
        ["scan_at"],
        sqlite_where=TO_SCAN,
        postgresql_where=TO_SCAN,
    )


def downgrade() -> None:
    op.drop_table("document")

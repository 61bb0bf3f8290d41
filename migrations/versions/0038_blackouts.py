"""Passages blacked out of what is given of somebody"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def _key(column: str, of: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{of}.id"], name=op.f(f"fk_blackout_{column}"))


def upgrade() -> None:
    op.create_table(
        "blackout",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("organisation_id", ID, nullable=False),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("marked_by", ID, nullable=False),
        sa.Column("at", AT, nullable=False),
        sa.Column("ended_at", AT, nullable=True),
        _key("system_id", "system"),
        _key("organisation_id", "organisation"),
        _key("person_id", "person"),
        _key("marked_by", "membership"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blackout")),
    )
    op.create_index(op.f("ix_blackout_person_id"), "blackout", ["person_id"])
    op.create_index(op.f("ix_blackout_record_id"), "blackout", ["record_id"])


def downgrade() -> None:
    op.drop_table("blackout")

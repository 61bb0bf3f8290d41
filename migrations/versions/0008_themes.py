"""What escalations show about the system"""

from datetime import UTC, datetime
from uuid import uuid4

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
# The examples as they were when this revision was written.
EXAMPLES = (
    "Nobody answers in time",
    "Too few places",
    "Getting there and back",
    "Access needs not met",
    "Information not shared in time",
    "Nobody knew who was responsible",
    "What was offered did not fit",
    "Money for the activity ran out",
)


def upgrade() -> None:
    theme = op.create_table(
        "theme",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_by", ID, nullable=True),
        sa.Column("created_at", AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["membership.id"], name=op.f("fk_theme_created_by")
        ),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_theme_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_theme")),
        sa.UniqueConstraint("system_id", "name", name=op.f("uq_theme_system_id_name")),
    )
    op.create_table(
        "escalation_theme",
        sa.Column("escalation_id", ID, nullable=False),
        sa.Column("theme_id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("tagged_by", ID, nullable=False),
        sa.Column("tagged_at", AT, nullable=False),
        sa.ForeignKeyConstraint(
            ["escalation_id"], ["escalation.id"], name=op.f("fk_escalation_theme_escalation_id")
        ),
        sa.ForeignKeyConstraint(
            ["system_id"], ["system.id"], name=op.f("fk_escalation_theme_system_id")
        ),
        sa.ForeignKeyConstraint(
            ["tagged_by"], ["membership.id"], name=op.f("fk_escalation_theme_tagged_by")
        ),
        sa.ForeignKeyConstraint(
            ["theme_id"], ["theme.id"], name=op.f("fk_escalation_theme_theme_id")
        ),
        sa.PrimaryKeyConstraint("escalation_id", "theme_id", name=op.f("pk_escalation_theme")),
    )
    op.create_index(
        op.f("ix_escalation_theme_theme_id_escalation_id"),
        "escalation_theme",
        ["theme_id", "escalation_id"],
    )
    # Systems set up before this get the examples too.
    systems = [row[0] for row in op.get_bind().execute(sa.text("SELECT id FROM system"))]
    sqlite = op.get_bind().dialect.name == "sqlite"
    now = datetime.now(UTC)
    text = now.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
    rows = [
        {
            "id": str(uuid4()),
            "system_id": str(system),
            "name": name,
            "created_by": None,
            "created_at": text if sqlite else now,
        }
        for system in systems
        for name in EXAMPLES
    ]
    if rows:
        op.bulk_insert(theme, rows)


def downgrade() -> None:
    op.drop_table("escalation_theme")
    op.drop_table("theme")

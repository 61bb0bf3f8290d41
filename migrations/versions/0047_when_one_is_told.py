"""When an account gets its daily summary, its quiet hours, and text messages by kind of notice"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

BEFORE = "how IN ('at_once','daily','in_app')"
NOW = "how IN ('at_once','text','daily','in_app')"
HOURS = ("summary_hour", "quiet_from", "quiet_until")


def _ways(these: str) -> None:
    with op.batch_alter_table("preference") as table:
        if op.get_bind().dialect.name == "postgresql":
            table.drop_constraint("how", type_="check")
        table.create_check_constraint("how", sa.text(these))


def upgrade() -> None:
    for name in HOURS:
        op.add_column("app_user", sa.Column(name, sa.Integer(), nullable=True))
    _ways(NOW)


def downgrade() -> None:
    op.execute(sa.text("UPDATE preference SET how = 'at_once' WHERE how = 'text'"))
    _ways(BEFORE)
    for name in HOURS:
        op.drop_column("app_user", name)

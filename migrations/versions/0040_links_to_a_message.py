"""A provider's leader reads a message and answers it by a link"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

BEFORE = "purpose IN ('answer','came','person')"
NOW = "purpose IN ('answer','came','message','person')"


def _purposes(these: str) -> None:
    with op.batch_alter_table("link") as table:
        if op.get_bind().dialect.name == "postgresql":
            table.drop_constraint("purpose", type_="check")
        table.create_check_constraint("purpose", sa.text(these))


def upgrade() -> None:
    _purposes(NOW)


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM link WHERE purpose = 'message'"))
    _purposes(BEFORE)

"""What became of a letter outlives its outbox row, which goes after 30 days"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


WHAT_BECAME_OF_IT = ("notice", "dispatch")


def upgrade() -> None:
    for name in WHAT_BECAME_OF_IT:
        with op.batch_alter_table(name) as table:
            table.drop_constraint(f"fk_{name}_outbox_id", type_="foreignkey")


def downgrade() -> None:
    for name in WHAT_BECAME_OF_IT:
        with op.batch_alter_table(name) as table:
            table.create_foreign_key(f"fk_{name}_outbox_id", "outbox", ["outbox_id"], ["id"])

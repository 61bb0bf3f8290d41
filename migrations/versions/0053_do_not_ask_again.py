"""That somebody does not want to be asked about equality, also in their own words"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
GONE = "objected_at IS NULL OR (ethnic_group IS NULL AND disability IS NULL)"


def upgrade() -> None:
    with op.batch_alter_table("equality_answer") as table:
        table.add_column(sa.Column("objected_at", AT, nullable=True))
        table.alter_column("recorded_by", existing_type=sa.Text(), nullable=True)
        table.create_check_constraint("objected", sa.text(GONE))


def downgrade() -> None:
    # What somebody said on their own page has nobody who wrote it down.
    op.execute(sa.text("DELETE FROM equality_answer WHERE recorded_by IS NULL"))
    with op.batch_alter_table("equality_answer") as table:
        table.drop_constraint(op.f("ck_equality_answer_objected"), type_="check")
        table.alter_column("recorded_by", existing_type=sa.Text(), nullable=False)
        table.drop_column("objected_at")

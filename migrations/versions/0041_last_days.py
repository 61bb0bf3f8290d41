"""Whose last day has passed is found without reading everybody close to anybody"""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_relationship_until_on"), "relationship", ["until_on"])


def downgrade() -> None:
    op.drop_index(op.f("ix_relationship_until_on"), "relationship")

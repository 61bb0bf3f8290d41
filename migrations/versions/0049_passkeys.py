"""Passkeys, in place of a code at sign-in"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("second_step_id", ID, nullable=False),
        sa.Column("credential_id", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column(
            "sign_count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("made_at", AT, nullable=False),
        sa.Column("used_at", AT, nullable=True),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_passkey_system_id")),
        sa.ForeignKeyConstraint(
            ["second_step_id"], ["second_step.id"], name=op.f("fk_passkey_second_step_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
    )
    op.create_index(op.f("ix_passkey_second_step_id"), "passkey", ["second_step_id"])


def downgrade() -> None:
    op.drop_table("passkey")

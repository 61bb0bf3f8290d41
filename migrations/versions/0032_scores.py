"""How somebody says their life is, over time"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
ANSWERS = ("satisfied", "worthwhile", "happy", "anxious")
FIRST = sa.text("corrects_id IS NULL AND stage <> 'review'")


def upgrade() -> None:
    op.create_table(
        "score",
        sa.Column("id", ID, nullable=False),
        sa.Column("system_id", ID, nullable=False),
        sa.Column("referral_id", ID, nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("measure_version", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in ANSWERS),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("recorded_by", ID, nullable=False),
        sa.Column("recorded_at", AT, nullable=False),
        sa.Column("corrects_id", ID, nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        *(
            sa.CheckConstraint(f"{name} BETWEEN 0 AND 10", name=op.f(f"ck_score_{name}"))
            for name in ANSWERS
        ),
        sa.CheckConstraint("(corrects_id IS NULL) = (why IS NULL)", name=op.f("ck_score_why")),
        sa.ForeignKeyConstraint(["system_id"], ["system.id"], name=op.f("fk_score_system_id")),
        sa.ForeignKeyConstraint(
            ["referral_id"], ["referral.id"], name=op.f("fk_score_referral_id")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by"], ["membership.id"], name=op.f("fk_score_recorded_by")
        ),
        sa.ForeignKeyConstraint(["corrects_id"], ["score.id"], name=op.f("fk_score_corrects_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score")),
    )
    op.create_index(op.f("ix_score_referral_id"), "score", ["referral_id"])
    op.create_index("uq_score_corrects", "score", ["corrects_id"], unique=True)
    op.create_index(
        "uq_score_stage",
        "score",
        ["referral_id", "stage"],
        unique=True,
        sqlite_where=FIRST,
        postgresql_where=FIRST,
    )


def downgrade() -> None:
    op.drop_table("score")

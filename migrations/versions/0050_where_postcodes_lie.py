"""Where postcodes lie, and how deprived their areas are"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

AT = sa.Text().with_variant(sa.DateTime(timezone=True), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
CURRENT = sa.text("state = 'current'")


def upgrade() -> None:
    op.create_table(
        "area_edition",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("covers", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("loaded_at", AT, nullable=False),
        sa.CheckConstraint(
            "kind IN ('postcodes','deprivation')", name=op.f("ck_area_edition_kind")
        ),
        sa.CheckConstraint(
            "state IN ('loading','current','leaving')", name=op.f("ck_area_edition_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area_edition")),
    )
    op.create_index(
        op.f("uq_area_edition_current"),
        "area_edition",
        ["kind"],
        unique=True,
        sqlite_where=CURRENT,
        postgresql_where=CURRENT,
    )
    _of_an_edition(
        "postcode",
        "postcode",
        sa.Column("latitude", sa.Integer(), nullable=False),
        sa.Column("longitude", sa.Integer(), nullable=False),
        sa.Column("area", sa.Text(), nullable=True),
    )
    _of_an_edition(
        "area_tenth",
        "area",
        sa.Column("tenth", sa.Integer(), nullable=False),
        sa.CheckConstraint("tenth BETWEEN 1 AND 10", name=op.f("ck_area_tenth_tenth")),
    )


def _of_an_edition(table: str, key: str, *others: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column(key, sa.Text(), nullable=False),
        *others,
        sa.ForeignKeyConstraint(
            ["edition_id"], ["area_edition.id"], name=op.f(f"fk_{table}_edition_id")
        ),
        sa.PrimaryKeyConstraint("edition_id", key, name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("area_tenth")
    op.drop_table("postcode")
    op.drop_table("area_edition")

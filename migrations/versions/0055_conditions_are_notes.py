"""The conditions of a decision are a note beside its reason: two columns that nothing ever wrote go"""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

ID = sa.Text().with_variant(postgresql.UUID(as_uuid=False), "postgresql")
TABLES = ("assurance", "escalation")
COLUMN = "conditions_note_id"
LINE = re.compile(rf",\s*(?:CONSTRAINT \w+ FOREIGN KEY\({COLUMN}\)[^,]*|{COLUMN} TEXT)(?=\s*[,)])")


def _made_again(name: str) -> None:
    """SQLite drops no column that refers to another table, and drops no table that others refer to
    while they do: so it is made again, without it, before the transaction ends."""
    run = op.get_bind().exec_driver_sql
    made = run("SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL", (name,))
    table, *beside = (row[0] for row in made.fetchall())
    kept = [row[1] for row in run(f"PRAGMA table_info({name})") if row[1] != COLUMN]
    columns = ", ".join(kept)
    run("PRAGMA defer_foreign_keys = ON")
    run(f"CREATE TEMP TABLE was AS SELECT {columns} FROM {name}")
    run(f"DROP TABLE {name}")
    for statement in (LINE.sub("", table), *beside):
        run(statement)
    run(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM temp.was")
    run("DROP TABLE temp.was")


def upgrade() -> None:
    for name in TABLES:
        if op.get_bind().dialect.name == "sqlite":
            _made_again(name)
        else:
            op.drop_column(name, COLUMN)


def downgrade() -> None:
    for name in TABLES:
        if op.get_bind().dialect.name == "sqlite":
            op.execute(sa.text(f"ALTER TABLE {name} ADD COLUMN {COLUMN} TEXT REFERENCES note (id)"))
        else:
            op.add_column(name, sa.Column(COLUMN, ID, nullable=True))
            op.create_foreign_key(op.f(f"fk_{name}_{COLUMN}"), name, "note", [COLUMN], ["id"])

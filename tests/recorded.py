"""Histories recorded by each version, to be replayed by every later one.

`make record` writes what this version's own commands made (tests/histories.py: every move of every
table at least once) into tests/data/histories/, once for each release. A file is JSON, one line
for each row of the database, packed; its first line says which version and which revision it is.
It is never changed afterwards: what a later program makes of it is what it makes of somebody's
store. Everybody in it is invented."""

from __future__ import annotations

import gzip
import json
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic import command

from referral import upgrade
from referral.store import Store
from tests.databases import BUILT
from tests.histories import lived
from workflows.engine import move_tables

FOLDER = Path(__file__).parent / "data" / "histories"
# What the migrations fill by themselves, what is kept for two days only, and what others publish.
LEFT_OUT = frozenset(
    {
        *("alembic_version", "area_edition", "area_tenth", "bank_holiday", "idempotency"),
        *("postcode", "residents"),
    }
)
TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
)
Row = Mapping[str, Any]


def files() -> list[Path]:
    """Every recorded history, the oldest first."""
    return sorted(FOLDER.glob("*.jsonl.gz"))


def record(folder: Path = FOLDER) -> Path:
    """What this version's commands make, as a file of its own. Returns where it is."""
    with TemporaryDirectory() as there:
        store = Store(f"sqlite:///{there}/recorded.db")
        upgrade.upgrade(store, BUILT, move_tables())
        lived(store)
        store.dispose()
        with closing(sqlite3.connect(f"{there}/recorded.db")) as kept:
            kept.row_factory = sqlite3.Row
            head = {"segue": version("segue"), "revision": upgrade.head()}
            lines = [head, *_rows(kept)]
    path = folder / f"{head['segue']}-{head['revision']}.jsonl.gz"
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return path


def _rows(kept: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    for (table,) in kept.execute(TABLES).fetchall():
        if table not in LEFT_OUT:
            for row in kept.execute(f"SELECT * FROM {table} ORDER BY rowid"):
                values = {name: _plain(value) for name, value in dict(row).items()}
                yield {"table": table, "row": values}


def _plain(value: Any) -> Any:
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def read(path: Path) -> tuple[dict[str, str], list[tuple[str, Row]]]:
    """The head of a recorded history, and its rows with their tables."""
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    return lines[0], [(line["table"], line["row"]) for line in lines[1:]]


def load(path: Path, database: Path) -> Store:
    """A database as that version left it, brought to the shape of this program by the migrations
    since."""
    head, rows = read(path)
    store = Store(f"sqlite:///{database}")
    config = upgrade._config()
    with store.begin() as tx:
        tx.sa.begin()
        config.attributes["connection"] = tx.sa
        command.upgrade(config, head["revision"])
    store.dispose()
    with closing(sqlite3.connect(database)) as raw:
        for table, row in rows:
            names, places = ", ".join(row), ", ".join("?" * len(row))
            values = [bytes.fromhex(v["hex"]) if isinstance(v, dict) else v for v in row.values()]
            raw.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", values)
        raw.commit()
    store = Store(f"sqlite:///{database}")
    upgrade.upgrade(store, BUILT, move_tables())
    return store


if __name__ == "__main__":
    sys.stdout.write(f"{record()}\n")

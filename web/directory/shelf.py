"""A scratch shelf for what a feed holds, so that its size on disk is the only limit.

Which copy of an item is the fullest is known only at the end of a feed, and nothing obliges a feed
to fit in memory. The shelf is a private temporary file that goes when it is closed; Segue's own
store is not touched.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from web.directory.items import Json

_TABLES = """
CREATE TABLE record (
  seq INTEGER PRIMARY KEY, kind TEXT, id TEXT, name TEXT, weight INTEGER, listed INTEGER,
  place TEXT, body TEXT, UNIQUE (kind, id));
CREATE INDEX record_in_order ON record (kind, seq);
CREATE TABLE also_called (kind TEXT, id TEXT, name TEXT, PRIMARY KEY (kind, id, name));
CREATE TABLE location (
  seq INTEGER PRIMARY KEY, service TEXT, link TEXT, weight INTEGER, place TEXT, body TEXT,
  UNIQUE (service, link));
CREATE TABLE runs (service TEXT PRIMARY KEY, organisation TEXT, place TEXT);
"""


@dataclass(frozen=True, slots=True)
class Record:
    """The fullest copy of one item; `where` is the file or page it was read from."""

    kind: str
    source_id: str
    name: str
    where: str
    raw: dict[str, Json]


class Shelf:
    """Keeps the fullest copy of each item, in the order the feed first named them."""

    def __enter__(self) -> Self:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_TABLES} BEGIN;")
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def put(self, record: Record, *, listed: bool) -> str:
        """Returns "" for the first or a fuller copy, "twice" where a list holds the id again."""
        weight = leaves(record.raw)
        row = self._db.execute(
            "SELECT seq, name, weight, listed FROM record WHERE kind = ? AND id = ?",
            (record.kind, record.source_id),
        ).fetchone()
        if row is None:
            self._db.execute(
                "INSERT INTO record (kind, id, name, weight, listed, place, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    record.kind,
                    record.source_id,
                    record.name,
                    weight,
                    listed,
                    record.where,
                    json.dumps(record.raw),
                ),
            )
            return ""
        seq, name, known_weight, was_listed = row
        if name != record.name:
            self._db.executemany(
                "INSERT OR IGNORE INTO also_called VALUES (?, ?, ?)",
                [(record.kind, record.source_id, one) for one in (name, record.name)],
            )
        if weight > known_weight:
            self._db.execute(
                "UPDATE record SET name = ?, weight = ?, place = ?, body = ? WHERE seq = ?",
                (record.name, weight, record.where, json.dumps(record.raw), seq),
            )
        if listed and not was_listed:
            self._db.execute("UPDATE record SET listed = 1 WHERE seq = ?", (seq,))
        return "twice" if listed and was_listed else ""

    def put_location(self, service: str, link: str, raw: dict[str, Json], where: str) -> None:
        """Keeps a place that came apart from its activity, the fullest copy of it."""
        self._db.execute(
            "INSERT INTO location (service, link, weight, place, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (service, link) DO UPDATE SET weight = excluded.weight,"
            " place = excluded.place, body = excluded.body WHERE excluded.weight > weight",
            (service, link, leaves(raw), where, json.dumps(raw)),
        )

    def put_runs(self, organisation: str, service: str, where: str) -> None:
        """Keeps that an organisation names an activity as its own by id alone."""
        self._db.execute(
            "INSERT OR IGNORE INTO runs (service, organisation, place) VALUES (?, ?, ?)",
            (service, organisation, where),
        )

    def who_runs(self, service: str) -> str | None:
        row = self._db.execute(
            "SELECT organisation FROM runs WHERE service = ?", (service,)
        ).fetchone()
        return row[0] if row else None

    def find(self, kind: str, source_id: str) -> Record | None:
        row = self._db.execute(
            "SELECT id, name, place, body FROM record WHERE kind = ? AND id = ?", (kind, source_id)
        ).fetchone()
        return _record(kind, row) if row else None

    def all(self, kind: str) -> Iterator[Record]:
        rows = self._db.execute(
            "SELECT id, name, place, body FROM record WHERE kind = ? ORDER BY seq", (kind,)
        )
        for row in rows:
            yield _record(kind, row)

    def count(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM record").fetchone()[0])

    def other_names(self, record: Record) -> list[str]:
        rows = self._db.execute(
            "SELECT name FROM also_called WHERE kind = ? AND id = ? AND name <> ? ORDER BY name",
            (record.kind, record.source_id, record.name),
        )
        return [row[0] for row in rows]

    def locations_of(self, service: str) -> list[dict[str, Json]]:
        rows = self._db.execute(
            "SELECT body FROM location WHERE service = ? ORDER BY seq", (service,)
        )
        return [json.loads(row[0]) for row in rows]

    def points_to_nothing(self) -> Iterator[tuple[str, str, str, str]]:
        """Kind, own id, activity id and file of what names an activity that is not in the feed."""
        yield from self._db.execute(
            "SELECT 'location', link, service, place FROM location WHERE NOT EXISTS ("
            " SELECT 1 FROM record WHERE kind = 'activity' AND id = service)"
            " UNION ALL SELECT 'organisation', organisation, service, place FROM runs"
            " WHERE NOT EXISTS (SELECT 1 FROM record WHERE kind = 'activity' AND id = service)"
        )


def leaves(value: Json) -> int:
    """How much a value says: the number of its filled fields."""
    if isinstance(value, dict):
        return sum(leaves(inner) for inner in value.values())
    if isinstance(value, list):
        return sum(leaves(inner) for inner in value)
    return value is not None and value != ""


def _record(kind: str, row: tuple[str, str, str, str]) -> Record:
    return Record(kind, row[0], row[1], row[2], json.loads(row[3]))

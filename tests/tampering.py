"""What somebody with the database's own shell could do to a store, undone afterwards.

Triggers, checks and foreign keys are out of the way, as they would be for whoever owns the
database. Each change names the place it was made at, so that a test can ask for it to be found."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Date, Integer, LargeBinary

from referral.ids import new_id
from referral.leaf import canonical, leaf_hash
from referral.ledger import TABLES
from referral.schema import EncryptedText, Id, Instant, JsonText, instant_text
from referral.states import STATES, Noun
from referral.store import Sql, Store, Tx
from referral.verify import UNSEEN, Report

NOUNS = tuple(str(noun) for noun in Noun)
BESIDE = (
    "clock",
    "concern_source",
    "authority_call",
    "hold",
    "consequence",
    "agreement_party",
    "note",
)
COVERED = (*NOUNS, "step", "audit", "audit_detail", *BESIDE)
# Whose row it is, beside its own key.
OWNER = {
    "step": "record_id",
    "audit": "record_id",
    "clock": "record_id",
    "concern_source": "concern_id",
    "authority_call": "concern_id",
    "hold": "concern_id",
    "consequence": "escalation_id",
    "note": "record_id",
}


class Undone(Exception):
    """Raised to undo."""


@contextmanager
def open_store(store: Store) -> Iterator[Tx]:
    """A transaction in which nothing stands in the way, and which is always undone."""
    try:
        with store.begin() as tx:
            if tx.pg:
                tx.raw.execute("SET LOCAL session_replication_role = replica")
                checks = tx.raw.execute(
                    "SELECT conrelid::regclass::text, conname FROM pg_constraint"
                    " WHERE contype = 'c' AND conrelid <> 0"
                    " AND connamespace = 'public'::regnamespace"
                ).fetchall()
                for table, name in checks:
                    tx.raw.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            else:
                names = tx.raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
                for (name,) in names.fetchall():
                    tx.raw.execute(f"DROP TRIGGER {name}")
                tx.raw.execute("PRAGMA defer_foreign_keys = ON")
                tx.raw.execute("PRAGMA ignore_check_constraints = ON")
            yield tx
            raise Undone
    except Undone:
        pass


@contextmanager
def undone(tx: Tx) -> Iterator[None]:
    """What is done in here is undone at its end."""
    tx.raw.execute("SAVEPOINT tampered")
    try:
        yield
    finally:
        tx.raw.execute("ROLLBACK TO tampered")
        tx.raw.execute("RELEASE tampered")


@dataclass(frozen=True)
class Row:
    """One row of one table, as the driver gives it."""

    table: str
    values: dict[str, Any]

    @property
    def key(self) -> dict[str, Any]:
        return {c.name: self.values[c.name] for c in TABLES[self.table].primary_key.columns}

    @property
    def names(self) -> set[str]:
        """What a finding may call the place."""
        found = set()
        for value in self.key.values():
            name = f"{self.table} {value}"
            found |= {f"{name}:", f"{name},"} if type(value) is int else {str(value)}
        owner = OWNER.get(self.table)
        if owner is not None and self.values[owner] is not None:
            found.add(str(self.values[owner]))
        if self.table == "audit":
            found |= {str(self.values["entry_id"]), f"entry {self.values['seq']}:"}
        return found


@dataclass(frozen=True)
class Change:
    """One change to be made: where, what a finding may call that place, and the making of it."""

    place: Any
    names: frozenset[str]
    make: Callable[[], object]


def missed(
    tx: Tx, look: Callable[[Tx], Report], changes: list[Change], at_once: int, named: bool = True
) -> list[Any]:
    """The places of the changes that aren't found. So many are made at once, in places with names
    of their own; one that isn't named then is made again alone, and only that counts. Alone it
    must be named too, or (not `named`) something must be found."""
    found = []
    waiting = changes
    while waiting:
        batch: list[Change] = []
        later: list[Change] = []
        taken: set[str] = set()
        for change in waiting:
            fits = len(batch) < at_once and not change.names & taken
            (batch if fits else later).append(change)
            taken |= change.names if fits else set()
        lines = _lines_after(tx, look, batch)
        for change in batch:
            if _named(change, lines):
                continue
            alone = lines if len(batch) == 1 else _lines_after(tx, look, [change])
            if not (_named(change, alone) if named else alone):
                found.append(change.place)
        waiting = later
    return found


def _lines_after(tx: Tx, look: Callable[[Tx], Report], changes: list[Change]) -> list[str]:
    with undone(tx):
        for change in changes:
            change.make()
        return [finding.line for finding in look(tx).findings]


def _named(change: Change, lines: list[str]) -> bool:
    return any(name in line for line in lines for name in change.names)


def mark(tx: Tx) -> str:
    return "%s" if tx.pg else "?"


def rows_of(tx: Tx, table: str, where: str = "TRUE") -> list[Row]:
    """Every row of the table, in the order of its key."""
    columns = [c.name for c in TABLES[table].columns]
    order = ", ".join(c.name for c in TABLES[table].primary_key.columns)
    found = tx.raw.execute(
        f"SELECT {', '.join(columns)} FROM {table} WHERE {where} ORDER BY {order}"
    ).fetchall()
    return [Row(table, dict(zip(columns, row, strict=True))) for row in found]


def erased_record(tx: Tx) -> str:
    """The record whose details are partly erased: some of its columns can't be known any more."""
    row = tx.row(Sql("SELECT record_id FROM audit WHERE action = 'erased'"))
    assert row is not None
    return str(row[0])


def those_to_edit(tx: Tx, table: str) -> list[Row]:
    erased = erased_record(tx)
    return [r for r in rows_of(tx, table) if erased not in map(str, r.values.values())]


def write(tx: Tx, row: Row, **changed: Any) -> None:
    """Change these columns of the row, by its key."""
    sets = ", ".join(f"{c} = {mark(tx)}" for c in changed)
    found = " AND ".join(f"{c} = {mark(tx)}" for c in row.key)
    done = tx.raw.execute(
        f"UPDATE {row.table} SET {sets} WHERE {found}", [*changed.values(), *row.key.values()]
    )
    assert done.rowcount == 1, (row, changed)


def remove(tx: Tx, row: Row) -> None:
    found = " AND ".join(f"{c} = {mark(tx)}" for c in row.key)
    done = tx.raw.execute(f"DELETE FROM {row.table} WHERE {found}", list(row.key.values()))
    assert done.rowcount == 1, row


def add(tx: Tx, table: str, values: dict[str, Any]) -> None:
    places = ", ".join(mark(tx) for _ in values)
    tx.raw.execute(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", list(values.values())
    )


def next_number(tx: Tx, table: str, column: str) -> int:
    """The number the next row would have got, taken as an attacker would take it."""
    if tx.pg:
        found = tx.raw.execute(f"SELECT nextval(pg_get_serial_sequence('{table}', '{column}'))")
    else:
        found = tx.raw.execute(f"SELECT max({column}) + 1 FROM {table}")
    return int(found.fetchone()[0])


def seen(table: str, column: str) -> bool:
    """Whether an edit of this column is one the log speaks of."""
    return column not in UNSEEN.get(table, {})


def another(tx: Tx, row: Row, column: str, chance: random.Random) -> Any:
    """Another value that this column could hold."""
    table, value = TABLES[row.table], row.values[column]
    kind = table.c[column].type
    if isinstance(kind, Id):
        return new_id()
    if isinstance(kind, Instant):
        return _later(tx, value, chance)
    if isinstance(kind, Date):
        day = date.fromisoformat(value) if isinstance(value, str) else value
        new = (day or date(2026, 7, 1)) + timedelta(days=chance.randint(1, 400))
        return new if tx.pg else new.isoformat()
    if isinstance(kind, Boolean):
        return (not value) if tx.pg else 1 - int(value or 0)
    if isinstance(kind, Integer):
        return (value or 0) + chance.randint(1, 9) * 1_000_000
    if isinstance(kind, LargeBinary):
        bytes_ = bytearray(value)
        bytes_[chance.randrange(len(bytes_))] ^= 1 << chance.randrange(8)
        return bytes(bytes_)
    if isinstance(kind, JsonText):
        return _other_json(value, chance)
    if isinstance(kind, EncryptedText):
        return "0:changed" if value is None else value + "."
    if column == "state":
        others = ["done", "waived"]
        if row.table in NOUNS:
            others = [str(s) for s in STATES[Noun(row.table)]]
        return chance.choice([s for s in others if s != value])
    return "changed" if value is None else _other_text(value, chance)


def _later(tx: Tx, value: Any, chance: random.Random) -> Any:
    if value is None:
        new = datetime(2026, 7, 1, tzinfo=UTC)
    elif isinstance(value, str):
        new = datetime.fromisoformat(value)
    else:
        new = value
    new += timedelta(microseconds=chance.choice([1, 10**6, 10**10]))
    return new if tx.pg else instant_text(new)


def _other_json(value: str | None, chance: random.Random) -> str:
    if value is None:
        return '["changed"]'
    held = json.loads(value)
    if isinstance(held, list):
        held.append("changed")
    else:
        held["changed"] = True
    return json.dumps(held)


def _other_text(value: str, chance: random.Random) -> str:
    at = chance.randrange(len(value) + 1)
    if value and at < len(value) and chance.random() < 0.5:
        return value[:at] + value[at + 1 :]
    return value[:at] + "x" + value[at:]


def rewritten(tx: Tx, row: Row, /, **changed: Any) -> None:
    """Rewrite what an entry's leaf says, hash and all: the plain columns stay behind."""
    leaf = canonical({**json.loads(row.values["leaf"]), **changed})
    write(tx, row, leaf=leaf, leaf_hash=leaf_hash(leaf))

"""How a step is written: a list of row statements, each said once, sent as one statement on
PostgreSQL and one by one on SQLite.

Every row hangs off the head (the record's own update, guarded by its version and by the gates of
the person and the provider), so a step that comes too late leaves nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, partial
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, Date, Integer, LargeBinary, Table, Text
from sqlalchemy.types import TypeEngine

import referral.models  # noqa: F401 - every table is known before a statement is made
from referral.keys import Of, sealed, sealed_details
from referral.schema import Base, EncryptedText, Id, Instant, JsonText, seal
from referral.store import Sql, TryAgain, Tx, numbered

TABLES = Base.metadata.tables


class NoPlaceLeft(Exception):
    """The last place went to somebody else while this was being written."""


class Statement:
    """One row statement. `plain` is its text with `:names`; `hung` is the same hung off the head
    as part of one statement on PostgreSQL. `about` says what it writes, for the audit log;
    `sealed` the columns that hold free text."""

    __slots__ = ("about", "hung", "kind", "plain", "sealed")

    def __init__(
        self,
        kind: str,
        plain: str,
        hung: str,
        about: About | None = None,
        sealed: tuple[str, ...] = (),
    ) -> None:
        self.kind = kind  # gate | head | row | place
        self.sealed = sealed
        self.plain = Sql(plain)
        self.hung = Sql(hung)
        self.about = about


class About(NamedTuple):
    """The table a statement writes, the columns it sets, those it finds its rows by (none: the row
    is new), and those that must be empty in them."""

    table: str
    sets: tuple[str, ...]
    where: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()


class Row(NamedTuple):
    """A statement and what goes into it. `of`: whose words are in it, where that isn't whose
    record is written."""

    statement: Statement
    params: Mapping[str, Any]
    of: Of | None = None


def pg_type(kind: TypeEngine[Any]) -> str:
    """The cast a parameter needs: `INSERT .. SELECT` can't infer types."""
    for python, name in (
        (Id, "uuid"),
        (Instant, "timestamptz"),
        (Boolean, "boolean"),
        (BigInteger, "bigint"),
        (Integer, "integer"),
        (Date, "date"),
        (LargeBinary, "bytea"),
        ((Text, JsonText, EncryptedText), "text"),
    ):
        if isinstance(kind, python):
            return str(name)
    raise TypeError(f"no PostgreSQL type known for {kind!r}")


def _columns(table: Table, only: tuple[str, ...]) -> tuple[str, ...]:
    return only or tuple(
        c.name for c in table.columns if c.autoincrement is not True or not c.primary_key
    )


@cache
def insert(name: str, *only: str, head: bool = False) -> Statement:
    """Insert one row: all columns of the table but a counted key, or just those named."""
    table = TABLES[name]
    columns = _columns(table, only)
    into = f"INSERT INTO {name} ({', '.join(columns)})"
    values = ", ".join(f":{c}" for c in columns)
    cast = ", ".join(f":{c}::{pg_type(table.c[c].type)}" for c in columns)
    plain = f"{into} VALUES ({values})"
    free = _free(name, columns)
    if head:
        return Statement("head", plain, f"{into} SELECT {cast} WHERE TRUE", sealed=free)
    about = About(name, columns)
    return Statement("row", plain, f"{into} SELECT {cast} FROM u", about, free)


@cache
def update(
    name: str, sets: tuple[str, ...], where: tuple[str, ...], empty: tuple[str, ...] = ()
) -> Statement:
    """Update rows found by equal columns (`where`) in which the `empty` columns are. Parameters
    for the found-by columns are called `old_<column>`."""
    assigned = ", ".join(f"{c} = :{c}" for c in sets)
    found = " AND ".join([*(f"{c} = :old_{c}" for c in where), *(f"{c} IS NULL" for c in empty)])
    plain = f"UPDATE {name} SET {assigned} WHERE {found}"
    about = About(name, sets, where, empty)
    free = _free(name, sets)
    return Statement("row", plain, f"{plain} AND EXISTS (SELECT 1 FROM u)", about, free)


@cache
def head(name: str, sets: tuple[str, ...]) -> Statement:
    """The record's own update: its state, its version one up, and the columns a move keeps."""
    assigned = "".join(f", {c} = :{c}" for c in sets)
    plain = (
        f"UPDATE {name} SET state = :state, since = :since, version = version + 1{assigned}"
        " WHERE id = :id AND version = :version"
    )
    return Statement("head", plain, plain, sealed=_free(name, sets))


def _free(name: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the columns that hold free text."""
    return tuple(c for c in columns if isinstance(TABLES[name].c[c].type, EncryptedText))


@cache
def gate(name: str, bump: bool) -> Statement:
    """Hold the person's or the provider's gate where the facts saw it; with `bump`, one further,
    so that whoever read before must read again."""
    if bump:
        plain = f"UPDATE {name} SET gate = gate + 1 WHERE id = :id AND gate = :gate"
        return Statement("gate", plain, f"{plain} RETURNING id")
    plain = f"SELECT id FROM {name} WHERE id = :id AND gate = :gate"
    return Statement("gate", plain, f"{plain} FOR SHARE")


TAKE_PLACE = Statement(
    "place",
    "UPDATE activity_group SET taken = taken + 1 WHERE id = :id"
    " AND taken + members_from_outside < capacity",
    "UPDATE activity_group SET taken = taken + 1 WHERE id = :id"
    " AND taken + members_from_outside < capacity AND EXISTS (SELECT 1 FROM u) RETURNING id",
)
FREE_PLACE = Statement(
    "row",
    "UPDATE activity_group SET taken = taken - 1 WHERE id = :id",
    "UPDATE activity_group SET taken = taken - 1 WHERE id = :id AND EXISTS (SELECT 1 FROM u)",
)
END_CLOCKS = Statement(
    "row",
    "UPDATE clock SET ended = :at WHERE record_id = :record_id AND ended IS NULL AND kind <> :but",
    "UPDATE clock SET ended = :at WHERE record_id = :record_id AND ended IS NULL"
    " AND kind <> :but AND EXISTS (SELECT 1 FROM u)",
)


# What the rows of one step say alike: sent once for all of them, where it is so.
ALIKE = ("system_id", "record_id", "at", "noun", "entry_id")


class _Joined(NamedTuple):
    """Several row statements as one: its text, the row and the name each parameter is taken from,
    and the pairs of rows that must say the same under a name for it to hold."""

    text: str
    origin: tuple[tuple[int, str], ...]
    alike: tuple[tuple[int, int, str], ...]


@cache
def _joined(statements: tuple[Statement, ...], sharing: bool = True) -> _Joined:
    parts: list[str] = []
    origin: list[tuple[int, str]] = []
    alike: list[tuple[int, int, str]] = []
    place: dict[str, int] = {}  # where a name the rows say alike stands among the parameters
    gates = 0
    must_hit = ""

    def number(i: int, name: str) -> int:
        if name in place:
            alike.append((origin[place[name] - 1][0], i, name))
            return place[name]
        origin.append((i, name))
        if sharing and name in ALIKE:
            place[name] = len(origin)
        return len(origin)

    for i, s in enumerate(statements):
        text = numbered(s.hung.text, partial(number, i))
        if s.kind == "gate":
            parts.append(f"g{gates} AS MATERIALIZED ({text})")
            gates += 1
        elif s.kind == "head":
            opened = "".join(f" AND EXISTS (SELECT 1 FROM g{n})" for n in range(gates))
            parts.append(f"u AS ({text}{opened} RETURNING 1)")
        elif s.kind == "place":
            parts.append(f"p AS ({text})")
            must_hit = "/(SELECT count(*) FROM p)"
        else:
            parts.append(f"x{i} AS ({text})")
    # A write that must hit can't undo its siblings inside one statement: dividing by its count
    # makes the whole statement fail.
    whole = f"WITH {', '.join(parts)} SELECT 1{must_hit} FROM u"
    return _Joined(whole, tuple(origin), tuple(alike))


def under_keys(tx: Tx, rows: list[Row], of: Of | None) -> list[Row]:
    """The rows with their free text under the key of whose it is, and the details of entries too;
    just as they are where this program keeps no keys."""
    if tx.keys is None:
        return rows
    out = []
    for row in rows:
        statement, params, whose = row
        if statement.sealed:
            owner = whose or of
            if owner is None:
                raise ValueError("Free text is written without saying whose it is.")
            row = row._replace(params=sealed(tx, params, statement.sealed, owner))
        elif statement.about is not None and statement.about.table == "audit_detail":
            if whose is None:
                raise ValueError("Details are written without saying whose they are.")
            row = row._replace(params=sealed_details(tx, params, whose))
        out.append(row)
    return out


def write(tx: Tx, rows: list[Row], of: Of | None = None) -> bool:
    """Write them all, or none. False: the version or a gate had moved and nothing was written.
    `of`: whose words are in them.

    Gates come first, then the head, then the rest, person before provider before record
    before activity: one lock order everywhere. Raises NoPlaceLeft; TryAgain on a unique key."""
    rows = under_keys(tx, rows, of)
    if not tx.pg:
        return _write_each(tx, rows)
    statements = tuple([row.statement for row in rows])
    params = [row.params for row in rows]
    one = _joined(statements)
    if any(params[i][name] != params[j][name] for i, j, name in one.alike):
        one = _joined(statements, sharing=False)
    values = [params[i][name] for i, name in one.origin]
    try:
        found = tx.execute(one.text, values).fetchone()
    except Exception as error:
        if getattr(error, "sqlstate", None) == "22012":
            raise NoPlaceLeft from error
        raise
    return found is not None


def _write_each(tx: Tx, rows: list[Row]) -> bool:
    for statement, params, _ in rows:
        # The facts were read after BEGIN IMMEDIATE, so no gate can have moved since.
        if statement.kind == "gate" and statement.plain.text.startswith("SELECT"):
            continue
        done = tx.execute(statement.plain.sqlite, statement.plain.values(params))
        if statement.kind == "head" and done.rowcount != 1:
            return False
        if statement.kind == "place" and done.rowcount != 1:
            raise NoPlaceLeft
        if statement.kind == "gate" and done.rowcount != 1:
            raise TryAgain("a gate moved inside its own transaction")
    return True


@cache
def _kinds(name: str) -> Mapping[str, str]:
    table = TABLES[name]
    return {
        c.name: "sealed"
        if isinstance(c.type, EncryptedText)
        else "json"
        if isinstance(c.type, JsonText)
        else "plain"
        for c in table.columns
    }


def stored(table: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Column values as the driver takes them: free text sealed, structures as JSON text."""
    kinds = _kinds(table)
    return {
        c: (
            v
            if v is None or kinds[c] == "plain"
            else seal(v)
            if kinds[c] == "sealed"
            else json.dumps(v, ensure_ascii=False, sort_keys=True)
        )
        for c, v in values.items()
    }


def free_text(table: str, column: str) -> bool:
    """Whether this column holds text that may never stand in a step or a leaf."""
    return _kinds(table)[column] == "sealed"

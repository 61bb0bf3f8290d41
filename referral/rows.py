"""Rows that no machine governs: written plainly, in the edge's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from referral.keys import Of, sealed
from referral.ledger import TABLES, insert, stored, update
from referral.store import Sql, Tx


def put(tx: Tx, table: str, values: Mapping[str, Any], subject: str | None = None) -> None:
    """Insert one row with exactly these columns. `subject` stands for whom its words are about,
    where the row names nobody."""
    statement = insert(table, *values)
    params = stored(table, values)
    if statement.sealed and tx.keys is not None:
        whose = Of(values["system_id"], subject or _subject(tx, values))
        params = sealed(tx, params, statement.sealed, whose, new=table == "person")
    plain = statement.plain
    tx.execute(plain.postgresql if tx.pg else plain.sqlite, plain.values(params))


def change(tx: Tx, table: str, record_id: str, values: Mapping[str, Any]) -> int:
    """Change these columns of the row with this id; how many rows it touched: none where there is
    nothing to change."""
    if not values:
        return 0
    statement = update(table, tuple(sorted(values)), ("id",))
    params = stored(table, values)
    if statement.sealed and tx.keys is not None:
        whose = owner(tx, table, record_id)
        if whose is None:
            return 0
        params = sealed(tx, params, statement.sealed, whose)
    plain = statement.plain
    done = tx.execute(
        plain.postgresql if tx.pg else plain.sqlite,
        plain.values({**params, "old_id": record_id}),
    )
    return int(done.rowcount)


SUBJECT = Sql("SELECT subject_ref FROM person WHERE id = :id")


def _subject(tx: Tx, values: Mapping[str, Any]) -> str | None:
    """What stands in the log for whom a new row is about; None for nobody."""
    if "subject_ref" in values:
        return str(values["subject_ref"])
    if values.get("person_id") is None:
        return None
    row = tx.row(SUBJECT, id=values["person_id"])
    return None if row is None else str(row[0])


@cache
def _owner_query(table: str, key: str) -> Sql:
    if table == "person":
        return Sql("SELECT system_id, subject_ref FROM person WHERE id = :id")
    if "person_id" not in TABLES[table].columns:
        return Sql(f"SELECT system_id, NULL FROM {table} WHERE {key} = :id")
    return Sql(
        f"SELECT t.system_id, p.subject_ref FROM {table} t"
        " LEFT JOIN person p ON p.id = t.person_id WHERE t.id = :id"
    )


def owner(tx: Tx, table: str, record_id: str, key: str = "id") -> Of | None:
    """Whose words a row holds: the person's it is about, or nobody's. None: there is no such
    row."""
    row = tx.row(_owner_query(table, key), id=record_id)
    return None if row is None else Of(str(row[0]), str(row[1]) if row[1] else None)


def bump(tx: Tx, table: str, record_id: str) -> None:
    """Move the gate of a person or a provider, before changing what a guard may rest on."""
    tx.run(Sql(f"UPDATE {table} SET gate = gate + 1 WHERE id = :id"), id=record_id)


_PERSON_STILL = Sql("SELECT id FROM person WHERE id = :id FOR SHARE")
_PROVIDER_STILL = Sql("SELECT id FROM provider WHERE id = :id FOR SHARE")
_REFERRAL_MINE = Sql("SELECT id FROM referral WHERE id = :id FOR NO KEY UPDATE")


def keep_still(tx: Tx, person_id: str, provider_ids: Iterable[str], referral_id: str) -> None:
    """Wait for whoever is changing any of these, and let nobody change them before this transaction
    ends. For a command of several steps that touches more than its record: the locks are taken in
    the one order, person before provider before referral. SQLite has one writer, who is alone."""
    if not tx.pg:
        return
    tx.rows(_PERSON_STILL, id=person_id)
    for provider_id in sorted(set(provider_ids)):
        tx.rows(_PROVIDER_STILL, id=provider_id)
    tx.rows(_REFERRAL_MINE, id=referral_id)

"""Rows that no machine governs: written plainly, in the edge's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from referral.ledger import insert, stored, update
from referral.store import Sql, Tx


def put(tx: Tx, table: str, values: Mapping[str, Any]) -> None:
    """Insert one row with exactly these columns."""
    statement = insert(table, *values).plain
    tx.execute(
        statement.postgresql if tx.pg else statement.sqlite,
        statement.values(stored(table, values)),
    )


def change(tx: Tx, table: str, record_id: str, values: Mapping[str, Any]) -> int:
    """Change these columns of the row with this id; how many rows it touched: none where there is
    nothing to change."""
    if not values:
        return 0
    statement = update(table, tuple(sorted(values)), ("id",)).plain
    done = tx.execute(
        statement.postgresql if tx.pg else statement.sqlite,
        statement.values({**stored(table, values), "old_id": record_id}),
    )
    return int(done.rowcount)


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

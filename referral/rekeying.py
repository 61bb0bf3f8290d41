"""Putting under a key what was stored plain, and wrapping keys anew: a page at a time, each in a
transaction of its own, so that it may be stopped and goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from referral.keys import KeysMissing, Of, about, missing
from referral.ledger import TABLES
from referral.rows import owner
from referral.schema import PLAIN_KEY, EncryptedText, unseal
from referral.store import Sql, Store, Tx

PAGE = 200
DETAILS = "audit_detail"


class Place(NamedTuple):
    """A column that holds free text, and the key of its table."""

    table: str
    column: str
    key: str


@cache
def places() -> tuple[Place, ...]:
    """Every column whose text lies under a key, the details of entries last."""
    found = [
        Place(name, column.name, table.primary_key.columns[0].name)
        for name, table in sorted(TABLES.items())
        for column in table.columns
        if isinstance(column.type, EncryptedText)
    ]
    return (*found, Place(DETAILS, "payload", "entry_id"))


# What was written before there were keys begins like this; details, and the moves two people made,
# stood there as bare JSON.
_PLAIN = "({column} LIKE '0:%' OR {column} LIKE '{{%' OR {column} LIKE '[%')"


@cache
def _count(place: Place) -> Sql:
    return Sql(f"SELECT count(*) FROM {place.table} WHERE {_PLAIN.format(column=place.column)}")


def plain_texts(tx: Tx) -> int:
    """How many texts of the transaction's system are stored plain."""
    return sum(int(tx.rows(_count(place))[0][0]) for place in places())


@cache
def _page(place: Place) -> Sql:
    if place.table == DETAILS:
        return Sql(
            "SELECT d.entry_id, d.salt, d.payload, a.leaf, a.system_id FROM audit_detail d"
            " JOIN audit a ON a.entry_id = d.entry_id"
            f" WHERE {_PLAIN.format(column='d.payload')} ORDER BY d.entry_id LIMIT {PAGE}"
        )
    return Sql(
        f"SELECT {place.key}, {place.column} FROM {place.table}"
        f" WHERE {_PLAIN.format(column=place.column)} ORDER BY {place.key} LIMIT {PAGE}"
    )


@cache
def _put_under_a_key(place: Place) -> Sql:
    return Sql(
        f"UPDATE {place.table} SET {place.column} = :sealed"
        f" WHERE {place.key} = :id AND {place.column} = :plain"
    )


FORGET = Sql("DELETE FROM audit_detail WHERE entry_id = :id")
KEEP = Sql("INSERT INTO audit_detail (entry_id, salt, payload) VALUES (:id, :salt, :payload)")
LIVING = Sql("SELECT 1 FROM person WHERE subject_ref = :subject")


def seal_page(tx: Tx, place: Place) -> int:
    """Put the next page of plain texts of this column under their keys; how many that were. A text
    that is changed meanwhile is left to its writer, who seals it."""
    rows = tx.rows(_page(place))
    for row in rows:
        if place.table == DETAILS:
            _seal_details(tx, row)
        else:
            _seal_text(tx, place, row)
    return len(rows)


def _seal_text(tx: Tx, place: Place, row: tuple[Any, ...]) -> None:
    record_id, plain = row
    whose = owner(tx, place.table, str(record_id), place.key)
    key = None if whose is None else tx.ring.to_write(whose)
    if key is None:
        return
    text = unseal(plain) if plain.startswith(f"{PLAIN_KEY}:") else plain
    tx.run(_put_under_a_key(place), id=record_id, plain=plain, sealed=key.seal(text or ""))


def _seal_details(tx: Tx, row: tuple[Any, ...]) -> None:
    entry_id, salt, payload, leaf, system_id = row
    subject = json.loads(leaf).get("subject") or None
    if subject is not None and tx.row(LIVING, subject=subject) is None:
        subject = None  # nobody's any more
    key = tx.ring.to_write(Of(str(system_id), subject))
    if key is None:
        return
    # They may be taken away, never edited: taken away, and kept again as they were.
    if tx.run(FORGET, id=entry_id) == 1:
        tx.run(KEEP, id=entry_id, salt=key.seal_bytes(bytes(salt)), payload=key.seal(payload))


# -- wrapping anew ------------------------------------------------------------------------------

WRAPPED = Sql("SELECT wrapping, count(*) FROM data_key GROUP BY wrapping ORDER BY wrapping")
OLD = Sql(
    "SELECT id, system_id, holder, wrapping, wrapped FROM data_key"
    f" WHERE wrapping <> :current ORDER BY id LIMIT {PAGE}"
)
REWRAP = Sql(
    "UPDATE data_key SET wrapping = :wrapping, wrapped = :wrapped"
    " WHERE id = :id AND wrapping = :old"
)


def wrapped_by(tx: Tx) -> dict[str, int]:
    """How many keys each wrapping key wraps, by its id."""
    return {str(wrapping): int(count) for wrapping, count in tx.rows(WRAPPED)}


def rewrap_page(tx: Tx) -> int:
    """Wrap the next page of keys by the newest wrapping key; how many that were. No text moves."""
    if tx.keys is None:
        raise KeysMissing("There is no key file. Make one with: segue keys make")
    wrapping = tx.keys.wrapping
    rows = tx.rows(OLD, current=wrapping.current)
    for key_id, system_id, holder, old, wrapped in rows:
        said = about(str(key_id), str(system_id), str(holder))
        new, again = wrapping.wrap(wrapping.unwrap(str(old), bytes(wrapped), said), said)
        tx.run(REWRAP, id=key_id, old=old, wrapping=new, wrapped=again)
    return len(rows)


# -- before anybody is let in -------------------------------------------------------------------

SYSTEMS = Sql("SELECT id FROM system ORDER BY id")


def systems(tx: Tx) -> Iterator[str]:
    """The systems of the store."""
    for row in tx.rows(SYSTEMS):
        yield str(row[0])


def refuse_without_keys(store: Store, tx: Tx) -> None:
    """Raises KeysMissing when the program has no wrapping keys, or not those that are needed."""
    if store.wrapping is None:
        raise KeysMissing(
            "There is no file of wrapping keys: what people write would be stored in plain text."
            " Make one with `segue keys make`, or set SEGUE_WRAPPING_KEYS to where it is"
            " (docs/keys.md)."
        )
    needed = set(wrapped_by(tx)) - set(store.wrapping.ids)
    if needed:
        raise KeysMissing(missing(needed))

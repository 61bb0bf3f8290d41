"""What an entry's details say of the rows it came with, and the same said of a row as it stands.

The details can be erased, but the story is in as few rows as can be: free text stands here as its
digest only, and so does who is named as a source of harm. `audit verify` reads the rows of the
store with the same words and compares."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any
from unicodedata import normalize

from sqlalchemy import Boolean, Date, LargeBinary

from referral.ledger import TABLES, Row
from referral.schema import EncryptedText, Id, Instant, JsonText, instant, instant_text, unseal

# Columns that are no free text and yet tell a story: who is named as a source of harm.
APART = {
    "concern_source": frozenset(
        {"user_id", "organisation_id", "was_user_id", "was_organisation_id"}
    )
}


def digest(text: Any) -> str | None:
    """What stands for a text that is not to be kept twice."""
    return None if text is None else "sha256:" + hashlib.sha256(str(text).encode()).hexdigest()


def details_of(table: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns a step set, from their values as the program has them."""
    sealed = _sealed(table)
    return {c: digest(v) if c in sealed else _plain(v) for c, v in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return str(value) if isinstance(value, str) else value


def told(row: Row) -> dict[str, Any]:
    """What the log says of a row written beside a record: its table, and the new row, or which
    columns were set (`set`) in the rows where others (`where`) had these values."""
    about = row.statement.about
    if about is None:
        raise ValueError("Only an insert or an update of a known table can be told.")
    read = readers(about.table)
    said = {c: read[c](row.params[c]) for c in about.sets}
    if not about.where:
        return {"table": about.table, "new": said}
    found = {c: read[c](row.params[f"old_{c}"]) for c in about.where}
    return {
        "table": about.table,
        "set": said,
        "where": {**found, **dict.fromkeys(about.empty)},
    }


Reader = Callable[[Any], Any]


@cache
def readers(table: str) -> dict[str, Reader]:
    """How each column's stored value is said in the details, by the column's name."""
    apart = APART.get(table, frozenset())
    return {c.name: _apart if c.name in apart else _reader(c.type) for c in TABLES[table].columns}


@cache
def _sealed(table: str) -> frozenset[str]:
    """The columns that stand as a digest."""
    free = {c.name for c in TABLES[table].columns if isinstance(c.type, EncryptedText)}
    return frozenset(free) | APART.get(table, frozenset())


def _reader(kind: Any) -> Reader:
    for type_, reader in (
        (Id, _id),
        (EncryptedText, lambda v: digest(unseal(v))),
        (JsonText, lambda v: None if v is None else _composed(json.loads(v))),
        (Instant, _instant),
        (Date, _day),
        (Boolean, _truth),
        (LargeBinary, lambda v: None if v is None else bytes(v).hex()),
    ):
        if isinstance(kind, type_):
            return reader
    return _text


def _id(value: Any) -> Any:
    return value.lower() if type(value) is str else value


def _apart(value: Any) -> Any:
    return digest(_id(value))


def _text(value: Any) -> Any:
    if type(value) is not str or value.isascii():
        return value
    return normalize("NFC", value)


def _truth(value: Any) -> Any:
    # SQLite keeps 0 and 1, and would keep anything else just as well.
    return bool(value) if type(value) is int and value in (0, 1) else value


def _day(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _instant(value: Any) -> Any:
    """The fixed-width text of an instant, however it is written."""
    if type(value) is str:
        if len(value) == 27 and value[-1] == "Z":
            return value
        try:
            value = instant(value)
        except ValueError:
            return value
        if value.tzinfo is None:
            return value.isoformat()
    return None if value is None else instant_text(value)


def _composed(value: Any) -> Any:
    """Text in NFC throughout, as a leaf's details have it."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return [_composed(v) for v in value]
    if isinstance(value, dict):
        return {k: _composed(v) for k, v in value.items()}
    return value

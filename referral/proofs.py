"""Which entries of the log a name stands for, where somebody asks for proofs of them."""

from __future__ import annotations

import re
from typing import NamedTuple

from referral.store import Sql, Tx

_IS_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ENTRY = (
    "SELECT i.idx, CAST(a.entry_id AS text), a.leaf FROM audit a"
    " LEFT JOIN audit_index i ON i.seq = a.seq WHERE "
)
BY_ENTRY = Sql(f"{_ENTRY} a.entry_id = :what")
BY_PLACE = Sql(f"{_ENTRY} a.seq = (SELECT seq FROM audit_index WHERE idx = :what)")
BY_RECORD = Sql(f"{_ENTRY} a.record_id = :what ORDER BY a.seq")
RECORD = Sql(
    """SELECT id FROM referral WHERE reference = :what
UNION SELECT id FROM concern WHERE reference = :what
UNION SELECT id FROM escalation WHERE reference = :what
UNION SELECT id FROM agreement WHERE reference = :what
UNION SELECT id FROM "override" WHERE reference = :what"""
)
_LONGEST_PLACE = 18  # digits


class Entry(NamedTuple):
    """An entry of the log: its place in the tree (None before it has one), its id, its leaf."""

    idx: int | None
    id: str
    leaf: str


def record_named(tx: Tx, what: str) -> str | None:
    """The id of the record with this reference, or the id itself as ids are written."""
    what = what.strip()
    if _IS_ID.fullmatch(what.lower()):
        return what.lower()
    row = tx.row(RECORD, what=what.upper())
    return None if row is None else str(row[0])


def entries_named(tx: Tx, what: str) -> list[Entry]:
    """The entry with this id or at this place, or all that are about the record with this reference
    or id."""
    what = what.strip()
    if what.isdecimal() and len(what) <= _LONGEST_PLACE:
        rows = tx.rows(BY_PLACE, what=int(what))
    else:
        record = record_named(tx, what)
        rows = []
        if record is not None:
            rows = tx.rows(BY_ENTRY, what=record) or tx.rows(BY_RECORD, what=record)
    return [Entry._make(row) for row in rows]

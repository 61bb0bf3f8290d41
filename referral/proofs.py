"""Proofs that entries stand in the log, for entries as people name them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from referral import merkle, tree
from referral.leaf import leaf_hash
from referral.proof_files import ProofFile
from referral.store import Sql, Tx

# -- what may be asked for ----------------------------------------------------------------------

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


# -- proving ------------------------------------------------------------------------------------


class Changed(Exception):
    """An entry isn't what the signed head covers."""

    def __init__(self, idx: int) -> None:
        super().__init__(f"Entry {idx} isn't what the signed head covers: the log was changed.")


def proofs_of(
    tx: Tx, entries: Iterable[Entry], head: tree.Checkpoint
) -> Iterator[tuple[Entry, ProofFile]]:
    """A proof under this head for each entry that it covers. Raises Changed."""
    note, read = tree.cosigned(tx, head), _once(tree.reader(tx))
    for entry in entries:
        if entry.idx is None or entry.idx >= head.size:
            continue
        try:
            path = merkle.inclusion(entry.idx, head.size, read)
            merkle.verify_inclusion(leaf_hash(entry.leaf), entry.idx, head.size, path, head.root)
        except ValueError as error:
            raise Changed(entry.idx) from error
        yield entry, ProofFile(entry.idx, path, note)


def _once(read: merkle.Read) -> merkle.Read:
    """Each tile is read once, for however many proofs."""
    tiles: dict[tuple[int, int, int], bytes] = {}

    def kept(level: int, number: int, width: int) -> bytes:
        key = (level, number, width)
        if key not in tiles:
            tiles[key] = read(level, number, width)
        return tiles[key]

    return kept

"""Documents that wait for a scanner, and what it said of them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from referral.documents import REFUSED, TO_SCAN
from referral.store import Sql, Tx


class ToScan(NamedTuple):
    """A document that a scanner hasn't seen."""

    id: str
    system_id: str


DUE = Sql(
    f"SELECT id, system_id FROM document WHERE {TO_SCAN} AND scan_at <= :at"
    " ORDER BY scan_at, id LIMIT :n"
)
FOUND = Sql(
    "SELECT x.id, x.referral_id, x.side, x.shared, x.attached_by, r.organisation_id,"
    " pr.organisation_id, r.link_worker_id, pe.subject_ref,"
    " CASE WHEN x.taken_back_at IS NULL THEN 0 ELSE 1 END FROM document x"
    " JOIN referral r ON r.id = x.referral_id JOIN provider pr ON pr.id = r.provider_id"
    f" JOIN person pe ON pe.id = x.person_id WHERE x.id = :id"
    f" AND x.{TO_SCAN.replace('AND ', 'AND x.')}"
)
LATER = Sql(f"UPDATE document SET scan_at = :scan_at WHERE id = :id AND {TO_SCAN}")
SAID = Sql(f"UPDATE document SET scan = :scan, scanned_at = :at WHERE id = :id AND {TO_SCAN}")
EMPTIED = Sql("UPDATE document SET content = NULL WHERE id = :id")


class Waiting(NamedTuple):
    """What must be known of a document to say what a scanner found."""

    id: str
    referral_id: str
    side: str
    shared: bool
    attached_by: str
    team_org: str
    provider_org: str
    link_worker_id: str
    subject_ref: str
    taken_back: bool


def to_scan(tx: Tx, at: datetime, n: int) -> list[ToScan]:
    """Documents whose turn has come, the longest waiting first."""
    return [ToScan._make(row) for row in tx.rows(DUE, at=at, n=n)]


def waiting(tx: Tx, document_id: str) -> Waiting | None:
    """A document that still waits to be looked into."""
    row = tx.row(FOUND, id=document_id)
    return None if row is None else Waiting._make(row)


def look_later(tx: Tx, document_id: str, scan_at: datetime) -> None:
    """The scanner said nothing: it is asked again from then on."""
    tx.run(LATER, id=document_id, scan_at=scan_at)


def keep_scan(tx: Tx, document_id: str, at: datetime, scan: str) -> bool:
    """What a scanner said; what it refused goes from the store. False: somebody was quicker."""
    if tx.run(SAID, id=document_id, scan=scan, at=at) != 1:
        return False
    if scan == REFUSED:
        tx.run(EMPTIED, id=document_id)
    return True

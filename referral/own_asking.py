"""What a person asked for about their own information, what they complained of, and what came of
it: for themselves, by their own link."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from referral.clocks import person_key
from referral.schema import day
from referral.store import Sql, Tx

# Written for whoever asked, or by them. What else is written with a step isn't theirs to read here.
THEIRS = ("raise", "ask", "answer", "fulfil", "refuse", "decide", "receive")


class Asked(NamedTuple):
    """A request about one's own information."""

    id: str
    reference: str
    kind: str
    state: str
    version: int
    received_on: date
    extended: bool
    stopped_days: int
    asked_for: str


class Complaint(NamedTuple):
    """A complaint the person made by themselves. `asked` is the owner key of whoever has to answer
    a question; `due` is until when the reviewer takes the next step."""

    id: str
    reference: str
    state: str
    version: int
    owner: str
    asked: str | None
    decision: str | None
    review_on: date | None
    closed_at: datetime | None
    created_at: datetime
    reviewer: str | None
    due: datetime | None


REQUESTS = Sql(
    "SELECT q.id, q.reference, q.kind, q.state, q.version, q.received_on, q.extended,"
    " q.stopped_days, q.asked_for FROM rights_request q"
    " WHERE q.person_id = :person_id AND q.system_id = :system_id"
    " ORDER BY q.created_at DESC, q.id DESC LIMIT 20",
    sealed=(8,),
)
COMPLAINTS = Sql(
    "SELECT e.id, e.reference, e.state, e.version, e.owner, e.asked, e.decision, e.review_on,"
    " e.closed_at, e.created_at,"
    " (SELECT u.name FROM membership m JOIN app_user u ON u.id = m.user_id"
    "   WHERE m.id = e.reviewer_id),"
    " (SELECT min(c.due) FROM clock c WHERE c.record_id = e.id AND c.ended IS NULL)"
    " FROM escalation e WHERE e.person_id = :person_id AND e.raiser = :key"
    " AND e.system_id = :system_id ORDER BY e.created_at DESC, e.id DESC LIMIT 20",
    times=(8, 9, 11),
)
NOTES = Sql(
    "SELECT s.trigger, n.body FROM step s JOIN note n ON n.id = s.note_id"
    " WHERE s.record_id = :record_id ORDER BY s.version",
    sealed=(1,),
)
# Who stands where a complaint waits: the names of those who may take it.
HOLDERS = Sql(
    "SELECT u.name FROM membership m JOIN app_user u ON u.id = m.user_id"
    " WHERE m.system_id = :system_id AND m.ended_at IS NULL AND u.active AND m.role = :role"
    " AND (m.organisation_id = :spot OR m.place_id = :spot) ORDER BY u.name LIMIT 4"
)
# A team lead who is the link worker too isn't who looks at a complaint about the link worker.
LEADS_TOO = Sql(
    "SELECT 1 FROM membership l JOIN membership m ON m.user_id = l.user_id"
    " WHERE m.id = :id AND l.role = 'team_lead' AND l.organisation_id = m.organisation_id"
    " AND l.ended_at IS NULL LIMIT 1"
)


def requests(tx: Tx, system_id: str, person_id: str) -> list[Asked]:
    """What this person asked for, the newest first."""
    rows = tx.rows(REQUESTS, person_id=person_id, system_id=system_id)
    return [
        Asked._make(r)._replace(
            received_on=day(r[5]) or date.min, extended=bool(r[6]), asked_for=str(r[8] or "")
        )
        for r in rows
    ]


def complaints(tx: Tx, system_id: str, person_id: str) -> list[Complaint]:
    """What this person complained of by themselves, the newest first."""
    rows = tx.rows(COMPLAINTS, person_id=person_id, key=person_key(person_id), system_id=system_id)
    return [Complaint(*r)._replace(review_on=day(r[7])) for r in rows]


def written(tx: Tx, record_id: str) -> Mapping[str, str]:
    """The last words written with each kind of step of a record, of those meant for the person."""
    rows = tx.rows(NOTES, record_id=record_id)
    return {str(row[0]): str(row[1] or "") for row in rows if row[0] in THEIRS}


def holders(tx: Tx, system_id: str, owner: str) -> list[str]:
    """The names of those who stand at an owner key."""
    role, _at, where = owner.partition("@")
    return [str(row[0]) for row in tx.rows(HOLDERS, system_id=system_id, role=role, spot=where)]


def leads_too(tx: Tx, membership_id: str) -> bool:
    """Whether this link worker leads their own team besides."""
    return tx.row(LEADS_TOO, id=membership_id) is not None

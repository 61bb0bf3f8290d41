"""What two records of one person hold, and putting what is the other's under the one that stays."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from referral.states import REFERRAL_OPEN, listed
from referral.store import Sql, Tx

# Tables in which a person's id stands, and whether a merge takes the row along. What stays is said
# why: a note belongs to its record and was written about the person of that time; the person's own
# notes come along by their record. Emergency access says which of the two was opened, an erasure
# which record stood then, a passage in whose copy it was marked.
TAKEN_ALONG = (
    "plan",
    "referral",
    "consent",
    "override",
    "concern",
    "hold",
    "escalation",
    "beginning",
    "capacity_assessment",
    "rights_request",
    "correction",
    "legal_hold",
    "message",
    "document",
    "relationship",
    "equality_answer",
)
LEFT_AS_WRITTEN = ("note", "emergency", "erasure", "retention_review", "blackout")


class Referral(NamedTuple):
    """A referral of one of the two."""

    id: str
    reference: str
    state: str
    activity_id: str
    activity: str
    provider: str
    created_at: datetime

    @property
    def is_open(self) -> bool:
        return self.state in REFERRAL_OPEN


REFERRALS = Sql(
    """SELECT r.id, r.reference, r.state, r.activity_id, a.name, po.name, r.created_at
  FROM referral r JOIN activity a ON a.id = r.activity_id
  JOIN provider pr ON pr.id = r.provider_id JOIN organisation po ON po.id = pr.organisation_id
  WHERE r.person_id = :person_id ORDER BY r.created_at, r.id""",
    (6,),
)


def referrals(tx: Tx, person_id: str) -> list[Referral]:
    """Every referral of a person, in whatever state."""
    return [Referral._make(row) for row in tx.rows(REFERRALS, person_id=person_id)]


class Answer(NamedTuple):
    """A consent of one of the two."""

    id: str
    person_id: str
    purpose: str
    recipient: str
    state: str
    answered_at: datetime | None
    provider: str | None


ANSWERS = Sql(
    """SELECT c.id, c.person_id, c.purpose, c.recipient, c.state, c.answered_at, po.name
  FROM consent c LEFT JOIN provider pr ON CAST(pr.id AS text) = c.recipient
  LEFT JOIN organisation po ON po.id = pr.organisation_id
  WHERE c.person_id IN (:one, :two) ORDER BY c.answered_at, c.id""",
    (5,),
)


def answers(tx: Tx, one: str, two: str) -> list[Answer]:
    """Every consent of both."""
    return [Answer._make(row) for row in tx.rows(ANSWERS, one=one, two=two)]


_IDS = {
    table: Sql(f"SELECT id FROM {table} WHERE person_id = :person_id ORDER BY id")
    for table in TAKEN_ALONG
}
HOLDS_OF_CONCERNS = Sql(
    "SELECT DISTINCT concern_id FROM hold WHERE person_id = :person_id AND concern_id IS NOT NULL"
)
OWN_NOTES = Sql(
    "UPDATE note SET record_id = :keep, person_id = :keep"
    " WHERE noun = 'person' AND record_id = :other"
)
MERGED = Sql(
    "UPDATE person SET merged_into = :keep, merged_at = :at, nhs_number = NULL,"
    " version = version + 1 WHERE id = :other AND merged_into IS NULL"
)


def ids(tx: Tx, table: str, person_id: str) -> list[str]:
    """The ids of what stands under a person in one of the tables taken along."""
    return [str(row[0]) for row in tx.rows(_IDS[table], person_id=person_id)]


def holds_of_concerns(tx: Tx, person_id: str) -> list[str]:
    """The concerns that hold the person's referrals."""
    return [str(row[0]) for row in tx.rows(HOLDS_OF_CONCERNS, person_id=person_id)]


def move_own_notes(tx: Tx, other: str, keep: str) -> int:
    """The notes on the person's own page come along."""
    return tx.run(OWN_NOTES, other=other, keep=keep)


def mark_merged(tx: Tx, other: str, keep: str, at: datetime) -> bool:
    """The other record says from now which one stands for it. False if it already does."""
    return tx.run(MERGED, other=other, keep=keep, at=at) == 1


SAME_OPEN = Sql(
    f"""SELECT a.name FROM referral r JOIN referral s ON s.activity_id = r.activity_id
  JOIN activity a ON a.id = r.activity_id
  WHERE r.person_id = :one AND s.person_id = :two
    AND r.state IN ({listed(*REFERRAL_OPEN)}) AND s.state IN ({listed(*REFERRAL_OPEN)})
  ORDER BY a.name LIMIT 1"""
)


def same_activity_open(tx: Tx, one: str, two: str) -> str | None:
    """An activity to which both hold an open referral."""
    row = tx.row(SAME_OPEN, one=one, two=two)
    return None if row is None else str(row[0])


MAYBE = Sql(
    """SELECT p.id, p.reference, p.given_name, p.family_name, p.birth_date FROM person p
  JOIN person me ON me.id = :id
  WHERE p.system_id = me.system_id AND p.organisation_id = me.organisation_id AND p.id <> me.id
    AND p.merged_into IS NULL
    AND (p.name_key = me.name_key OR (p.family_name = me.family_name AND
         p.birth_date = me.birth_date))
  ORDER BY p.created_at, p.id LIMIT 10"""
)
BY_REFERENCE = Sql(
    "SELECT id FROM person WHERE reference = :reference AND system_id = :system_id"
    " AND organisation_id = :org AND merged_into IS NULL"
)


def maybe_the_same(tx: Tx, person_id: str) -> list[tuple[Any, ...]]:
    """Other people of the same team who may be the same: rows of (id, reference, given name, family
    name, birth date)."""
    return tx.rows(MAYBE, id=person_id)


def by_reference(tx: Tx, system_id: str, organisation_id: str, reference: str) -> str | None:
    """A person of this organisation by their reference."""
    row = tx.row(BY_REFERENCE, reference=reference, system_id=system_id, org=organisation_id)
    return None if row is None else str(row[0])

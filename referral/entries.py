"""Reading the audit log."""

from __future__ import annotations

from referral.states import Noun
from referral.store import Sql, Tx

_OF_PERSON = "SELECT subject_ref FROM person WHERE id = :id"
_OF_RECORD = "SELECT p.subject_ref FROM {} r JOIN person p ON p.id = r.person_id WHERE r.id = :id"
_WITH_PERSON = (
    Noun.RIGHTS,
    Noun.REFERRAL,
    Noun.CONSENT,
    Noun.OVERRIDE,
    Noun.EMERGENCY,
    Noun.CONCERN,
    Noun.ESCALATION,
)
SUBJECTS = {
    "person": Sql(_OF_PERSON),
    "confirmation": Sql(
        "SELECT p.subject_ref FROM confirmation c JOIN referral r ON r.id = c.record_id"
        " JOIN person p ON p.id = r.person_id WHERE c.id = :id"
    ),
    **{str(noun): Sql(_OF_RECORD.format(noun)) for noun in _WITH_PERSON},
}
BEGUN = Sql(_OF_RECORD.format("beginning"))


def subject_of(tx: Tx, noun: str, record_id: str) -> str | None:
    """The random id that stands for the person a record is about; None where there is none."""
    query = SUBJECTS.get(noun)
    if query is None:
        return None
    row = tx.row(query, id=record_id)
    if row is None and noun == Noun.REFERRAL:
        row = tx.row(BEGUN, id=record_id)  # it isn't a referral yet
    return None if row is None else row[0]

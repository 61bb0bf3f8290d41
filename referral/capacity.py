"""Assessments of mental capacity: of one decision, at one time, in the order the law asks.

A best interests decision rests on one. It stands in a row of its own: who assessed, when, which
decision, each of the four abilities, what help was given, and what stands in the way."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import Base, Key, Ref, Sealed, day
from referral.store import Sql, Tx

ABILITIES = ("understands", "retains", "weighs", "communicates")


class CapacityAssessment(Base):
    """Whether a person could make one decision at one time. `lacks` is what the answers come to:
    unable in any one of the four, because of an impairment of mind or brain."""

    __tablename__ = "capacity_assessment"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    decision: Mapped[Sealed]
    assessor: Mapped[Sealed]
    understands: Mapped[bool]
    retains: Mapped[bool]
    weighs: Mapped[bool]
    communicates: Mapped[bool]
    help: Mapped[Sealed]  # what was done so that they could decide themselves
    cause: Mapped[Sealed | None]  # the impairment, and how it makes them unable
    lacks: Mapped[bool]
    interests: Mapped[Sealed | None]  # why it is in their best interests, and the least restrictive
    consulted: Mapped[Sealed | None]
    review_on: Mapped[date | None]
    recorded_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint(
            "NOT lacks OR (cause IS NOT NULL AND interests IS NOT NULL AND review_on IS NOT NULL)",
            name="lacks",
        ),
        Index(None, "person_id", "at"),
    )


class Assessed(NamedTuple):
    """One assessment, as those who hold the person's record read it."""

    id: str
    person_id: str
    decision: str
    assessor: str
    understands: bool
    retains: bool
    weighs: bool
    communicates: bool
    help: str
    cause: str | None
    lacks: bool
    interests: str | None
    consulted: str | None
    review_on: date | None
    recorded_by: str
    at: datetime


_ASSESSED = """
SELECT a.id, a.person_id, a.decision, a.assessor, a.understands, a.retains, a.weighs,
  a.communicates, a.help, a.cause, a.lacks, a.interests, a.consulted, a.review_on, u.name, a.at
FROM capacity_assessment a
JOIN membership m ON m.id = a.recorded_by
JOIN app_user u ON u.id = m.user_id
WHERE a.system_id = :system_id
"""
_TIMES = (Assessed._fields.index("at"),)
_SEALED = tuple(
    Assessed._fields.index(name)
    for name in ("decision", "assessor", "help", "cause", "interests", "consulted")
)
ONE = Sql(_ASSESSED + " AND a.id = :id", _TIMES, _SEALED)
OF_PERSON = Sql(
    _ASSESSED + " AND a.person_id = :person_id ORDER BY a.at DESC, a.id DESC LIMIT 50",
    _TIMES,
    _SEALED,
)


def _read(row: tuple[Any, ...]) -> Assessed:
    values = dict(zip(Assessed._fields, row, strict=True))
    values |= {name: bool(values[name]) for name in (*ABILITIES, "lacks")}
    return Assessed(**{**values, "review_on": day(values["review_on"])})


def one(tx: Tx, system_id: str, assessment_id: str) -> Assessed | None:
    """One assessment. Whether its reader may see the person is asked elsewhere."""
    row = tx.row(ONE, system_id=system_id, id=assessment_id)
    return None if row is None else _read(row)


def of_person(tx: Tx, system_id: str, person_id: str) -> list[Assessed]:
    """A person's assessments, the newest first."""
    return [_read(row) for row in tx.rows(OF_PERSON, system_id=system_id, person_id=person_id)]

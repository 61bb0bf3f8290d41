"""What an answer rests on when somebody agrees for another: a parent, or a best interests decision,
and how long it may hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from referral import capacity
from referral.capacity import Assessed
from referral.schema import day
from referral.states import Basis
from referral.store import Sql, Tx
from workflows.moves import N_, Refusal
from workflows.rules import field
from workflows.working_time import end_of, local_day

COMES_OF_AGE = 16
BIRTH = Sql("SELECT birth_date FROM person WHERE id = :id AND system_id = :system_id")


def birthday(born: date, age: int) -> date:
    """The day somebody comes to this age; on 1 March who was born on a leap day."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)


def born_on(tx: Tx, system_id: str, person_id: str) -> date | None:
    """A person's date of birth, if it is known."""
    row = tx.row(BIRTH, id=person_id, system_id=system_id)
    return None if row is None else day(row[0])


def is_child(born: date | None, at: datetime) -> bool:
    """Whether somebody is under 16. Who hasn't given a date of birth is taken for grown up."""
    return born is not None and local_day(at) < birthday(born, COMES_OF_AGE)


def basis_faults(
    tx: Tx, system_id: str, person_id: str, answer: Mapping[str, Any], at: datetime
) -> list[Refusal]:
    """Why this basis can't be, for this person now."""
    basis, child = answer.get("basis"), is_child(born_on(tx, system_id, person_id), at)
    if basis in (Basis.PARENTAL, Basis.GILLICK) and not child:
        return [
            field(
                "basis",
                N_("They are 16 or over, so it is their own decision."),
                N_("Ask them. If they cannot decide it, record an assessment of capacity."),
            )
        ]
    if basis == Basis.BEST_INTERESTS:
        if child:
            return [
                field(
                    "basis",
                    N_("They are under 16, so a parent decides, or they do if they understand."),
                )
            ]
        assessed = _rests_on(tx, system_id, person_id, answer.get("capacity_id"))
        if assessed is None:
            return [field("capacity_id", N_("Record the capacity assessment first."))]
        if not assessed.lacks:
            return [
                field("capacity_id", N_("They can decide this themselves. Ask them.")),
            ]
    return []


def _rests_on(tx: Tx, system_id: str, person_id: str, assessment_id: str | None) -> Assessed | None:
    found = capacity.one(tx, system_id, assessment_id) if assessment_id else None
    return found if found is not None and found.person_id == person_id else None


def holds_until(
    tx: Tx, system_id: str, person_id: str, answer: Mapping[str, Any]
) -> datetime | None:
    """The latest moment to which somebody may agree for another: a parent until the day the person
    turns 16, a best interests decision until it is to be looked at again. None: no such limit."""
    basis = answer.get("basis")
    if basis == Basis.PARENTAL:
        born = born_on(tx, system_id, person_id)
        return end_of(birthday(born, COMES_OF_AGE) - timedelta(days=1)) if born else None
    if basis == Basis.BEST_INTERESTS:
        found = _rests_on(tx, system_id, person_id, answer.get("capacity_id"))
        if found is not None and found.review_on is not None:
            return end_of(found.review_on)
    return None

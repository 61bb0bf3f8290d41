"""Clocks: when each one is due, which mark comes next, and what a miss asks for.

Pure: the rows and the holds are read elsewhere, and the time is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from referral import policy
from workflows.months import answer_by
from workflows.moves import Clock, Fire, Raise, Remind
from workflows.working_time import (
    ENGLAND,
    Calendar,
    Hold,
    add,
    add_hours,
    add_time,
    back,
    due_with_holds,
    elapsed,
    end_of,
)

PROFESSIONAL = "professional_disagreement"
TOP_STAGE = 4
FAR = 365  # days: for evidence that has no date


@dataclass(frozen=True)
class Running:
    """A clock to be started: its due time, and the length of each further period."""

    kind: str
    due: datetime
    period: int
    hours: bool
    fired: int
    look_at: datetime


@dataclass(frozen=True)
class Asked:
    """What a due time may depend on: the facts, the columns the move has just set, the time."""

    facts: Any
    values: Mapping[str, Any]
    trigger: str
    at: datetime
    cal: Calendar

    def days(self, kind: str) -> int:
        """The length in force at the record's place: a clock keeps the one it started with."""
        return int(self.facts.rules.days(kind))

    def now(self, name: str) -> Any:
        """The value after the move: what it set, or else what was there."""
        return self.values[name] if name in self.values else getattr(self.facts, name, None)


def _plain(c: Clock, a: Asked) -> datetime:
    return add(a.at, a.days(c.kind), a.cal)


def _urgent(c: Clock, a: Asked) -> datetime:
    kind = f"{c.kind}.urgent" if a.facts.urgent else c.kind
    return add(a.at, a.days(kind), a.cal)


def _expected(c: Clock, a: Asked) -> datetime:
    usual = _plain(c, a)
    expected: date | None = a.now("expected_date")
    return min(usual, max(end_of(expected), a.at)) if expected else usual


def _first_contact(c: Clock, a: Asked) -> datetime:
    if a.now("contacted_at") is None:
        return _plain(c, a)
    start = a.facts.starts_on
    begins = max(a.at, end_of(start - timedelta(1))) if start else a.at
    return add(begins, a.days("referral.started"), a.cal)


def _less_breaks(c: Clock, a: Asked) -> datetime:
    return add(a.at, a.days(c.kind), less_breaks(a.cal, a.facts.breaks))


def less_breaks(cal: Calendar, breaks: str | None) -> Calendar:
    """The calendar with the cohort's own breaks (JSON `[[from, to], ...]`) counted as days off."""
    if not breaks:
        return cal
    off = set(cal.holidays)
    for start, end in json.loads(breaks):
        first, last = date.fromisoformat(start), date.fromisoformat(end)
        off.update(first + timedelta(n) for n in range((last - first).days + 1))
    return Calendar(frozenset(off), cal.until)


def _paused(c: Clock, a: Asked) -> datetime:
    until: date = a.now("paused_until")
    agreed = add(end_of(until), a.days(c.kind), a.cal)
    return min(agreed, add(a.at, a.days("referral.paused.most"), a.cal))


def _not_started(c: Clock, a: Asked) -> datetime:
    usual = add(a.at, a.days(c.kind), a.cal)
    if a.facts.starts_on is None:
        return usual
    cohort = add(
        end_of(a.facts.starts_on - timedelta(1)), a.days("referral.not_started.cohort"), a.cal
    )
    return max(usual, cohort)


def _until(c: Clock, a: Asked) -> datetime:
    due: datetime = a.now("until")
    return due


def _review_at(c: Clock, a: Asked) -> datetime:
    due: datetime = a.now("review_at")
    return due


def _evidence(c: Clock, a: Asked) -> datetime:
    return a.facts.evidence_lapses or a.at + timedelta(days=FAR)


def _conditions(c: Clock, a: Asked) -> datetime:
    until: datetime = a.now("conditions_until")
    return min(until, _evidence(c, a))


def _danger(c: Clock, a: Asked) -> datetime:
    if a.facts.danger:
        return add_hours(a.at, a.days(f"{c.kind}.danger_hours"))
    return _plain(c, a)


def _child(c: Clock, a: Asked) -> datetime:
    """A children's authority answers within 1 working day."""
    return add(a.at, a.days(f"{c.kind}.child" if a.facts.child else c.kind), a.cal)


def stage_kind(c: Clock, a: Asked) -> str:
    """The length of a review's clock: a professional disagreement has its own for each stage."""
    if a.facts.kind != PROFESSIONAL:
        return c.kind
    if c.kind == "escalation.raised":
        return f"{c.kind}.disagreement"
    return f"{c.kind}.stage_{min(int(a.now('level')), TOP_STAGE - 1) + 1}"


def _stage(c: Clock, a: Asked) -> datetime:
    return add(a.at, a.days(stage_kind(c, a)), a.cal)


def _month(c: Clock, a: Asked) -> datetime:
    """The end of the law's month, or of three, with the days it stood still."""
    last = answer_by(
        a.now("received_on"), a.cal, extended=a.now("extended"), stopped=a.now("stopped_days")
    )
    return end_of(last)


DUE: dict[str, Callable[[Clock, Asked], datetime]] = {
    "days": _plain,
    "urgent": _urgent,
    "expected_date": _expected,
    "first_contact": _first_contact,
    "less_breaks": _less_breaks,
    "paused_until": _paused,
    "not_started": _not_started,
    "until": _until,
    "review_at": _review_at,
    "evidence": _evidence,
    "conditions": _conditions,
    "danger": _danger,
    "child": _child,
    "stage": _stage,
    "month": _month,
}
# What further periods last, where it isn't the clock's own length.
AGAIN = {
    "referral.not_started": "referral.not_started.again",
    "assurance.assured": "assurance.grace",
}


def period_of(c: Clock, a: Asked) -> tuple[int, bool]:
    """How long each further period lasts: a number of working days, or of clock hours."""
    if c.start == "danger" and a.facts.danger:
        return a.days(f"{c.kind}.danger_hours"), True
    if c.start in ("until", "review_at", "conditions", "month"):
        return 1, False
    kind = AGAIN.get(c.kind, c.kind)
    if c.start == "urgent" and a.facts.urgent:
        kind += ".urgent"
    if c.start == "child" and a.facts.child:
        kind += ".child"
    if c.start == "stage":
        kind = stage_kind(c, a)
    return max(1, a.days(kind)), False


def mark_at(
    c: Clock, due: datetime, period: int, hours: bool, number: int, cal: Calendar
) -> datetime:
    """When the clock's mark with this number comes: those before due, due, each further period."""
    if number < len(c.before):
        days = c.before[number]
        return due - timedelta(days=days) if c.calendar else back(due, days, cal)
    further = number - len(c.before)
    if further == 0:
        return due
    return add_hours(due, further * period) if hours else add(due, further * period, cal)


def start(c: Clock, a: Asked, left: int | None = None) -> Running:
    """The clock as it starts now. With `left` (working microseconds) it goes on with those."""
    due = DUE[c.start](c, a) if left is None else add_time(a.at, left, a.cal)
    period, hours = period_of(c, a)
    fired = passed_before(c, due, a.at, a.cal)
    return Running(c.kind, due, period, hours, fired, mark_at(c, due, period, hours, fired, a.cal))


def passed_before(c: Clock, due: datetime, at: datetime, cal: Calendar) -> int:
    """How many of the marks before due have passed already: a clock set to a new due time doesn't
    act on those."""
    return sum(mark_at(c, due, 1, False, n, cal) <= at for n in range(len(c.before)))


def counted_due(
    c: Clock, started: datetime, due: datetime, holds: Iterable[Hold], at: datetime, cal: Calendar
) -> datetime | None:
    """The due time that counts: moved on by the time held where the clock stands still for a hold;
    None while it stands still."""
    if not c.held:
        return due
    return due_with_holds(started, due, holds, at, cal, policy.days("left_at_least"))


# Their due time follows the evidence, which may have been renewed since they were started.
FOLLOWS_EVIDENCE = ("assurance.assured", "assurance.conditional")


def counts_by(c: Clock, facts: Any, cal: Calendar) -> Calendar:
    """The calendar this clock's marks are counted by."""
    return less_breaks(cal, facts.breaks) if c.start == "less_breaks" else cal


def missed_at(
    c: Clock,
    started: datetime,
    due: datetime,
    facts: Any,
    holds: Iterable[Hold],
    at: datetime,
    cal: Calendar,
) -> datetime | None:
    """When a running clock was missed, for the move that ends it late before any sweep has seen
    it; None while it isn't late, or where nobody is waited for any more."""
    if not getattr(facts, "needed", True):
        return None
    if c.kind in FOLLOWS_EVIDENCE and facts.evidence_lapses is not None:
        due = DUE[c.start](c, Asked(facts, {}, "", at, cal))
    counted = counted_due(c, started, due, holds, at, counts_by(c, facts, cal))
    return counted if counted is not None and counted <= at else None


def time_left(
    c: Clock,
    started: datetime,
    due: datetime,
    ended: datetime,
    holds: Iterable[Hold],
    cal: Calendar,
) -> int:
    """Working microseconds that were left when the clock ended; none if it was overdue."""
    counted = counted_due(c, started, due, holds, ended, cal)
    return 0 if counted is None else max(0, elapsed(ended, counted, cal))


def asks(c: Clock, number: int) -> Remind | Fire | Raise | None:
    """What the mark with this number asks for. A clock with no first act of its own reminds."""
    reminder = Remind(c.remind) if c.remind else None
    if number < len(c.before):
        return reminder
    return (c.first or reminder) if number == len(c.before) else c.then


__all__ = [
    "ENGLAND",
    "Asked",
    "Running",
    "asks",
    "counted_due",
    "counts_by",
    "mark_at",
    "missed_at",
    "passed_before",
    "start",
    "time_left",
]

"""Working time in England: it flows from midnight to midnight, London time, on working days only.

Amounts are whole microseconds of wall clock, so nothing is rounded: every working day is `DAY`
long, even one on which the clocks change."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cached_property
from zoneinfo import ZoneInfo

from referral import bank_holidays

LONDON = ZoneInfo("Europe/London")
HOUR = 3_600_000_000
DAY = 24 * HOUR
WARN_DAYS = 90

Hold = tuple[datetime, datetime | None]
"""When it was placed, and when it was lifted (None: not yet)."""


@dataclass(frozen=True)
class Calendar:
    """Monday to Friday, less the holidays, which are known up to and including `until`.

    Past `until` every weekday counts as a working day, so a deadline is early rather than late."""

    holidays: frozenset[date]
    until: date

    def is_working_day(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.holidays

    def working_days_before(self, day: date) -> int:
        """How many working days lie before this day, counted from the first Monday there is."""
        weekday = _weekdays_before(day)
        return weekday - bisect_left(self._weekdays_off, weekday)

    def working_day(self, number: int) -> date:
        """The working day that has this many working days before it."""
        weeks, rest = divmod(number + bisect_right(self._worked_before_each, number), 5)
        return date.fromordinal(1 + 7 * weeks + rest)

    @cached_property
    def _weekdays_off(self) -> list[int]:
        return sorted(_weekdays_before(day) for day in self.holidays if day.weekday() < 5)

    @cached_property
    def _worked_before_each(self) -> list[int]:
        return [weekday - earlier for earlier, weekday in enumerate(self._weekdays_off)]


ENGLAND = Calendar(frozenset(bank_holidays.ENGLAND), bank_holidays.UNTIL)


def elapsed(start: datetime, end: datetime, cal: Calendar) -> int:
    """Working microseconds from start to end; less than 0 when the end comes first."""
    return _position(end, cal) - _position(start, cal)


def add_time(at: datetime, micro: int, cal: Calendar) -> datetime:
    """The moment in a working day, in UTC, when this much working time has passed since `at`.

    A start on a day off counts from 00:00 of the next working day, and what would end with a
    working day ends at 00:00 of the next one."""
    if micro < 0:
        raise ValueError("Working time is added, never taken off")
    number, wall = divmod(_position(at, cal) + micro, DAY)
    return _moment(cal.working_day(number), wall)


def add(at: datetime, days: int, cal: Calendar) -> datetime:
    """The moment, in UTC, this many working days after `at`; see `add_time`."""
    return add_time(at, days * DAY, cal)


def back(at: datetime, days: int, cal: Calendar) -> datetime:
    """The moment, in UTC, this many working days before `at`."""
    number, wall = divmod(_position(at, cal) - days * DAY, DAY)
    return _moment(cal.working_day(number), wall)


def end_of(day: date) -> datetime:
    """The first moment after this London day, in UTC."""
    return _moment(day + timedelta(1), 0)


def add_hours(at: datetime, hours: float) -> datetime:
    """The moment, in UTC, this many hours after `at` by the clock: nights and days off count."""
    return _seen_from(UTC, at) + timedelta(hours=hours)


def working_days_between(a: datetime, b: datetime, cal: Calendar) -> int:
    """Working days after the day of `a`, up to and including the day of `b`, by London dates.

    Monday to Thursday is 3 (left, or overdue when less than 0)."""
    return cal.working_days_before(local_day(b) + timedelta(1)) - cal.working_days_before(
        local_day(a) + timedelta(1)
    )


def due_with_holds(
    started: datetime,
    due: datetime,
    holds: Iterable[Hold],
    at: datetime,
    cal: Calendar,
    least_days: int = 1,
) -> datetime | None:
    """The due time that counts at `at`; None while a hold is in force, for the clock stands still.

    It moves on by the working time held, however many holds overlap; each time the last of them
    is lifted at least `least_days` are left. A hold that begins once it is due moves nothing. Only
    what had happened by `at` counts, so the past can be asked about."""
    started, due, at = (_seen_from(UTC, moment) for moment in (started, due, at))
    spans: list[tuple[datetime, datetime]] = []
    for placed, lifted in holds:
        placed = _seen_from(UTC, placed)
        lifted = None if lifted is None else _seen_from(UTC, lifted)
        if placed > at:
            continue
        if lifted is None or lifted > at:
            return None
        spans.append((max(placed, started), lifted))
    for placed, lifted in _union(spans):
        if placed >= due:
            break
        due = max(
            add_time(due, elapsed(placed, lifted, cal), cal),
            add(lifted, least_days, cal),
        )
    return due


def runs_out(cal: Calendar, today: date) -> date | None:
    """The last day the calendar knows, from `WARN_DAYS` before it onwards; None until then."""
    return cal.until if (cal.until - today).days <= WARN_DAYS else None


def local_day(at: datetime) -> date:
    """The date in London at this moment."""
    return _seen_from(LONDON, at).date()


def _position(at: datetime, cal: Calendar) -> int:
    """Where this moment lies on the line of all working time; a day off has no length on it."""
    local = _seen_from(LONDON, at)
    day = local.date()
    before = cal.working_days_before(day) * DAY
    return before + _wall(local) if cal.is_working_day(day) else before


def _wall(local: datetime) -> int:
    """What the wall clock shows; it waits at the end of an hour that comes a second time."""
    if local.fold:
        return (local.hour + 1) * HOUR
    return local.hour * HOUR + (local.minute * 60 + local.second) * 1_000_000 + local.microsecond


def _moment(day: date, wall: int) -> datetime:
    """The first moment of this day at which the wall clock shows this, or more if it skips that."""
    shown = datetime.combine(day, time()) + timedelta(microseconds=wall)
    moment = shown.replace(tzinfo=LONDON).astimezone(UTC)
    if moment.astimezone(LONDON).replace(tzinfo=None) != shown:
        return moment.replace(minute=0, second=0, microsecond=0)
    return moment


def _union(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The same time without overlaps, in order; a span without length is no span."""
    union: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((start, end))
    return union


def _weekdays_before(day: date) -> int:
    weeks, rest = divmod(day.toordinal() - 1, 7)  # day 1 of the calendar is a Monday
    return 5 * weeks + min(rest, 5)


def _seen_from(zone: tzinfo, at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("A time needs its zone")
    return at.astimezone(zone)

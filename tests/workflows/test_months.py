"""The law's month, against a second way of counting it: one that walks the calendar day by day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from referral.bank_holidays import ENGLAND as HOLIDAYS
from workflows.months import answer_by, corresponding, days_stopped
from workflows.working_time import ENGLAND

FIRST, LAST = date(2020, 1, 1), date(2028, 12, 31)
EVERY_DAY = [FIRST + timedelta(n) for n in range((LAST - FIRST).days + 1)]


def walked(received: date, months: int, stopped: int) -> date:
    """Day by day: on past the turns of so many months, then to the same number in the month, as
    long as the month has it; then the days it stood still; then to a day of work."""
    day, turns = received, 0
    while turns < months:
        day += timedelta(1)
        turns += day.day == 1
    while day.day < received.day:
        if (day + timedelta(1)).day == 1:
            break
        day += timedelta(1)
    for _ in range(stopped):
        day += timedelta(1)
    while day.isoweekday() in (6, 7) or day in HOLIDAYS:
        day += timedelta(1)
    return day


def test_every_day_of_nine_years_is_counted_as_walking_counts_it() -> None:
    tried, apart = 0, []
    for received in EVERY_DAY:
        for extended, months in ((False, 1), (True, 3)):
            for stopped in (0, 1, 9):
                tried += 1
                told = answer_by(received, ENGLAND, extended=extended, stopped=stopped)
                if told != walked(received, months, stopped):
                    apart.append((received, extended, stopped, told))
    assert tried == 6 * len(EVERY_DAY) > 19_000
    assert apart == []


@pytest.mark.parametrize(
    ("received", "by"),
    [
        (date(2026, 9, 3), date(2026, 10, 5)),  # 3 October is a Saturday
        (date(2026, 3, 31), date(2026, 4, 30)),  # a shorter month
        (date(2024, 1, 31), date(2024, 2, 29)),
        (date(2023, 1, 31), date(2023, 2, 28)),
        (date(2026, 11, 25), date(2026, 12, 29)),  # Christmas, Boxing Day, a Sunday, a day for it
        (date(2026, 3, 3), date(2026, 4, 7)),  # Good Friday to Easter Monday
    ],
)
def test_a_month_ends_on_the_day_the_law_says(received: date, by: date) -> None:
    assert answer_by(received, ENGLAND) == by


def test_two_months_more_are_counted_from_the_day_it_came() -> None:
    assert answer_by(date(2025, 11, 30), ENGLAND, extended=True) == date(2026, 3, 2)
    assert corresponding(date(2025, 11, 30), 3) == date(2026, 2, 28)


def test_never_on_a_day_off_and_never_before_a_month() -> None:
    for received in EVERY_DAY:
        by = answer_by(received, ENGLAND)
        assert ENGLAND.is_working_day(by)
        assert 28 <= (by - received).days <= 36


def test_what_stands_still_is_counted_in_days_of_london() -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    # Late on a summer's evening it is the next day in London already.
    assert days_stopped(at("2026-07-01T23:30"), at("2026-07-02T09:00")) == 0
    assert days_stopped(at("2026-01-01T23:30"), at("2026-01-02T09:00")) == 1
    assert days_stopped(at("2026-03-02T09:00"), at("2026-03-12T17:00")) == 10

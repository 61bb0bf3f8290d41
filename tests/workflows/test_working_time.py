"""Working time against a second calculator that shares no code, no zone rules and no holiday table
with the first: it walks the world hour by hour and counts."""

from __future__ import annotations

import random
from bisect import bisect_left
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workflows import working_time
from workflows.working_time import (
    DAY,
    ENGLAND,
    HOUR,
    LONDON,
    Calendar,
    add,
    add_hours,
    add_time,
    due_with_holds,
    elapsed,
    local_day,
    runs_out,
    working_days_between,
)

MINUTE = HOUR // 60


class Walker:
    """The second calculator: summer time by its rule, library holidays, hour by hour."""

    first = datetime(2019, 6, 1, tzinfo=UTC)

    def __init__(self) -> None:
        self.off = set(holidays.country_holidays("GB", subdiv="ENG", years=range(2019, 2031)))
        self.summer = {
            year: (self.change(year, 3), self.change(year, 10)) for year in range(2019, 2031)
        }
        self.works: list[bool] = []
        self.done = [0]  # working hours that have passed at the start of each hour
        at = self.first
        while at < datetime(2030, 6, 1, tzinfo=UTC):
            self.works.append(self.is_worked(at))
            self.done.append(self.done[-1] + self.works[-1])
            at += timedelta(hours=1)

    @staticmethod
    def change(year: int, month: int) -> datetime:
        last = next(d for d in range(31, 24, -1) if date(year, month, d).isoweekday() == 7)
        return datetime(year, month, last, 1, tzinfo=UTC)

    def is_worked(self, at: datetime) -> bool:
        spring, autumn = self.summer[at.year]
        day = (at + timedelta(hours=1) if spring <= at < autumn else at).date()
        return day.isoweekday() <= 5 and day not in self.off

    def hour(self, at: datetime) -> tuple[int, int]:
        micro = (at - self.first) // timedelta(microseconds=1)
        return divmod(micro, HOUR)

    def passed(self, at: datetime) -> int:
        hour, micro = self.hour(at)
        return self.done[hour] * HOUR + (micro if self.works[hour] else 0)

    def elapsed(self, start: datetime, end: datetime) -> int:
        return self.passed(end) - self.passed(start)

    def add(self, at: datetime, micro: int) -> datetime:
        """The last moment with exactly this much passed: in a working day, never before one."""
        hours, rest = divmod(self.passed(at) + micro, HOUR)
        hour = bisect_left(self.done, hours + 1) - 1
        return self.first + timedelta(hours=hour, microseconds=rest)


WALKER = Walker()
FROM = datetime(2020, 1, 1, tzinfo=UTC)
TO = datetime(2029, 1, 1, tzinfo=UTC)


def london(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=LONDON)


def some_moment(rng: random.Random) -> datetime:
    span = (TO - FROM) // timedelta(microseconds=1)
    at = FROM + timedelta(microseconds=rng.randrange(span))
    return at if rng.random() < 0.5 else at.replace(minute=0, second=0, microsecond=0)


moments = st.integers(0, (TO - FROM) // timedelta(microseconds=1)).map(
    lambda micro: FROM + timedelta(microseconds=micro)
)
amounts = st.integers(min_value=0, max_value=80 * DAY) | st.integers(0, 80).map(lambda d: d * DAY)


def test_both_calculators_agree_on_many_random_spans():
    rng = random.Random(2020_2028)
    for _ in range(20_000):
        start, end = some_moment(rng), some_moment(rng)
        assert elapsed(start, end, ENGLAND) == WALKER.elapsed(start, end), (start, end)


def test_both_calculators_agree_on_many_random_deadlines():
    rng = random.Random(14)
    for _ in range(20_000):
        at = some_moment(rng)
        micro = rng.choice([rng.randrange(90 * DAY), rng.randrange(90) * DAY])
        assert add_time(at, micro, ENGLAND) == WALKER.add(at, micro), (at, micro)


def test_both_calculators_agree_on_every_day_and_each_of_its_ends():
    day = FROM
    while day < TO:
        local = day.date()
        assert ENGLAND.is_working_day(local) == WALKER.is_worked(day.replace(hour=12)), local
        midnight = london(local.year, local.month, local.day).astimezone(UTC)
        for at in (midnight - timedelta(microseconds=1), midnight, midnight + timedelta(minutes=1)):
            assert elapsed(FROM, at, ENGLAND) == WALKER.elapsed(FROM, at), at
            assert add(at, 10, ENGLAND) == WALKER.add(at, 10 * DAY), at
        day += timedelta(days=1)


@pytest.mark.parametrize("year", range(2020, 2029))
@pytest.mark.parametrize("month", [3, 10])
def test_both_calculators_agree_on_every_minute_around_a_change_of_the_clocks(year, month):
    change = WALKER.change(year, month)
    friday = change - timedelta(days=2)
    for minute in range(-1500, 1500):
        at = change + timedelta(minutes=minute)
        assert elapsed(friday, at, ENGLAND) == WALKER.elapsed(friday, at), at
        assert add(at, 1, ENGLAND) == WALKER.add(at, DAY), at


def test_a_weekend_with_a_change_of_the_clocks_has_no_working_time():
    for sunday in (date(2026, 3, 29), date(2026, 10, 25)):
        friday, monday = sunday - timedelta(2), sunday + timedelta(1)
        noon = london(friday.year, friday.month, friday.day, 12)
        assert add(noon, 1, ENGLAND) == london(monday.year, monday.month, monday.day, 12)
        assert elapsed(noon, london(monday.year, monday.month, monday.day), ENGLAND) == DAY // 2


@pytest.mark.parametrize(
    ("zone", "before", "change", "after"),
    [
        # on a Friday 02:00 becomes 03:00
        ("Asia/Jerusalem", (2026, 3, 27, 1, 59), (2026, 3, 27, 3, 0), (2026, 3, 28, 0, 0)),
        # on a Friday 01:00 becomes 00:00
        ("Asia/Amman", (2021, 10, 29, 0, 59), (2021, 10, 29, 1, 0), (2021, 10, 30, 0, 0)),
    ],
)
def test_even_a_working_day_on_which_the_clocks_change_is_one_day_long(
    monkeypatch, zone, before, change, after
):
    """London changes on Sundays only, so it takes another zone to see it."""
    where = ZoneInfo(zone)
    monkeypatch.setattr(working_time, "LONDON", where)
    cal = Calendar(frozenset(), date(2030, 1, 1))
    midnight = datetime(*before[:3], tzinfo=where)
    end = datetime(*after, tzinfo=where)
    assert (end.astimezone(UTC) - midnight.astimezone(UTC)) != timedelta(hours=24)
    assert elapsed(midnight, end, cal) == DAY
    assert elapsed(midnight, datetime(*change, tzinfo=where), cal) == change[3] * HOUR
    seen = 0
    at = midnight.astimezone(UTC)
    while at < end:
        passed = elapsed(midnight, at, cal)
        assert passed >= seen, "working time never runs back"
        seen = passed
        at += timedelta(minutes=1)
    target = 0
    while target < DAY:
        reached = add_time(midnight, target, cal)
        assert elapsed(midnight, reached, cal) >= target
        assert elapsed(midnight, reached - timedelta(microseconds=1), cal) < max(target, 1)
        target += 7 * MINUTE


def test_a_start_on_a_day_off_counts_from_the_next_working_day():
    saturday = london(2026, 5, 16, 15, 30)
    assert add_time(saturday, 0, ENGLAND) == london(2026, 5, 18)
    assert add_time(saturday, 90 * MINUTE, ENGLAND) == london(2026, 5, 18, 1, 30)
    assert add(saturday, 1, ENGLAND) == london(2026, 5, 19)


def test_a_start_on_a_working_day_counts_at_once():
    assert add_time(london(2026, 5, 18, 15, 30), 0, ENGLAND) == london(2026, 5, 18, 15, 30)
    assert add(london(2026, 5, 18, 15, 30), 2, ENGLAND) == london(2026, 5, 20, 15, 30)


def test_what_ends_with_friday_ends_at_midnight_of_monday():
    assert add(london(2026, 5, 15), 1, ENGLAND) == london(2026, 5, 18)
    assert add_time(london(2026, 5, 15), DAY - 1, ENGLAND) < london(2026, 5, 16)


def test_christmas_2026_with_its_substitute_day():
    """Friday 25 December, Monday 28 December (for Boxing Day) and 1 January are off."""
    assert add(london(2026, 12, 24, 9), 1, ENGLAND) == london(2026, 12, 29, 9)
    assert add(london(2026, 12, 24, 9), 4, ENGLAND) == london(2027, 1, 4, 9)
    assert elapsed(london(2026, 12, 25), london(2026, 12, 29), ENGLAND) == 0
    assert elapsed(london(2026, 12, 24), london(2027, 1, 5), ENGLAND) == 5 * DAY


def test_without_the_substitute_day_the_deadline_would_be_a_day_early():
    without = replace(ENGLAND, holidays=ENGLAND.holidays - {date(2026, 12, 28)})
    assert add(london(2026, 12, 24, 9), 1, without) == london(2026, 12, 28, 9)


def test_a_day_added_by_a_place_moves_the_deadline():
    fair = replace(ENGLAND, holidays=ENGLAND.holidays | {date(2026, 5, 19)})
    assert add(london(2026, 5, 18, 9), 1, ENGLAND) == london(2026, 5, 19, 9)
    assert add(london(2026, 5, 18, 9), 1, fair) == london(2026, 5, 20, 9)


def test_a_holiday_that_falls_on_a_weekend_changes_nothing():
    more = replace(ENGLAND, holidays=ENGLAND.holidays | {date(2026, 5, 16), date(2026, 5, 17)})
    assert add(london(2026, 5, 15, 9), 3, more) == add(london(2026, 5, 15, 9), 3, ENGLAND)


def test_answers_are_in_utc_and_any_zone_may_ask():
    at = datetime(2026, 5, 18, 23, 30, tzinfo=ZoneInfo("Asia/Tokyo"))  # 15:30 in London
    assert add(at, 1, ENGLAND) == london(2026, 5, 19, 15, 30)
    for answer in (add(at, 1, ENGLAND), add_hours(at, 1), due_with_holds(at, at, [], at, ENGLAND)):
        assert answer is not None
        assert answer.tzinfo is UTC


def test_a_time_without_its_zone_is_refused():
    naive = datetime.fromisoformat("2026-05-18T09:00")
    for ask in (
        lambda: elapsed(naive, naive, ENGLAND),
        lambda: add(naive, 1, ENGLAND),
        lambda: add_hours(naive, 1),
        lambda: local_day(naive),
    ):
        with pytest.raises(ValueError, match="zone"):
            ask()


def test_working_time_is_never_taken_off():
    with pytest.raises(ValueError, match="never taken off"):
        add_time(london(2026, 5, 18), -1, ENGLAND)


def test_clock_hours_run_through_nights_weekends_and_changes_of_the_clocks():
    assert add_hours(london(2026, 5, 15, 23, 30), 1) == london(2026, 5, 16, 0, 30)
    assert add_hours(london(2026, 10, 25, 0, 30), 2) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert add_hours(london(2026, 3, 29, 0, 30), 1) == london(2026, 3, 29, 2, 30)
    assert add_hours(london(2026, 5, 15, 9), 0.5) == london(2026, 5, 15, 9, 30)


@given(moments, amounts)
def test_what_was_added_has_then_elapsed(at, micro):
    assert elapsed(at, add_time(at, micro, ENGLAND), ENGLAND) == micro


@given(moments, amounts)
def test_a_deadline_always_lies_in_a_working_day(at, micro):
    assert ENGLAND.is_working_day(local_day(add_time(at, micro, ENGLAND)))


@given(moments, moments, moments)
def test_spans_add_up_and_turn_their_sign(a, b, c):
    assert elapsed(a, b, ENGLAND) + elapsed(b, c, ENGLAND) == elapsed(a, c, ENGLAND)
    assert elapsed(a, b, ENGLAND) == -elapsed(b, a, ENGLAND)


@given(moments, moments, amounts)
def test_a_later_start_is_never_due_earlier(a, b, micro):
    a, b = min(a, b), max(a, b)
    assert elapsed(a, b, ENGLAND) >= 0
    assert add_time(a, micro, ENGLAND) <= add_time(b, micro, ENGLAND)


@given(moments, amounts, amounts)
def test_adding_twice_is_adding_once(at, first, second):
    once = add_time(at, first + second, ENGLAND)
    assert add_time(add_time(at, first, ENGLAND), second, ENGLAND) == once


@pytest.mark.parametrize(
    ("a", "b", "days"),
    [
        ((2026, 5, 18, 9), (2026, 5, 18, 17), 0),
        ((2026, 5, 18, 23, 59), (2026, 5, 19, 0, 0), 1),
        ((2026, 5, 18, 9), (2026, 5, 21, 8), 3),
        ((2026, 5, 21, 9), (2026, 5, 25, 9), 1),  # over a weekend to a bank holiday
        ((2026, 5, 16, 9), (2026, 5, 18, 0), 1),
        ((2026, 5, 21, 9), (2026, 5, 18, 9), -3),
        ((2026, 12, 24, 9), (2027, 1, 4, 9), 4),
    ],
)
def test_working_days_left_are_counted_by_date(a, b, days):
    assert working_days_between(london(*a), london(*b), ENGLAND) == days


@given(moments, moments)
def test_working_days_left_agree_with_counting_on_the_fingers(a, b):
    a, b = min(a, b), max(a, b)
    day, count = local_day(a), 0
    while day < local_day(b):
        day += timedelta(1)
        count += WALKER.is_worked(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    assert working_days_between(a, b, ENGLAND) == count
    assert working_days_between(b, a, ENGLAND) == -count


def test_the_calendar_warns_90_days_before_it_runs_out_and_stays_at_it():
    until = date(2029, 12, 31)
    assert runs_out(ENGLAND, until - timedelta(91)) is None
    assert runs_out(ENGLAND, until - timedelta(90)) == until
    assert runs_out(ENGLAND, until + timedelta(400)) == until


def test_past_its_last_day_a_calendar_still_answers_with_weekdays():
    assert add(london(2031, 12, 24, 9), 1, ENGLAND) == london(2031, 12, 25, 9)
    assert add(london(2031, 12, 26, 9), 1, ENGLAND) == london(2031, 12, 29, 9)


# --- holds ---

STARTED = london(2026, 12, 14, 9).astimezone(UTC)
DUE = add(STARTED, 10, ENGLAND)  # Wednesday 30 December at 9:00, without holds
LATER = london(2027, 6, 1)


def due(holds, at=LATER, started=STARTED, due=DUE, least_days=1):
    return due_with_holds(started, due, holds, at, ENGLAND, least_days)


def test_without_holds_the_due_time_is_the_one_set():
    assert london(2026, 12, 30, 9) == DUE
    assert due([]) == DUE


def test_a_hold_moves_the_due_time_on_by_the_working_time_held():
    """Held for 2 working days and 3 hours, from Friday over a weekend to Tuesday."""
    hold = (london(2026, 12, 18, 9), london(2026, 12, 22, 12))
    assert due([hold]) == london(2027, 1, 4, 12)


def test_a_hold_over_a_weekend_moves_nothing_when_enough_is_left():
    assert due([(london(2026, 12, 19), london(2026, 12, 20, 23))]) == DUE


def test_while_a_hold_is_in_force_the_clock_stands_still():
    holds = [(london(2026, 12, 16), london(2026, 12, 17)), (london(2026, 12, 18), None)]
    assert due(holds) is None
    assert due(holds[::-1]) is None


def test_before_the_hold_and_at_its_release_the_clock_runs():
    hold = (london(2026, 12, 18), london(2026, 12, 21))
    assert due([hold], at=hold[0] - timedelta(microseconds=1)) == DUE
    assert due([hold], at=hold[0]) is None
    assert due([hold], at=hold[1] - timedelta(microseconds=1)) is None
    assert due([hold], at=hold[1]) == due([hold])


def test_two_holds_lifted_in_either_order_over_christmas_give_the_same_due_time():
    first, second = london(2026, 12, 18, 10), london(2026, 12, 22, 15)
    early, late = london(2026, 12, 29, 11), london(2027, 1, 5, 16)
    one = due([(first, early), (second, late)])
    other = due([(first, late), (second, early)])
    assert one == other == due([(first, late)])
    held = WALKER.elapsed(first, late)
    assert one == WALKER.add(DUE, held)
    assert due([(first, early), (second, None)]) is None
    assert due([(first, None), (second, early)]) is None


def test_after_the_last_release_at_least_one_working_day_is_left():
    placed = DUE - timedelta(minutes=5)
    assert due([(placed, london(2027, 1, 4, 9))]) == london(2027, 1, 5, 9)
    assert due([(placed, london(2027, 1, 4, 9))], least_days=3) == london(2027, 1, 7, 9)


def test_more_than_the_least_is_left_as_it_was():
    placed = london(2026, 12, 29, 9) - timedelta(hours=3)  # 1 working day and 3 hours are left
    assert due([(placed, london(2027, 1, 4, 9))]) == london(2027, 1, 5, 12)


def test_a_hold_that_begins_once_it_is_due_moves_nothing():
    assert due([(DUE, DUE + timedelta(days=3))]) == DUE
    assert due([(DUE + timedelta(days=1), DUE + timedelta(days=3))]) == DUE


def test_a_hold_that_begins_before_the_moved_due_time_moves_it_again():
    first = (london(2026, 12, 21, 9), london(2026, 12, 23, 9))
    moved = due([first])
    assert moved is not None
    assert moved > DUE
    second = (DUE + timedelta(hours=1), DUE + timedelta(hours=5))
    assert due([second]) == DUE
    assert due([first, second]) == WALKER.add(moved, 4 * HOUR)


def test_the_least_left_after_a_release_counts_for_the_next_hold():
    """5 minutes were left, a day is given; half a day on a second hold begins."""
    first = (DUE - timedelta(minutes=5), london(2027, 1, 4, 9))
    second = (london(2027, 1, 4, 21), london(2027, 1, 6, 9))
    assert due([first], at=london(2027, 1, 4, 20)) == london(2027, 1, 5, 9)
    assert due([first, second]) == london(2027, 1, 7, 9)


def test_with_no_least_a_hold_cut_in_two_still_holds_for_as_long():
    """Due at 00:00 of Monday and held from Saturday: no working time is left at the cut."""
    saturday, noon = london(2027, 1, 9), london(2027, 1, 11, 12)
    monday = london(2027, 1, 11)
    for holds in (
        [(saturday, noon)],
        [(saturday, monday), (monday, noon)],
        [(saturday, noon - timedelta(hours=1)), (noon - timedelta(hours=1), noon)],
    ):
        assert due(holds, due=monday, least_days=0) == noon


def test_a_hold_from_before_the_start_counts_from_the_start():
    hold = (STARTED - timedelta(days=30), STARTED + timedelta(days=1))
    assert due([hold]) == WALKER.add(DUE, DAY)
    assert due([(STARTED - timedelta(days=30), STARTED)]) == DUE
    assert due([(STARTED - timedelta(days=30), STARTED - timedelta(days=2))]) == DUE


def test_holds_given_in_london_time_are_told_apart_in_the_hour_that_comes_twice():
    """Both are 1:30 on 25 October 2026; the second lifts the hold the first has placed."""
    placed = london(2026, 10, 25, 1, 30)
    lifted = placed.replace(fold=1)
    monday = london(2026, 10, 26)
    started = london(2026, 10, 23, 23)
    before = due_with_holds(started, monday, [(placed, lifted)], placed, ENGLAND)
    assert before is None
    after = due_with_holds(started, monday, [(placed, lifted)], lifted, ENGLAND)
    assert after == london(2026, 10, 27)


def test_a_hold_without_length_is_no_hold():
    last = DUE - timedelta(minutes=5)
    assert due([(last, last)]) == DUE


QUARTER = timedelta(minutes=15)


@st.composite
def lists_of_holds(draw):
    """Up to four, placed and lifted on the quarter of an hour."""
    holds = []
    for _ in range(draw(st.integers(1, 4))):
        placed = STARTED + draw(st.integers(-200, 4000)) * QUARTER
        holds.append((placed, placed + draw(st.integers(0, 1300)) * QUARTER))
    return holds


@given(lists_of_holds())
def test_the_order_of_holds_and_of_their_releases_does_not_matter(holds):
    placed, lifted = [h[0] for h in holds], [h[1] for h in holds]
    assert len({due(list(order)) for order in permutations(holds)}) == 1
    if max(placed) <= min(lifted):
        answers = {due(list(zip(placed, order, strict=True))) for order in permutations(lifted)}
        assert len(answers) == 1


@given(lists_of_holds(), st.integers(0, 20_000))
def test_a_hold_cut_in_two_holds_for_as_long(holds, minutes):
    (placed, lifted), *rest = holds
    middle = min(placed + timedelta(minutes=minutes), lifted)
    assert due([(placed, middle), (middle, lifted), *rest]) == due(holds)
    assert due([(placed, lifted), (placed, middle), *rest]) == due(holds)


@given(lists_of_holds(), st.integers(0, 80_000))
def test_what_happens_later_changes_no_answer_about_now(holds, minutes):
    at = STARTED + timedelta(minutes=minutes)
    known = [(p, e if e <= at else None) for p, e in holds if p <= at]
    assert due(holds, at=at) == due(known, at=at)


@settings(max_examples=500)
@example([(london(2027, 1, 1), london(2027, 1, 1, 0, 15)), (STARTED, london(2026, 12, 16))])
@given(lists_of_holds())
def test_holds_agree_with_a_calculator_that_lives_through_them_step_by_step(holds):
    """The second calculator keeps what is left, lets it run down, and tops it up at a release.
    What has run down by midnight before a day off is due when work begins again, not before."""
    left = WALKER.elapsed(STARTED, DUE)
    at, held = STARTED, False
    while left > 0 or held or not WALKER.is_worked(at):
        now = any(p <= at < e for p, e in holds)
        if held and not now:
            left = max(left, DAY)
        held = now
        if not held and WALKER.is_worked(at):
            left -= 15 * MINUTE
        at += QUARTER
    assert due(holds) == WALKER.add(at, 0)

"""The days of sessions are read from plain words, and never guessed from others."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from workflows.session_days import Run, last_session, next_session, session_on, weekdays

MONDAY = date(2026, 5, 11)


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("Thursdays, 2pm to 3.30pm", {3}),
        ("Wednesdays and Fridays, 10am to midday", {2, 4}),
        ("Mon, Tues, Thurs 10am", {0, 1, 3}),
        ("Monday to Friday, 10am to noon", {0, 1, 2, 3, 4}),
        ("Sat - Mon", {5, 6, 0}),
        ("Every other Thursday", set()),
        ("First Monday of the month", set()),
        ("Daily except Sunday", set()),
        ("Dydd Iau, 2pm tan 3.30pm", {3}),
        ("Bob dydd Llun a Mercher", {0, 2}),
        ("Nos Fawrth a nos Wener", {1, 4}),
        ("Dydd Llun i ddydd Gwener, 10am", {0, 1, 2, 3, 4}),
        ("O ddydd Iau 5 Mawrth 2026", {3}),
        ("Bob yn ail ddydd Iau", set()),
        ("Dydd Llun cyntaf y mis", set()),
        ("O 3 Mawrth", set()),
        ("Ring us", set()),
        ("", set()),
        (None, set()),
    ],
)
def test_weekdays_are_told_or_not_at_all(words: str | None, days: set[int]) -> None:
    assert weekdays(words) == days


def test_the_next_session_is_today_or_after_it() -> None:
    assert next_session("Mondays", [Run()], MONDAY) == MONDAY
    assert next_session("Thursdays", [Run()], MONDAY) == date(2026, 5, 14)
    assert next_session("whenever", [Run()], MONDAY) is None
    assert next_session("Mondays", [], MONDAY) is None


def test_no_session_in_a_break_before_the_first_or_after_the_last() -> None:
    week = timedelta(days=7)
    away = Run(breaks=((MONDAY, MONDAY + timedelta(days=6)),))
    assert next_session("Mondays", [away], MONDAY) == MONDAY + week
    assert next_session("Mondays", [Run(starts_on=MONDAY + 2 * week)], MONDAY) == MONDAY + 2 * week
    assert next_session("Mondays", [Run(ends_on=MONDAY - week)], MONDAY) is None
    assert not session_on("Mondays", [away], MONDAY)
    assert session_on("Mondays", [away, Run()], MONDAY), "another group meets"


def test_the_last_session_is_before_today() -> None:
    assert last_session("Mondays", [Run()], MONDAY) == MONDAY - timedelta(days=7)
    assert last_session("Sundays", [Run()], MONDAY) == MONDAY - timedelta(days=1)
    assert last_session("Mondays", [Run(starts_on=MONDAY)], MONDAY) is None

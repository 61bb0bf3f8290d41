"""Times, deadlines and numbers in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from flask_babel import force_locale

from tests.web.pages import pages
from web import words
from workflows.working_time import ENGLAND, add, end_of

NOW = datetime(2026, 5, 12, 9, tzinfo=UTC)  # a Tuesday, 10 in the morning in London


@pytest.fixture(autouse=True)
def request_of_somebody() -> Iterator[None]:
    with pages().test_request_context():
        yield


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 5, 21, 13, 5, tzinfo=UTC), "21 May 2026 at 2:05pm"),
        (datetime(2026, 5, 21, 11, 0, tzinfo=UTC), "21 May 2026 at midday"),
        (datetime(2026, 5, 20, 23, 0, tzinfo=UTC), "21 May 2026 at midnight"),
        (datetime(2026, 1, 5, 9, 0, tzinfo=UTC), "5 January 2026 at 9am"),
        (datetime(2026, 5, 20, 23, 30, tzinfo=UTC), "21 May 2026 at 12:30am"),
        (datetime(2026, 5, 21, 11, 30, tzinfo=UTC), "21 May 2026 at 12:30pm"),
        (None, ""),
    ],
)
def test_a_time_is_said_as_in_london(at: datetime | None, said: str) -> None:
    assert words.time_words(at) == said


def test_in_welsh_the_halves_of_a_day_are_welsh() -> None:
    with force_locale("cy"):
        assert words.clock_words(datetime(2026, 5, 21, 13, 5, tzinfo=UTC)) == "2:05yp"
        assert words.clock_words(datetime(2026, 1, 5, 9, 0, tzinfo=UTC)) == "9yb"


def test_a_day_leaves_its_year_out_only_in_its_own() -> None:
    assert words.day_words(date(2026, 5, 21), weekday=True) == "Thursday 21 May 2026"
    assert words.day_words(date(2026, 5, 21), weekday=True, now=NOW) == "Thursday 21 May"
    assert words.day_words(date(2027, 1, 4), weekday=True, now=NOW) == "Monday 4 January 2027"
    assert words.day_words(None) == ""


def test_for_machines_a_time_is_utc() -> None:
    assert words.iso(datetime(2026, 5, 21, 13, 5, tzinfo=UTC)) == "2026-05-21T13:05:00Z"
    assert words.iso(date(2026, 5, 21)) == "2026-05-21"
    assert words.iso(None) == ""


@pytest.mark.parametrize(
    ("due", "tone", "said"),
    [
        (datetime(2026, 5, 12, 15, tzinfo=UTC), "today", "Due today"),
        (datetime(2026, 5, 13, 9, tzinfo=UTC), "soon", "Due tomorrow"),
        (
            datetime(2026, 5, 14, 9, tzinfo=UTC),
            "soon",
            "Due Thursday 14 May (2 working days left)",
        ),
        (
            datetime(2026, 5, 18, 9, tzinfo=UTC),
            "soon",
            "Due Monday 18 May (4 working days left)",
        ),
        (
            datetime(2026, 5, 26, 9, tzinfo=UTC),  # the Monday before is a bank holiday
            "later",
            "Due Tuesday 26 May (9 working days left)",
        ),
        (datetime(2026, 5, 12, 8, tzinfo=UTC), "overdue", "Overdue since Tuesday 12 May"),
        (
            datetime(2026, 5, 11, 9, tzinfo=UTC),
            "overdue",
            "1 working day overdue. It was due Monday 11 May",
        ),
        (
            datetime(2026, 5, 8, 9, tzinfo=UTC),
            "overdue",
            "2 working days overdue. It was due Friday 8 May",
        ),
        (
            datetime(2025, 12, 31, 9, tzinfo=UTC),
            "overdue",
            "90 working days overdue. It was due Wednesday 31 December 2025",
        ),
        (None, "paused", "Clock paused while on hold"),
    ],
)
def test_a_deadline_says_a_date_and_how_far_it_is(
    due: datetime | None, tone: str, said: str
) -> None:
    found = words.deadline(due, NOW)
    assert (found.tone, found.text) == (tone, said)
    assert found.at == (words.iso(due) if due else None)


def test_what_is_due_as_a_day_begins_is_due_by_the_end_of_the_working_day_before() -> None:
    # Begun on a Saturday, 3 working days: Monday, Tuesday, Wednesday.
    due = add(datetime(2026, 5, 9, 12, tzinfo=UTC), 3, ENGLAND)
    assert due == end_of(date(2026, 5, 13))
    assert words.deadline(due, NOW).text == "Due tomorrow"
    assert words.last_day(due) == date(2026, 5, 13)
    # As a Monday begins: the Friday before.
    assert words.last_day(end_of(date(2026, 5, 17))) == date(2026, 5, 15)
    # As the day after a bank holiday begins.
    assert words.last_day(end_of(date(2026, 5, 25))) == date(2026, 5, 22)
    # At its own last moment it is still due, a moment later it is overdue.
    last = end_of(date(2026, 5, 12))
    assert words.deadline(last, NOW).text == "Due today"
    assert words.deadline(last, last).tone == "overdue"


def test_a_deadline_by_the_clock_says_its_hour() -> None:
    at = datetime(2026, 5, 12, 10, 30, tzinfo=UTC)
    assert words.deadline(at, NOW, hours=True).text == "Due today by 11:30am"
    assert words.deadline(at, at, hours=True).text == "Overdue since Tuesday 12 May at 11:30am"
    tomorrow = datetime(2026, 5, 13, 0, 30, tzinfo=UTC)
    assert words.deadline(tomorrow, NOW, hours=True).text == "Due Wednesday 13 May at 1:30am"


def test_by_when_somebody_has_to_reply() -> None:
    assert words.by_when(datetime(2026, 5, 19, 9, tzinfo=UTC), NOW) == "Tuesday 19 May"
    assert words.by_when(None, NOW) == ""


def test_an_nhs_number_is_read_in_groups() -> None:
    assert words.nhs_number("9990000018") == "999 000 0018"
    assert words.nhs_number(None) == ""


def test_a_reference_stands_in_one_piece_and_nothing_else_becomes_markup() -> None:
    kept = '<span class="app-reference">SG-7K4Q-2M</span>'
    assert words.whole("Ann <b>, SG-7K4Q-2M.") == f"Ann &lt;b&gt;, {kept}."
    assert words.whole("SG-7K4Q-2MX is none") == "SG-7K4Q-2MX is none"


def test_a_command_is_set_as_what_is_typed_and_nothing_else_becomes_markup() -> None:
    told = words.with_commands("Is `segue worker` there? <i>No</i> `")
    assert told == "Is <code>segue worker</code> there? &lt;i&gt;No&lt;/i&gt; `"


def test_age_bands_have_words() -> None:
    assert words.age_band("70_79") == "70 to 79"
    assert words.age_band("under_18") == "Under 18"
    assert words.age_band("90_over") == "90 or over"
    assert words.age_band(None) == ""


def test_a_list_in_words() -> None:
    assert words.listed([]) == ""
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"

"""Who answers at which hour: pure, by the rota, the working day and the council's number."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from referral.ids import new_id
from referral.rotas import Line, Numbers
from workflows.rotas import answers, choose

PLACE, ABOVE, DESK = new_id(), new_id(), new_id()
WEEKDAYS, EVERY_DAY, SATURDAY = "1111100", "1111111", "0000010"
TUESDAY_NOON = datetime(2026, 5, 12, 11, 0, tzinfo=UTC)
SATURDAY_NIGHT = datetime(2026, 5, 16, 21, 0, tzinfo=UTC)  # 10pm in London
SUNDAY_EARLY = datetime(2026, 5, 17, 1, 0, tzinfo=UTC)
BANK_HOLIDAY = datetime(2026, 5, 25, 11, 0, tzinfo=UTC)


def line(days: str = WEEKDAYS, opens: str = "09:00", closes: str = "17:00", **more: object) -> Line:
    said = {"serves": "anyone", "bank_holidays": False, "organisation_id": None, "phone": "1"}
    return Line(
        id=new_id(),
        place_id=PLACE,
        name="Desk",
        days=days,
        opens=opens,
        closes=closes,
        **{**said, **more},  # type: ignore[arg-type]
    )


def place(office: str | None = None, council: str | None = "999-council") -> Numbers:
    return Numbers(PLACE, "Harbour", office, council, "County desk")


@pytest.mark.parametrize(
    ("one", "at", "answered"),
    [
        (line(), TUESDAY_NOON, True),
        (line(), SATURDAY_NIGHT, False),
        (line(), BANK_HOLIDAY, False),
        (line(bank_holidays=True), BANK_HOLIDAY, True),
        (line(closes="12:00"), TUESDAY_NOON, False),  # until midday is until midday
        (line(SATURDAY, "22:00", "08:00"), SATURDAY_NIGHT, True),
        (line(SATURDAY, "22:00", "08:00"), SUNDAY_EARLY, True),  # the night goes on
        (line("0000001", "22:00", "08:00"), SUNDAY_EARLY, False),  # its night has not begun
        (line(EVERY_DAY, "00:00", "00:00"), SUNDAY_EARLY, True),
    ],
)
def test_a_line_answers_on_its_days_between_its_hours(
    one: Line, at: datetime, answered: bool
) -> None:
    assert answers(one, at) is answered


def number(*args: object, **more: object) -> str | None:
    found = choose(*args, **more)  # type: ignore[arg-type]
    return found.phone if found else None


def test_the_nearest_place_comes_first_and_the_council_last() -> None:
    above = Numbers(ABOVE, "Saltmarsh", "above", "above-council", None)
    both = [(place("office"), [line(phone="own")]), (above, [line(EVERY_DAY, phone="above-line")])]
    assert number(both, TUESDAY_NOON) == "own"
    assert number([(place("office"), []), (above, [])], TUESDAY_NOON) == "office"
    assert number(both, SATURDAY_NIGHT) == "999-council"
    assert number([(place(None, None), []), (above, [])], SATURDAY_NIGHT) == "above-council"


def test_an_office_that_is_closed_is_never_said_to_answer() -> None:
    assert number([(place("office", None), [line()])], SATURDAY_NIGHT) is None


def test_a_child_is_not_sent_to_the_line_for_adults() -> None:
    lines = [line(serves="adults", phone="adults"), line(serves="children", phone="children")]
    assert number([(place(), lines)], TUESDAY_NOON, False) == "adults"
    assert number([(place(), lines)], TUESDAY_NOON, True) == "children"


def test_nobody_is_told_to_ring_those_whom_the_concern_names() -> None:
    lines = [line(organisation_id=DESK, phone="theirs"), line(phone="other")]
    assert number([(place("office"), lines)], TUESDAY_NOON) == "theirs"
    barred = frozenset({DESK})
    assert number([(place("office"), lines)], TUESDAY_NOON, barred=barred) == "other"
    alone = [(place("office"), lines[:1])]
    assert number(alone, TUESDAY_NOON, barred=barred) == "office"
    assert number(alone, TUESDAY_NOON, barred=barred, lead_barred=True) == "999-council"

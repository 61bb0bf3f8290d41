"""Pictures of a few numbers: what they say to those who see, hear, print or enlarge them."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.web.pages import draw
from web.charts import DASHES, Bar, Cell, Chart, Drawing, Line, Point, Table, bars, lines

TABLE = Table(
    "Why providers said no",
    ["Reason", "Referrals"],
    [[Cell("Full"), Cell("25", "/referrals?reason=full", number=True)], [Cell("Other"), Cell("*")]],
)
FINDING = "Most were declined because the group was full."
GIVEN = [
    Bar("The group is full", 25, "25"),
    Bar("An access need that we cannot meet at this venue", 10, "10", "hatched"),
    Bar("Outside our area", None, "1 to 7"),
    Bar("Nobody said", 5, "5", "missing"),
]
DAY = datetime(2026, 5, 4, tzinfo=UTC)


def declines() -> Chart:
    return bars("declines", "Declines by reason", FINDING, GIVEN, TABLE)


def scores(*names: str) -> Chart:
    given = [
        Line(
            name,
            [Point(DAY + timedelta(days=30 * n), f"{n} May", 4 + n + row, f"{4 + n} of 10")
             for n in range(3)],
        )
        for row, name in enumerate(names)
    ]  # fmt: skip
    return lines("scores", "Scores", "They rose.", given, 0, 10, TABLE)


def html(chart: Chart, counted: str = "") -> str:
    source = '{% from "components/chart.jinja" import chart %}{{ chart(given, counted) }}'
    return draw(source, given=chart, counted=counted)


def test_a_picture_has_a_name_and_says_what_it_shows() -> None:
    drawn = html(declines())
    for name in ("wide", "narrow"):
        assert f'role="img" aria-labelledby="declines-{name}-title declines-{name}-desc"' in drawn
        assert f'<title id="declines-{name}-title">Declines by reason</title>' in drawn
        assert f'<desc id="declines-{name}-desc">{FINDING}</desc>' in drawn


def test_the_table_comes_right_after_the_picture_with_its_links() -> None:
    drawn = html(declines(), "Each decline counts once.")
    after = drawn[drawn.rindex("</svg>") + len("</svg>") :]
    assert after.lstrip().startswith("<details")
    assert '<a class="app-number" href="/referrals?reason=full">25</a>' in after
    assert "Each decline counts once." in after
    assert "href" not in drawn[: drawn.rindex("</svg>")]  # nothing to press inside a picture


@pytest.mark.parametrize("chart", [declines(), scores("Happy", "Worried")], ids=["bars", "lines"])
def test_nothing_in_a_picture_is_styled_in_place_or_fetched(chart: Chart) -> None:
    drawn = html(chart)
    assert "style=" not in drawn
    assert "<script" not in drawn
    assert "<image" not in drawn
    assert not re.search(r"url\((?!#)", drawn)


@pytest.mark.parametrize("chart", [declines(), scores("Happy", "Worried")], ids=["bars", "lines"])
def test_words_keep_their_size_on_a_phone_of_320_pixels(chart: Chart) -> None:
    narrow = next(one for one in chart.drawings if one.name == "narrow")
    room = 320 - 2 * 16
    assert 16 * min(1, room / narrow.width) >= 14
    assert 'font-size="16"' in html(chart)


def _inside(one: Drawing) -> bool:
    """Whether each word begins and ends within its drawing, by the width of a letter."""
    for words in one.words:
        long = len(words.text) * 8.8
        start = words.x - (long if words.anchor == "end" else 0)
        if start < -1 or start + long > one.width + 9 or not 0 < words.y < one.height + 1:
            return False
    return all(box.x + box.width <= one.width for box in one.boxes)


@pytest.mark.parametrize("chart", [declines(), scores("Happy", "Worried")], ids=["bars", "lines"])
def test_words_stay_inside_both_drawings(chart: Chart) -> None:
    for one in chart.drawings:
        assert _inside(one), one.name


def test_names_of_lines_never_lie_on_each_other() -> None:
    chart = scores("Happy", "Happy too", "Happy as well", "Worried")
    for one in chart.drawings:
        ends = sorted(words.y for words in one.words if words.strong)
        assert all(b - a >= 20 for a, b in pairwise(ends)), one.name


def test_what_differs_differs_without_colour() -> None:
    drawn = html(declines())
    assert 'fill="url(#declines-wide-hatch)"' in drawn
    assert "app-chart__bar--missing" in drawn
    chart = scores("a", "b", "c", "d")
    for one in chart.drawings:
        assert {trail.dash for trail in one.trails if not trail.rule} == set(DASHES)
        assert len({re.sub(r"M[-\d.]+ [-\d.]+", "", mark.path) for mark in one.marks}) == 4


def test_a_number_that_may_not_be_told_has_the_same_bar_whatever_it_is() -> None:
    """Were its length drawn from it, a ruler would tell."""
    hidden = [box for box in declines().drawings[0].boxes if box.look == "hidden"]
    assert [box.width for box in hidden] == [6.0]
    assert "1 to 7" in html(declines())


def test_bars_are_as_long_as_their_numbers_say() -> None:
    for one in declines().drawings:
        solid, hatched, _hidden, missing = (box.width for box in one.boxes)
        assert solid == pytest.approx(hatched * 2.5, abs=0.2)
        assert hatched == pytest.approx(missing * 2, abs=0.2)


def test_nothing_is_drawn_for_nothing() -> None:
    chart = bars("none", "None", "There were none.", [Bar("Full", 0, "0")], TABLE)
    assert all(not one.boxes for one in chart.drawings)
    with pytest.raises(ValueError, match="one to four"):
        lines("none", "None", "None", [], 0, 10, TABLE)
    with pytest.raises(ValueError, match="one to four"):
        lines("none", "None", "None", [Line("Happy", [])], 0, 10, TABLE)

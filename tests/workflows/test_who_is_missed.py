"""Who was referred beside who lives in the place: from the numbers as they are told alone."""

from __future__ import annotations

from itertools import product

import pytest

from workflows.small_numbers import EXACT, Small
from workflows.who_is_missed import Shares, reach, shares

LIVE = {"asian": 18, "black": 7, "white": 75}


def of(numbers: dict[str, int], small: Small | None = None, live: dict[str, int] = LIVE) -> Shares:
    small = small or Small()
    told = {kind: small.told(number) for kind, number in numbers.items()}
    return shares(told, ("kept_back", ""), live, small)


def test_numbers_that_are_told_alike_have_the_same_shares() -> None:
    """So neither a share, nor what is left of a hundred, tells a number that is hidden."""
    alike = [
        of({"asian": asian, "black": black, "white": white, "": missing})
        for asian, black, white, missing in product((1, 4, 7), (1, 7), (88, 92), (1, 7))
    ]
    assert len(alike) == 24
    assert all(one == alike[0] for one in alike)
    assert alike[0].each["asian"].referred is None
    assert of({"asian": 8, "black": 1, "white": 90}) != of({"asian": 7, "black": 1, "white": 90})


@pytest.mark.parametrize("small", [Small(), EXACT, Small(2, 10), Small(1, 1), Small(0, 5)])
def test_every_number_lies_within_what_its_telling_may_be(small: Small) -> None:
    for number in range(60):
        found = reach(small.told(number), small)
        assert found.low <= number <= found.high
        ends = {small.told(found.low), small.told(found.high)}
        assert ends == {small.told(number)}


def test_the_group_most_missed_is_named_although_its_number_is_hidden() -> None:
    found = of({"asian": 3, "black": 10, "white": 130})
    assert found.furthest() == "asian"
    assert found.each["asian"].most == 5  # 7 of 143
    assert [found.each[part].differs for part in LIVE] == [-1, 0, 0]


@pytest.mark.parametrize(
    "numbers",
    [
        {"asian": 18, "black": 8, "white": 75},  # as they live
        {"asian": 3, "black": 2, "white": 21},  # too few to be sure
        {"asian": 1600, "black": 700, "white": 7700},  # sure, and not great
    ],
)
def test_a_difference_that_is_small_or_may_be_by_chance_is_not_told(
    numbers: dict[str, int],
) -> None:
    found = of(numbers)
    assert found.each
    assert found.furthest() is None


def test_of_two_groups_the_one_asked_about_is_told_also_where_there_are_more() -> None:
    live = {"yes": 18, "no": 82}
    more = of({"yes": 60, "no": 60}, live=live)
    assert (more.furthest("yes"), more.each["yes"].differs) == ("yes", 1)
    assert of({"yes": 20, "no": 80}, live=live).furthest("yes") is None


def test_where_most_or_nearly_all_are_not_known_nothing_is_set_beside() -> None:
    known = {"asian": 0, "black": 20, "white": 80}
    assert of({**known, "": 60, "kept_back": 30}).furthest() == "asian"
    assert of({**known, "": 60, "kept_back": 30}).missing == 45
    assert of({**known, "": 100, "kept_back": 30}).furthest() is None
    few = of({"asian": 0, "black": 0, "white": 15, "": 500})
    assert (few.each, few.missing) == ({}, 95)
    assert of({"asian": 0, "black": 0, "white": 0, "": 500}).missing == 100


def test_ones_own_numbers_are_as_they_are() -> None:
    found = of({"asian": 1, "black": 2, "white": 22}, EXACT)
    assert found.each["asian"].referred == 4

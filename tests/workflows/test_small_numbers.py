"""Nobody can be picked out by a small number."""

import pytest

from workflows.small_numbers import EXACT, Small


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0"), (1, "*"), (7, "*"), (8, "10"), (12, "10"), (13, "15"), (100, "100"), (1002, "1000")],
)
def test_small_numbers_are_hidden_and_others_rounded(number: int, told: str) -> None:
    assert Small().told(number).text == told


def test_numbers_of_ones_own_are_told_as_they_are() -> None:
    assert [EXACT.told(number).text for number in (0, 1, 7, 12)] == ["0", "1", "7", "12"]


def test_what_is_hidden_has_no_value_that_could_be_drawn() -> None:
    assert {Small().told(number).value for number in range(1, 8)} == {None}
    assert Small().told(8).value == 10


def test_each_place_may_set_its_own() -> None:
    assert [Small(4, 10).told(number).text for number in (4, 5, 14, 15)] == ["*", "10", "10", "20"]


@pytest.mark.parametrize(
    ("part", "whole", "share"), [(3, 100, None), (50, 100, 50), (8, 9, 100), (33, 100, 35)]
)
def test_shares_are_of_the_numbers_as_they_are_told(
    part: int, whole: int, share: int | None
) -> None:
    assert Small().share(part, whole) == share

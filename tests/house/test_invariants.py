"""Each of the 59 statements of what must never happen has a test named after it.

A test is named by `@pytest.mark.invariant("I33")` above it, or by its own name (`test_i33_...`).
Those that speak of the product of all machines are explored besides (`segue prove`), which says for
each how far it went. What has no test yet is listed here with the reason, so that nobody takes the
list for longer than it is."""

from __future__ import annotations

import ast

import pytest

from tests.living import by_invariant, called_after, living, marked
from workflows.prove.elsewhere import NOT_BUILT

ALL = tuple(f"I{n:02}" for n in range(1, 60))
# Not shown yet, and why. Whoever builds what is missing takes its line out.
WITHOUT: dict[str, str] = {}


@pytest.mark.parametrize("one", ALL)
def test_an_invariant_has_a_test_or_is_said_to_have_none(one: str) -> None:
    tests = by_invariant().get(one, [])
    if one in WITHOUT:
        assert tests == [], f"{one} has a test now: take it out of the list"
        assert WITHOUT[one]
    else:
        assert tests, f"no test is marked with invariant({one!r})"


def test_the_explorer_says_the_same_of_what_is_not_built() -> None:
    assert NOT_BUILT == WITHOUT


def test_no_test_is_named_after_an_invariant_there_is_not() -> None:
    assert set(by_invariant()) <= set(ALL)
    assert set(WITHOUT) <= set(ALL)


def test_a_marker_is_read_from_the_file() -> None:
    tree = ast.parse(
        '@pytest.mark.slow\n@pytest.mark.invariant("I01", "I02")\ndef test_it(): ...\n'
        "def test_other(): ...\n"
    )
    found = [marked(f) for f in tree.body if isinstance(f, ast.FunctionDef)]
    assert found == [["I01", "I02"], []]
    assert called_after("TestIt::test_i29_nobody_is_mixed_up") == ["I29"]
    assert called_after("test_in_time") == []
    assert len(living()) > 500

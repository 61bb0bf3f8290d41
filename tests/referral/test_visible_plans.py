"""No list reads a growing table from end to end: not the worklist of one among hundreds, nor the
referrals of one practice among thousands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from referral import sign_ins, visible
from referral.store import Sql, Store
from tests.referral.test_plans import GROWS, fill, scanned_on_postgresql, scanned_on_sqlite
from tests.referral.test_plans import _each as each

# Whoever answers for a whole place reads every referral there: that is their list, and there is no
# narrower one. Their pages show reviews and work, which are narrow.
WHOLE_PLACES = {"place"}
# Throwing old counts away keeps the table that it reads small.
SWEEPS = {"FORGET_TRIES.0"}


def lists(pg: bool) -> Iterator[tuple[str, Sql]]:
    """Every list, for each scope that is narrower than a place, and each way it is narrowed."""
    for module in (visible, sign_ins):
        for name, held in vars(module).items():
            if name.endswith("_SQLITE" if pg else "_PG"):
                continue  # the other database's own way to say it
            for number, query in enumerate(each(held, pg)):
                yield f"{name}.{number}", query
    for scoped in set(visible.SCOPES) - WHOLE_PLACES - {"nobody"}:
        for states in (frozenset[str](), frozenset({"sent", "queried"})):
            for narrowed in ((), ("overdue",), ("mine",), ("person_id",)):
                for further in (False, True):
                    query = visible._referrals(scoped, frozenset(narrowed), states, further, 25)
                    yield f"referrals {scoped} {narrowed} {sorted(states)} {further}", query
        for by in visible.SORTS:
            for down in (False, True):
                sort = visible.Sort(by, down)
                query = visible._referrals(scoped, frozenset(), frozenset(), True, 25, sort)
                yield f"referrals {scoped} sorted by {by} {down}", query
                yield f"sorted by {scoped} {by}", visible._sorted_by(scoped, sort)
        for narrowed_by in visible.NARROWED:
            query = visible._how_many(scoped, frozenset({narrowed_by}), frozenset())
            yield f"how many {scoped} {narrowed_by}", query
        for how in ("ids", "reference", "reference_part", "name"):
            yield f"referrals {scoped} by {how}", visible._referrals_by(scoped, how, pg)
        for mine in (False, True):
            for besides in (False, True):
                query = visible._counts(scoped, mine, besides)
                yield f"counts {scoped} {mine} {besides}", query
            yield f"next due {scoped} {mine}", visible._next_due(scoped, mine)
    for name in ("WORK_PAGE", "WORK_ONE", "ANSWERS", "ANSWERS_AND_HOLDS"):
        yield name, visible._many(getattr(visible, name), (), pg)
    for noun, (text, _) in visible.DETAILS.items():
        yield f"details {noun}", visible._many(text, (), pg)
    for by in visible.PEOPLE_BY:
        for onward in (False, True):
            yield f"people {by} {onward}", visible._people("team", by, onward, pg)
    review = visible.REVIEW.format(scope=visible.REVIEW_SCOPES["team"])
    for which, narrowed_by in visible.REVIEWS.items():
        yield f"reviews {which}", visible._many(review + narrowed_by, (), pg)


def test_no_list_scans_a_table_that_grows(store: Store) -> None:
    if store.pg:
        fill(store)
    scanned = scanned_on_postgresql if store.pg else scanned_on_sqlite
    found = {}
    count = 0
    for name, query in lists(store.pg):
        count += 1
        grown = scanned(store, query) & GROWS
        if grown and name not in SWEEPS:
            found[name] = sorted(grown)
    assert not found, found
    assert count > 60


def test_a_whole_place_is_the_only_list_left_out() -> None:
    assert set(visible.SCOPES) > WHOLE_PLACES
    with pytest.raises(KeyError):
        visible._referrals("everything", frozenset(), frozenset(), False, 25)

"""Every situation a record is met in, of every slice of the quick profile: laid down in a store and
held against the picture, for everybody who acts in the slice, and every combination of guards'
answers taken there by the real commands, on both databases."""

from __future__ import annotations

import pytest

from referral.store import Store
from tests.counted import Counted
from tests.databases import beyond
from tests.prove.staged import hold_against, people_of_the_picture, take
from tests.world import build
from workflows.prove.exploring import explore
from workflows.prove.proof import chosen


@pytest.mark.parametrize("name", [s.name for s in chosen(False, ())])
def test_the_store_answers_as_the_picture_in_every_situation(
    store: Store, name: str, counted: Counted
) -> None:
    (slice_,) = chosen(False, (name,))
    w = build(store)
    people_of_the_picture(w)
    x = explore(slice_, (), keep=True)
    compared = 0
    with beyond(store) as powerful:
        for s in x.first:
            compared += hold_against(powerful, w, s, slice_.actors)
        compared += take(powerful, w, x.watch.met, lambda _: slice_, slice_.actors)[1]
    counted(f"{len(x.first):,} situations, {compared:,} facts alike")
    assert compared > len(x.first) > 0

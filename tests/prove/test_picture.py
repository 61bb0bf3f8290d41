"""The explorer's picture answers as the store does: the same steps taken by the real commands, and
every actor's moves and refusals held against each other after each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from referral.states import Noun
from referral.store import Sql, Store
from tests.prove.real import Unlike, walks
from tests.world import World, build
from workflows.prove import world
from workflows.prove.exploring import Slice
from workflows.prove.slices import GIVEN, ready, slices


def walked() -> list[Slice]:
    """The slices whose beginnings the real commands can make: nothing there, or one agreement."""
    there = slices()
    given = ready(consents=(GIVEN,))
    moves = frozenset({"create", "send", "accept", "start", "complete", "recall", "withdraw"})
    return [
        there["one referral"],
        there["full hold"],
        there["concern"],
        there["two referrals"],
        replace(
            there["override"],
            start=lambda: (ready(), given),
            moves={**there["override"].moves, Noun.REFERRAL: moves},
        ),
        replace(there["death"], start=lambda: (given,)),
    ]


@pytest.fixture
def w(store: Store) -> World:
    made = build(store)
    with made.store.begin() as tx:
        tx.run(Sql("UPDATE activity_group SET capacity = 5000"))
    return made


def test_the_picture_and_the_store_answer_alike(w: World) -> None:
    compared: set[tuple[Any, ...]] = set()
    for n, slice_ in enumerate(walked()):
        compared |= walks(w, slice_, 4, 20, seed=n)
    assert len(compared) > 200


def test_a_picture_that_forgets_a_hold_is_found_out(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "held", lambda s, r: False)
    with pytest.raises(Unlike):
        walks(w, slices()["concern"], 4, 20)

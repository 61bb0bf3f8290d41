"""The reach of a concern's hold: who stands still while it is looked into."""

from __future__ import annotations

import pytest

from referral import facts
from referral.states import Noun
from referral.store import Store
from tests.world import World, build
from workflows.concerns import raise_concern


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def held(w: World, record: str) -> bool:
    with w.store.read() as tx:
        f = facts.referral(tx, record, w.actor["priya"], w.at)
    assert f is not None
    return bool(f.held)


def worried(w: World) -> tuple[str, str, str]:
    """A concern about somebody who sings and makes pots: its id, and both referrals."""
    person = w.person()
    choir, pottery = w.sent(person), w.sent(person, "pottery")
    values = {"person_id": person, "seen": "Bruises.", "danger": False, "sources": []}
    with w.store.begin(w.actor["priya"]) as tx:
        made = raise_concern(tx, w.actor["priya"], w.at, values)
    return made.id, choir, pottery


def narrow(w: World, concern: str) -> None:
    given = {"reach": "provider", "hold_provider_id": w.provider["singers"]}
    w.step(Noun.CONCERN, concern, "hold", "gwen", given=given)


def test_i45_narrowing_the_hold_of_an_unread_concern_lets_nobody_go(w: World) -> None:
    concern, choir, pottery = worried(w)
    narrow(w, concern)
    assert held(w, choir)
    assert held(w, pottery)
    w.step(Noun.CONCERN, concern, "acknowledge", "gwen", given={"hold_stays": False})
    assert not held(w, choir)
    assert not held(w, pottery)


def test_once_read_the_new_reach_takes_the_place_of_the_old(w: World) -> None:
    concern, choir, pottery = worried(w)
    w.step(Noun.CONCERN, concern, "acknowledge", "gwen", given={"hold_stays": True})
    narrow(w, concern)
    assert held(w, choir)
    assert not held(w, pottery)

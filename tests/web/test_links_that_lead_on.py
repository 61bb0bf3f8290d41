"""Buttons and links that stand on a page lead to what they say, or to what is to be done first."""

from __future__ import annotations

import pytest

from referral.states import Noun
from referral.store import Store
from tests.counting import BUDGET, counted
from tests.web.client import sign_in
from tests.workflows.test_rights_doing import begun, decided
from tests.world import World, build


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def test_whoever_makes_the_copy_too_early_is_led_to_what_is_decided_first(w: World) -> None:
    record = begun(w, w.person(), "access")
    ingrid = sign_in(w, "ingrid")
    page = ingrid.get(f"/rights/{record}/copy")
    assert page.path == f"/rights/{record}/parts"
    assert "Decide on each part first" in page.words
    decided(w, record, notes="give", reviews="give")
    assert ingrid.get(f"/rights/{record}/copy").path == f"/rights/{record}/copy"


def test_a_referral_recorded_in_error_leads_to_no_answers_of_the_person(w: World) -> None:
    record = w.sent()
    outcomes = f'href="/referrals/{record}/outcomes"'
    assert outcomes in sign_in(w, "priya").get(f"/referrals/{record}").text
    w.referral(record, "mark_in_error", "priya", given={"reason": "wrong_person"},
               second=w.actor["tess"])  # fmt: skip
    assert outcomes not in sign_in(w, "priya").get(f"/referrals/{record}").text


def test_the_page_of_a_move_and_a_closed_concern_ask_little_of_the_store(w: World) -> None:
    record = w.completed()
    seen = {"person_id": w.person(), "seen": "Bruises.", "danger": False}
    concern = w.step(Noun.CONCERN, None, "raise", "sam", given=seen).id
    closing = {"wishes_met": "fully", "feedback": "Her sister looks in now.", "reason": "advice"}
    for trigger, given in (("acknowledge", {}), ("close", closing)):
        w.step(Noun.CONCERN, concern, trigger, "gwen", given=given)
    for who, path, words in (
        ("priya", f"/referrals/{record}/confirm", "Singing for breathing"),
        ("gwen", f"/concerns/{concern}", "Her sister looks in now."),
        ("sam", f"/concerns/{concern}", "Her sister looks in now."),
    ):
        visitor = sign_in(w, who)
        visitor.get("/help")
        with counted() as sent:
            page = visitor.get(path)
        assert words in page.words, path
        assert len(sent) <= BUDGET, "\n".join([path, *sent])

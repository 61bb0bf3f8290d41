"""Buttons and links that stand on a page lead to what they say, or to what is to be done first."""

from __future__ import annotations

import json

import pytest

from referral.states import Noun
from referral.store import Store
from tests.counting import BUDGET, counted
from tests.web.client import sign_in
from tests.workflows.test_rights_doing import begun, decided
from tests.world import World, build
from web.copy_words import told
from workflows.people import write_note


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


def test_a_copy_is_offered_once_its_parts_were_read_and_decided(w: World) -> None:
    person = w.person()
    with w.store.begin(w.actor["priya"]) as tx:
        write_note(tx, w.actor["priya"], w.at, person, "She paints birds.")
    record = begun(w, person, "access")
    ingrid = sign_in(w, "ingrid")
    later = [f'href="/rights/{record}/{path}"' for path in ("copy", "passages")]
    page = ingrid.get(f"/rights/{record}")
    assert f'href="/rights/{record}/parts/read"' in page.text
    assert not any(each in page.text for each in later)
    assert ingrid.get(f"/rights/{record}/passages").path == f"/rights/{record}/parts"
    assert f'href="/rights/{record}/parts/read"' in ingrid.get(f"/rights/{record}/parts").text
    with counted() as sent:
        assert "She paints birds." in ingrid.get(f"/rights/{record}/parts/read").words
    assert len(sent) <= BUDGET  # however many tables the parts are kept in
    assert sign_in(w, "grace").get(f"/rights/{record}/parts/read").status in (403, 404)
    decided(w, record, notes="about_others", reviews="give")
    assert all(each in ingrid.get(f"/rights/{record}").text for each in later)
    assert ingrid.get(f"/rights/{record}/passages").path == f"/rights/{record}/passages"


def test_a_copy_says_codes_in_words_and_tells_a_program_what_they_mean(w: World) -> None:
    person = w.person()
    w.consent(person)
    w.sent(person)
    w.said_of_equality(person, ethnic_group="C2", disability="Y0")
    record = begun(w, person, "access")
    decided(w, record, notes="give", reviews="about_others")
    ingrid = sign_in(w, "ingrid")
    words = ingrid.get(f"/rights/{record}/copy").words
    for said, raw in (
        ("To see it: a copy of everything held", "Kind access"),
        ("They showed a document", "asks documents"),
        ("It is left out", "withhold"),
        ("Share with the provider", "share with provider"),
        ("In hand", "in progress"),
        ("White: Roma", "C2"),
    ):
        assert said in words, said
        assert raw not in words, raw
    labels = json.loads(ingrid.get(f"/rights/{record}/copy.json").text)["labels"]
    assert labels["rights_request"]["identity_how"] == {"documents": "They showed a document"}
    assert labels["rights_part"]["reason"]["about_others"].startswith("It is about somebody else")
    assert told("score", "measure", "ons4").startswith("Four questions")
    assert told("score", "happy", 4) == "4"


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

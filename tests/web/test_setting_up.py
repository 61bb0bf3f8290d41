"""The administrator's first page: what isn't well, and how far the place is set up."""

from __future__ import annotations

from referral.setting_up import SetUp
from referral.store import Sql, Store
from tests.counting import counted
from tests.web.client import sign_in
from tests.world import build
from web.setting_up import tasks

NO_NUMBERS = Sql("UPDATE place SET safeguarding_phone = NULL")
NOTHING = SetUp(*(0 for _name in SetUp._fields))


def test_what_is_missing_is_named_with_where_to_mend_it(store: Store) -> None:
    w = build(store)
    ada = sign_in(w, "ada")
    with counted() as sent:
        page = ada.get("/")
    assert "Setting up" in page.words
    assert "Put what is read out for consent into your own words" in page.words
    assert "no safeguarding number for working hours" not in page.words
    assert len(sent) <= 15
    with store.begin() as tx:
        tx.run(NO_NUMBERS)
    page = sign_in(w, "ada").get("/")
    assert "no safeguarding number for working hours" in page.words
    assert 'href="/organisations">Look at it' in page.text


def test_steps_are_done_by_what_is_there(store: Store) -> None:
    ada = build(store).actor["ada"]
    assert [one["done"] for one in tasks(NOTHING, ada, 1)] == [False] * 8
    some = SetUp(*(1 for _name in SetUp._fields))
    assert [one["done"] for one in tasks(some, ada, 0)] == [True] * 8
    unsaid = some._replace(numbers=0)
    assert [one["done"] for one in tasks(unsaid, ada, 0)].count(False) == 1
    without_leads = some._replace(reviewers=0)
    assert [one["done"] for one in tasks(without_leads, ada, 0)].count(False) == 1


def test_on_the_first_morning_the_only_place_is_chosen_already(store: Store) -> None:
    w = build(store)
    choice = f'value="{w.place["fen"]}" selected'
    assert choice in sign_in(w, "fred").get("/organisations/add").text
    assert choice in sign_in(w, "fred").get("/places/add").text
    assert "selected" not in sign_in(w, "gail").get("/organisations/add").text

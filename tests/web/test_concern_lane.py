"""The lane of a concern where it differs: a child, a provider, whom one told, how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from referral.states import Noun
from referral.store import Store
from tests.web.api import program
from tests.web.client import sign_in
from tests.winding import after, clock, rows
from tests.world import World, build
from workflows.concerns import raise_concern


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


def raised(w: World, who: str = "priya", **values: Any) -> str:
    given = {"seen": "Bruises.", "danger": False, **values}
    with w.store.begin(w.actor[who]) as tx:
        return raise_concern(tx, w.actor[who], w.at, given).id


def move(w: World, concern: str, trigger: str, who: str = "gwen", **given: Any) -> None:
    w.step(Noun.CONCERN, concern, trigger, who, given=given)


def test_a_child_is_asked_about_reported_and_decided_on_as_a_child(w: World) -> None:
    child = w.person(birth_date=date(2014, 1, 1))
    grown = w.person()
    form = sign_in(w, "priya").get(f"/people/{child}/concern").words
    assert "Is the child suffering serious harm" in form
    assert "Do they need care and support?" not in form
    assert "Are they under 18?" not in form
    adult = sign_in(w, "priya").get(f"/people/{grown}/concern").words
    assert "Is the child suffering" not in adult
    assert "Do they need care and support?" in adult
    page = sign_in(w, "priya").fill(
        f"/people/{child}/concern", seen="Bruises", danger="no", significant_harm="yes"
    )
    gwen = sign_in(w, "gwen")
    gwen.fill(f"{page.path}/acknowledge")
    form = gwen.get(f"{page.path}/report-to-authority").words
    assert form.index("Children's services") < form.index("Adult social care")
    gwen.fill(f"{page.path}/report-to-authority", authority_route="childrens_services")
    assert clock(w.store, page.path.split("/")[-1])["due"] == after(w.at, 1)
    decide = gwen.get(f"{page.path}/authority-decides").words
    assert "(section 47)" in decide
    assert "(section 42)" not in decide
    seen = gwen.fill(f"{page.path}/authority-decides", authority_decision="section_47").words
    assert "A child Yes, under 18" in seen
    assert "serious harm, or likely to? Yes" in seen

    other = raised(w, person_id=grown)
    move(w, other, "acknowledge")
    move(w, other, "report_to_authority", authority_route="adult_social_care")
    assert clock(w.store, other)["due"] == after(w.at, 2)


def test_where_no_birth_date_says_it_the_raiser_is_asked(w: World) -> None:
    unknown = w.person(birth_date=None)
    form = sign_in(w, "priya").get(f"/people/{unknown}/concern").words
    assert "Are they under 18?" in form
    assert "Is the child suffering" in form
    assert "Do they need care and support?" in form
    said = program(w, "priya").post(
        "/concerns", {"person_id": unknown, "seen": "Bruises", "danger": False, "child": True}
    )
    concern = said.json["id"]
    move(w, concern, "acknowledge")
    move(w, concern, "report_to_authority", authority_route="police")
    assert clock(w.store, concern)["due"] == after(w.at, 1)
    shown = program(w, "gwen").get(f"/concerns/{concern}").json
    assert (shown["child"], shown["authority_route"]) == (True, "police")
    assert [call["reported"] for call in shown["calls"]] == [True]


def test_nobody_of_the_provider_it_is_about_sees_or_acts(w: World) -> None:
    w.active()
    concern = raised(w, provider_id=w.provider["singers"])
    for who in ("sol", "rae"):
        assert sign_in(w, who).get(f"/concerns/{concern}").status == 404
    mine = raised(w, "sol", provider_id=w.provider["singers"])
    page = sign_in(w, "sol").get(f"/concerns/{mine}")
    assert "Bruises." in page.words
    assert "Ring 01632 960100" in page.words
    assert "Write down a call" not in page.words
    assert sign_in(w, "rae").get(f"/concerns/{mine}").status == 404
    assert sign_in(w, "sol").get(f"/concerns/{mine}/told-authority").status == 404
    said = program(w, "sol").get(f"/concerns/{mine}").json
    assert set(said) & {"state", "holder", "acknowledged_at"} == set()
    assert "Seen by" not in page.words
    move(w, mine, "acknowledge", "paul")
    assert "Paul" not in sign_in(w, "sol").get(f"/concerns/{mine}").words
    assert "Paul" not in sign_in(w, "sol").get("/").words


def test_a_call_is_to_somebody_at_a_time_that_has_come(w: World) -> None:
    path = f"/concerns/{raised(w, person_id=w.person())}/told-authority"
    priya = sign_in(w, "priya")
    nobody = priya.fill(path)
    assert "Say whom you told, and when." in nobody.words
    for said in ("tomorrow", "25pm", "13 May 2026 at 9am", "half past"):
        wrong = priya.fill(path, authority_route="emergency", told_at=said)
        assert wrong.status == 422, said
        assert said in wrong.text
    for said in ("", "9.55am", "yesterday 11pm", "11 May at 8:15", "noon"):
        assert priya.fill(path, authority_route="emergency", told_at=said).status == 200, said
    told = [at for (at,) in rows(w.store, "SELECT told_at FROM authority_call ORDER BY told_at")]
    assert [at[5:16] for at in told] == [
        "05-11T07:15", "05-11T11:00", "05-11T22:00", "05-12T08:55", "05-12T09:00",
    ]  # fmt: skip


def test_an_unknown_answer_is_chased_and_a_new_report_awaits_a_new_answer(w: World) -> None:
    concern = raised(w, person_id=w.person())
    move(w, concern, "acknowledge")
    move(w, concern, "report_to_authority", reported_to="The council")
    move(w, concern, "authority_decides", authority_decision="none")
    move(w, concern, "report_to_authority", authority_route="police", reported_to="PC 12")
    found = "SELECT authority_decision, reported_to, state FROM concern WHERE id = :id"
    assert rows(w.store, found, id=concern) == [(None, "PC 12", "reported")]
    assert rows(w.store, "SELECT count(*) FROM authority_call") == [(2,)]
    page = sign_in(w, "gwen").get(f"/concerns/{concern}").words
    assert "The council, 12 May 2026" in page
    assert "The police, PC 12, 12 May 2026" in page


def test_it_ends_with_what_was_wished_or_why_nobody_asked(w: World) -> None:
    concern = raised(w, person_id=w.person())
    move(w, concern, "acknowledge")
    gwen = sign_in(w, "gwen")
    end = {"reason": "advice", "feedback": "Thank you."}
    assert gwen.fill(f"/concerns/{concern}/close", wishes_met="not_asked", **end).status == 422
    page = gwen.fill(
        f"/concerns/{concern}/close",
        wishes_met="partly",
        wishes="To be left in peace",
        **end,
    )
    assert "What the person wishes To be left in peace" in page.words
    assert "Wishes met Partly" in page.words
    closed = program(w, "gwen").get(f"/concerns/{concern}").json
    assert (closed["wishes"], closed["wishes_met"]) == ("To be left in peace", "partly")

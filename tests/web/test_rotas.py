"""Keeping the rota and the authorities of a place, and what whoever raises a concern is shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from referral.health import health
from referral.store import Sql, Store
from tests.web.client import sign_in
from tests.world import World, build
from workflows.concerns import raise_concern, who_answers

LINE = {
    "name": "Duty desk",
    "phone": "01632 960150",
    "serves": "anyone",
    "days": ["0", "1", "2", "3", "4"],
    "opens": "8am",
    "closes": "6.30pm",
}


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


def test_a_lead_of_a_place_keeps_its_rota_and_it_is_shown_from_then(w: World) -> None:
    path = f"/places/{w.place['harbour']}/rota"
    paul = sign_in(w, "paul")
    wrong = paul.fill(path, **{**LINE, "opens": "soon", "name": ""})
    assert wrong.status == 422
    assert "Enter a time, like 9am or 17:30." in wrong.words
    assert "Enter the role or the service that answers." in wrong.words
    page = paul.fill(path, **LINE)
    assert "Duty desk, 01632 960150" in page.words
    assert "8am to 6:30pm" in page.words
    assert "Now: 01632 960150, Duty desk" in page.words
    rid = w.sent()
    asked = sign_in(w, "priya").get(f"/referrals/{rid}/concern").words
    assert "01632 960150 Duty desk" in asked
    receipt = sign_in(w, "priya").fill(f"/referrals/{rid}/concern", seen="A bruise", danger="no")
    assert "Ring 01632 960150 Duty desk" in receipt.words
    with w.store.read() as tx:
        (line,) = tx.rows(Sql("SELECT id FROM rota_line"))[0]
    assert "Taken off" in paul.fill(f"{path}/{line}/end").words
    assert "Ring 01632 960100" in sign_in(w, "priya").get(receipt.path).words


def test_only_who_answers_for_the_place_keeps_it(w: World) -> None:
    for who, status in (("fred", 404), ("gwen", 404), ("priya", 403), ("sol", 403), ("seth", 200)):
        path = f"/places/{w.place['harbour']}/rota"
        assert sign_in(w, who).get(path).status == status, who
    fen = sign_in(w, "paul").get("/who-answers").words
    assert "Harbour" in fen
    assert "Fen" not in fen


def test_a_named_leads_own_line_is_not_the_one_to_ring(w: World) -> None:
    board = {**LINE, "organisation_id": w.org["harbour_board"]}
    sign_in(w, "paul").fill(f"/places/{w.place['harbour']}/rota", **board)
    rid = w.sent()
    priya = sign_in(w, "priya")
    told = {"seen": "A bruise", "danger": "no"}
    assert "Ring 01632 960150" in priya.fill(f"/referrals/{rid}/concern", **told).words
    with w.store.begin(w.actor["priya"]) as tx:
        named = {"referral_id": rid, "seen": "By Paul.", "danger": False,
                 "sources": [{"user_id": w.actor["paul"].user_id}]}  # fmt: skip
        made = raise_concern(tx, w.actor["priya"], w.at, named).id
    receipt = priya.get(f"/concerns/{made}").words
    assert "Ring 01632 960199 The council, out of hours" in receipt
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE concern_source SET struck_at = :at WHERE concern_id = :id"),
               at=w.at, id=made)  # fmt: skip
    assert "Ring 01632 960150" in priya.get(f"/concerns/{made}").words


@pytest.mark.parametrize("how", ["named", "about"])
def test_no_line_of_an_organisation_that_a_concern_is_about_is_rung(w: World, how: str) -> None:
    """Neither where it is named, nor where it is about it as a provider; another's is."""
    ours = {**LINE, "organisation_id": w.org["clay"]}
    sign_in(w, "paul").fill(f"/places/{w.place['harbour']}/rota", **ours)
    priya, answers = w.actor["priya"], {}
    for who in ("clay", "singers"):
        given = {"provider_id": w.provider[who]}
        if how == "named":
            given = {"person_id": w.person(), "sources": [{"organisation_id": w.org[who]}]}
        with w.store.begin(priya) as tx:
            made = raise_concern(tx, priya, w.at, {"seen": "A bruise", "danger": False, **given}).id
            answers[who] = who_answers(tx, made, w.at)
    assert answers == {"clay": "01632 960100", "singers": "+441632960150"}


def test_the_authorities_are_kept_and_offered_when_a_concern_is_reported(w: World) -> None:
    path = f"/places/{w.place['root']}/authorities"
    page = sign_in(w, "gail").fill(
        path, kind="allegations_adults", name="Trust desk", phone="01632 960177"
    )
    assert "Trust desk, 01632 960177" in page.words
    assert sign_in(w, "gail").fill(path, kind="police", name="Police").status == 422
    rid = w.sent()
    raised = sign_in(w, "priya").fill(
        f"/referrals/{rid}/concern",
        seen="Shouted at",
        danger="no",
        source_users=[w.actor["sol"].user_id],
    )
    gwen = sign_in(w, "gwen")
    gwen.fill(f"{raised.path}/acknowledge")
    assert "nothing here says that it was told" in gwen.get(raised.path).words
    form = gwen.get(f"{raised.path}/report-to-authority").words
    assert form.index("Adult social care") < form.index("people in positions of trust")
    assert form.index("Trust desk, 01632 960177") < form.index("The police")
    page = gwen.fill(
        f"{raised.path}/report-to-authority",
        authority_route="allegations_adults",
        told_at="9am",
        authority_reference="T-1",
    )
    assert "nothing here says that it was told" not in page.words
    assert "12 May 2026 at 9am, told by Gwen Safe, their reference: T-1" in page.words


def test_a_place_without_the_councils_number_is_not_well(w: World) -> None:
    with w.store.begin() as tx:
        assert "no_out_of_hours_phone" not in {f.code for f in health(tx, w.at).findings}
        tx.run(Sql("UPDATE place SET out_of_hours_phone = NULL"))
        assert "no_out_of_hours_phone" in {f.code for f in health(tx, w.at).findings}


def test_a_place_with_a_rota_needs_no_other_number_in_working_hours(w: World) -> None:
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE place SET safeguarding_phone = NULL"))
        assert "no_safeguarding_phone" in {f.code for f in health(tx, w.at).findings}
    for who, name in (("paul", "harbour"), ("fred", "fen")):
        sign_in(w, who).fill(f"/places/{w.place[name]}/rota", **LINE)
    with w.store.read() as tx:
        assert "no_safeguarding_phone" not in {f.code for f in health(tx, w.at).findings}

"""Sharing without consent on the pages and at the API's door: proposed, approved by another, seen
by the provider as far as it lists, ended, reviewed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from referral.store import Sql, Store
from tests.web.api import program
from tests.web.client import sign_in
from tests.world import World, build

SAID = {
    "danger": "no",
    "ground": "vital_interests",
    "necessity": "She was unwell last week.",
    "fields": ["name", "emergency_contact"],
    "proportionality": "Whom to ring, no more.",
    "person_told": "no",
    "why_not_told": "She can't be reached.",
}


@pytest.fixture(scope="module")
def w(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("overrides") / "segue.db"
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite:///{path}")
    yield build(store)
    store.dispose()


def test_from_the_referral_to_the_review(w: World) -> None:
    person = w.person()
    record = w.draft(person)
    priya, gwen, grace = sign_in(w, "priya"), sign_in(w, "gwen"), sign_in(w, "grace")
    seen = priya.get(f"/referrals/{record}")
    path = f"/people/{person}/share?provider={w.provider['singers']}"
    assert path in seen.text.replace("&amp;", "&")
    asked = priya.fill(path, **SAID)
    assert "Nothing is shared yet" in asked.banner
    assert "Safeguarding lead, Ash Lane practice" in asked.banner
    made = asked.path
    assert "To be decided" in asked.words
    assert "Approve" not in asked.words  # the proposer is offered nothing

    work = gwen.get("/")
    assert "Somebody asks to share without consent" in work.words
    assert made in work.text
    approved = gwen.fill(f"{made}/approve", note="I spoke to her daughter.")
    assert "Approved." in approved.banner
    assert "In force" in approved.words
    assert "I spoke to her daughter." in approved.words

    sent = priya.get(f"/referrals/{record}")
    assert "Sharing without consent" in sent.words
    assert path not in sent.text.replace("&amp;", "&")  # nothing more to propose

    ended = gwen.fill(f"{made}/end", reason="danger_over")
    assert "Ended." in ended.banner
    reviewed = grace.fill(f"{made}/review", finding="right", note="She was rung in time.")
    assert "Reviewed." in reviewed.banner
    assert "It was right to share" in reviewed.words
    # Whoever answers for a place judges it by its reference, and doesn't see who it is about.
    assert "Okoro" not in reviewed.words
    assert "Okoro" in gwen.get(made).words


def test_what_is_missing_is_said_and_what_was_typed_is_kept(w: World) -> None:
    person = w.person()
    w.draft(person)
    path = f"/people/{person}/share"
    again = sign_in(w, "priya").fill(path, necessity="She was unwell.", person_told="no")
    assert again.status == 422
    for said in (
        "Choose the lawful ground.",
        "Choose what is shared.",
        "Write why the person was not told.",
        "Say whether anyone is in danger now.",
    ):
        assert said in again.words
    assert "She was unwell." in again.text


def test_the_provider_finds_no_page_of_it_and_another_team_neither(w: World) -> None:
    made = w.override(w.person())
    for who, status in (("sol", 403), ("sam", 404), ("olu", 404), ("fred", 404), ("ada", 403)):
        assert sign_in(w, who).get(f"/overrides/{made}").status == status, who
    assert sign_in(w, "sol").get(f"/overrides/{made}/end").status == 404
    for who in ("tess", "gwen", "paul", "grace", "ingrid", "amara", "priya"):
        assert sign_in(w, who).get(f"/overrides/{made}").status == 200, who


def test_a_list_for_those_who_answer_for_it(w: World) -> None:
    made = w.override(w.person())
    assert f"/overrides/{made}" in sign_in(w, "gwen").get("/overrides").text
    assert f"/overrides/{made}" not in sign_in(w, "sam").get("/overrides").text


def test_the_menu_leads_there_for_those_who_may_read_it_and_for_nobody_else(w: World) -> None:
    for who, there in (("gwen", True), ("grace", True), ("art", False), ("cora", False)):
        assert ('href="/overrides"' in sign_in(w, who).get("/").text) is there, who


def test_a_program_proposes_and_another_approves(w: World) -> None:
    body = {
        **SAID,
        "person_id": w.person(),
        "provider_id": w.provider["singers"],
        "danger": False,
        "person_told": True,
    }
    priya, gwen = program(w, "priya"), program(w, "gwen")
    missing = priya.post("/overrides", {**body, "ground": None})
    assert (missing.status, missing.fields) == (422, {"ground": "Choose the lawful ground."})
    said = priya.post("/overrides", body, key="once")
    assert (said.status, said.json["state"]) == (201, "proposed")
    assert priya.post("/overrides", body, key="once").json["id"] == said.json["id"]
    path = said.headers["Location"]
    assert priya.move(path, "approve").status == 403 or priya.move(path, "approve").status == 409
    done = gwen.move(path, "approve", {}, version=said.etag)
    assert done.json["state"] == "approved"
    seen = gwen.get(path).json
    assert seen["fields"] == ["emergency_contact", "name"]
    assert seen["until"] is not None
    listed = gwen.get("/overrides").json["items"]
    assert path.rsplit("/", 1)[1] in {one["id"] for one in listed}
    assert "necessity" not in listed[0]
    assert program(w, "sam").get(path).status == 404
    assert program(w, "sol").get(path).status == 403
    late = gwen.move(path, "approve", {})
    assert (late.status, late.codes) == (409, ["no_such_move"])


def test_a_proposal_is_told_to_the_second_person_and_the_answer_to_the_first(w: World) -> None:
    made = w.override(w.person())
    with w.store.read() as tx:
        told = tx.rows(
            Sql("SELECT what, to_owner FROM outbox WHERE record_id = :id ORDER BY id"), id=made
        )
    assert told == [
        ("override_proposed", f"safeguarding_lead@{w.org['ash']}"),
        ("override_approved", f"member@{w.actor['priya'].membership_id}"),
    ]

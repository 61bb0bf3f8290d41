"""Emergency access on the pages and at the API's door: opened, the banner on every page, read and
not changed, closed, reviewed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from referral.store import Sql, Store
from tests.web.api import program
from tests.web.client import sign_in
from tests.world import World, build

WHY = {"reason": "danger_now", "why": "He rang from the bus stop."}
BANNER = "You have a record open in an emergency until"


@pytest.fixture(scope="module")
def w(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("emergencies") / "segue.db"
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite:///{path}")
    yield build(store)
    store.dispose()


def reference(w: World, person: str) -> str:
    with w.store.read() as tx:
        row = tx.row(Sql("SELECT reference FROM person WHERE id = :id"), id=person)
    assert row is not None
    return str(row[0])


def test_from_the_opening_to_the_review(w: World) -> None:
    person = w.person(emergency_contact="Her sister, 01632 960123")
    referral = w.active(person)
    olu, grace = sign_in(w, "olu"), sign_in(w, "grace")
    assert olu.get(f"/people/{person}").status == 404
    assert "Open a record in an emergency" in olu.get("/people").words
    opened = olu.fill("/emergencies/open", reference=reference(w, person), **WHY)
    assert "somebody has been written to about it" in opened.banner
    assert "Margaret" in opened.words
    record = opened.path

    for path in (f"/people/{person}", f"/referrals/{referral}", f"/referrals/{referral}/history",
                 "/", "/notices"):  # fmt: skip
        assert BANNER in olu.get(path).words, path
    seen = olu.get(f"/people/{person}")
    assert "Her sister" in seen.words
    for words in ("Change their details", "Start a new referral", "Share without consent"):
        assert words not in seen.words
    assert f"/people/{person}/concern" in seen.text
    for path in ("change", "link", "consent", "share", "capacity", "death", "moved", "join"):
        assert olu.get(f"/people/{person}/{path}").status == 404, path
    assert olu.get(f"/people/{person}/concern").status == 200

    held = grace.get("/")
    assert "emergency" not in held.words, "nothing waits for her before it has ended"
    closed = olu.fill(f"{record}/close")
    assert "Closed. A governance lead reviews it by" in closed.banner
    assert BANNER not in closed.words
    for path in (f"/people/{person}", f"/referrals/{referral}"):
        assert olu.get(path).status == 404

    assert "A record was opened in an emergency. Say whether it was right." in grace.get("/").words
    page = grace.get(record)
    assert "Olu Fen, link worker, Fenside practice" in page.words
    assert "He rang from the bus stop." in page.words
    assert page.words.count("Person,") == 3, "each page of it that was opened"
    assert page.words.count("Referral,") == 2
    assert "Okoro" not in page.words, "a governance lead sees no more of the person than before"
    done = grace.fill(
        f"{record}/review", finding="read_too_much", tags=["team_not_reached"], note="Ask first."
    )
    assert "Reviewed. Whoever opened it has been told." in done.banner
    assert "The team could not be reached" in done.words
    assert "It was right, and more was read than needed" in olu.get(record).words


def test_what_comes_to_nothing_says_whom_to_ring(w: World) -> None:
    olu = sign_in(w, "olu")
    page = olu.get("/emergencies/open")
    assert "01632 960100" in page.words
    nobody = olu.fill("/emergencies/open", given_name="No", family_name="Body",
                      phone="07700 900999", **WHY)  # fmt: skip
    assert nobody.status == 409
    assert "No record was opened with what you typed." in nobody.words
    assert "01632 960100" in nobody.words
    assert "He rang from the bus stop." in nobody.text, "what was typed is kept"
    nothing = olu.fill("/emergencies/open", **WHY)
    assert nothing.status == 422
    assert "Enter a reference, or two things you know about the person." in nothing.words


def test_nobody_guesses_their_way_through(w: World) -> None:
    tom = sign_in(w, "tom")
    for n in range(10):
        tried = tom.fill("/emergencies/open", given_name="No", family_name=f"Body{n}",
                         phone="07700 900999", **WHY)  # fmt: skip
        assert tried.status == 409
    person = w.person()
    waits = tom.fill("/emergencies/open", reference=reference(w, person), **WHY)
    assert waits.status == 429
    assert WHY["why"] in waits.text, "what was typed is kept"
    w.later(minutes=10)
    assert tom.fill("/emergencies/open", reference=reference(w, person), **WHY).status == 200


@pytest.mark.parametrize("who", ["sol", "grace", "ada", "art"])
def test_the_form_is_not_for_others(w: World, who: str) -> None:
    assert sign_in(w, who).get("/emergencies/open").status == 403


def test_to_a_program_it_is_listed_and_reviewed_and_the_record_stays_not_found(w: World) -> None:
    person = w.person()
    olu, grace = program(w, "olu"), program(w, "grace")
    said = olu.post("/emergencies", {"reference": reference(w, person), **WHY}, key="first")
    assert said.status == 201
    record = said.json["id"]
    again = olu.post("/emergencies", {"reference": reference(w, person), **WHY}, key="first")
    assert again.json["id"] == record
    assert olu.get(f"/people/{person}").status == 404
    assert olu.get(f"/emergencies/{record}").json["why"] == WHY["why"]
    assert grace.get(f"/emergencies?person_id={person}").json["items"][0]["id"] == record
    assert program(w, "sol").get(f"/emergencies/{record}").status == 403
    assert program(w, "fred").get(f"/emergencies/{record}").status == 404
    found = {"finding": "right_to_open", "note": "Seen.", "tags": []}
    early = grace.post(f"/emergencies/{record}/moves/review", found)
    assert early.status == 409
    assert olu.post(f"/emergencies/{record}/moves/close", {}).status == 200
    done = grace.post(f"/emergencies/{record}/moves/review", found)
    assert done.json["state"] == "reviewed"

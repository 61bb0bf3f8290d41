"""A community group raises a matter without an account, and hears back through a human."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from referral.store import Sql, Store
from tests.counting import rows as counted
from tests.web.client import Page, sign_in, visit
from tests.world import World, build

ANSWERS = {"kind": "equity", "group_name": "Harbour Men's Shed", "reach": "01632 960155",
           "note": "Nobody sends us people from the estate."}  # fmt: skip
MATTER = Sql("SELECT id, reference, kind, owner, raiser, raised_by FROM escalation")


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


def rows(w: World, sql: Sql, **more: Any) -> list[tuple[Any, ...]]:
    with w.store.read() as tx:
        return tx.rows(sql, **more)


def send(w: World, seconds: int = 5, **answers: Any) -> Page:
    visitor = visit(w)
    page = visitor.get("/raise")
    w.later(seconds=seconds)
    return visitor.send(page, **{"place_id": w.place["harbour"], **ANSWERS, **answers})


def test_it_lands_with_the_reviewers_of_the_place_and_gives_a_reference(w: World) -> None:
    page = send(w)
    (record, reference, kind, owner, raiser, by) = rows(w, MATTER)[0]
    assert reference in page.words
    assert (kind, owner) == ("equity", f"governance_lead@{w.place['harbour']}")
    assert (raiser, by) == (f"group@{record}", None)
    seen = sign_in(w, "grace").get(f"/escalations/{record}").words
    assert "Harbour Men's Shed" in seen
    assert "01632 960155" in seen
    assert "Nobody sends us people" in seen
    assert sign_in(w, "fred").get(f"/escalations/{record}").status == 404
    assert sign_in(w, "priya").get(f"/escalations/{record}").status == 404


def test_it_isnt_closed_until_a_human_has_told_them(w: World) -> None:
    send(w)
    record = rows(w, MATTER)[0][0]
    grace = sign_in(w, "grace")
    grace.fill(f"/escalations/{record}/acknowledge")
    page = grace.fill(f"/escalations/{record}/decide", decision="uphold", note="We will ask.")
    page = grace.send(page, sure="yes")
    assert "Tell whoever raised it what was decided" in page.words
    assert "I have told them" in page.words
    assert rows(w, Sql("SELECT count(*) FROM outbox WHERE to_owner LIKE 'group@%'")) == [(0,)]
    assert "hasn't been carried out yet" in page.words
    told = next(n for n, (action, _) in enumerate(page.forms) if action.endswith("/retry"))
    page = grace.send(page, form=told)
    assert grace.fill(f"/escalations/{record}/complete").status == 200
    assert rows(w, Sql("SELECT state FROM escalation")) == [("closed",)]


def test_what_a_program_sends_is_kept_out_and_what_a_person_typed_stays(w: World) -> None:
    quick = send(w, seconds=1)
    assert quick.status == 422
    assert "Nobody sends us people" in quick.text
    trapped = send(w, website="https://example.org")
    assert trapped.status == 422
    forged = visit(w).post("/raise", {**ANSWERS, "place_id": w.place["harbour"], "opened": "x"})
    assert forged.status == 422
    assert rows(w, MATTER) == []


def test_so_many_an_hour_and_no_more(w: World) -> None:
    for _ in range(5):
        assert send(w).status == 200
    page = send(w)
    assert page.status == 429
    assert "Wait" in page.words
    assert "Nobody sends us people" in page.text
    assert len(rows(w, MATTER)) == 5
    w.later(hours=2)
    assert send(w).status == 200


def test_it_says_nothing_of_whether_anybody_is_known(w: World) -> None:
    person = w.person(nhs_number="9990000018", no_nhs_number=None)
    known = send(w, note="It is about Margaret Okoro1.")
    unknown = send(w, note="It is about Nobody Atall.")
    assert known.words.replace("SG-", "")[:40] == unknown.words.replace("SG-", "")[:40]
    assert rows(w, Sql("SELECT count(*) FROM escalation WHERE person_id IS NOT NULL")) == [(0,)]
    numbered = send(w, note="Ring 999 000 0018.")
    assert numbered.status == 422
    assert person


def test_what_is_missing_is_asked_for_and_nothing_is_written(w: World) -> None:
    before = counted(w.store)
    page = send(w, reach="", place_id="")
    assert page.status == 422
    assert "Say how we can reach you" in page.words
    assert "Choose the place." in page.words
    assert counted(w.store) == before


def test_a_double_press_raises_once(w: World) -> None:
    visitor = visit(w)
    page = visitor.get("/raise")
    w.later(seconds=5)
    first = visitor.send(page, place_id=w.place["fen"], **ANSWERS)
    second = visitor.send(page, place_id=w.place["fen"], **ANSWERS)
    assert len(rows(w, MATTER)) == 1
    assert rows(w, MATTER)[0][1] in first.words
    assert rows(w, MATTER)[0][1] in second.words

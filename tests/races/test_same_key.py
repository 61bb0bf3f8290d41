"""The same request from eight clients at once, under one idempotency key: one effect, and each
client gets the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from referral.actors import Actor
from referral.states import Noun, Purpose
from referral.store import Sql, Store, Tx
from tests.races.together import Outcome, at_once, many_clients
from tests.races.whole import assert_whole
from tests.world import World, build
from workflows.concerns import raise_concern
from workflows.consent import record_consent
from workflows.engine import Done, step
from workflows.people import add_person
from workflows.referrals import begin_referral, redirect_referral, send_referral

EIGHT = 8
KEY = "3f1c9a"


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def eight(w: World, actor: Actor, command: Callable[[Tx, datetime], Any]) -> list[Outcome]:
    with many_clients(w, EIGHT) as edge:
        return at_once([lambda: edge.perform(actor, command)] * EIGHT)


def count(w: World, table: str) -> int:
    with w.store.read() as tx:
        return int(tx.rows(Sql(f"SELECT count(*) FROM {table}"))[0][0])


def told(done: Done) -> tuple[str, str, int]:
    return done.id, done.state, done.version


def assert_one_answer(w: World, found: list[Outcome]) -> None:
    assert [f.codes for f in found if not f.won] == []
    assert len({told(f.answer) for f in found}) == 1
    assert sorted(f.answer.replayed for f in found) == [False] + [True] * (EIGHT - 1)
    assert count(w, "idempotency") == 1
    assert_whole(w.store)


def test_accepting(w: World) -> None:
    record, sol = w.sent(), w.actor["sol"]
    found = eight(
        w, sol, lambda tx, at: step(tx, Noun.REFERRAL, record, "accept", sol, at, key=KEY)
    )
    assert_one_answer(w, found)
    assert told(found[0].answer) == (record, "accepted", 3)


def test_accepting_the_last_place(w: World) -> None:
    record, sol = w.sent(), w.actor["sol"]
    with w.store.begin() as tx:
        tx.run(Sql("UPDATE activity_group SET capacity = 1"))
    found = eight(
        w, sol, lambda tx, at: step(tx, Noun.REFERRAL, record, "accept", sol, at, key=KEY)
    )
    assert_one_answer(w, found)


def test_sending(w: World) -> None:
    person, priya = w.person(), w.actor["priya"]
    record = w.draft(person)
    w.consent(person)
    found = eight(w, priya, lambda tx, at: send_referral(tx, priya, at, record, version=1, key=KEY))
    assert_one_answer(w, found)


def test_beginning_a_draft(w: World) -> None:
    person, priya = w.person(), w.actor["priya"]
    found = eight(
        w,
        priya,
        lambda tx, at: begin_referral(
            tx, priya, at, person_id=person, group_id=w.group["choir"], key=KEY
        ),
    )
    assert_one_answer(w, found)
    assert count(w, "referral") == 1


@pytest.mark.parametrize("agreed", [True, False, None])
@pytest.mark.parametrize("before", [None, True])
def test_recording_an_answer(w: World, before: bool | None, agreed: bool | None) -> None:
    person, priya = w.person(), w.actor["priya"]
    if before:
        w.consent(person)
    asked = count(w, "consent")
    found = eight(
        w,
        priya,
        lambda tx, at: record_consent(
            tx,
            priya,
            at,
            person_id=person,
            purpose=Purpose.SHARE_WITH_PROVIDER,
            recipient=w.provider["singers"],
            agreed=agreed,
            answer={"basis": "agreement", "how": "phone"},
            key=KEY,
        ),
    )
    assert_one_answer(w, found)
    # A no to what is in force takes it back; everything else is a question of its own.
    assert count(w, "consent") == asked + (0 if before and agreed is False else 1)


def test_raising_a_concern(w: World) -> None:
    person, priya = w.person(), w.actor["priya"]
    values = {"person_id": person, "seen": "Bruises.", "danger": True}
    found = eight(w, priya, lambda tx, at: raise_concern(tx, priya, at, values, key=KEY))
    assert_one_answer(w, found)
    assert (count(w, "concern"), count(w, "hold")) == (1, 1)


def test_referring_on(w: World) -> None:
    person, priya = w.person(), w.actor["priya"]
    record = w.sent(person)
    w.referral(record, "decline", "sol", given={"reason": "full"})
    found = eight(
        w,
        priya,
        lambda tx, at: redirect_referral(
            tx, priya, at, record, group_id=w.group["pottery"], key=KEY
        ),
    )
    assert [f.codes for f in found if not f.won] == []
    assert len({(told(f.answer.old), told(f.answer.new)) for f in found}) == 1
    assert {tuple(r.code for r in f.answer.refusals) for f in found} == {("ground_to_share",)}
    assert count(w, "referral") == 2
    assert_whole(w.store)


def test_adding_a_person(w: World) -> None:
    priya = w.actor["priya"]
    values = {"given_name": "Ada", "family_name": "Byron", "nhs_number": "9990000018"}
    found = eight(w, priya, lambda tx, at: add_person(tx, priya, at, values, key=KEY))
    assert [f.codes for f in found if not f.won] == []
    assert len({f.answer["id"] for f in found}) == 1
    assert count(w, "person") == 1

"""A provider suspended, or an agreement ended, while somebody is being accepted or sent there.

Suspending and ending move the provider's gate, which whoever accepts or sends holds until the
commit: so the order of the log is the order of commits."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from referral.rows import bump
from referral.states import Noun
from referral.store import Sql, Store, Tx
from tests.races.rounds import rounds
from tests.races.together import Clients, after, at_once, edge_of, many_clients, moments, overtaken
from tests.races.whole import assert_whole
from tests.world import World, agree, build
from workflows import engine
from workflows.engine import step
from workflows.referrals import send_referral

ROUNDS = rounds(50)
Command = Callable[[Tx, datetime], Any]
LAST = """(SELECT s.to_state FROM audit o JOIN step s ON s.record_id = o.record_id
    AND s.version = o.version WHERE o.action = 'step' AND s.noun = '{noun}' AND o.seq < a.seq
    AND s.to_state IN ('assured','suspended','in_force','ended') ORDER BY o.seq DESC LIMIT 1)"""
STATES_WHEN = """SELECT {last}, count(*) FROM audit a JOIN step m ON m.record_id = a.record_id
    AND m.version = a.version WHERE a.action = 'step' AND m.trigger = '{trigger}' GROUP BY 1"""
ACCEPTED_WHILE = Sql(STATES_WHEN.format(last=LAST.format(noun="assurance"), trigger="accept"))
SENT_WHILE = Sql(STATES_WHEN.format(last=LAST.format(noun="agreement"), trigger="send"))
SENT_WHILE_ASSURED = Sql(STATES_WHEN.format(last=LAST.format(noun="assurance"), trigger="send"))


@pytest.fixture
def w(store: Store) -> World:
    return made(store)


def made(store: Store) -> World:
    w = build(store)
    with store.begin() as tx:
        tx.run(Sql("UPDATE activity_group SET capacity = 10000"))
    return w


def assurance(w: World) -> str:
    with w.store.read() as tx:
        found = tx.rows(
            Sql("SELECT id FROM assurance WHERE provider_id = :p"), p=w.provider["singers"]
        )
    return str(found[0][0])


def agreement(w: World) -> str:
    with w.store.read() as tx:
        return str(tx.rows(Sql("SELECT id FROM agreement WHERE state = 'in_force'"))[0][0])


def accept(w: World, record: str) -> Command:
    return lambda tx, at: step(tx, Noun.REFERRAL, record, "accept", w.actor["sol"], at)


def send(w: World, record: str) -> Command:
    return lambda tx, at: send_referral(tx, w.actor["priya"], at, record)


def suspend(w: World) -> Command:
    record = assurance(w)
    return lambda tx, at: step(
        tx, Noun.ASSURANCE, record, "suspend", w.actor["grace"], at, {"reason": "quality"}
    )


def end(w: World) -> Command:
    record = agreement(w)
    return lambda tx, at: step(
        tx, Noun.AGREEMENT, record, "end", w.actor["grace"], at, {"reason": "breach"}
    )


def assure_again(w: World) -> None:
    record = assurance(w)
    w.step(Noun.ASSURANCE, record, "review", "grace")
    w.step(Noun.ASSURANCE, record, "assure", "grace")


def agree_again(w: World) -> None:
    with w.store.begin(w.actor["grace"]) as tx:
        agree(tx, w, w.at)


def waiting_to_be_sent(w: World) -> str:
    person = w.person()
    w.consent(person)
    return w.draft(person)


def while_(w: World, query: Sql) -> dict[str, int]:
    """How many were accepted or sent while the newest word in the log was which."""
    with w.store.read() as tx:
        return dict(tx.rows(query))


@pytest.mark.invariant("I03", "I37")
@pytest.mark.parametrize("what", ["accepted", "sent"])
def test_nobody_is_accepted_or_sent_after_a_suspension(w: World, what: str) -> None:
    accepts = what == "accepted"
    who, go = ("sol", accept) if accepts else ("priya", send)
    query = ACCEPTED_WHILE if accepts else SENT_WHILE_ASSURED
    records = [w.sent() if accepts else waiting_to_be_sent(w) for _ in range(ROUNDS)]
    before = sum(while_(w, query).values())
    came: Counter[bool] = Counter()
    waits = moments(seed=20260513)
    with many_clients(w, 2) as edge, Clients(2) as clients:
        for record in records:
            mine, theirs = next(waits)
            yes, no = go(w, record), suspend(w)
            moved, stopped = clients.at_once(
                [
                    after(mine, lambda c=yes: edge.perform(w.actor[who], c)),
                    after(theirs, lambda c=no: edge.perform(w.actor["grace"], c)),
                ]
            )
            assert stopped.won
            assert moved.won or moved.codes == ("provider_assured",)
            came[moved.won] += 1
            assure_again(w)
    assert while_(w, query) == {"assured": before + came[True]}
    assert came[True]
    assert came[False]
    assert_whole(w.store)


@pytest.mark.invariant("I36")
def test_nobody_is_sent_after_an_agreement_ended(w: World) -> None:
    records = [waiting_to_be_sent(w) for _ in range(ROUNDS)]
    came: Counter[bool] = Counter()
    waits = moments(seed=20260514)
    with many_clients(w, 2) as edge, Clients(2) as clients:
        for record in records:
            mine, theirs = next(waits)
            yes, no = send(w, record), end(w)
            moved, stopped = clients.at_once(
                [
                    after(mine, lambda c=yes: edge.perform(w.actor["priya"], c)),
                    after(theirs, lambda c=no: edge.perform(w.actor["grace"], c)),
                ]
            )
            assert stopped.won
            assert moved.won or moved.codes == ("agreement_in_force",)
            came[moved.won] += 1
            agree_again(w)
    assert while_(w, SENT_WHILE) == {"in_force": came[True]}
    assert came[True]
    assert came[False]
    assert_whole(w.store)


# -- the same, moment by moment -----------------------------------------------------------------


@pytest.mark.parametrize("what", ["suspended", "ended"])
def test_a_move_waits_for_what_is_under_way_and_is_refused(w: World, what: str) -> None:
    found, waited = behind(w, what)
    assert waited
    assert found.codes == (
        ("provider_assured",) if what == "suspended" else ("agreement_in_force",)
    )
    assert_whole(w.store)


def behind(w: World, what: str) -> Any:
    if what == "suspended":
        who, go, stop = "sol", accept(w, w.sent()), suspend(w)
    else:
        who, go, stop = "priya", send(w, waiting_to_be_sent(w)), end(w)
    return overtaken(
        w,
        w.actor["grace"],
        lambda tx: stop(tx, w.at),
        lambda: edge_of(w).perform(w.actor[who], go),
    )


@pytest.mark.postgresql
@pytest.mark.parametrize("what", ["suspended", "ended"])
def test_without_the_gates_the_same_moments_go_wrong(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(engine, "_gates", lambda noun, f: [])
    store = Store(postgresql_url)
    found, waited = behind(made(store), what)
    assert found.won
    assert not waited
    store.dispose()


@pytest.mark.invariant("I38")
def test_a_provider_that_leaves_keeps_nobody_who_is_sent_meanwhile(w: World) -> None:
    # A send that comes first is recalled by the leaving; one that comes later is refused.
    grace, priya = w.actor["grace"], w.actor["priya"]
    first, later = waiting_to_be_sent(w), waiting_to_be_sent(w)
    record = assurance(w)

    def leave(tx: Tx, at: datetime) -> Any:
        return step(tx, Noun.ASSURANCE, record, "leave", grace, at, {"reason": "closed_down"})

    left, _ = overtaken(
        w,
        priya,
        lambda tx: send(w, first)(tx, w.at),
        lambda: edge_of(w).perform(grace, leave),
    )
    assert [(d.id, d.state) for d in left.answer.followed] == [(first, "returned")]
    with pytest.raises(engine.Refused) as refused:
        edge_of(w).perform(priya, send(w, later))
    assert refused.value.codes == ("provider_assured",)
    assert_whole(w.store)


def test_two_that_wait_for_each_other_both_come_through(w: World) -> None:
    # A leaving holds the provider and wants each person; a withdrawal holds the person and wants
    # the provider. The database ends one of them, and the edge makes it again.
    person = w.person()
    record = w.sent(person)
    grace, sam = w.actor["grace"], w.actor["sam"]
    with w.store.read() as tx:
        consent = str(tx.rows(Sql("SELECT id FROM consent WHERE person_id = :p"), p=person)[0][0])
    left = assurance(w)
    both_hold = threading.Barrier(2)
    tries: Counter[str] = Counter()

    def meet(tx: Tx, who: str, table: str, held: str) -> None:
        tries[who] += 1
        if tx.pg and tries[who] == 1:
            bump(tx, table, held)
            both_hold.wait(60)

    def leave(tx: Tx, at: datetime) -> Any:
        meet(tx, "grace", "provider", w.provider["singers"])
        return step(tx, Noun.ASSURANCE, left, "leave", grace, at, {"reason": "closed_down"})

    def withdraw(tx: Tx, at: datetime) -> Any:
        meet(tx, "sam", "person", person)
        return step(tx, Noun.CONSENT, consent, "withdraw", sam, at, {"reason": "person_said_no"})

    with many_clients(w, 2) as edge:
        found = at_once([lambda: edge.perform(grace, leave), lambda: edge.perform(sam, withdraw)])
    assert all(f.won for f in found)
    assert sum(tries.values()) == (3 if w.store.pg else 2)
    with w.store.read() as tx:
        state = tx.rows(Sql("SELECT state FROM referral WHERE id = :id"), id=record)[0][0]
    assert state in ("returned", "withdrawn")
    assert_whole(w.store)

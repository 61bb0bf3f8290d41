"""Two commands that take the same locks in the other order: the database lets one of them go, which
is made again, and both are done. The order is made certain here, not left to chance."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from referral import picks
from referral.states import Noun
from referral.store import Sql, Store, TryAgain, Tx
from referral.verify import verify
from tests.races.together import Clients, edge_of, many_clients, overtaken
from tests.races.whole import assert_whole
from tests.winding import after, alarm, clock, state, sweep
from tests.world import World, build
from web.edge import Edge
from workflows.engine import step
from workflows.escalations import complete_escalation, decide_escalation
from workflows.rules_for_verify import rules_for_verify


@pytest.fixture
def w(postgresql_url: str) -> Iterator[World]:
    store = Store(postgresql_url)
    yield build(store)
    store.dispose()


class Meeting:
    """Lets two commands go on only when both have got so far, once."""

    def __init__(self) -> None:
        self.barrier = threading.Barrier(2)
        self.met: set[int] = set()

    def here(self) -> None:
        mine = threading.get_ident()
        if mine not in self.met:
            self.met.add(mine)
            self.barrier.wait(60)


def whole(w: World) -> None:
    assert_whole(w.store)
    with w.store.snapshot() as tx:
        report = verify(tx, rules_for_verify())
    assert report.whole, report.lines()[:5]


@pytest.mark.postgresql
def test_a_provider_leaves_while_consent_is_taken_back(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaving holds the provider and wants each person; withdrawing holds the person and wants
    their provider."""
    person = w.person()
    record = w.active(person)
    others = [w.sent(), w.accepted()]
    with w.store.read() as tx:
        consent = tx.rows(
            Sql("SELECT id FROM consent WHERE person_id = :p AND state = 'given'"), p=person
        )[0][0]
        assurance = tx.rows(
            Sql("SELECT id FROM assurance WHERE provider_id = :p"), p=w.provider["singers"]
        )[0][0]
    meeting, let_go = Meeting(), []
    for which in ("relying on it", "each with this provider"):
        monkeypatch.setitem(picks.WHICH, which, meets(meeting, picks.WHICH[which]))

    def leave(tx: Tx, at: Any) -> Any:
        return trying(let_go, tx, at, Noun.ASSURANCE, assurance, "leave", "grace", "other")

    def withdraw(tx: Tx, at: Any) -> Any:
        return trying(let_go, tx, at, Noun.CONSENT, consent, "withdraw", "priya", "not_said")

    def trying(
        let_go: list[str],
        tx: Tx,
        at: Any,
        noun: Noun,
        record: str,
        trigger: str,
        who: str,
        why: str,
    ) -> Any:
        try:
            return step(tx, noun, record, trigger, w.actor[who], at, {"reason": why})
        except TryAgain as again:
            let_go.append(type(again.__cause__).__name__)
            raise

    with many_clients(w, 2) as edge, Clients(2) as clients:
        left, taken_back = clients.at_once(
            [
                lambda: edge.perform(w.actor["grace"], leave),
                lambda: edge.perform(w.actor["priya"], withdraw),
            ]
        )
    assert left.won
    assert taken_back.won
    assert let_go == ["DeadlockDetected"]
    assert state(w.store, "consent", consent) == "withdrawn"
    assert state(w.store, "assurance", assurance) == "left"
    assert state(w.store, "referral", record) in ("withdrawn", "returned")
    assert {state(w.store, "referral", one) for one in others} == {"returned"}
    whole(w)


def meets(meeting: Meeting, really: Callable[[Tx, Any], list[str]]) -> Callable[..., list[str]]:
    def pick(tx: Tx, f: Any) -> list[str]:
        found = really(tx, f)
        meeting.here()
        return found

    return pick


def decided(w: World) -> tuple[str, str]:
    """A referral nobody answered, and the decision about the alarm it raised."""
    record = w.draft(w.consented())
    due = clock(w.store, record)["due"]
    sweep(w, due)
    sweep(w, after(due, 5))
    raised = alarm(w.store, record)
    tess = w.actor["tess"]
    w.step(Noun.ESCALATION, raised, "acknowledge", "tess")
    with w.store.begin(tess) as tx:
        decide_escalation(tx, tess, w.at, raised, {"decision": "uphold", "note": "Send it now."})
    return record, raised


def complete(w: World, escalation: str) -> Callable[[Tx], Any]:
    return lambda tx: complete_escalation(tx, w.actor["tess"], w.at, escalation)


def discard(w: World, record: str) -> Callable[[Tx], Any]:
    return lambda tx: step(tx, Noun.REFERRAL, record, "discard", w.actor["priya"], w.at)


@pytest.mark.parametrize("first", ["complete", "move"])
def test_a_late_move_while_the_escalation_about_it_is_completed(w: World, first: str) -> None:
    """Both change the clock: whoever comes second waits, and no clock that is over starts."""
    record, escalation = decided(w)
    edge = Edge(w.store, lambda: w.at)
    late, ready = discard(w, record), complete(w, escalation)
    if first == "move":
        told, _ = overtaken(
            w,
            w.actor["priya"],
            late,
            lambda: edge.perform(w.actor["tess"], lambda tx, at: ready(tx)),
        )
    else:
        told, _ = overtaken(
            w,
            w.actor["tess"],
            ready,
            lambda: edge.perform(w.actor["priya"], lambda tx, at: late(tx)),
        )
    assert told.won
    assert state(w.store, "referral", record) == "in_error"
    assert state(w.store, "escalation", escalation) == "closed"
    with w.store.read() as tx:
        running = tx.rows(
            Sql("SELECT count(*) FROM clock WHERE record_id = :id AND ended IS NULL"), id=record
        )
    assert running == [(0,)]
    whole(w)


def test_a_late_move_overtakes_while_the_escalation_is_decided(w: World) -> None:
    """The move ends the alarm in its own transaction; who decides meanwhile is told it is over."""
    record = w.draft(w.consented())
    due = clock(w.store, record)["due"]
    sweep(w, due)
    sweep(w, after(due, 5))
    raised = alarm(w.store, record)
    w.step(Noun.ESCALATION, raised, "acknowledge", "tess")
    tess = w.actor["tess"]

    def decide(tx: Tx, at: Any) -> Any:
        given = {"decision": "uphold", "note": "Send it."}
        return decide_escalation(tx, tess, at, raised, given)

    told, _ = overtaken(
        w,
        w.actor["priya"],
        discard(w, record),
        lambda: edge_of(w).perform(tess, decide),
    )
    assert told.codes == ("no_such_move",)
    assert state(w.store, "escalation", raised) == "closed"
    whole(w)

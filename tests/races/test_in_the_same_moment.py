"""Two who act on one record in the same moment, many times over: each time one of them wins, the
other is told, and what is left is what the winner did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from referral.states import Noun
from referral.store import Sql, Store, Tx
from tests.races.rounds import rounds
from tests.races.together import Clients, Outcome, after, many_clients, moments
from tests.races.whole import assert_whole
from tests.winding import after as working_days_after
from tests.winding import rows
from tests.world import World, build
from web.edge import Edge
from web.worker import sweep_all
from workflows.concerns import raise_concern
from workflows.engine import step
from workflows.escalations import decide_escalation, raise_escalation

ROUNDS = rounds(50)
Command = Callable[[Tx, datetime], Any]


@pytest.fixture
def w(store: Store) -> World:
    made = build(store)
    with store.begin() as tx:
        tx.run(Sql("UPDATE activity_group SET capacity = 10000"))
    return made


def race(
    w: World,
    records: list[str],
    one: Callable[[str], tuple[str, Command]],
    other: Callable[[str], tuple[str, Command]],
    seed: int,
) -> list[tuple[Outcome, Outcome]]:
    """The two against each other on each record, now the one a little earlier, now the other."""
    found = []
    waits = moments(seed)
    with many_clients(w, 2) as edge, Clients(2) as clients:
        for record in records:
            calls = [
                after(wait, lambda a=w.actor[who], c=command: edge.perform(a, c))
                for wait, (who, command) in zip(
                    next(waits), (one(record), other(record)), strict=True
                )
            ]
            first, second = clients.at_once(calls)
            found.append((first, second))
    return found


def move(noun: Noun, record: str, trigger: str, who: str, w: World, **given: Any) -> Command:
    return lambda tx, at: step(tx, noun, record, trigger, w.actor[who], at, given)


def test_of_two_leaders_who_accept_one_referral_one_wins_each_time(w: World) -> None:
    records = [w.sent() for _ in range(ROUNDS)]
    found = race(
        w,
        records,
        lambda r: ("sol", move(Noun.REFERRAL, r, "accept", "sol", w)),
        lambda r: ("rae", move(Noun.REFERRAL, r, "accept", "rae", w)),
        seed=20260515,
    )
    assert [one.won + other.won for one, other in found] == [1] * ROUNDS
    told = {o.codes for both in found for o in both if not o.won}
    assert told <= {("no_such_move",), ("stale",)}
    assert_whole(w.store)


CONFIRMED_LATE = """SELECT count(*) FROM audit a
  JOIN step s ON s.record_id = a.record_id AND s.version = a.version
  JOIN referral r ON r.id = a.record_id
  WHERE a.action = 'step' AND s.trigger = 'confirm' AND EXISTS (
    SELECT 1 FROM concern c JOIN audit raised ON raised.record_id = c.id AND raised.version = 1
    WHERE c.person_id = r.person_id AND raised.seq < a.seq)"""


def test_no_loop_is_closed_after_a_concern_holds(w: World) -> None:
    people = {w.completed(person): person for person in (w.person() for _ in range(ROUNDS))}

    def worry(record: str) -> tuple[str, Command]:
        values = {"person_id": people[record], "seen": "Bruises.", "danger": False}
        return "sam", lambda tx, at: raise_concern(tx, w.actor["sam"], at, values)

    found = race(
        w,
        list(people),
        lambda r: ("priya", move(Noun.REFERRAL, r, "confirm", "priya", w)),
        worry,
        seed=20260516,
    )
    assert all(raised.won for _, raised in found)
    assert {c.codes for c, _ in found if not c.won} <= {("not_held",)}
    came = Counter(confirmed.won for confirmed, _ in found)
    assert set(came) == {True, False}, came
    assert rows(w.store, CONFIRMED_LATE) == [(0,)]
    assert_whole(w.store)


def in_review(w: World) -> str:
    values = {
        "about": "referral",
        "about_id": w.sent(),
        "kind": "no_reply",
        "severity": "low",
        "tried": "Rang twice.",
        "note": "Somebody who answers.",
    }
    made = w.made(w.actor["priya"], lambda tx: raise_escalation(tx, w.actor["priya"], w.at, values))
    w.step(Noun.ESCALATION, made.id, "acknowledge", "tess")
    return made.id


def test_what_is_decided_does_not_climb_and_what_climbed_is_not_decided_below(w: World) -> None:
    records = [in_review(w) for _ in range(ROUNDS)]

    def decide(record: str) -> tuple[str, Command]:
        values = {"decision": "uphold", "note": "Ring them.", "consequences": []}
        return "tess", lambda tx, at: decide_escalation(tx, w.actor["tess"], at, record, values)

    w.actor["system"] = w.system
    found = race(
        w,
        records,
        decide,
        lambda r: ("system", move(Noun.ESCALATION, r, "climb", "system", w)),
        seed=20260517,
    )
    assert [decided.won + climbed.won for decided, climbed in found] == [1] * ROUNDS
    states = dict(rows(w.store, "SELECT id, state FROM escalation"))
    levels = dict(rows(w.store, "SELECT id, level FROM escalation"))
    for record, (decided, _) in zip(records, found, strict=True):
        expected = ("decided", 1) if decided.won else ("raised", 2)
        assert (states[record], levels[record]) == expected
    came = Counter(decided.won for decided, _ in found)
    assert set(came) == {True, False}, came
    assert_whole(w.store)


def test_two_workers_on_one_clock_make_one_miss_of_it(w: World) -> None:
    records = [w.sent() for _ in range(ROUNDS)]
    w.at = working_days_after(w.at, 11)
    url = w.store.url.render_as_string(hide_password=False)
    stores = [Store(url), Store(url)]
    with Clients(2) as clients:
        done = clients.at_once([lambda s=s: sweep_all(Edge(s, lambda: w.at)) for s in stores])
    for store in stores:
        store.dispose()
    assert all(one.won for one in done)
    lapses = rows(
        w.store, "SELECT record_id, count(*) FROM step WHERE trigger = 'lapse' GROUP BY record_id"
    )
    assert sorted(lapses) == [(record, 1) for record in sorted(records)]
    alarms = rows(
        w.store,
        "SELECT about_id, count(*) FROM escalation WHERE kind = 'no_reply' GROUP BY about_id",
    )
    assert sorted(alarms) == [(record, 1) for record in sorted(records)]
    assert_whole(w.store)

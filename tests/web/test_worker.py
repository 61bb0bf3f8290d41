"""The worker's own conduct: it tries again, keeps its lanes apart, stops when told, outlives a
store that is away for a while."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest

from referral import queue
from referral.states import Noun
from referral.store import Sql, Store
from referral.verify import verify
from tests.winding import after, clock, rows, sweep, told
from tests.world import World, build
from web import worker
from web.edge import Edge
from workflows import post
from workflows import sweep as sweeping
from workflows.referrals import propose
from workflows.rules_for_verify import rules_for_verify


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


# -- trying again -------------------------------------------------------------------------------


def test_a_clock_that_can_not_be_handled_is_tried_again_for_ever(
    w: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    record = w.draft()
    at = clock(w.store, record)["due"]

    def fails(*_: Any) -> str:
        raise RuntimeError("Margaret Okoro, 07700 900982")

    monkeypatch.setattr(sweeping, "look", fails)
    with caplog.at_level(logging.ERROR):
        for minute in range(20):
            done = sweep(w, at + timedelta(minutes=minute))
            assert done["clock failed"] == 1
    assert "RuntimeError" in caplog.text
    assert "Margaret" not in caplog.text
    monkeypatch.undo()
    sweep(w, at + timedelta(minutes=20))
    assert len(told(w.store, record)) == 1


def test_a_clock_that_fails_stops_no_other(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = w.draft(), w.draft()
    at = clock(w.store, bad)["due"]
    really = sweeping.look

    def look(tx: Any, due: queue.Due, at: datetime) -> str:
        if due.record_id == bad:
            raise RuntimeError
        return really(tx, due, at)

    monkeypatch.setattr(sweeping, "look", look)
    sweep(w, at)
    assert (told(w.store, bad), len(told(w.store, good))) == ([], 1)


def test_a_letter_that_can_not_be_handed_over_is_given_up_and_a_human_is_told(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = w.draft()
    sweep(w, w.at)
    with w.store.begin() as tx:
        tx.run(
            Sql("UPDATE outbox SET sent_at = run_at, result = 'delivered' WHERE sent_at IS NULL")
        )

    def fails(*_: Any) -> str:
        raise RuntimeError

    monkeypatch.setattr(post, "deliver", fails)
    at = clock(w.store, record)["due"]
    tries = 0
    for hours in range(30):
        done = sweep(w, at + timedelta(hours=hours))
        tries += done["letter failed"]
        if done["letter gave_up"]:
            break
    assert tries == worker.MOST_TRIES
    found = rows(w.store, "SELECT result FROM outbox WHERE record_id = :id", id=record)
    assert found == [("gave_up",)]
    notice = rows(
        w.store, "SELECT membership_id, noun, record_id FROM notice WHERE what = 'not_delivered'"
    )
    assert notice == [(w.actor["ada"].membership_id, "system", w.system_id)]


def test_each_try_of_a_letter_waits_longer(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    w.draft()
    with w.store.begin() as tx:
        tx.run(Sql("DELETE FROM outbox"))
    monkeypatch.setattr(post, "deliver", lambda *_: 1 // 0)
    start = after(w.at, 5)
    waits = []
    at = start
    for _ in range(4):
        sweep(w, at)
        found = next_try(w)
        waits.append(found - at)
        at = found
    assert waits == sorted(set(waits))


def next_try(w: World) -> datetime:
    with w.store.read() as tx:
        found = tx.row(Sql("SELECT run_at FROM outbox WHERE sent_at IS NULL", times=(0,)))
    assert found is not None
    return found[0]  # type: ignore[no-any-return]


def test_clocks_of_machines_that_differ_lose_nothing_and_double_nothing(w: World) -> None:
    records = [w.draft() for _ in range(3)]
    due = clock(w.store, records[0])["due"]
    # What each worker's clock shows, in minutes from due: one is an hour behind the other.
    for shown, letters in ((-1, 0), (-61, 0), (0, 1), (-60, 1), (10, 1), (-50, 1)):
        sweep(w, due + timedelta(minutes=shown))
        for record in records:
            assert len(told(w.store, record)) == letters


def test_after_months_of_sweeping_the_log_still_agrees_with_every_record(w: World) -> None:
    for record in (w.sent(), w.accepted(), w.active(), w.completed(), w.draft()):
        assert clock(w.store, record)
    w.consent(w.person(), agreed=None)  # type: ignore[arg-type]
    given = {"person_id": w.person(), "seen": "Bruises.", "danger": False, "sources": []}
    w.step(Noun.CONCERN, None, "raise", "priya", given=given)
    priya, wrong = w.actor["priya"], w.sent()
    with w.store.begin(priya) as tx:
        propose(tx, priya, w.at, Noun.REFERRAL, wrong, "mark_in_error", {"reason": "other"})
    for _ in range(40):
        sweep(w, w.at + timedelta(days=3))
    assert rows(w.store, "SELECT count(*) FROM audit WHERE action = 'clock'")[0][0] > 10
    with w.store.snapshot() as tx:
        report = verify(tx, rules_for_verify())
    assert report.whole, report.lines()


# -- the lanes ----------------------------------------------------------------------------------


def test_no_heap_of_mail_keeps_a_clock_waiting(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drafts = [w.draft() for _ in range(2 * worker.BATCH)]
    at = after(w.at, 5)
    order: list[str] = []
    deliver, look = post.deliver, sweeping.look

    def delivered(tx: Any, letter: queue.Letter, at: datetime) -> str:
        order.append("letter")
        return deliver(tx, letter, at)

    def looked(tx: Any, due: queue.Due, at: datetime) -> str:
        order.append("clock")
        return look(tx, due, at)

    monkeypatch.setattr(post, "deliver", delivered)
    monkeypatch.setattr(sweeping, "look", looked)
    sweep(w, at)
    assert order[: len(drafts)] == ["clock"] * len(drafts)
    assert order.count("letter") >= len(drafts)


def test_a_worker_told_to_stop_finishes_its_row_and_gives_the_others_back(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        w.draft()
    w.at = after(w.at, 5)
    edge = Edge(w.store, lambda: w.at)
    stop = worker.Event()
    really = sweeping.look

    def look(tx: Any, due: queue.Due, at: datetime) -> str:
        stop.set()
        return really(tx, due, at)

    monkeypatch.setattr(sweeping, "look", look)
    assert worker.run(edge, stop=stop, every=0) == {"clock reminded": 1}
    with w.store.begin() as tx:
        assert len(queue.claim_clocks(tx, w.at, w.at + worker.LEASE, 9)) == 4


def test_a_store_that_is_away_for_a_while_does_not_end_the_worker(
    w: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    record = w.draft()
    w.at = after(w.at, 5)
    stop = worker.Event()
    really = worker.Worker.turn
    turns = []

    def turn(self: worker.Worker) -> bool:
        turns.append(self)
        if len(turns) == 1:
            raise OSError("connection to postgres://segue:secret@db lost")
        worked = really(self)
        stop.set()
        return worked

    monkeypatch.setattr(worker.Worker, "turn", turn)
    with caplog.at_level(logging.ERROR):
        worker.run(Edge(w.store, lambda: w.at), stop=stop, every=0)
    assert len(told(w.store, record)) == 1
    assert "OSError" in caplog.text
    assert "secret" not in caplog.text

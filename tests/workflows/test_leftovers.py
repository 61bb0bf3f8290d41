"""What has served is cleared away by the worker, a batch at a time, and nothing else is."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Event

import pytest

from referral.ids import new_id
from referral.rows import put
from referral.store import Sql, Store
from referral.verify import verify
from tests.counting import rows
from tests.world import World, build
from web import worker
from web.edge import Edge
from workflows import leftovers
from workflows.beginnings import begin_writing, save_answers
from workflows.rules_for_verify import rules_for_verify

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def clear(w: World, at: datetime, n: int = leftovers.BATCH) -> int:
    with w.store.begin() as tx:
        return leftovers.clear(tx, at, n)


def count(w: World, table: str) -> int:
    return rows(w.store)[table]


def answers(w: World, number: int) -> None:
    with w.store.begin() as tx:
        for _ in range(number):
            put(
                tx,
                "idempotency",
                {
                    "system_id": w.system_id,
                    "actor_id": w.actor["priya"].membership_id,
                    "key": new_id(),
                    "body_hash": "",
                    "answer": "{}",
                    "at": w.at,
                },
            )


def test_an_answer_to_a_key_is_kept_for_two_days(w: World) -> None:
    record = w.sent()
    w.referral(record, "accept", "sol", key="one")
    assert clear(w, w.at + 48 * HOUR) == 0
    assert w.referral(record, "accept", "sol", key="one").replayed
    assert clear(w, w.at + 48 * HOUR + timedelta(seconds=1)) == count(w, "idempotency") + 1 == 1


def test_a_letter_is_kept_for_thirty_days_after_it_was_dealt_with_and_the_notice_stays(
    w: World,
) -> None:
    w.accepted()
    edge = Edge(w.store, lambda: w.at)
    unsent = count(w, "outbox")
    assert clear(w, w.at + 400 * DAY) == 0, "what waits is never cleared"
    worker.sweep_all(edge)
    notices = count(w, "notice")
    assert notices > 0
    assert clear(w, w.at + 30 * DAY) == 0
    assert clear(w, w.at + 30 * DAY + timedelta(seconds=1)) == unsent - 1
    assert count(w, "outbox") == 1, "the newest keeps its number from being given again"
    assert count(w, "notice") == notices
    w.sent()
    with w.store.read() as tx:
        assert tx.rows(Sql("SELECT min(id) FROM outbox"))[0][0] >= unsent


def test_writing_nobody_goes_on_with_is_deleted_after_thirty_days_and_the_log_says_so(
    w: World,
) -> None:
    one, other = w.person(), w.person()
    with w.store.begin(w.actor["priya"]) as tx:
        left = begin_writing(tx, w.actor["priya"], w.at, one, {"risks": "none"})
        kept = begin_writing(tx, w.actor["priya"], w.at, other)
        save_answers(tx, w.actor["priya"], w.at + DAY, kept, {"risks": "some"})
    assert clear(w, w.at + 30 * DAY) == 0
    assert clear(w, w.at + 30 * DAY + HOUR) == 1
    with w.store.read() as tx:
        assert tx.rows(Sql("SELECT id FROM beginning")) == [(kept,)]
        said = tx.rows(
            Sql("SELECT membership_id FROM audit WHERE action = 'referral_not_begun'"
                " AND record_id = :id"),
            id=left,
        )  # fmt: skip
    assert said == [(None,)]


def test_it_goes_by_batches(w: World) -> None:
    answers(w, 5)
    late = w.at + 3 * DAY
    assert [clear(w, late, 2) for _ in range(4)] == [2, 2, 1, 0]


def test_the_worker_clears_everything_when_nothing_else_waits_and_not_all_the_time(
    w: World,
) -> None:
    w.active()
    answers(w, 7)
    at = w.at
    one = worker.Worker(Edge(w.store, lambda: at), Event())
    while one.turn():
        pass
    assert one.done["cleared"] == 0
    at = w.at + 3 * DAY
    while one.turn():
        pass
    assert one.done["cleared"] == 7
    assert count(w, "idempotency") == 0
    answers(w, 1)
    at += 59 * timedelta(minutes=1)
    one.turn()
    assert count(w, "idempotency") == 1
    at += HOUR
    one.turn()
    assert count(w, "idempotency") == 0
    with w.store.snapshot() as tx:
        assert verify(tx, rules_for_verify()).whole

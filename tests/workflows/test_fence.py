"""Once, however many workers run and whoever else moves: leases and fences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from referral import queue
from referral.states import Noun
from referral.store import Sql, Store
from tests.winding import after, alarms, clock, rows, state, sweep, told
from tests.world import World, build
from workflows import sweep as sweeping
from workflows.evidence import add_evidence

LEASE = timedelta(minutes=1)
MOMENT = timedelta(microseconds=1)


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


@pytest.fixture
def pg(postgresql_url: str) -> Iterator[World]:
    """A world on PostgreSQL, where others write while a worker is at a row."""
    store = Store(postgresql_url)
    yield build(store)
    store.dispose()


def claim(w: World, at: datetime, n: int = 50) -> list[queue.Due]:
    with w.store.begin() as tx:
        return queue.claim_clocks(tx, at, at + LEASE, n)


def mine(claimed: list[queue.Due], record: str) -> queue.Due:
    (found,) = [due for due in claimed if due.record_id == record]
    return found


def look(w: World, due: queue.Due, at: datetime) -> str:
    with w.store.begin() as tx:
        return sweeping.look(tx, due, at)


# -- claiming -----------------------------------------------------------------------------------


def test_nobody_claims_what_is_claimed_until_the_lease_ends(w: World) -> None:
    record = w.draft()
    at = clock(w.store, record)["due"]
    first = mine(claim(w, at), record)
    assert claim(w, at + LEASE - MOMENT) == []
    second = mine(claim(w, at + LEASE), record)
    assert (second.id, second.tries) == (first.id, first.tries + 1)


def test_nobody_claims_what_is_not_due_or_has_ended(w: World) -> None:
    record = w.draft()
    at = clock(w.store, record)["due"]
    assert claim(w, at - MOMENT) == []
    w.referral(record, "discard", "priya")
    assert claim(w, at) == []


def test_a_concern_is_claimed_before_all_that_waited_longer(w: World) -> None:
    drafts = [w.draft() for _ in range(3)]
    w.at = after(w.at, 6)
    given = {"person_id": w.person(), "seen": "Bruises.", "danger": False, "sources": []}
    concern = w.step(Noun.CONCERN, None, "raise", "priya", given=given).id
    at = after(w.at, 1)
    assert [due.record_id for due in claim(w, at, 2)] == [concern, drafts[0]]
    assert [due.record_id for due in claim(w, at, 2)] == drafts[1:]


@pytest.mark.postgresql
def test_two_who_claim_at_once_get_different_rows(pg: World) -> None:
    records = {pg.draft() for _ in range(4)}
    at = after(pg.at, 5)
    with pg.store.begin() as one, pg.store.begin() as other:
        first = queue.claim_clocks(one, at, at + LEASE, 2)
        second = queue.claim_clocks(other, at, at + LEASE, 4)
    assert {due.record_id for due in first} | {due.record_id for due in second} == records
    assert (len(first), len(second)) == (2, 2)


# -- the fence ----------------------------------------------------------------------------------


def test_a_worker_whose_lease_was_taken_over_can_not_finish(w: World) -> None:
    record = w.sent()
    at = clock(w.store, record)["due"]
    slow = mine(claim(w, at), record)
    quick = mine(claim(w, at + LEASE), record)
    with pytest.raises(queue.Overtaken):
        look(w, slow, at + LEASE)
    assert told(w.store, record) == []
    assert look(w, quick, at + LEASE) == "reminded"
    with pytest.raises(queue.Overtaken):
        look(w, slow, at + LEASE)
    assert len(told(w.store, record)) == 2


def test_a_row_already_finished_is_not_finished_again(w: World) -> None:
    record = w.draft()
    at = clock(w.store, record)["due"]
    due = mine(claim(w, at), record)
    assert look(w, due, at) == "reminded"
    assert look(w, due, at) == "waits"
    assert len(told(w.store, record)) == 1


def test_a_move_made_since_the_claim_leaves_nothing_to_do(w: World) -> None:
    record = w.sent()
    at = after(w.at, 10)
    due = mine(claim(w, at), record)
    w.at = at
    w.referral(record, "accept", "sol")
    with pytest.raises(queue.Overtaken):
        look(w, due, at)
    assert (told(w.store, record), alarms(w.store, record)) == ([], [])


Racing = Callable[[World, str], None]


def _accept(w: World, record: str) -> None:
    w.referral(record, "accept", "sol")


def _discard(w: World, record: str) -> None:
    w.referral(record, "discard", "priya")


def _renew(w: World, record: str) -> None:
    grace = w.actor["grace"]
    with w.store.begin(grace) as tx:
        add_evidence(
            tx,
            grace,
            w.at,
            provider_id=w.provider["clay"],
            kind="dbs",
            from_at=w.at - timedelta(days=1),
            until=w.at + timedelta(days=300),
        )


def _take_over(w: World, record: str) -> None:
    mine(claim(w, w.at + LEASE), record)


def _climb(w: World, record: str) -> None:
    w.step(Noun.CONCERN, record, "climb", "gwen")


def _sent_twice(w: World) -> tuple[str, datetime]:
    record = w.sent()
    at = after(w.at, 10)
    sweep(w, after(w.at, 5))
    return record, at


def _draft_twice(w: World) -> tuple[str, datetime]:
    record = w.draft()
    at = after(w.at, 10)
    sweep(w, after(w.at, 5))
    return record, at


def _draft_once(w: World) -> tuple[str, datetime]:
    return w.draft(), after(w.at, 5)


def _evidence(w: World) -> tuple[str, datetime]:
    grace = w.actor["grace"]
    until = w.at + timedelta(days=2)
    with w.store.begin(grace) as tx:
        add_evidence(
            tx,
            grace,
            w.at,
            provider_id=w.provider["clay"],
            kind="dbs",
            from_at=w.at - timedelta(days=1),
            until=until,
        )
    found = rows(w.store, "SELECT id FROM assurance WHERE provider_id = :p", p=w.provider["clay"])
    return str(found[0][0]), until


def _unread(w: World) -> tuple[str, datetime]:
    given = {"person_id": w.person(), "seen": "Bruises.", "danger": False, "sources": []}
    return w.step(Noun.CONCERN, None, "raise", "priya", given=given).id, after(w.at, 1)


@pytest.mark.postgresql
@pytest.mark.parametrize("before", [True, False], ids=["before_the_clock", "after_the_clock"])
@pytest.mark.parametrize(
    ("begin", "race"),
    [
        (_sent_twice, _accept),  # a lapse
        (_draft_twice, _discard),  # an alarm
        (_draft_once, _discard),  # a reminder
        (_evidence, _renew),  # a lapse, and the clock moved without a step
        (_unread, _climb),  # the same move, made by hand
        (_draft_once, _take_over),  # another worker, once the lease has ended
    ],
    ids=["accept", "discard_late", "discard", "renew", "climb", "take_over"],
)
def test_whatever_commits_while_the_worker_is_at_the_row_wins(
    pg: World,
    monkeypatch: pytest.MonkeyPatch,
    begin: Callable[[World], tuple[str, datetime]],
    race: Racing,
    before: bool,
) -> None:
    record, pg.at = begin(pg)
    letters = "SELECT count(*) FROM outbox WHERE record_id = :id"
    steps = "SELECT count(*) FROM step WHERE record_id = :id AND role = 'system'"
    due = mine(claim(pg, pg.at), record)
    really = queue.running
    looks: list[Any] = []
    written: list[Any] = []

    def running(tx: Any, claimed: queue.Due) -> queue.Running | None:
        looks.append(really(tx, claimed))
        if len(looks) == 2:  # the facts have been read
            race(pg, record)
            written.extend([rows(pg.store, letters, id=record), rows(pg.store, steps, id=record)])
            return really(tx, claimed) if before else looks[1]
        return looks[-1]

    monkeypatch.setattr(queue, "running", running)
    with pytest.raises(queue.Overtaken):
        look(pg, due, pg.at)
    monkeypatch.undo()
    assert [rows(pg.store, letters, id=record), rows(pg.store, steps, id=record)] == written
    assert alarms(pg.store, record) == []
    if race is _renew:
        assert state(pg.store, "assurance", record) == "assured"


def test_a_clock_that_runs_to_evidence_is_set_by_the_evidence_there_is(w: World) -> None:
    record, until = _evidence(w)
    with w.store.begin() as tx:
        tx.run(
            Sql("UPDATE evidence SET until = :later WHERE until = :until"),
            until=until,
            later=until + timedelta(days=40),
        )
    due = mine(claim(w, until), record)
    assert look(w, due, until) == "set_anew"
    assert state(w.store, "assurance", record) == "assured"
    now = clock(w.store, record)
    assert now["due"] == until + timedelta(days=40)
    assert now["fired"] == 1, "sixty days before have passed already"
    assert now["look_at"] == until + timedelta(days=10)

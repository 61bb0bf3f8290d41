"""Two real workers on one store, one of them killed in the middle of its sweep: what it had
claimed is done by the other, once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from referral.store import Store
from tests.winding import after, rows
from tests.world import World, build
from web.worker import BATCH

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds; nothing here is a measure of speed


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


@contextmanager
def worker(w: World, store_url: str, at: datetime, pause: float) -> Iterator[subprocess.Popen[str]]:
    """A worker in a process of its own whose clock shows `at` now."""
    ahead = (at - datetime.now(UTC)).total_seconds()
    command = [sys.executable, "-m", "tests.web.worker_process", store_url, str(ahead), str(pause)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def until(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert process.poll() is None, "the worker ended by itself"
        assert time.monotonic() < end, "nothing happened for too long"
        time.sleep(0.01)


def count(store: Store, text: str) -> int:
    return int(rows(store, f"SELECT count(*) FROM {text}")[0][0])


def waiting(store: Store, at: datetime) -> int:
    """Clocks that should have been looked at by then."""
    found = rows(store, "SELECT count(*) FROM clock WHERE ended IS NULL AND look_at <= :at", at=at)
    return int(found[0][0])


CLAIMED = "clock WHERE ended IS NULL AND lease_until IS NOT NULL"


def many(w: World) -> dict[str, list[str]]:
    """Clocks that were missed once, and clocks missed twice, of several kinds."""
    return {
        "draft": [w.draft() for _ in range(12)],
        "sent": [w.sent() for _ in range(12)],
        "accepted": [w.accepted() for _ in range(6)],
    }


@pytest.mark.invariant("I18")
def test_a_killed_worker_loses_no_miss_and_the_other_doubles_none(
    w: World, store: Store, store_url: str
) -> None:
    made = many(w)
    # Drafts are missed twice by then, sent ones too, accepted ones once.
    at = after(w.at, 10)
    due = waiting(store, at)
    assert due == 30
    with worker(w, store_url, at, 0.1) as killed:
        until(lambda: count(store, "step WHERE trigger = 'lapse'") + reminded(store) >= 5, killed)
        until(lambda: count(store, CLAIMED) > 0, killed)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL
    claimed = count(store, CLAIMED)
    assert 0 < claimed <= BATCH, "it was struck while it held rows"
    left = waiting(store, at)
    assert left > 0, "it was struck before it had finished"
    with worker(w, store_url, at, 0.0) as survivor:
        until(
            lambda: not waiting(store, at) and not count(store, "outbox WHERE sent_at IS NULL"),
            survivor,
        )
        survivor.send_signal(signal.SIGTERM)
        assert survivor.wait(PATIENCE) == 0, "told to end, it ends well"
    once(store, made)


@pytest.mark.invariant("I13")
def test_two_workers_at_once_double_nothing_when_one_is_killed(
    w: World, store: Store, store_url: str
) -> None:
    made = many(w)
    at = after(w.at, 10)
    with (
        worker(w, store_url, at, 0.05) as killed,
        worker(w, store_url, at, 0.05) as survivor,
    ):
        until(lambda: reminded(store) >= 3 and count(store, CLAIMED) > 0, killed)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL
        assert waiting(store, at) > 0, "it was struck before all was done"
        until(
            lambda: not waiting(store, at) and not count(store, "outbox WHERE sent_at IS NULL"),
            survivor,
        )
        survivor.send_signal(signal.SIGTERM)
        assert survivor.wait(PATIENCE) == 0
    once(store, made)


def reminded(store: Store) -> int:
    return count(store, "outbox WHERE what = 'reminder'")


def once(store: Store, made: dict[str, list[str]]) -> None:
    """Every miss came to exactly what its row says, once."""
    letters = rows(
        store,
        "SELECT record_id, to_owner, count(*) FROM outbox WHERE what = 'reminder'"
        " GROUP BY record_id, to_owner",
    )
    assert {row[2] for row in letters} == {1}
    told = {record: 0 for records in made.values() for record in records}
    for record, _, _ in letters:
        told[record] += 1
    assert {record: n for record, n in told.items() if record in made["draft"]} == dict.fromkeys(
        made["draft"], 1
    )
    both = made["sent"] + made["accepted"]
    assert {record: n for record, n in told.items() if record in both} == dict.fromkeys(both, 2)
    lapsed = rows(store, "SELECT record_id FROM step WHERE trigger = 'lapse'")
    assert sorted(row[0] for row in lapsed) == sorted(made["sent"])
    raised = rows(store, "SELECT about_id FROM escalation WHERE raised_by IS NULL")
    assert sorted(row[0] for row in raised) == sorted(made["draft"] + made["sent"])
    twice = rows(
        store,
        "SELECT outbox_id FROM notice GROUP BY outbox_id, membership_id HAVING count(*) > 1",
    )
    assert twice == []
    assert rows(store, "SELECT id FROM outbox WHERE result IS NULL OR result = 'gave_up'") == []
    assert rows(store, "SELECT count(*) FROM step") == rows(
        store, "SELECT count(*) FROM audit WHERE action = 'step'"
    )

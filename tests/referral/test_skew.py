"""The order of the log is that in which entries were kept, whatever the clocks said; where two were
apart, that is told beside the result, which stays whole (I27)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from referral.audit import log
from referral.sequencer import place
from referral.skew import TOLERANCE, Skew, skew
from referral.store import Sql, Store
from referral.verify import verify
from tests.world import World, build
from web.edge import Edge
from workflows.rules_for_verify import rules_for_verify

PLACED = Sql("SELECT a.seq FROM audit_index i JOIN audit a ON a.seq = i.seq ORDER BY i.idx")
NUMBERS = Sql("SELECT seq FROM audit ORDER BY seq")
LEAVES = Sql("SELECT leaf, at FROM audit ORDER BY seq", times=(1,))


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def two_workers(w: World, apart: timedelta, rounds: int = 3) -> None:
    """Two of them in turn, the clock of one ahead of the other's."""
    ahead, right = Edge(w.store, lambda: w.at + apart), Edge(w.store, lambda: w.at)
    for _ in range(rounds):
        for edge in (ahead, right):
            w.later(seconds=1)
            edge.perform(w.system, lambda tx, at: log(tx, w.system, at, "read", "person", None))
    with w.store.begin() as tx:
        place(tx, "0", 10_000)


def found(w: World) -> Skew:
    with w.store.read() as tx:
        return skew(tx)


@pytest.mark.invariant("I27")
def test_clocks_that_are_apart_are_told_and_reorder_nothing(w: World) -> None:
    two_workers(w, timedelta(minutes=10))
    told = found(w)
    assert told.entries == 3
    assert timedelta(minutes=9, seconds=58) < told.most <= timedelta(minutes=10)
    with w.store.snapshot() as tx:
        assert tx.rows(PLACED) == tx.rows(NUMBERS)
        report = verify(tx, rules_for_verify())
    assert report.whole
    assert report.lines()[0].startswith("Whole: ")
    said = [line for line in report.lines() if line.startswith("Clocks were apart: 3 entries say")]
    assert len(said) == 1
    assert "by 10 minutes at most" in said[0]
    assert report.as_json()["tree"]["clocks_apart"]["entries"] == 3


@pytest.mark.invariant("I27")
def test_clocks_within_the_tolerance_are_not_told(w: World) -> None:
    two_workers(w, TOLERANCE - timedelta(seconds=2))
    assert found(w) == Skew()
    with w.store.snapshot() as tx:
        report = verify(tx, rules_for_verify())
    assert report.whole
    assert not any("Clocks" in line for line in report.lines())
    assert report.as_json()["tree"]["clocks_apart"] == {
        "entries": 0,
        "first": None,
        "most_seconds": 0.0,
    }


@pytest.mark.invariant("I27")
def test_every_time_in_the_log_is_utc_and_says_so(w: World) -> None:
    two_workers(w, timedelta(0))
    with w.store.read() as tx:
        rows = tx.rows(LEAVES)
    assert len(rows) > 20
    for leaf, at in rows:
        said = json.loads(leaf)["at"]
        assert said.endswith("Z")
        assert said == at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        assert at.utcoffset() == timedelta(0)


def test_an_hour_back_is_told_from_its_first_entry_on(w: World) -> None:
    two_workers(w, timedelta(0), rounds=1)
    with w.store.read() as tx:
        there = len(tx.rows(PLACED))
    w.later(hours=-1)
    two_workers(w, timedelta(0), rounds=1)
    told = found(w)
    assert (told.entries, told.first) == (2, there)
    assert "by 60 minutes at most" in told.lines()[0]

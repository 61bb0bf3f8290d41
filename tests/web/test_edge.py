"""The edge: one transaction, tried again when another is in the way, and nothing by halves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

import web.edge
from referral import store as stores
from referral.actors import Actor
from referral.audit import log
from referral.rows import put
from referral.states import Noun
from referral.store import OutcomeUnknown, Sql, Store, StoreBusy, TryAgain, Tx
from tests.counting import nothing_but_the_attempt, only_these_grow
from tests.world import World, build
from web.edge import TRIES, Busy, Edge
from workflows.engine import Done, Refused, step


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


@pytest.fixture
def pg(postgresql_url: str) -> Iterator[World]:
    store = Store(postgresql_url)
    yield build(store)
    store.dispose()


def edge_of(w: World) -> Edge:
    return Edge(w.store, lambda: w.at)


class Accepting:
    """The acceptance of one referral, with something that happens on the way, once or each time."""

    def __init__(self, w: World, trouble: Any = None, always: bool = False) -> None:
        self.record = w.sent()
        self.actor: Actor = w.actor["sol"]
        self.trouble = trouble
        self.always = always
        self.tries = 0

    def __call__(self, tx: Tx, at: datetime) -> Done:
        self.tries += 1
        done = step(tx, Noun.REFERRAL, self.record, "accept", self.actor, at, key="one")
        if self.trouble and (self.always or self.tries == 1):
            self.trouble(tx)
        return done


def state(w: World, record: str) -> tuple[str, int]:
    with w.store.read() as tx:
        return tx.rows(Sql("SELECT state, version FROM referral WHERE id = :id"), id=record)[0]


def in_the_way(tx: Tx) -> None:
    raise TryAgain("another was first")


def the_same_key_again(tx: Tx) -> None:
    row = tx.rows(Sql("SELECT system_id, actor_id, key, body_hash, answer FROM idempotency"))[0]
    names = ("system_id", "actor_id", "key", "body_hash", "answer")
    put(tx, "idempotency", dict(zip(names, row, strict=True)) | {"at": datetime.now().astimezone()})


def a_slip(tx: Tx) -> None:
    raise ZeroDivisionError


def test_what_was_in_the_way_once_is_tried_again_and_done_once(w: World) -> None:
    accept = Accepting(w, in_the_way)
    done = edge_of(w).perform(accept.actor, accept)
    assert (accept.tries, done.replayed) == (2, False)
    assert state(w, accept.record) == ("accepted", 3)


@pytest.mark.parametrize("trouble", [in_the_way, the_same_key_again])
def test_what_stays_in_the_way_is_refused_and_leaves_only_the_attempt(
    w: World, trouble: Any
) -> None:
    accept = Accepting(w, trouble, always=True)
    with nothing_but_the_attempt(w.store), pytest.raises(Refused) as refused:
        edge_of(w).perform(accept.actor, accept)
    assert refused.value.codes == ("stale",)
    assert accept.tries == TRIES
    assert state(w, accept.record) == ("sent", 2)


def test_a_slip_of_the_program_leaves_nothing(w: World) -> None:
    accept = Accepting(w, a_slip)
    with only_these_grow(w.store), pytest.raises(ZeroDivisionError):
        edge_of(w).perform(accept.actor, accept)
    assert accept.tries == 1
    assert edge_of(w).perform(accept.actor, accept).version == 3


# -- a database that is locked ------------------------------------------------------------------

HOLDS_SQLITE = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""
HOLDS_POSTGRESQL = """
import psycopg, sys
held = psycopg.connect(sys.argv[1])
held.execute("SELECT 1 FROM provider FOR UPDATE")
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held_by_another_process(store: Store) -> Iterator[None]:
    """What every command here needs is held by a transaction of somebody else."""
    url = store.url
    where = url.database if not store.pg else url.set(drivername="postgresql")
    shown = where if isinstance(where, str) else where.render_as_string(hide_password=False)
    code = HOLDS_POSTGRESQL if store.pg else HOLDS_SQLITE
    with subprocess.Popen(
        [sys.executable, "-c", code, str(shown)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.communicate("let go\n")


def test_a_locked_database_is_busy_and_nothing_is_written(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "BUSY_SECONDS", 0.1)
    monkeypatch.setattr(web.edge, "BUSY_SECONDS", 0.1)
    w = build(Store(store_url))
    accept = Accepting(w)
    with only_these_grow(w.store):
        with held_by_another_process(w.store), pytest.raises(Busy):
            edge_of(w).perform(accept.actor, accept)
        assert state(w, accept.record) == ("sent", 2)
    assert edge_of(w).perform(accept.actor, accept).state == "accepted"
    w.store.dispose()


def test_reading_goes_on_while_another_writes(w: World) -> None:
    accept = Accepting(w)
    with (
        held_by_another_process(w.store),
        edge_of(w).reading(accept.actor) as (tx, at),
    ):
        assert at == w.at
        assert tx.rows(Sql("SELECT state FROM referral WHERE id = :id"), id=accept.record)


class Locked(Store):
    """A store that is locked as often as it is told."""

    def __init__(self, store: Store, times: list[bool]) -> None:
        self.__dict__.update(store.__dict__)
        self.times = times

    @contextmanager
    def begin(self, *told: Any, **more: Any) -> Iterator[Tx]:
        if self.times and self.times.pop(0):
            raise StoreBusy("locked")
        with super().begin(*told, **more) as tx:
            yield tx


def test_a_refusal_is_in_the_log_though_the_database_was_locked_then(w: World) -> None:
    accept = Accepting(w)
    edge_of(w).perform(accept.actor, accept)
    edge = Edge(Locked(w.store, [False, True, True]), lambda: w.at)
    again = (Noun.REFERRAL, accept.record, "accept", accept.actor)
    with nothing_but_the_attempt(w.store), pytest.raises(Refused) as refused:
        edge.perform(accept.actor, lambda tx, at: step(tx, *again, at))
    assert refused.value.codes == ("no_such_move",)


def test_a_refusal_that_can_not_be_noted_is_busy(w: World) -> None:
    accept = Accepting(w)
    edge_of(w).perform(accept.actor, accept)
    edge = Edge(Locked(w.store, [False, *[True] * TRIES]), lambda: w.at)
    again = (Noun.REFERRAL, accept.record, "accept", accept.actor)
    with only_these_grow(w.store), pytest.raises(Busy):
        edge.perform(accept.actor, lambda tx, at: step(tx, *again, at))


# -- a connection that is lost ------------------------------------------------------------------


def lose(w: World, tx: Tx | None = None) -> None:
    """The database ends the connections to this database: the one of `tx`, or all but our own."""
    import psycopg

    url = w.store.url.set(drivername="postgresql").render_as_string(hide_password=False)
    own = tx.raw.info.backend_pid if tx else None
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND pid = coalesce(%s, pid)",
            [own],
        )


@pytest.mark.postgresql
def test_a_connection_lost_half_way_is_tried_again_and_done_once(pg: World) -> None:
    def lost(tx: Tx) -> None:
        lose(pg, tx)
        tx.rows(Sql("SELECT 1"))

    accept = Accepting(pg, lost)
    assert edge_of(pg).perform(accept.actor, accept).version == 3
    assert accept.tries == 2


@pytest.mark.postgresql
def test_connections_that_died_in_the_pool_are_replaced(pg: World) -> None:
    accept = Accepting(pg)
    with pg.store.read(), pg.store.read(), pg.store.read(), pg.store.read(), pg.store.read():
        pass
    lose(pg)
    assert edge_of(pg).perform(accept.actor, accept).version == 3


@pytest.mark.postgresql
@pytest.mark.invariant("I17")
def test_a_commit_whose_answer_is_lost_is_said_to_be_unknown_and_the_key_tells(pg: World) -> None:
    accept = Accepting(pg, lambda tx: lose(pg, tx))
    with pytest.raises(OutcomeUnknown):
        edge_of(pg).perform(accept.actor, accept)
    assert accept.tries == 1
    done = edge_of(pg).perform(accept.actor, accept)
    assert (done.state, done.version) == ("accepted", 3)
    assert state(pg, accept.record) == ("accepted", 3)


# -- a command that went on after its transaction was over --------------------------------------


@pytest.mark.postgresql
def test_an_error_of_the_database_can_not_be_passed_over(pg: World) -> None:
    def pass_over(tx: Tx) -> None:
        with pytest.raises(TryAgain):
            the_same_key_again(tx)

    accept = Accepting(pg, pass_over)
    with only_these_grow(pg.store), pytest.raises(RuntimeError, match="failed or ended"):
        edge_of(pg).perform(accept.actor, accept)


@pytest.mark.parametrize("how", ["ROLLBACK", "COMMIT"])
def test_a_command_does_not_end_its_own_transaction(w: World, how: str) -> None:
    accept = Accepting(w, lambda tx: tx.execute(how, ()))
    with pytest.raises(RuntimeError, match="failed or ended"):
        edge_of(w).perform(accept.actor, accept)


def test_what_is_logged_without_a_step_is_undone_with_its_command(w: World) -> None:
    def look(tx: Tx, at: datetime) -> None:
        log(tx, w.actor["gwen"], at, "read", "person", None)
        raise ZeroDivisionError

    with only_these_grow(w.store), pytest.raises(ZeroDivisionError):
        edge_of(w).perform(w.actor["gwen"], look)

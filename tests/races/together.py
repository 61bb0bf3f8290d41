"""Several clients at once: threads with connections of their own, let go at one barrier."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from referral.actors import Actor
from referral.members import actor_of
from referral.states import Role
from referral.store import Sql, Store, Tx
from tests.world import World
from web.edge import Edge
from workflows.engine import Refused
from workflows.organisations import add_membership, add_user

LONG = 60.0  # seconds a client may wait at the barrier; never reached unless one has died


@dataclass(frozen=True)
class Outcome:
    """What one client came back with: an answer, or why not."""

    answer: Any = None
    refused: Refused | None = None

    @property
    def won(self) -> bool:
        return self.refused is None

    @property
    def codes(self) -> tuple[str, ...]:
        return () if self.refused is None else self.refused.codes


def edge_of(w: World, store: Store | None = None) -> Edge:
    """The edge as the web has it, with the time of the world as its clock."""
    return Edge(store or w.store, lambda: w.at)


@contextmanager
def many_clients(w: World, count: int) -> Iterator[Edge]:
    """An edge with a connection for each of so many clients."""
    store = Store(w.store.url.render_as_string(hide_password=False), pool_size=count)
    try:
        yield edge_of(w, store)
    finally:
        store.dispose()


class Clients:
    """So many threads that live as long as the block, and are let go together, round by round."""

    def __init__(self, count: int) -> None:
        self.barrier = threading.Barrier(count + 1)
        self.calls: list[Callable[[], Any] | None] = [None] * count
        self.outcomes: list[Outcome | BaseException | None] = [None] * count
        self.threads = [threading.Thread(target=self._live, args=(i,)) for i in range(count)]

    def __enter__(self) -> Clients:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.calls = [None] * len(self.threads)
        self.barrier.wait(LONG)
        for thread in self.threads:
            thread.join(LONG)

    def _live(self, i: int) -> None:
        while True:
            self.barrier.wait(LONG)
            call = self.calls[i]
            if call is None:
                return
            try:
                self.outcomes[i] = Outcome(call())
            except Refused as refused:
                self.outcomes[i] = Outcome(refused=refused)
            except BaseException as error:
                self.outcomes[i] = error
            self.barrier.wait(LONG)

    def at_once(self, calls: Sequence[Callable[[], Any]]) -> list[Outcome]:
        """Make all the calls at one moment. What is no answer and no refusal is raised here."""
        self.calls = list(calls)
        self.barrier.wait(LONG)
        self.barrier.wait(LONG)
        found: list[Outcome] = []
        for outcome in self.outcomes:
            if not isinstance(outcome, Outcome):
                raise AssertionError("a client failed") from outcome
            found.append(outcome)
        return found


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Outcome]:
    """One round: each call in a thread of its own, let go together."""
    with Clients(len(calls)) as clients:
        return clients.at_once(calls)


def after(seconds: float, call: Callable[[], Any]) -> Callable[[], Any]:
    """The call, a moment later: so that each of two comes first about as often."""

    def later() -> Any:
        if seconds > 0:
            time.sleep(seconds)
        return call()

    return later


WAITING = Sql(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND wait_event_type = 'Lock'"
)


def overtaken(
    w: World,
    actor: Actor,
    first: Callable[[Tx], Any],
    second: Callable[[], Any],
    then: Callable[[Tx], Any] = lambda tx: None,
) -> tuple[Outcome, bool]:
    """What the second comes to when it is made while the first is written and not yet committed,
    and whether it waited for that commit (told apart on PostgreSQL only). `then` is what the first
    does in the same transaction once the second waits."""
    found: list[Outcome | BaseException] = []

    def other() -> None:
        try:
            found.append(Outcome(second()))
        except Refused as refused:
            found.append(Outcome(refused=refused))
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=other)
    with w.store.begin(actor) as tx:
        first(tx)
        thread.start()
        waited = not tx.pg or _comes_to_wait(w, thread)
        then(tx)
    thread.join(LONG)
    if not found or not isinstance(found[0], Outcome):
        raise AssertionError("the second client failed") from (found[0] if found else None)
    return found[0], waited


def _comes_to_wait(w: World, thread: threading.Thread) -> bool:
    while thread.is_alive():
        with w.store.read() as tx:
            if tx.rows(WAITING)[0][0]:
                return True
        time.sleep(0.002)
    return False


def moments(seed: int, widest: float = 0.004) -> Iterator[tuple[float, float]]:
    """Pairs of small waits, one of them none, by a seed to run a failure again with."""
    chance = random.Random(seed)
    while True:
        wait = chance.uniform(0, widest)
        yield (wait, 0.0) if chance.random() < 0.5 else (0.0, wait)


def leaders(w: World, provider: str, count: int) -> list[Actor]:
    """So many leaders of one provider, each with an account of their own."""
    found = []
    with w.store.begin(w.system) as tx:
        for n in range(count):
            user = add_user(
                tx, w.system, w.at, name=f"Leader {n}", email=f"{provider}{n}@example.org"
            )
            member = add_membership(
                tx,
                w.system,
                w.at,
                user_id=user,
                organisation_id=w.org[provider],
                role=Role.PROVIDER_LEADER,
            )
            actor = actor_of(tx, member, w.at)
            assert actor is not None
            found.append(actor)
    return found

"""The edge: it reads the clock, opens the one transaction, commits it, and audits what was refused.

Pages, API, command line and worker all come through here; nothing below commits or looks at a
clock."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from referral.actors import Actor
from referral.states import Noun
from referral.store import BUSY_SECONDS, Door, Store, StoreBusy, TryAgain, Tx
from workflows.engine import STALE, Refused, refused_entry

T = TypeVar("T")
TRIES = 5


class Busy(Exception):
    """The database stayed locked. Nothing was written; trying again in a moment is safe."""


def now() -> datetime:
    """The time, in UTC. The only place that looks at a clock."""
    return datetime.now(UTC)


class Edge:
    """A store and a clock: what every door has."""

    def __init__(self, store: Store, clock: Callable[[], datetime] = now) -> None:
        self.store = store
        self.clock = clock

    def look(self, actor: Actor, read: Callable[[Tx, datetime], T]) -> T:
        """Read for somebody what is logged as read: it sees what they may see, and writes nothing
        but the log's entry. Raises what `perform` raises."""
        return self.perform(actor, read, Door.PAGE)

    def perform(
        self, actor: Actor, command: Callable[[Tx, datetime], T], door: Door = Door.COMMAND
    ) -> T:
        """Run a command in one transaction of its own, again if another was in the way.

        Raises Refused (after its attempt is in the audit log) or Busy; in both nothing of the
        command was written. CannotWrite when the database takes nothing, and OutcomeUnknown when
        the connection is lost during the commit (`web.errors.NOT_SAVED` has all three)."""
        try:
            return self._run(actor, command, door)
        except Refused as refused:
            attempt = refused
        self._run(actor, lambda tx, at: refused_entry(tx, attempt, actor, at))
        raise attempt

    def _run(
        self, actor: Actor, command: Callable[[Tx, datetime], T], door: Door = Door.COMMAND
    ) -> T:
        patience = time.monotonic() + BUSY_SECONDS
        for attempt in range(1, TRIES + 1):
            try:
                with self.store.begin(actor, door, self._read_at(door)) as tx:
                    return command(tx, self.clock())
            except TryAgain as again:
                busy = isinstance(again, StoreBusy)
                if busy and (attempt == TRIES or time.monotonic() > patience):
                    raise Busy("The database is busy.") from again
                if attempt == TRIES:
                    raise Refused(
                        [STALE], noun=Noun.REFERRAL, trigger="write", record_id=None
                    ) from again
                time.sleep(random.uniform(0.005, 0.05) * attempt)  # noqa: S311
        raise AssertionError("the last attempt returns or raises")

    def _read_at(self, door: Door) -> datetime | None:
        """When the wall is to say what is open: it is told before the transaction's first word."""
        return self.clock() if self.store.wall and door is Door.PAGE else None

    @contextmanager
    def reading(
        self, actor: Actor | None, door: Door | None = None
    ) -> Iterator[tuple[Tx, datetime]]:
        """A read-only transaction and the time it is read at. It sees what its actor may see;
        where nobody is known, nothing about people."""
        told = self.clock() if self.store.wall else None
        with self.store.read(actor, door or (Door.PAGE if actor else Door.SHUT), told) as tx:
            yield tx, told or self.clock()

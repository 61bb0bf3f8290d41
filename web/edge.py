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
from referral.store import Store, StoreBusy, TryAgain, Tx
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

    def perform(self, actor: Actor, command: Callable[[Tx, datetime], T]) -> T:
        """Run a command in one transaction of its own, again if another was in the way.

        Raises Refused (after its attempt is in the audit log) or Busy; in both nothing of the
        command was written."""
        last: TryAgain | None = None
        for attempt in range(TRIES):
            at = self.clock()
            try:
                with self.store.begin(actor) as tx:
                    return command(tx, at)
            except TryAgain as again:
                last = again
                if attempt + 1 < TRIES:
                    time.sleep(random.uniform(0.005, 0.05) * (attempt + 1))  # noqa: S311
            except Refused as refused:
                self._note_refusal(refused, actor, at)
                raise
        if isinstance(last, StoreBusy):
            raise Busy("The database is busy.") from last
        stale = Refused([STALE], noun=Noun.REFERRAL, trigger="write", record_id=None)
        self._note_refusal(stale, actor, self.clock())
        raise stale from last

    def _note_refusal(self, refused: Refused, actor: Actor, at: datetime) -> None:
        with self.store.begin(actor) as tx:
            refused_entry(tx, refused, actor, at)

    @contextmanager
    def reading(self, actor: Actor | None) -> Iterator[tuple[Tx, datetime]]:
        """A read-only transaction and the time it is read at."""
        with self.store.read(actor) as tx:
            yield tx, self.clock()

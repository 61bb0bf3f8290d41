"""The worker: it looks at the clocks that are due and hands over what is to be told.

Any number of workers may share one store. Each claims a few rows with a lease and does each in a
transaction of its own, so that one killed at any moment loses nothing: its rows are claimed again
when their lease ends, and the fence keeps what it had half done from being finished twice."""

from __future__ import annotations

import logging
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from types import FrameType
from typing import TypeVar

from referral import announcements, queue
from referral.actors import the_system
from referral.store import TryAgain, Tx
from web.edge import Edge
from workflows import announcements as reading
from workflows import post, sweep

log = logging.getLogger("segue.worker")
Row = TypeVar("Row", queue.Due, queue.Letter)

BATCH = 20
LEASE = timedelta(seconds=60)
EVERY = 10.0  # seconds between two looks when nothing waits
CLOCK_AGAIN = timedelta(minutes=1)
MOST_TRIES = 8  # of one letter; a clock is tried for ever
LONGEST_WAIT = timedelta(hours=1)


def run(
    edge: Edge,
    once: bool = False,
    stop: Event | None = None,
    every: float = EVERY,
    lease: timedelta = LEASE,
) -> Counter[str]:
    """Do what is due, again and again until `stop` is set or the process is told to end; with
    `once`, until nothing is due. Returns how often each thing was done."""
    stop = stop or Event()
    worker = Worker(edge, stop, lease)
    with _ending(stop, once):
        while not stop.is_set():
            try:
                worked = worker.turn()
            except Exception as error:
                if once:
                    raise
                # The database is away, or locked for long: its connections are made anew.
                log.error("The store can't be worked on (%s). Trying again.", type(error).__name__)
                edge.store.dispose()
                worked = False
            if not worked:
                if once:
                    break
                stop.wait(every)
    return worker.done


def sweep_all(edge: Edge) -> Counter[str]:
    """Do everything that is due now, and return when nothing is."""
    return run(edge, once=True)


@contextmanager
def _ending(stop: Event, once: bool) -> Iterator[None]:
    """While this lasts, SIGTERM and SIGINT let the worker finish the row it is at, then end."""
    if once or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {s: signal.signal(s, end) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Worker:
    """One worker's turns over one store."""

    edge: Edge
    stop: Event
    lease: timedelta = LEASE
    done: Counter[str] = field(default_factory=Counter)

    def turn(self) -> bool:
        """Every clock that is due, then one batch of letters: mail never starves a clock. Returns
        whether there was anything to do."""
        worked = False
        while self._clocks():
            worked = True
        worked |= self._proposals()
        worked |= self._readings()
        return self._letters() or worked

    # -- clocks -----------------------------------------------------------------------------

    def _clocks(self) -> bool:
        claimed = self._claim(queue.claim_clocks)
        for number, due in enumerate(claimed):
            if self.stop.is_set():
                self._leave(claimed[number:], self.edge.clock())
                return False
            self._clock(due)
        return bool(claimed)

    def _clock(self, due: queue.Due) -> None:
        actor = the_system(due.system_id, f"clock:{due.kind}")
        try:
            done = self.edge.perform(actor, lambda tx, at: sweep.look(tx, due, at))
        except queue.Overtaken:
            done = "overtaken"
            self._leave([due], self.edge.clock())
        except Exception as error:
            # Names, not messages: what a database says may hold what it was given.
            log.error("Clock %d (%s): %s. Again soon.", due.id, due.kind, type(error).__name__)
            done = "failed"
            self._leave([due], self.edge.clock() + CLOCK_AGAIN)
        self.done[f"clock {done}"] += 1

    def _leave(self, claimed: list[queue.Due], until: datetime) -> None:
        with self.edge.store.begin() as tx:
            for due in claimed:
                queue.leave_clock(tx, due, until)

    def _proposals(self) -> bool:
        before = sweep.unanswered_since(self.edge.clock())
        with self.edge.store.read() as tx:
            waiting = queue.unanswered(tx, before, BATCH)
        lapsed = [proposal for proposal in waiting if self._proposal(proposal)]
        return bool(lapsed)

    def _proposal(self, proposal: queue.Proposal) -> bool:
        actor = the_system(proposal.system_id, f"clock:{sweep.CONFIRMING}")
        try:
            lapsed = self.edge.perform(actor, lambda tx, at: sweep.lapse_proposal(tx, proposal, at))
        except Exception as error:
            log.error("Proposal %s: %s. Again soon.", proposal.id, type(error).__name__)
            self.done["proposal failed"] += 1
            return False
        self.done["proposal lapsed"] += lapsed
        return lapsed

    def _readings(self) -> bool:
        """What must be acted on and nobody has said they read."""
        with self.edge.store.read() as tx:
            waiting = announcements.due(tx, self.edge.clock(), BATCH)
        return bool([one for one in waiting if self._reading(one)])

    def _reading(self, one: announcements.Due) -> bool:
        actor = the_system(one.system_id, f"clock:{reading.PERIOD}")
        try:
            done = self.edge.perform(actor, lambda tx, at: reading.look(tx, one, at))
        except Exception as error:
            log.error("Announcement %s: %s. Again soon.", one.announcement_id, type(error).__name__)
            self.done["reading failed"] += 1
            return False
        self.done[f"reading {done}"] += 1
        return done != "read"

    # -- letters ----------------------------------------------------------------------------

    def _letters(self) -> bool:
        claimed = self._claim(queue.claim_letters)
        for number, letter in enumerate(claimed):
            if self.stop.is_set():
                self._later(claimed[number:], self.edge.clock())
                return False
            self._letter(letter)
        return bool(claimed)

    def _letter(self, letter: queue.Letter) -> None:
        actor = the_system(letter.system_id, "post")
        try:
            if letter.tries > MOST_TRIES:
                self.edge.perform(actor, lambda tx, at: post.give_up(tx, letter, at))
                done = post.GAVE_UP
            else:
                done = self.edge.perform(actor, lambda tx, at: post.deliver(tx, letter, at))
        except queue.Overtaken:
            done = "overtaken"
        except Exception as error:
            log.error("Letter %d: %s. Again later.", letter.id, type(error).__name__)
            done = "failed"
            wait = min(timedelta(seconds=15 * 2**letter.tries), LONGEST_WAIT)
            self._later([letter], self.edge.clock() + wait)
        self.done[f"letter {done}"] += 1

    def _later(self, claimed: list[queue.Letter], run_at: datetime) -> None:
        with self.edge.store.begin() as tx:
            for letter in claimed:
                queue.retry_letter(tx, letter, run_at)

    # -- claiming ---------------------------------------------------------------------------

    def _claim(self, claim: Callable[[Tx, datetime, datetime, int], list[Row]]) -> list[Row]:
        """A batch of rows under our lease; none while another worker is in the way."""
        at = self.edge.clock()
        try:
            with self.edge.store.begin() as tx:
                return claim(tx, at, at + self.lease, BATCH)
        except TryAgain:
            return []

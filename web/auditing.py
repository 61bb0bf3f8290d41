"""What the worker does for the audit log: entries get their places, heads are signed, published
outside the database, and once a day everything is read against the log.

Each part is done in a transaction of its own, from what the store says is missing: killed at any
moment, or run by several workers, nothing is lost and nothing done twice matters."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from threading import Event
from typing import Protocol
from zoneinfo import ZoneInfo

from referral import merkle, sequencer, tree
from referral.health import CHECK, SIGN, WITHIN
from referral.notes import NotANote, NotSigned, Verifier, open_checkpoint
from referral.sequencer import Refused
from referral.store import Door, TryAgain
from referral.tree import Duty
from referral.verify import verify
from web.audit_keys import Keys
from web.edge import Edge
from workflows import audit_alarms
from workflows.rules_for_verify import rules_for_verify

log = logging.getLogger("segue.audit")

SIGN_EVERY = timedelta(minutes=4)
"""An entry is under a signed head within five minutes: this, and the worker's time to look."""
MOST_UNSIGNED = 1_000
MOST_BATCHES = 20  # of entries placed at one turn: clocks wait for no import
AGAIN_AFTER = (timedelta(seconds=30), timedelta(minutes=5))
CHECK_FROM = time(6)
CHECK_LEASE = timedelta(hours=3)
LONDON = ZoneInfo("Europe/London")


Prove = Callable[[int, int], list[bytes]]
"""The proof of consistency of one size of the log with another."""


class NotPublished(Exception):
    """A head didn't get where it was to go. The sentence says why, without an address's path.

    `alarm`: it is no disturbance, somebody says that the log was changed."""

    def __init__(self, says: str, alarm: bool = False) -> None:
        super().__init__(says)
        self.alarm = alarm


class Outlet(Protocol):
    """A place outside the database that takes signed heads."""

    @property
    def name(self) -> str:
        """What the health page calls it."""

    def known(self) -> str | None:
        """The newest head it holds, as a note, where it can say: no later head may contradict it.
        NotPublished when it can't be reached."""

    def publish(self, note: str, last: int, prove: Prove) -> Mapping[str, str]:
        """Take this head; `last` is the size it took last. Returns the lines of those who signed
        it too, by name. Raises NotPublished."""


@dataclass
class LogKeeper:
    """One worker's turns over the log of one store."""

    edge: Edge
    keys: Keys | None
    outlets: tuple[Outlet, ...] = ()
    no_key: str = ""
    stop: Event = field(default_factory=Event)
    low: str = "0"
    checking: threading.Thread | None = None

    def turn(self, now: bool = False) -> bool:
        """Place what is settled, sign when it is time (or `now`), publish what wasn't yet. Whether
        anything was placed. What fails is told and tried again; nothing is raised for it."""
        with suppress(TryAgain):
            placed = self.place()
            if self.sign(now) or now:
                self.publish(now)
            else:
                self.publish()
            return placed > 0
        return False

    # -- places -----------------------------------------------------------------------------

    def place(self) -> int:
        """Give settled entries their places, a batch at a time; how many."""
        placed = 0
        for _ in range(MOST_BATCHES):
            with self.edge.store.read(door=Door.WHOLE) as tx:
                if self.stop.is_set() or not sequencer.waits(tx):
                    break
            with self.edge.store.begin(door=Door.WHOLE) as tx:
                count, low = sequencer.place(tx, self.low)
            self.low = low
            placed += count
            if count < sequencer.BATCH:
                break
        return placed

    # -- heads ------------------------------------------------------------------------------

    def sign(self, now: bool = False) -> bool:
        """Sign the head of the tree when it is time; whether there is a new one."""
        at = self.edge.clock()
        with self.edge.store.read(door=Door.WHOLE) as tx:
            last, size, duty = tree.last_checkpoint(tx), tree.size(tx), tree.duty(tx, SIGN)
        new = size - (last.size if last else 0)
        failing = duty is not None and duty.failing_since is not None
        fresh = last is not None and timedelta(0) <= at - last.at < SIGN_EVERY
        if not new and not failing:
            return False
        if fresh and new < MOST_UNSIGNED and not now and not failing:
            return False
        if failing and not now and not _again(duty, at):
            return False
        return self._sign(at)

    def _sign(self, at: datetime) -> bool:
        if self.keys is None:
            self._failed(SIGN, self.no_key)
            return False
        keys = self.keys
        try:
            known = list(self._known(keys.verifiers))
            with self.edge.store.begin(door=Door.WHOLE) as tx:
                _refuse_another_hand(tree.last_checkpoint(tx), keys)
                made = sequencer.head(tx, keys.origin, keys.sign, at, known)
                if made is None:
                    return False
                audit_alarms.done(tx, SIGN, made.size, at)
        except Refused as why:
            log.error("%s", why)
            self._failed(SIGN, str(why), at_once=True)
            return False
        return True

    def _known(self, verifiers: Iterable[Verifier]) -> Iterable[tuple[int, bytes]]:
        """The heads that are known outside. A place that can't be reached now doesn't stop us; one
        that holds what no key of ours signed does."""
        for outlet in self.outlets:
            try:
                note = outlet.known()
            except NotPublished:
                continue
            if note is None:
                continue
            try:
                head, _ = open_checkpoint(note, verifiers)
            except NotANote as error:
                raise Refused(_UNREADABLE.format(outlet.name, error)) from error
            except NotSigned:
                # Of another log, or of a key that was never ours.
                if self.keys is not None and _origin(note) == self.keys.origin:
                    raise Refused(_ANOTHER_KEY.format(outlet.name)) from None
                continue
            yield head.size, head.root

    # -- outside ----------------------------------------------------------------------------

    def publish(self, now: bool = False) -> None:
        """Bring the newest head to each place that hasn't got it."""
        with self.edge.store.read(door=Door.WHOLE) as tx:
            last = tree.last_checkpoint(tx)
            duties = {one.name: one for one in tree.duties(tx)}
            signing = duties.get(SIGN)
        if last is None or (signing is not None and signing.failing_since is not None):
            return
        for outlet in self.outlets:
            duty = duties.get(outlet.name)
            failing = duty is not None and duty.failing_since is not None
            if duty is not None and duty.size >= last.size and not failing:
                continue
            if not failing or now or _again(duty, self.edge.clock()):
                self._publish(outlet, last, duty.size if duty else 0)
        wanted = {*WITHIN, *(outlet.name for outlet in self.outlets)}
        for name in duties.keys() - wanted:
            with self.edge.store.begin(door=Door.WHOLE) as tx:
                tree.forget(tx, name)

    def _publish(self, outlet: Outlet, last: tree.Checkpoint, taken: int) -> None:
        with self.edge.store.read(door=Door.WHOLE) as tx:
            note = tree.cosigned(tx, last)
        try:
            lines = outlet.publish(note, taken, self._prove)
        except NotPublished as why:
            if not self._overtaken(last):
                self._not_published(outlet, last, str(why), why.alarm)
            return
        except Exception as error:
            # Names, not messages: they may hold an address.
            self._not_published(outlet, last, f"It broke off ({type(error).__name__}).", False)
            return
        at = self.edge.clock()
        with self.edge.store.begin(door=Door.WHOLE) as tx:
            for witness, line in lines.items():
                tree.keep_cosignature(tx, last.size, witness, line, at)
            audit_alarms.done(tx, outlet.name, last.size, at)

    def _overtaken(self, last: tree.Checkpoint) -> bool:
        """Whether another worker signed a newer head meanwhile, and may have brought it there: what
        a witness says of the older one then is no alarm. The newer one is for the next turn."""
        with self.edge.store.read(door=Door.WHOLE) as tx:
            newest = tree.last_checkpoint(tx)
        return newest is not None and newest.size > last.size

    def _not_published(self, outlet: Outlet, last: tree.Checkpoint, why: str, alarm: bool) -> None:
        log.warning("The head of %d entries isn't at %s: %s", last.size, outlet.name, why)
        self._failed(outlet.name, why, at_once=alarm)

    def _prove(self, old: int, new: int) -> list[bytes]:
        with self.edge.store.read(door=Door.WHOLE) as tx:
            return merkle.consistency(old, new, tree.reader(tx))

    def _failed(self, name: str, why: str, at_once: bool = False) -> None:
        at = self.edge.clock()
        with self.edge.store.begin(door=Door.WHOLE) as tx:
            audit_alarms.failed(tx, name, why, at, at_once)

    # -- the daily check --------------------------------------------------------------------

    def check_daily(self, beside: bool) -> None:
        """Once a day, from six in the morning, and when somebody asked for it, read everything
        against the log: `beside` the worker's own work, or here and now."""
        at = self.edge.clock()
        if self.checking is not None and self.checking.is_alive():
            return
        with self.edge.store.read(door=Door.WHOLE) as tx:
            last = tree.last_check(tx)
            asked = tree.check_asked(tx)
        wanted = asked is not None and (last is None or last.at < asked)
        if last is not None and not wanted and not _new_day(last.at, at):
            return
        with self.edge.store.begin(door=Door.WHOLE) as tx:
            before = max(asked, at - CHECK_LEASE) if wanted and asked else at - CHECK_LEASE
            if not tree.claim(tx, CHECK, at, before):
                return
        if beside:
            self.checking = threading.Thread(target=self._check_beside, daemon=True)
            self.checking.start()
        else:
            self.check()

    def _check_beside(self) -> None:
        try:
            self.check()
        except _Stopped:
            pass
        except Exception as error:
            log.error("The daily check of the log failed (%s).", type(error).__name__)
            self._failed(CHECK, f"The check couldn't be made: {type(error).__name__}.")

    def check(self) -> None:
        """Read everything against the log now, and keep what it came to."""
        verifiers = self.keys.verifiers if self.keys else ()
        with self.edge.store.snapshot(door=Door.WHOLE) as tx:
            report = verify(tx, rules_for_verify(), self._go_on, verifiers=verifiers)
        at = self.edge.clock()
        first = report.findings[0].line if report.findings else None
        checked = tree.Checked(at, report.entries, report.tree.size, report.found, first)
        with self.edge.store.begin(door=Door.WHOLE) as tx:
            tree.keep_check(tx, checked)
            if report.whole:
                audit_alarms.done(tx, CHECK, checked.size, at)
            else:
                audit_alarms.failed(tx, CHECK, _FOUND.format(report.found), at, at_once=True)

    def _go_on(self, stage: str, done: int, total: int | None) -> None:
        if self.stop.is_set():
            raise _Stopped

    def end(self) -> None:
        """The worker ends: a check that runs beside it ends too, and is made again another time."""
        self.stop.set()
        if self.checking is not None:
            self.checking.join()


class _Stopped(Exception):
    pass


_UNREADABLE = (
    "What stands at {} is no signed head ({}), so nothing is signed until somebody has looked at"
    " it. Keep a copy, then take it away."
)
_ANOTHER_KEY = (
    "At {} stands a head of this log that no key of ours signed, so nothing is signed until"
    " somebody has looked at it: another key may be in use. See `segue audit key`."
)
_NOT_OURS = (
    "The last head, of {} entries, was signed by no key of ours ({}), so no further one is signed."
    " Is this the right key file? Else the log was changed: run `segue audit verify`."
)
_FOUND = (
    "The daily check found {} places where the store is not as its log says. Keep a copy of the"
    " database as it is, and run `segue audit verify`."
)


def _refuse_another_hand(last: tree.Checkpoint | None, keys: Keys) -> None:
    """Raises Refused unless a key of ours signed what stands in the store as the last head."""
    if last is None:
        return
    try:
        head, _ = open_checkpoint(last.note, keys.verifiers)
    except (NotANote, NotSigned) as error:
        raise Refused(_NOT_OURS.format(last.size, error)) from error
    if (head.size, head.root) != (last.size, last.root):
        raise Refused(_NOT_OURS.format(last.size, "what was signed is not what stands beside it"))


def _origin(note: str) -> str:
    return note.partition("\n")[0]


def _again(duty: Duty | None, at: datetime) -> bool:
    """Whether it is time for another try: soon at first, then less often."""
    if duty is None or duty.failing_since is None or duty.tried_at is None:
        return True
    soon, later = AGAIN_AFTER
    wait = soon if duty.tried_at - duty.failing_since < later else later
    return not timedelta(0) <= at - duty.tried_at < wait


def _new_day(last: datetime, at: datetime) -> bool:
    """Whether six in the morning has come since."""
    here, then = at.astimezone(LONDON), last.astimezone(LONDON)
    began = datetime.combine(here.date(), CHECK_FROM, LONDON)
    if here < began:
        began -= timedelta(days=1)
    return then < began

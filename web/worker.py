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
from functools import wraps
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Any, TypeVar
from uuid import uuid4

from referral import announcements, documents, offered, queue, scans
from referral import dispatches as outgoing
from referral import keeping as kept
from referral.access import ToReview, to_review
from referral.actors import Actor, the_system
from referral.audit import Request, during
from referral.dispatches import Parcel
from referral.keeping import FIRST, HoldPast
from referral.store import Door, TryAgain, Tx
from web.auditing import LogKeeper
from web.backup_cli import keep_list
from web.carriers import ARRIVED, FAILED, Carrier, NotTaken
from web.edge import Edge
from web.scanning import Scanner
from web.ways import NO_WAYS, Ways
from workflows import access, dispatches, evidence, keeping, leftovers, post, sweep, tallies
from workflows import announcements as reading
from workflows.activities import open_again
from workflows.documents import SCAN_AGAIN, scanned
from workflows.relationships import let_pass
from workflows.working_time import local_day

log = logging.getLogger("segue.worker")
Row = TypeVar("Row", queue.Due, queue.Letter, Parcel)
Job = TypeVar("Job", bound=Callable[..., Any])

BATCH = 20
MANY = 500  # of what is done in an instant, in one look
LEASE = timedelta(seconds=60)
EVERY = 10.0  # seconds between two looks when nothing waits
CLOCK_AGAIN = timedelta(minutes=1)
MOST_TRIES = 8  # of one letter; a clock is tried for ever
LONGEST_WAIT = timedelta(hours=1)
# One message is a conversation of several answers, each waited for as long as `carriers.PATIENCE`.
LEASE_OUT = timedelta(minutes=5)
SAFETY_WAIT = timedelta(minutes=1)  # at most, between two tries of a message about safety
MOST_WAIT_ASKING = timedelta(hours=6)
SCANS = 1  # in one turn, so that a slow scanner holds up no clock
CLEARS_EVERY = timedelta(hours=1)
CONTACTS_BACK = timedelta(days=30)


def run(
    edge: Edge,
    once: bool = False,
    stop: Event | None = None,
    every: float = EVERY,
    lease: timedelta = LEASE,
    ways: Ways = NO_WAYS,
    keeper: LogKeeper | None = None,
    listed: Path | None = None,
    scanner: Scanner | None = None,
) -> Counter[str]:
    """Do what is due, again and again until `stop` is set or the process is told to end; with
    `once`, until nothing is due. `ways` are those out of the house, `keeper` sees to the audit
    log's tree, in `listed` the list of erasures is kept, `scanner`
    looks into documents. Returns how often each thing was
    done."""
    stop = stop or Event()
    worker = Worker(edge, stop, lease, ways, keeper, once, listed, scanner)
    with _ending(stop, once), _kept(keeper, stop):
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


def sweep_all(edge: Edge, ways: Ways = NO_WAYS) -> Counter[str]:
    """Do everything that is due now, and return when nothing is."""
    return run(edge, once=True, ways=ways)


@contextmanager
def _kept(keeper: LogKeeper | None, stop: Event) -> Iterator[None]:
    """A check of the log that goes on beside the worker ends with it."""
    if keeper is not None:
        keeper.stop = stop
    try:
        yield
    finally:
        if keeper is not None:
            keeper.end()


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


def _one_job(job: Job) -> Job:
    """All entries of the log that one job makes have one request."""

    @wraps(job)
    def done(self: Worker, *args: Any) -> Any:
        with during(Request(str(uuid4()), "worker")):
            return job(self, *args)

    return done  # type: ignore[return-value]


@dataclass
class Worker:
    """One worker's turns over one store."""

    edge: Edge
    stop: Event
    lease: timedelta = LEASE
    ways: Ways = NO_WAYS
    keeper: LogKeeper | None = None
    once: bool = False
    listed: Path | None = None
    scanner: Scanner | None = None
    done: Counter[str] = field(default_factory=Counter)
    clears_at: datetime | None = None
    looked_at: str = FIRST  # where the next look for records whose time is over begins

    def turn(self) -> bool:
        """Every clock that is due, then one batch of letters and one of messages that leave the
        house: mail never starves a clock, and neither starves the log. When none waits, now and
        then, what has served is cleared away and the log checked. Returns whether there was
        anything to do."""
        worked = False
        while self._clocks():
            worked = True
            self._log()
        worked |= self._proposals()
        worked |= self._readings()
        worked |= self._letters()
        worked |= self._parcels()
        worked |= self._scans()
        worked |= self._log()
        if self.listed is not None:
            self.done["erasures listed"] += keep_list(self.edge, self.listed)
        if not worked:
            self._clear()
            if self.keeper is not None:
                self.keeper.check_daily(beside=not self.once)
        return worked

    def _log(self) -> bool:
        return self.keeper is not None and self.keeper.turn()

    # -- clocks -----------------------------------------------------------------------------

    def _clocks(self) -> bool:
        claimed = self._claim(queue.claim_clocks)
        for number, due in enumerate(claimed):
            if self.stop.is_set():
                self._leave(claimed[number:], self.edge.clock())
                return False
            self._clock(due)
        return bool(claimed)

    @_one_job
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
        with self.edge.store.begin(door=Door.WHOLE) as tx:
            for due in claimed:
                queue.leave_clock(tx, due, until)

    def _proposals(self) -> bool:
        before = sweep.unanswered_since(self.edge.clock())
        with self.edge.store.read(door=Door.WHOLE) as tx:
            waiting = queue.unanswered(tx, before, BATCH)
        lapsed = [proposal for proposal in waiting if self._proposal(proposal)]
        return bool(lapsed)

    @_one_job
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
        with self.edge.store.read(door=Door.WHOLE) as tx:
            waiting = announcements.due(tx, self.edge.clock(), BATCH)
        return bool([one for one in waiting if self._reading(one)])

    @_one_job
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

    @_one_job
    def _letter(self, letter: queue.Letter) -> None:
        actor = the_system(letter.system_id, "post")
        try:
            if letter.tries > MOST_TRIES:
                self.edge.perform(actor, lambda tx, at: post.give_up(tx, letter, at))
                done = post.GAVE_UP
            else:
                channels = self.ways.channels
                done = self.edge.perform(
                    actor, lambda tx, at: dispatches.hand_over(tx, letter, at, channels)
                )
        except queue.Overtaken:
            done = "overtaken"
        except Exception as error:
            log.error("Letter %d: %s. Again later.", letter.id, type(error).__name__)
            done = "failed"
            wait = min(timedelta(seconds=15 * 2**letter.tries), LONGEST_WAIT)
            self._later([letter], self.edge.clock() + wait)
        self.done[f"letter {done}"] += 1

    def _later(self, claimed: list[queue.Letter], run_at: datetime) -> None:
        with self.edge.store.begin(door=Door.WHOLE) as tx:
            for letter in claimed:
                queue.retry_letter(tx, letter, run_at)

    # -- out of the house -------------------------------------------------------------------

    def _parcels(self) -> bool:
        """One batch, one at a time, each under a lease of its own. A service that couldn't be
        reached isn't tried again in this batch, so that its silence holds up no clock."""
        away: set[str] = set()
        worked = False
        for _number in range(BATCH if self.ways.carriers else 0):
            claimed = self._claim(outgoing.claim, 1, LEASE_OUT)
            if not claimed or self.stop.is_set():
                self._post_later(claimed, self.edge.clock())
                break
            worked = True
            self._parcel(claimed[0], away)
        return worked

    @_one_job
    def _parcel(self, parcel: Parcel, away: set[str]) -> None:
        actor = the_system(parcel.system_id, "post")
        try:
            done = self._carry(actor, parcel, away)
        except queue.Overtaken:
            done = "overtaken"
        except NotTaken as why:
            if why.away:
                away.add(parcel.channel)
            done = self._not_taken(actor, parcel, why)
        except Exception as error:
            log.error("Message %d: %s. Again later.", parcel.id, type(error).__name__)
            done = "broken"
            self._post_later([parcel], self.edge.clock() + _wait(parcel))
        self.done[f"{parcel.channel} {done}"] += 1

    def _carry(self, actor: Actor, parcel: Parcel, away: set[str]) -> str:
        """Ask whether it may leave, let it leave, and write down what came of it: three steps, of
        which only the middle one speaks to the service."""
        carrier = self.ways.carriers.get(parcel.channel)
        if carrier is None or parcel.channel in away:
            raise NotTaken("")  # nothing was tried
        if parcel.service_id is not None:
            return self._ask(actor, parcel, carrier)
        hashed = self.ways.tokens.token_hash
        ready = self.edge.perform(actor, lambda tx, at: dispatches.prepare(tx, parcel, at, hashed))
        if isinstance(ready, str):
            return ready
        message = self.ways.write(ready)
        number = carrier.find(message) if parcel.tries > 1 else None
        if number is None:
            number = carrier.send(message)
        later = self.edge.clock() + SAFETY_WAIT if carrier.can_tell else None
        return self.edge.perform(
            actor, lambda tx, at: dispatches.taken(tx, parcel, at, number, later)
        )

    def _ask(self, actor: Actor, parcel: Parcel, carrier: Carrier) -> str:
        """Whether what a service took has arrived."""
        said = carrier.status(parcel.service_id or "")
        if said == ARRIVED:
            return self.edge.perform(actor, lambda tx, at: dispatches.arrived(tx, parcel, at))
        if said == FAILED:
            return self.edge.perform(actor, lambda tx, at: dispatches.failed(tx, parcel, at))
        later = self.edge.clock() + _wait(parcel, MOST_WAIT_ASKING)
        return self.edge.perform(actor, lambda tx, at: dispatches.still_out(tx, parcel, at, later))

    def _not_taken(self, actor: Actor, parcel: Parcel, why: NotTaken) -> str:
        if why.for_good:
            log.warning("Message %d was refused (%s). A person is asked.", parcel.id, why)
            return self.edge.perform(actor, lambda tx, at: dispatches.failed(tx, parcel, at))
        if str(why):
            log.warning("Message %d wasn't taken (%s). Again later.", parcel.id, why)
        return self.edge.perform(
            actor, lambda tx, at: dispatches.not_yet(tx, parcel, at, _wait(parcel))
        )

    def _post_later(self, claimed: list[Parcel], run_at: datetime) -> None:
        with self.edge.store.begin(door=Door.WHOLE) as tx:
            for parcel in claimed:
                outgoing.again(tx, parcel, run_at)

    # -- documents ----------------------------------------------------------------------------

    def _scans(self) -> bool:
        """A document that the scanner hasn't seen. Two workers that ask of the same one do no
        harm: the first answer counts."""
        if self.scanner is None:
            return False
        with self.edge.store.read(door=Door.WHOLE) as tx:
            waiting = scans.to_scan(tx, self.edge.clock(), SCANS)
        for one in waiting:
            if self.stop.is_set():
                break
            self._scan(self.scanner, one)
        return bool(waiting)

    @_one_job
    def _scan(self, scanner: Scanner, one: scans.ToScan) -> None:
        actor = the_system(one.system_id, "scanner")
        try:
            with self.edge.store.read(door=Door.WHOLE) as tx:
                content = documents.content(tx, one.system_id, one.id)
            said = scanner.look(content) if content is not None else None
            if said is None:
                log.warning("Document %s: the scanner said nothing. Again later.", one.id)
                self._scan_later(one)
                done = "without an answer"
            else:
                done = self.edge.perform(actor, lambda tx, at: scanned(tx, actor, at, one.id, said))
        except Exception as error:
            log.error("Document %s: %s. Again later.", one.id, type(error).__name__)
            self._scan_later(one)
            done = "failed"
        self.done[f"document {done}"] += 1

    def _scan_later(self, one: scans.ToScan) -> None:
        with self.edge.store.begin(door=Door.WHOLE) as tx:
            scans.look_later(tx, one.id, self.edge.clock() + SCAN_AGAIN)

    # -- clearing away ----------------------------------------------------------------------

    def _clear(self) -> None:
        """A batch at a time, each in a transaction of its own, until none is left."""
        at = self.edge.clock()
        if self.clears_at is not None and at < self.clears_at:
            return
        self.clears_at = at + CLEARS_EVERY
        while not self.stop.is_set():
            try:
                with self.edge.store.begin(door=Door.WHOLE) as tx:
                    cleared = leftovers.clear(tx, at)
            except TryAgain:
                return
            if not cleared:
                break
            self.done["cleared"] += cleared
        self._keeping(at)
        self._openings(at)
        self._papers(at)
        self._holds(at)
        self._reviews(at)
        self._contacts(at)
        self._tallies(at)

    def _contacts(self, at: datetime) -> None:
        """People whom somebody was to be called for in an emergency until a day that has passed."""
        today = local_day(at)
        with self.edge.store.read(door=Door.WHOLE) as tx:
            waiting = queue.contacts_passed(tx, today, today - CONTACTS_BACK)
        for system_id, person_id in waiting:
            self._contact(system_id, person_id)

    @_one_job
    def _contact(self, system_id: str, person_id: str) -> None:
        actor = the_system(system_id, "clock:contacts")
        try:
            done = self.edge.perform(actor, lambda tx, at: let_pass(tx, actor, at, person_id))
        except Exception as error:
            log.error("Somebody to call, %s: %s. Again soon.", person_id, type(error).__name__)
            return
        self.done["contact passed"] += done

    def _tallies(self, at: datetime) -> None:
        """What is counted once a day, a quarter at a time; read at one moment, then written."""
        store = self.edge.store
        with store.read(door=Door.WHOLE) as tx:
            waiting = list(tallies.due(tx, at))
        for one in waiting:
            if self.stop.is_set():
                return
            try:
                with store.snapshot(door=Door.WHOLE) as tx:
                    cells = tallies.count(tx, one, at)
                with store.begin(door=Door.WHOLE) as tx:
                    self.done["quarter counted"] += tallies.keep(tx, one, at, cells)
            except TryAgain:
                return

    def _reviews(self, at: datetime) -> None:
        """Places where nobody has reviewed for a quarter who can see what."""
        with self.edge.store.read(door=Door.WHOLE) as tx:
            waiting = [one for one in to_review(tx, at) if access.to_tell(one, at)]
        for one in waiting:
            self._review(one)

    @_one_job
    def _review(self, one: ToReview) -> None:
        actor = the_system(one.system_id, "clock:access")
        try:
            said = self.edge.perform(actor, lambda tx, at: access.remind(tx, one.place_id, at))
        except Exception as error:
            log.error("Review of %s: %s. Again soon.", one.place_id, type(error).__name__)
            return
        self.done["review reminded"] += said is not None

    def _holds(self, at: datetime) -> None:
        """Holds against destruction whose day has passed."""
        with self.edge.store.read(door=Door.WHOLE) as tx:
            waiting = kept.holds_past(tx, local_day(at), MANY)
        for hold in waiting:
            self._hold(hold)

    @_one_job
    def _hold(self, hold: HoldPast) -> None:
        actor = the_system(hold.system_id, "clock:legal_hold")
        try:
            done = self.edge.perform(actor, lambda tx, at: keeping.remind_of_hold(tx, hold, at))
        except Exception as error:
            log.error("Hold %s: %s. Again soon.", hold.id, type(error).__name__)
            return
        self.done["hold reminded"] += done

    def _papers(self, at: datetime) -> None:
        """Providers' papers that run out soon."""
        with self.edge.store.read(door=Door.WHOLE) as tx:
            waiting = evidence.running_out(tx, at, MANY)
        for paper in waiting:
            self._paper(paper)

    @_one_job
    def _paper(self, paper: evidence.Paper) -> None:
        actor = the_system(paper.system_id, "clock:evidence")
        try:
            done = self.edge.perform(actor, lambda tx, at: evidence.remind_of(tx, paper, at))
        except Exception as error:
            log.error("Paper %s: %s. Again soon.", paper.id, type(error).__name__)
            return
        self.done["paper reminded"] += done

    def _openings(self, at: datetime) -> None:
        """Activities that take new people again from today."""
        with self.edge.store.read(door=Door.WHOLE) as tx:
            waiting = offered.pause_over(tx, local_day(at), MANY)
        for activity_id, system_id, provider_id in waiting:
            self._opening(the_system(system_id, "clock:activity.paused"), provider_id, activity_id)

    @_one_job
    def _opening(self, actor: Actor, provider_id: str, activity_id: str) -> None:
        again = {"provider_id": provider_id, "activity_id": activity_id}
        try:
            self.edge.perform(actor, lambda tx, at: open_again(tx, actor, at, **again))
        except Exception as error:
            log.error("Activity %s: %s. Again soon.", activity_id, type(error).__name__)
            return
        self.done["activity opened"] += 1

    def _keeping(self, at: datetime) -> None:
        """Records whose time is over come on the list, some people at each look; what two people
        approved is carried out, each in a transaction of its own."""
        try:
            with self.edge.store.begin(door=Door.WHOLE) as tx:
                listed, further = keeping.list_due(tx, at, self.looked_at)
            self.looked_at = further or FIRST
            if listed:
                self.done["listed"] += listed
            after = FIRST
            while not self.stop.is_set():
                with self.edge.store.begin(door=Door.WHOLE) as tx:
                    found = kept.approved(tx, after, 1)
                    if not found:
                        return
                    self.done[keeping.carry_out(tx, found[0], at)] += 1
                after = found[0].id
        except TryAgain:
            return

    # -- claiming ---------------------------------------------------------------------------

    def _claim(
        self,
        claim: Callable[[Tx, datetime, datetime, int], list[Row]],
        most: int = BATCH,
        lease: timedelta | None = None,
    ) -> list[Row]:
        """A batch of rows under our lease; none while another worker is in the way."""
        at = self.edge.clock()
        try:
            with self.edge.store.begin(door=Door.WHOLE) as tx:
                return claim(tx, at, at + (lease or self.lease), most)
        except TryAgain:
            return []


def _wait(parcel: Parcel, most: timedelta = LONGEST_WAIT) -> timedelta:
    """Longer at each try; never long where it is about safety."""
    longest = SAFETY_WAIT if parcel.noun == "concern" else most
    return min(timedelta(seconds=15 * 2 ** min(parcel.tries, 16)), longest)

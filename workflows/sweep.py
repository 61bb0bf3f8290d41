"""What a clock that is due asks for, done once.

Everything one mark of a clock brings is written in one transaction with the clock's next mark, and
only if the clock is still as it was claimed: whatever another worker or a person's own move did
meanwhile undoes all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from referral import audit, facts, holds, picks, policy, queue
from referral.actors import Actor, the_system
from referral.clocks import member_key
from referral.queue import Overtaken
from referral.rows import put
from referral.states import Noun
from referral.store import Tx
from workflows import clocks
from workflows.engine import STALE, TABLES, Refused, raise_alarm, step
from workflows.holds import CLOCK as HOLD_CLOCK
from workflows.holds import HOLD
from workflows.moves import Clock, Fire, Raise, Remind, Table
from workflows.working_time import ENGLAND, Calendar, Hold, add, back

UNANSWERED_MOST = 2  # the third time nobody answers, it climbs


@dataclass(frozen=True)
class Again:
    """Nothing more can be asked from here: the clock starts again, and these members of the cast
    are told."""

    whom: tuple[str, ...] = ()


Act = Remind | Fire | Raise | Again | None
OVERTAKE = Fire(Noun.ESCALATION, "overtake", "itself")

# -- what a mark asks for (pure) ----------------------------------------------------------------


def _while_needed(act: Act, f: Any, at: datetime) -> Act:
    return act if f.needed else Again()


def _while_counted_on(act: Act, f: Any, at: datetime) -> Act:
    """Nobody is reminded to ask somebody who has died, or for what has ended."""
    over = f.died_on is not None or not f.needed
    return None if over and isinstance(act, Remind) else act


def _up_the_safeguarding_ladder(act: Act, f: Any, at: datetime) -> Act:
    at_the_top = f.next_rung <= f.rung and f.next_holder == f.holder
    return Again(("holder",)) if at_the_top and isinstance(act, Fire) else act


def _up_a_level(act: Act, f: Any, at: datetime) -> Act:
    return act if f.level < f.ceiling else Again(("reviewer",))


def _without_an_answer(act: Act, f: Any, at: datetime) -> Act:
    if f.unanswered >= UNANSWERED_MOST and f.level < f.ceiling:
        return Fire(Noun.ESCALATION, "climb", "itself")
    return act


def _about_the_consequences(act: Act, f: Any, at: datetime) -> Act:
    if not isinstance(act, Raise):
        return act
    if f.level >= f.ceiling:
        return Again(("reviewer",))
    return replace(act, kind=f.kind, level=f.level + 1)


def _by_the_evidence(act: Act, f: Any, at: datetime) -> Act:
    if not isinstance(act, Fire):
        return act
    if f.evidence_lapses is not None and f.evidence_lapses <= at:
        return Fire(Noun.ASSURANCE, "lapse", "itself")
    if f.conditions_until is not None and f.conditions_until <= at:
        return Fire(Noun.ASSURANCE, "review", "itself")
    return Again()


# Where the table's own words leave a question open, by the kind of the clock.
SETTLED: dict[str, Callable[[Act, Any, datetime], Act]] = {
    "consent.asked": _while_needed,
    "consent.expired": _while_needed,
    "consent.given": _while_counted_on,
    "agreement.ended": _while_needed,
    "override.proposed": _up_the_safeguarding_ladder,
    "concern.raised": _up_the_safeguarding_ladder,
    "concern.under_review": _up_the_safeguarding_ladder,
    "concern.reported": _up_the_safeguarding_ladder,
    "concern.enquiry": _up_the_safeguarding_ladder,
    "concern.monitoring": _up_the_safeguarding_ladder,
    "escalation.raised": _up_a_level,
    "escalation.in_review": _up_a_level,
    "escalation.information_requested": _without_an_answer,
    "escalation.decided": _about_the_consequences,
    "assurance.assured": _by_the_evidence,
    "assurance.conditional": _by_the_evidence,
}


def wanted(c: Clock, number: int, f: Any, at: datetime) -> Act:
    """What the mark with this number asks for, of a record of which these are the facts."""
    act: Act = clocks.asks(c, number)
    settled = SETTLED.get(c.kind)
    return act if settled is None else settled(act, f, at)


# -- the sweep ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Look:
    """One look at one claimed clock."""

    tx: Tx
    claimed: queue.Due
    table: Table
    clock: Clock
    f: Any
    row: queue.Running
    holds: tuple[Hold, ...]
    system: Actor
    at: datetime
    cal: Calendar

    @property
    def noun(self) -> Noun:
        return self.table.noun

    def due_now(self) -> datetime | None:
        """The due time by the facts, for a clock that follows evidence; None when it can't say."""
        if self.clock.kind not in clocks.FOLLOWS_EVIDENCE or self.f.evidence_lapses is None:
            return None
        asked = clocks.Asked(self.f, {}, "", self.at, self.cal)
        return clocks.DUE[self.clock.start](self.clock, asked)

    def mark(self, number: int) -> datetime | None:
        """When this mark comes, moved on by the time held; None while the clock stands still."""
        row, c = self.row, self.clock
        cal = clocks.counts_by(c, self.f, self.cal)
        plain = clocks.mark_at(c, row.due, row.period, row.hours, number, cal)
        return clocks.counted_due(c, row.started, plain, self.holds, self.at, cal)

    def move_on(self, now: queue.Running, look_at: datetime) -> None:
        if not queue.move_on(self.tx, self.claimed, self.row, now, look_at):
            raise Overtaken


def look(tx: Tx, claimed: queue.Due, at: datetime, cal: Calendar = ENGLAND) -> str:
    """Look at one claimed clock, and do what its next mark asks for if that has come. Returns
    what was done, in a word.

    Raises Overtaken when the clock is no longer the caller's: the transaction must be undone."""
    if claimed.noun == HOLD:
        return _look_at_hold(tx, claimed, at, cal)
    noun = Noun(claimed.noun)
    table = TABLES[noun]
    system = the_system(claimed.system_id, f"clock:{claimed.kind}")
    # Read before the facts and after: in between, nothing moved the clock. From here on a move of
    # the record finds the version of these facts gone, or leaves this row other than it was.
    before = queue.running(tx, claimed)
    f = facts.LOADERS[noun](tx, claimed.record_id, system, at)
    row = queue.running(tx, claimed)
    if row is None or row != before:
        raise Overtaken
    if f is None:
        raise LookupError(f"clock {claimed.id} belongs to no record")
    clock = table.clocks[claimed.kind]
    holds = tuple(picks.holds(tx, f.id)) if clock.held else ()
    seen = _Look(tx, claimed, table, clock, f, row, holds, system, at, cal)
    due = seen.due_now()
    if due is not None and due != row.due:
        return _set_to(seen, due)
    mark = seen.mark(row.fired)
    if mark is None:
        # No hold lifted after now leaves less than this.
        least = add(at, policy.days("left_at_least"), cal)
        seen.move_on(row, least)
        return "stands_still"
    if mark > at:
        seen.move_on(row, mark)
        return "waits"
    return _act(seen, mark)


def _look_at_hold(tx: Tx, claimed: queue.Due, at: datetime, cal: Calendar) -> str:
    """An ordinary hold at its date: its owner is reminded, then it is raised, and again each
    further period. Only a human being lifts it."""
    row, hold = queue.running(tx, claimed), holds.hold_of(tx, claimed.record_id)
    if row is None or hold is None or hold.ended is not None:
        raise Overtaken
    mark = clocks.mark_at(HOLD_CLOCK, row.due, row.period, row.hours, row.fired, cal)
    if mark > at:
        if not queue.move_on(tx, claimed, row, row, mark):
            raise Overtaken
        return "waits"
    done = _chase_hold(tx, claimed, hold, row, at, cal)
    now = row._replace(fired=row.fired + 1, missed=row.missed or mark)
    following = clocks.mark_at(HOLD_CLOCK, row.due, row.period, row.hours, now.fired, cal)
    if not queue.move_on(tx, claimed, row, now, following):
        raise Overtaken
    return done


def _chase_hold(
    tx: Tx,
    claimed: queue.Due,
    hold: holds.HoldOf,
    row: queue.Running,
    at: datetime,
    cal: Calendar,
) -> str:
    if row.fired == 0:
        about = ("referral", hold.referral_id) if hold.referral_id else ("person", hold.person_id)
        put(tx, "outbox", letter(hold.system_id, hold.owner, "hold_due", *about, 0, at))
        return "reminded"
    if queue.alarm_open(tx, hold.id, 1):
        return "already_raised"
    given = {
        "kind": "other",
        "level": 1,
        "about": HOLD,
        "about_id": hold.id,
        "clock_id": claimed.id,
        "clock_period": queue.next_period(tx, claimed.id, row.fired),
    }
    system = the_system(hold.system_id, f"clock:{claimed.kind}")
    step(tx, Noun.ESCALATION, None, "raise", system, at, given, cal=cal)
    return "raised"


def _set_to(seen: _Look, due: datetime) -> str:
    """Set the clock to a new due time; what lies behind it already isn't done again."""
    fired = clocks.passed_before(seen.clock, due, seen.at, seen.cal)
    now = seen.row._replace(due=due, fired=fired)
    look_at = clocks.mark_at(seen.clock, due, now.period, now.hours, fired, seen.cal)
    _log(seen, {"due": due})
    seen.move_on(now, look_at)
    return "set_anew"


def _act(seen: _Look, mark: datetime) -> str:
    row, c = seen.row, seen.clock
    act = OVERTAKE if _is_over(seen) else wanted(c, row.fired, seen.f, seen.at)
    missed = row.missed
    if row.fired >= len(c.before) and act != Again():
        missed = missed or mark
    if isinstance(act, Fire):
        return _fire(seen, act.trigger, missed)
    if isinstance(act, Again):
        return _again(seen, act, missed)
    done = "passed"
    if isinstance(act, Remind):
        done = _tell(seen, act.whom)
    elif isinstance(act, Raise):
        done = _raise(seen, act)
    now = row._replace(fired=row.fired + 1, missed=missed)
    # No hold is in force, or no mark would have come: the following mark is known.
    seen.move_on(now, seen.mark(now.fired) or seen.at)
    return done


def _is_over(seen: _Look) -> bool:
    """Whether this is an alarm whose late move was being made while it was raised: there is
    nothing left to review."""
    f = seen.f
    return (
        seen.noun is Noun.ESCALATION
        and f.clock_id is not None
        and bool(seen.table.moves_from(OVERTAKE.trigger, f.state))
        and queue.has_ended(seen.tx, f.clock_id)
    )


def _fire(seen: _Look, trigger: str, missed: datetime | None) -> str:
    tx, f, at = seen.tx, seen.f, seen.at
    try:
        step(tx, seen.noun, f.id, trigger, seen.system, at, version=f.version, cal=seen.cal)
    except Refused as refused:
        if STALE.code in refused.codes:
            raise Overtaken from refused
        raise
    if not queue.fired(tx, seen.claimed, seen.row, missed, at):
        raise Overtaken
    return trigger


def _raise(seen: _Look, act: Raise) -> str:
    """Raise the alarm, unless one about this record is open: then the next mark asks again."""
    if queue.alarm_open(seen.tx, seen.f.id, act.level):
        return "already_raised"
    raise_alarm(
        seen.tx,
        act,
        seen.noun,
        seen.f,
        seen.at,
        str(seen.system.cause),
        clock_id=seen.claimed.id,
        period=queue.next_period(seen.tx, seen.claimed.id, seen.row.fired),
        cal=seen.cal,
    )
    return "raised"


def _again(seen: _Look, act: Again, missed: datetime | None) -> str:
    asked = clocks.Asked(seen.f, {}, "", seen.at, seen.cal)
    fresh = clocks.start(seen.clock, asked)
    if fresh.look_at <= seen.at:
        raise ValueError(f"clock {seen.claimed.id} would start again in the past")
    _tell(seen, act.whom)
    _log(seen, {"due": fresh.due, "started": seen.at})
    now = seen.row._replace(started=seen.at, due=fresh.due, fired=fresh.fired, missed=missed)
    seen.move_on(now, fresh.look_at)
    return "started_again"


def _tell(seen: _Look, whom: tuple[str, ...]) -> str:
    keys = [seen.table.cast[member](seen.f) for member in whom]
    for key in dict.fromkeys(keys):
        if key is not None:
            tell(seen.tx, seen.claimed.system_id, key, "reminder", seen.noun, seen.f, seen.at)
    return "reminded"


def tell(
    tx: Tx, system_id: str, to_owner: str, what: str, noun: Noun, f: Any, at: datetime
) -> None:
    """Put one letter about this record in the outbox."""
    put(tx, "outbox", letter(system_id, to_owner, what, str(noun), f.id, f.version, at))


def letter(
    system_id: str, to_owner: str, what: str, noun: str, record_id: str, version: int, at: datetime
) -> dict[str, Any]:
    """One letter, to be handed over as soon as can be."""
    return {
        "system_id": system_id,
        "to_owner": to_owner,
        "what": what,
        "noun": noun,
        "record_id": record_id,
        "version": version,
        "at": at,
        "run_at": at,
        "lease_until": None,
        "tries": 0,
        "sent_at": None,
        "result": None,
    }


def _log(seen: _Look, moved: dict[str, Any]) -> None:
    """A clock is moved without a step of its record: the log says so."""
    audit.log(
        seen.tx,
        seen.system,
        seen.at,
        "clock",
        str(seen.noun),
        seen.f.id,
        {"clock": {"kind": seen.clock.kind, **moved}},
        subject=seen.f.subject_ref,
    )


# -- confirmations ------------------------------------------------------------------------------

CONFIRMING = "confirmation"
# Who of a record's cast might have been the second person.
SECOND = ("team_lead", "reviewer")


def unanswered_since(at: datetime, cal: Calendar = ENGLAND) -> datetime:
    """What was proposed after this may still be answered."""
    return back(at, policy.days(CONFIRMING), cal)


def lapse_proposal(tx: Tx, proposal: queue.Proposal, at: datetime, cal: Calendar = ENGLAND) -> bool:
    """End a proposal that the second person hasn't answered in time, and tell both. False when
    its time hasn't come, or somebody just answered."""
    if add(proposal.proposed_at, policy.days(CONFIRMING), cal) > at:
        return False
    if not queue.lapse(tx, proposal.id, at):
        return False
    system = the_system(proposal.system_id, f"clock:{CONFIRMING}")
    if proposal.noun not in set(Noun):  # a bundle for an inquiry: asked for again, if it must be
        audit.log(tx, system, at, "proposal_lapsed", proposal.noun, None, {"inquiry": proposal.id})
        return True
    noun = Noun(proposal.noun)
    f = facts.LOADERS[noun](tx, proposal.record_id, system, at)
    if f is None:
        raise LookupError(f"proposal {proposal.id} is about no record")
    cast = TABLES[noun].cast
    keys = [member_key(proposal.proposed_by), *(cast[s](f) for s in SECOND if s in cast)]
    for key in dict.fromkeys(keys):
        if key is not None:
            tell(tx, proposal.system_id, key, "proposal_lapsed", noun, f, at)
    audit.log(
        tx,
        system,
        at,
        "proposal_lapsed",
        proposal.noun,
        proposal.record_id,
        {"confirmation": proposal.id},
        subject=f.subject_ref,
    )
    return True

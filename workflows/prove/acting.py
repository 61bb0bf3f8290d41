"""What a move leaves in the picture: the record after it, what follows, what time and life bring.

Which moves there are, who may, what is asked and what follows is read from the engine's tables at
each look; who decides is `engine.decide`; which rows an effect writes is asked of `effects`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from referral import effects
from referral.actors import Actor
from referral.states import ENDS, OVERTAKABLE, REFERRAL_OPEN, Noun, Purpose, ReferralState, Role
from workflows import engine
from workflows.engine import FIRED_GIVEN, TABLES, Refused, decide, fired_given
from workflows.moves import NOTHING, Clock, Fire, Given, Move, Raise, StartClock, Table, Tell
from workflows.prove import world
from workflows.prove.world import (
    AT,
    CAST,
    FAR_OFF,
    SHARING,
    Agreement,
    Assurance,
    Concern,
    Consent,
    Escalation,
    Hold,
    NewReferralSituation,
    Referral,
    State,
    put,
    records,
)
from workflows.sweep import OVERTAKE, Again, wanted

SYSTEM = CAST["system"]
LONG = "referral.not_started"


class Edge(NamedTuple):
    """One step of the product: who did what to which record, and what came of it at once."""

    who: str
    noun: Noun | None
    slot: int
    trigger: str
    said: str = ""
    second: str = ""
    reason: bool = True  # whether a reason was given
    fired: tuple[tuple[Noun, int, str], ...] = ()
    raised: tuple[tuple[str, Noun, int], ...] = ()
    told: tuple[tuple[str, str], ...] = ()
    refused: tuple[str, ...] = ()  # follows that were refused: there must be none


@dataclass
class Beside:
    """What one step brings about beside its own record, gathered on the way."""

    fired: list[tuple[Noun, int, str]] = field(default_factory=list)
    raised: list[tuple[str, Noun, int]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Trial(NamedTuple):
    """A move that `decide` allows from a situation, and the record after it."""

    who: str
    second: str
    trigger: str
    said: str
    move: Move
    facts: Any
    given: Given
    record: Any


# -- what is said with a move ---------------------------------------------------------------------

# A value for each thing a table asks to be said, where it lists none itself.
SAMPLES: dict[str, Any] = {
    "note": "words",
    "expected_date": date(2026, 6, 1),
    "paused_until": date(2026, 6, 1),
    "what_next": "words",
    "summary": "words",
    "redirected_to": "another",
    "link_worker_id": "sam",
    "capacity_id": "assessment",
    "seen": "words",
    "danger": False,
    "reported_to": "council",
    "holder": "safeguarding_lead@harbour",
    "feedback": "words",
    "asked": "team_lead@ash",
    "consequence_id": "first",
    "conditions_until": FAR_OFF,
    "conditional_activities": ["singers"],
    "review_at": FAR_OFF,
    "necessity": "words",
    "proportionality": "words",
    "fields": ["name"],
    "person_told": False,
    "why_not_told": "words",
    "asked_for": "words",
    "received_on": AT.date(),
    "why": "words",
}


def _plain(moves: Iterable[Move]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for m in moves:
        for need in m.needs:
            if need.when is None or need.when(said):
                said[need.name] = need.values[0] if need.values else SAMPLES.get(need.name, "said")
    return said


Said = tuple[str, dict[str, Any]]


def _workers(x: Any, plain: dict[str, Any]) -> list[Said]:
    return [
        (f"to {name}", {**plain, "link_worker_id": name})
        for name in world.LINK_WORKERS
        if name != x.record.worker
    ]


def _holders(x: Any, plain: dict[str, Any]) -> list[Said]:
    keys = {
        world.safeguarding(world.team_of(x.record), rung, world.implicated(x.record))[1]
        for rung in (1, 2, 3, 4)
    }
    return [(f"to {key}", {**plain, "holder": key}) for key in sorted(keys - {x.record.holder})]


def _answers(x: Any, plain: dict[str, Any]) -> list[Said]:
    return [
        (answer, {**plain, "authority_decision": answer})
        for answer in ("section_42", "none", "unknown")
    ]


def _hold_stays(x: Any, plain: dict[str, Any]) -> list[Said]:
    return [("the hold stays", plain), ("the hold ends", {**plain, "hold_stays": False})]


def _reach(x: Any, plain: dict[str, Any]) -> list[Said]:
    return [
        ("one provider", {**plain, "reach": "provider", "hold_provider_id": "singers"}),
        ("all", {**plain, "reach": "all"}),
    ]


def _safe(x: Any, plain: dict[str, Any]) -> list[Said]:
    return [("", plain), ("safe to carry on", {**plain, "safe_to_carry_on": True})]


def _decisions(x: Any, plain: dict[str, Any]) -> list[Said]:
    two = [{"noun": "referral", "record_id": "-", "trigger": "recall"}]
    return [
        ("upheld", {**plain, "decision": "uphold"}),
        ("upheld, something to be done", {**plain, "decision": "uphold", "consequences": two}),
        ("overturned", {**plain, "decision": "overturn"}),
    ]


def _settled(x: Any, plain: dict[str, Any]) -> list[Said]:
    if not x.record.unsettled:
        return []
    return [
        ("done", {**plain, "settled": "done"}),
        ("waived", {**plain, "settled": "waived", "reason": "no_longer_needed"}),
    ]


def _whom_to_ask(x: Any, plain: dict[str, Any]) -> list[Said]:
    return [(f"of {key}", {**plain, "asked": key}) for key in ("link_worker@ash", x.record.raiser)]


def _conditions(x: Any, plain: dict[str, Any]) -> list[Said]:
    return [
        ("with this activity", plain),
        ("without this activity", {**plain, "conditional_activities": []}),
    ]


def _findings(x: Any, plain: dict[str, Any]) -> list[Said]:
    return [
        ("right", plain),
        ("not right", {**plain, "finding": "not_needed_to_open"}),
    ]


NAMED_LATER = ("priya", "gwen", "singers")


def _to_name(x: Any, plain: dict[str, Any]) -> list[Said]:
    said = [
        (f"naming {name}", {**plain, "sources": [world.as_source(name)]})
        for name in NAMED_LATER
        if name not in x.record.sources
    ]
    return [*said, ("naming nobody with an account", {**plain, "sources": [{"words": "words"}]})]


def _to_strike(x: Any, plain: dict[str, Any]) -> list[Said]:
    return [
        (f"not {name}", {**plain, "source_id": f"naming {name}"})
        for name in sorted(x.record.sources)
    ] or [("somebody", {**plain, "source_id": "nobody"})]


VARIED: dict[tuple[Noun, str], Callable[[Any, dict[str, Any]], list[Said]]] = {
    (Noun.REFERRAL, "reassign"): _workers,
    (Noun.CONCERN, "hand_over"): _holders,
    (Noun.CONCERN, "authority_decides"): _answers,
    (Noun.CONCERN, "acknowledge"): _hold_stays,
    (Noun.CONCERN, "hold"): _reach,
    (Noun.CONCERN, "reopen"): _safe,
    (Noun.CONCERN, "name_source"): _to_name,
    (Noun.CONCERN, "strike_source"): _to_strike,
    (Noun.ESCALATION, "decide"): _decisions,
    (Noun.ESCALATION, "settle"): _settled,
    (Noun.ESCALATION, "ask"): _whom_to_ask,
    (Noun.ASSURANCE, "condition"): _conditions,
    (Noun.EMERGENCY, "review"): _findings,
}
SECONDS = ("", "priya", "sam", "tess", "grace", "sol")


def said_with(noun: Noun, trigger: str, moves: tuple[Move, ...], x: Any) -> list[Said]:
    """What may be said with this move: everything it asks for, and nothing at all."""
    plain = _plain(moves)
    vary = VARIED.get((noun, trigger))
    said = vary(x, plain) if vary else [("", plain)]
    return [*said, ("nothing said", {})] if plain else said


def takes_two(moves: tuple[Move, ...]) -> bool:
    return any(m.two_people or m.two_people_if is not None for m in moves)


# -- the record after a move ----------------------------------------------------------------------

# The columns a picture keeps, and how; those not named here decide nothing.
KEPT: dict[Noun, dict[str, Callable[[Any], dict[str, Any]]]] = {
    Noun.REFERRAL: {
        "sent_at": lambda v: {"sent": v is not None},
        "link_worker_id": lambda v: {"worker": v},
    },
    Noun.CONSENT: {
        "until": lambda v: {"ran_out": False},
        "answered_at": lambda v: {"last": True},
    },
    Noun.OVERRIDE: {
        "rung": lambda v: {"rung": v},
        "holder": lambda v: {"holder": v},
        "decided_by": lambda v: {"decided_by": v},
        "until": lambda v: {"past": False},
    },
    Noun.CONCERN: {
        "rung": lambda v: {"rung": v},
        "holder": lambda v: {"holder": v},
        "acknowledged_by": lambda v: {"read_by": v},
    },
    Noun.ESCALATION: {
        "level": lambda v: {"level": v},
        "owner": lambda v: {"reviewers": v},
        "reviewer_id": lambda v: {"reviewer": v or ""},
        "asked": lambda v: {"asked": v or ""},
        "unanswered": lambda v: {"unanswered": min(v, 2)},
        "told_at": lambda v: {"told": v is not None},
        "closed_at": lambda v: {"closed": "just now" if v else ""},
    },
    Noun.ASSURANCE: {
        "conditions_until": lambda v: {"past": False},
        "conditional_activities": lambda v: {"within": v is None or bool(v)},
    },
    Noun.AGREEMENT: {"review_at": lambda v: {"past": False}},
    Noun.RIGHTS: {"extended": lambda v: {"extended": v}},
    Noun.EMERGENCY: {"until": lambda v: {"past": False}},
}
# Columns that no guard, hat, pick, clock or invariant asks for.
UNKEPT = {
    "shared", "expected_date", "reason", "contacted_at", "paused_until", "completed_at", "outcome",
    "redirected_to", "basis", "how", "present", "wording_id", "capacity_id", "answered_at",
    "acknowledged_at", "reported_at", "authority_route", "categories", "advocate", "wishes",
    "why_not_asked", "reported_to", "authority_reference", "authority_decision", "closed_at",
    "wishes_met", "finding", "tags", "decision", "review_on", "decided_by",
    "identity_how", "told_how", "ground", "stopped_at", "stopped_days",
}  # fmt: skip


PASSED_BY: set[tuple[Noun, str]] = set()  # what a walk met and didn't keep, for a test
# Effects whose rows nothing that is walked here rests on.
EFFECTS_BESIDE: dict[str, str] = {
    "authority_reported": "which authority was told, when and by whom is for reading",
    "authority_called": "which authority was told, when and by whom is for reading",
    "concern_unreported": "why staff were not reported is for reading",
    "conditions": "what was decided on conditions is for reading",
    "agreement_parties": "a new agreement's parties are given with it, all unsigned",
}


def _effect(noun: Noun, record: Any, name: str, f: Any, given: Given) -> Any:
    """The record after the rows that an effect of the engine writes beside it."""
    for row in effects.EFFECTS[name](f, given, AT):
        about = row.statement.about
        params = row.params
        if about is None:
            continue
        if about.table == "hold":
            reach = (params.get("provider_id") or "all") if "started" in params else ""
            # A hold placed while the earlier one stays reaches as far as either.
            record = record._replace(hold="all" if reach and record.hold == "all" else reach)
        elif about.table == "concern_source":
            named = params.get("user_id") or params.get("organisation_id")
            struck = params.get("was_user_id") or params.get("was_organisation_id")
            record = record._replace(
                sources=record.sources - {struck} | ({named} if named else frozenset())
            )
        elif about.table == "consequence":
            change = -1 if "old_id" in params else 1
            record = record._replace(unsettled=record.unsettled + change)
        elif (
            about.table == "agreement_party"
            and "signed_by" in params
            and "old_agreement_id" in params
        ):
            record = record._replace(unsigned=record.unsigned - {params["old_organisation_id"]})
    return record


def record_after(noun: Noun, record: Any, m: Move, to: str, f: Any, given: Given) -> Any:
    """What is kept of the record after this move, its clock included."""
    values: dict[str, Any] = {c: given.get(c) for c in m.keeps if c in given}
    if m.sets is not None:
        values.update(m.sets(f, given, AT))
    changed: dict[str, Any] = {"state": to}
    for column, value in values.items():
        keep = KEPT[noun].get(column)
        if keep is not None:
            changed.update(keep(value))
        else:
            PASSED_BY.add((noun, column))
    record = record._replace(**changed)
    for effect in m.effects:
        record = _effect(noun, record, effect, f, given)
    return _clocked(TABLES[noun], record, m, to, f, values)


def _clocked(table: Table, record: Any, m: Move, to: str, f: Any, values: Mapping[str, Any]) -> Any:
    if f.state == to and not m.restarts:
        if m.trigger in engine.PASSED_ON:
            return _passed_on(table, record, f, values)
        return record
    owner = engine.owner_after(table, f, to, values) if table.states[to].clock else ""  # type: ignore[index]
    record = record._replace(owner=owner, mark=0)
    if table.noun is Noun.REFERRAL:
        if to in ENDS[Noun.REFERRAL] or m.trigger == "start":
            record = record._replace(long="", long_mark=0)
        if any(isinstance(w, StartClock) and w.kind == LONG for w in m.follows):
            # Started, or gone on with by whoever acts now.
            owns = engine.owner_after(table, f, to, values)
            mark = record.long_mark if f.long_clock else 0
            record = record._replace(long=owns, long_mark=mark)
    return record


def _passed_on(table: Table, record: Any, f: Any, values: Mapping[str, Any]) -> Any:
    params = engine._new_owner(table, f, values).params
    new, old = params["owner"], params.get("old")
    record = record._replace(owner=new if old in (None, record.owner) else record.owner)
    if table.noun is Noun.REFERRAL and record.long and record.long == old:
        record = record._replace(long=new)
    return record


def clock_ended(noun: Noun, before: Any, after: Any, m: Move) -> bool:
    """Whether the clock of the record's state ended with this move."""
    return bool(before is not None and (before.state != after.state or m.restarts))


# -- carrying out ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bounds:
    """How far a slice goes: how many records of each noun at most, and whether escalations are
    kept as records or only noted on the step that raises them."""

    most: Mapping[Noun, int]
    marks: bool = False

    def room(self, s: State, noun: Noun) -> int | None:
        """The slot for a new record; None where the slice keeps no more."""
        there = records(s, noun)
        if len(there) < self.most.get(noun, 0):
            return len(there)
        for slot, record in enumerate(there):
            if noun is Noun.CONSENT and not record.last and record.state in ENDS[noun]:
                return -1 - slot  # an old no: nothing can be done with it any more
            if noun in (Noun.OVERRIDE, Noun.EMERGENCY) and record.state in ENDS[noun]:
                return -1 - slot
            if noun is Noun.ESCALATION and record.closed == "long ago":
                return -1 - slot  # too late to disagree with what was decided
            if noun is Noun.RIGHTS and record.state in ENDS[noun] and not world.is_erasure(record):
                return -1 - slot
            if noun is Noun.AGREEMENT and record.state in ("expired", "ended"):
                return -1 - slot  # no move is left to it
        return None


def _placed(s: State, noun: Noun, slot: int, record: Any) -> tuple[State, int]:
    """Put a new record on the shelf, in the place of one that is forgotten if need be."""
    if slot >= 0:
        return put(s, noun, slot, record), slot
    gone = -1 - slot
    shelf = records(s, noun)
    if noun is Noun.CONSENT:  # their order tells which is newest
        shelf = (*shelf[:gone], *shelf[gone + 1 :], record)
        return s._replace(consents=shelf), len(shelf) - 1
    return put(s, noun, gone, record), gone


def follow_on(
    s: State,
    noun: Noun,
    slot: int,
    before: Any,
    m: Move,
    f: Any,
    bounds: Bounds,
    beside: Beside,
) -> State:
    """What follows a move that has been written: its fires, alarms, tellings, and the alarms about
    its record that are overtaken."""
    after = records(s, noun)[slot]
    if s.escalations:
        s = _clocks_ended(s, noun, slot, before, after, m)
    for follow in m.follows:
        if isinstance(follow, Fire) and not follow.first:
            s = _fire_each(s, noun, slot, follow, bounds, beside)
        elif isinstance(follow, Raise):
            s = raise_alarm(s, noun, slot, follow, "", bounds, beside)
        elif isinstance(follow, Tell):
            beside.told.append((follow.whom, follow.what))
    if f.alarm:
        over = after.state in ENDS[noun]
        for i, e in enumerate(s.escalations):
            if (
                e.about == (noun, slot)
                and e.clock
                and not e.closed
                and (over or not e.clock_runs)
                and e.state in OVERTAKABLE
            ):
                s = fire(s, Noun.ESCALATION, i, "overtake", bounds, beside)
    return s


def _clocks_ended(s: State, noun: Noun, slot: int, before: Any, after: Any, m: Move) -> State:
    """Alarms whose raising clock has just ended."""
    ended = set()
    if clock_ended(noun, before, after, m):
        clock = TABLES[noun].states[before.state].clock
        ended |= {clock.kind} if clock else set()
    if noun is Noun.REFERRAL and before is not None and before.long and not after.long:
        ended.add(LONG)
    for i, e in enumerate(s.escalations):
        if e.about == (noun, slot) and e.clock_runs and e.clock in ended:
            s = put(s, Noun.ESCALATION, i, e._replace(clock_runs=False))
    return s


def _fire_each(
    s: State, noun: Noun, slot: int, follow: Fire, bounds: Bounds, beside: Beside
) -> State:
    given = fired_given(noun, follow)
    for picked in world.WHICH[follow.which](s, noun, slot):
        s = fire(s, follow.noun, picked, follow.trigger, bounds, beside, given)
    return s


def fire(
    s: State,
    noun: Noun,
    slot: int,
    trigger: str,
    bounds: Bounds,
    beside: Beside,
    given: Given | None = None,
) -> State:
    """Make a move as the system. It must never be refused: if it is, that is noted and nothing
    moves."""
    f = world.facts_of(s, noun, slot, SYSTEM)
    given = FIRED_GIVEN.get((noun, trigger), NOTHING) if given is None else given
    try:
        decision = decide(noun, f, trigger, SYSTEM, AT, given)
    except Refused as refused:
        beside.refused.append(f"{noun}.{trigger}: {', '.join(refused.codes)}")
        return s
    beside.fired.append((noun, slot, trigger))
    m = decision.move
    return write(s, noun, slot, m, decision.to, f, given, bounds, beside)


def write(
    s: State,
    noun: Noun,
    slot: int,
    m: Move,
    to: str,
    f: Any,
    given: Given,
    bounds: Bounds,
    beside: Beside,
) -> State:
    """Write a decided move and carry out what follows."""
    for follow in m.follows:
        if isinstance(follow, Fire) and follow.first:
            s = _fire_each(s, noun, slot, follow, bounds, beside)
    before = records(s, noun)[slot]
    s = _written(s, noun, slot, record_after(noun, before, m, to, f, given))
    return follow_on(s, noun, slot, before, m, f, bounds, beside)


def carry_out(s: State, noun: Noun, slot: int, t: Trial, bounds: Bounds) -> tuple[State, Edge]:
    """The state after an allowed move, and the step."""
    beside = Beside()
    follows_first = any(isinstance(w, Fire) and w.first for w in t.move.follows)
    if follows_first:
        for follow in t.move.follows:
            if isinstance(follow, Fire) and follow.first:
                s = _fire_each(s, noun, slot, follow, bounds, beside)
        f = world.facts_of(s, noun, slot, CAST[t.who])
        try:  # what went first may have changed what this rests on: the engine reads again
            decide(noun, f, t.trigger, CAST[t.who], AT, t.given)
        except Refused as refused:
            beside.refused.append(f"{noun}.{t.trigger} after what went first: {refused.codes}")
    before = records(s, noun)[slot]
    s = _written(s, noun, slot, t.record)
    s = follow_on(s, noun, slot, before, t.move, t.facts, bounds, beside)
    return s, edge_of(t, noun, slot, beside)


def _written(s: State, noun: Noun, slot: int, record: Any) -> State:
    """The state with a record written; a new answer is the newest to its question."""
    before = records(s, noun)[slot]
    s = put(s, noun, slot, record)
    if noun is Noun.CONSENT and record.last and record.state != before.state:
        for i, c in enumerate(s.consents):
            same = (c.person, c.recipient, c.purpose) == (
                record.person,
                record.recipient,
                record.purpose,
            )
            if i != slot and same and c.last:
                s = put(s, noun, i, c._replace(last=False))
    return s


def edge_of(t: Trial, noun: Noun, slot: int, beside: Beside) -> Edge:
    return Edge(
        t.who,
        noun,
        slot,
        t.trigger,
        t.said,
        t.second,
        "reason" in t.given,
        tuple(beside.fired),
        tuple(beside.raised),
        tuple(beside.told),
        tuple(beside.refused),
    )


# -- alarms ---------------------------------------------------------------------------------------


def raise_alarm(
    s: State, noun: Noun, slot: int, wanted_: Raise, clock: str, bounds: Bounds, beside: Beside
) -> State:
    """The system raises an escalation about a record; `clock` is the kind of the clock that was
    missed, or "" when a move raised it."""
    beside.raised.append((wanted_.kind, noun, slot))
    room = bounds.room(s, Noun.ESCALATION)
    if room is None:
        return s
    given = {
        "kind": wanted_.kind,
        "level": wanted_.level,
        "about": (noun, slot),
        "clock": clock,
    }
    f = world.new_escalation_facts(s, SYSTEM, room, given)
    try:
        decision = decide(Noun.ESCALATION, f, "raise", SYSTEM, AT, given)
    except Refused as refused:
        beside.refused.append(f"escalation.raise: {', '.join(refused.codes)}")
        return s
    record = new_escalation(f, decision.move, decision.to, given)
    s, _ = _placed(s, Noun.ESCALATION, room, record)
    return s


def new_escalation(f: Any, m: Move, to: str, given: Mapping[str, Any]) -> Escalation:
    blank = Escalation(
        "",
        f.kind,
        f.severity,
        given.get("about"),
        f.organisation_id,
        f.person_id,
        f.level,
        f.ceiling,
        f.owner,
        f.raiser,
        f.raised_by,
        given.get("clock", ""),
        bool(given.get("clock")),
    )
    return record_after(Noun.ESCALATION, blank, m, to, f, given)  # type: ignore[no-any-return]


def alarm_open(s: State, noun: Noun, slot: int, level: int) -> bool:
    """Whether the system has an escalation about this record open, at this level or above."""
    return any(
        e.about == (noun, slot)
        and not e.closed
        and e.raised_by is None
        and not e.raiser.startswith("person@")
        and e.level >= level
        for e in s.escalations
    )


# -- clocks run out -------------------------------------------------------------------------------

# Clocks that run to a date of the record: whether the date has come.
DATE_CAME: dict[str, Callable[[Any], bool]] = {
    "until": lambda r: r.ran_out if isinstance(r, Consent) else r.past,
    "review_at": lambda r: r.past,
    "evidence": lambda r: r.evidence == "out",
    "month": lambda r: True,  # any of its marks may come
    "conditions": lambda r: r.past or r.evidence == "out",
}


def sweep(s: State, bounds: Bounds) -> Iterator[tuple[State, Edge]]:
    """Everything the sweep may find to do: the next mark of each running clock. Where a slice
    counts no marks, any mark may be the next."""
    for noun in TABLES:
        table = TABLES[noun]
        for slot, record in enumerate(records(s, noun)):
            clock = table.states[record.state].clock
            if record.owner and clock is not None:
                yield from _marks(s, table, slot, record, clock, record.mark, bounds)
            if noun is Noun.REFERRAL and record.long:
                beside_clock = table.clocks[LONG]
                yield from _marks(s, table, slot, record, beside_clock, record.long_mark, bounds)


def _marks(
    s: State, table: Table, slot: int, record: Any, clock: Clock, mark: int, bounds: Bounds
) -> Iterator[tuple[State, Edge]]:
    noun = table.noun
    if clock.held and noun is Noun.REFERRAL and world.held(s, record):
        return  # it stands still
    last = len(clock.before) + 1
    came = DATE_CAME.get(clock.start)
    numbers = [mark] if bounds.marks else list(range(last + 1))
    f = world.facts_of(s, noun, slot, SYSTEM)
    seen = set()
    for number in numbers:
        if came is not None and number >= len(clock.before) and not came(record):
            continue
        over = noun is Noun.ESCALATION and record.clock and not record.clock_runs
        if over and table.moves_from(OVERTAKE.trigger, record.state):
            act: Any = OVERTAKE
        else:
            act = wanted(clock, number, f, AT)
        if act in seen:
            continue
        seen.add(act)
        yield _act(s, table, slot, record, clock, number, act, bounds)


def _act(
    s: State,
    table: Table,
    slot: int,
    record: Any,
    clock: Clock,
    number: int,
    act: Any,
    bounds: Bounds,
) -> tuple[State, Edge]:
    noun, beside = table.noun, Beside()
    trigger, told = f"mark of {clock.kind}", ""
    if isinstance(act, Fire):
        s = fire(s, act.noun, slot, act.trigger, bounds, beside)
    else:
        last = len(clock.before) + 1
        following = 0 if isinstance(act, Again) else min(number + 1, last)
        if isinstance(act, Raise):
            if alarm_open(s, noun, slot, act.level):
                told = "raised already"
            else:
                s = raise_alarm(s, noun, slot, act, clock.kind, bounds, beside)
        elif act is not None:
            told = "starts again" if isinstance(act, Again) else "reminds"
            beside.told.extend((whom, "reminder") for whom in act.whom)
        if bounds.marks:
            field_ = "long_mark" if clock.kind == LONG else "mark"
            s = put(s, noun, slot, records(s, noun)[slot]._replace(**{field_: following}))
    edge = Edge(
        "clock",
        noun,
        slot,
        trigger,
        told,
        fired=tuple(beside.fired),
        raised=tuple(beside.raised),
        told=tuple(beside.told),
        refused=tuple(beside.refused),
    )
    return s, edge


# -- commands made of several moves ---------------------------------------------------------------


def renewed(s: State, slot: int, who: str, bounds: Bounds) -> tuple[State, str]:
    """The new question that renewing puts beside the answer in force, as `renew_consent` does."""
    c = s.consents[slot]
    room = bounds.room(s, Noun.CONSENT)
    if room is None:
        return s, "no room"
    x = world.new_consent_situation(s, c.person, c.recipient, c.purpose, room, renews=slot)
    actor = CAST[who]
    f = world.consent_facts(x, actor)
    if actor.role is Role.TEAM_LEAD:
        f = f._replace(link_worker_id=c.worker, link_worker_absent=True)
    try:
        decision = decide(Noun.CONSENT, f, "ask", actor, AT, {})
    except Refused as refused:
        return s, ", ".join(refused.codes)
    blank = Consent("", c.person, c.recipient, c.purpose, f.link_worker_id)
    asked = record_after(Noun.CONSENT, blank, decision.move, decision.to, f, {})
    s, _ = _placed(s, Noun.CONSENT, room, asked)
    return s, ""


def redirected(
    s: State, slot: int, t: Trial, provider: str, bounds: Bounds
) -> tuple[State, Edge] | None:
    """Refer the person on, as `redirect_referral` does: a new referral takes this one's place with
    its long clock, and is sent if it may be."""
    room = bounds.room(s, Noun.REFERRAL)
    if room is None:
        return None
    old, actor, beside = s.referrals[slot], CAST[t.who], Beside()
    x = NewReferralSituation(
        old.person,
        provider,
        room,
        world.named_about_person(s, old.person),
        world.closed_sides(s, old.person),
        old.person in s.died,
        redirected_from=True,
        worker=old.worker,
    )
    f = world.new_referral_facts(x, actor)
    try:
        decision = decide(Noun.REFERRAL, f, "create", actor, AT, {})
    except Refused:
        return None
    blank = Referral("", old.person, provider, old.worker, redirected=True)
    new = record_after(Noun.REFERRAL, blank, decision.move, decision.to, f, {})
    s = put(s, Noun.REFERRAL, room, new._replace(long=old.long, long_mark=old.long_mark))
    s = put(s, Noun.REFERRAL, slot, t.record)
    s = follow_on(s, Noun.REFERRAL, slot, old, t.move, t.facts, bounds, beside)
    f = world.facts_of(s, Noun.REFERRAL, room, actor)
    try:
        decision = decide(Noun.REFERRAL, f, "send", actor, AT, {})
    except Refused:
        pass
    else:
        beside.fired.append((Noun.REFERRAL, room, "send"))
        s = write(s, Noun.REFERRAL, room, decision.move, decision.to, f, {}, bounds, beside)
    return s, edge_of(t, Noun.REFERRAL, slot, beside)._replace(said=f"to {provider}")


# -- new records ----------------------------------------------------------------------------------


def begun(
    s: State,
    noun: Noun,
    trigger: str,
    who: str,
    f: Any,
    blank: Any,
    given: dict[str, Any],
    said: str,
    slot: int,
    bounds: Bounds,
) -> tuple[State, Edge] | None:
    """A new record, if `decide` allows it."""
    actor = CAST[who]
    try:
        decision = decide(noun, f, trigger, actor, AT, given)
    except Refused:
        return None
    beside = Beside()
    record = record_after(noun, blank, decision.move, decision.to, f, given)
    s, placed = _placed(s, noun, slot, record)
    for follow in decision.move.follows:
        if isinstance(follow, Fire) and follow.first:  # on others: nothing of its own is asked
            s = _fire_each(s, noun, placed, follow, bounds, beside)
    s = follow_on(s, noun, placed, None, decision.move, f, bounds, beside)
    t = Trial(who, "", trigger, said, decision.move, f, given, record)
    return s, edge_of(t, noun, placed, beside)


# -- what time and life bring ---------------------------------------------------------------------

Life = Callable[[State, Bounds], Iterable[tuple[str, State]]]


def _each(noun: Noun, says: str, when: Callable[[Any], bool], **changes: Any) -> Life:
    def life(s: State, bounds: Bounds) -> Iterator[tuple[str, State]]:
        for slot, record in enumerate(records(s, noun)):
            if when(record):
                changed = record._replace(**changes)
                if changed != record:
                    yield f"{noun} {slot + 1}: {says}", put(s, noun, slot, changed)

    return life


def _away(s: State, bounds: Bounds) -> Iterator[tuple[str, State]]:
    yield (
        ("priya is back", s._replace(away=frozenset()))
        if s.away
        else ("priya goes away", s._replace(away=frozenset({"priya"})))
    )


def _lacking(*what: str) -> Life:
    def life(s: State, bounds: Bounds) -> Iterator[tuple[str, State]]:
        for one in what:
            there = one in s.lacking
            says = f"{one}: {'mended' if there else 'missing'}"
            yield says, s._replace(lacking=s.lacking ^ {one})

    return life


def _hold(closed_to: str, says: str) -> Life:
    def life(s: State, bounds: Bounds) -> Iterator[tuple[str, State]]:
        hold = Hold(closed_to=closed_to)
        if hold in s.holds:
            yield f"{says} is lifted", s._replace(holds=tuple(h for h in s.holds if h != hold))
        else:
            yield f"{says} is placed", s._replace(holds=tuple(sorted((*s.holds, hold))))

    return life


def _dies(s: State, bounds: Bounds) -> Iterator[tuple[str, State]]:
    """`record_death`: every open referral but the completed is withdrawn; concerns stay open."""
    if "margaret" in s.died:
        return
    s = s._replace(died=s.died | {"margaret"})
    for slot, r in enumerate(s.referrals):
        if r.person == "margaret" and r.state in REFERRAL_OPEN - {ReferralState.COMPLETED}:
            s = fire(s, Noun.REFERRAL, slot, "withdraw", bounds, Beside())
    yield "margaret dies, and the death is recorded", s


LIFE: dict[str, Life] = {
    "consent runs out": _each(
        Noun.CONSENT,
        "its date comes",
        lambda c: c.state == "given",
        ran_out=True,
    ),
    "agreement runs out": _each(
        Noun.AGREEMENT, "its review date comes", lambda a: a.state == "in_force", past=True
    ),
    "the month passes": _each(
        Noun.RIGHTS, "its first month is over", lambda q: True, month_over=True
    ),
    "kept long enough": _each(
        Noun.RIGHTS, "it has been kept long enough", lambda q: True, kept_for_long=False
    ),
    "override runs out": _each(
        Noun.OVERRIDE, "its time is over", lambda o: o.state == "approved", past=True
    ),
    "emergency runs out": _each(
        Noun.EMERGENCY, "its time is over", lambda y: y.state == "opened", past=True
    ),
    "evidence runs out": _each(
        Noun.ASSURANCE, "its evidence runs out", lambda a: True, evidence="out"
    ),
    "evidence in grace": _each(
        Noun.ASSURANCE,
        "its evidence runs out, the renewal is in hand",
        lambda a: a.evidence == "complete",
        evidence="grace",
    ),
    "evidence renewed": _each(
        Noun.ASSURANCE, "its evidence is renewed", lambda a: True, evidence="complete"
    ),
    "conditions end": _each(
        Noun.ASSURANCE,
        "the date of its conditions comes",
        lambda a: a.state == "conditional",
        past=True,
    ),
    "long after": _each(
        Noun.ESCALATION,
        "twenty working days pass",
        lambda e: e.closed == "just now",
        closed="long ago",
    ),
    "away": _away,
    "readiness": _lacking("identity", "risks", "activity"),
    "places": _lacking("place"),
    "hospital": _hold("", "a stay in hospital"),
    "records, provider": _hold("provider", "records being put right, closed to the provider"),
    "records, link worker": _hold(
        "link_worker", "records being put right, closed to the link worker"
    ),
    "death": _dies,
}

NEW_AGREEMENT = Agreement("", unsigned=world.PARTIES)
NEW_ASSURANCE = Assurance("")
__all__ = [
    "LIFE",
    "SHARING",
    "Actor",
    "Bounds",
    "Concern",
    "Edge",
    "Purpose",
    "Trial",
]

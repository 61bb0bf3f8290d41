"""The one door. `step()` is the only code that changes a state.

It reads the facts, asks the table and the guards, fires the shared machine, writes everything in
one statement where the database allows it, and carries out what follows, in the edge's own
transaction. It commits nothing and reads no clock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from referral import audit, effects, facts, picks, policy
from referral.actors import NOBODY, Actor, the_system
from referral.details import details_of, told
from referral.ids import new_id, new_reference
from referral.keys import Of
from referral.ledger import (
    END_CLOCKS,
    FREE_PLACE,
    TAKE_PLACE,
    NoPlaceLeft,
    Row,
    gate,
    head,
    insert,
    stored,
    update,
    write,
)
from referral.states import ENDS, TAKING_PART, Noun, Relation, Role
from referral.store import Tx
from workflows import clocks
from workflows.guards import HELD, in_own_words, of_a_hold, place_left
from workflows.moves import (
    N_,
    NOTHING,
    Clock,
    Fire,
    Given,
    Hat,
    Move,
    Need,
    Raise,
    Refusal,
    StartClock,
    Table,
    Tell,
    list_of,
)
from workflows.tables import (
    agreements,
    assurance,
    concerns,
    consent,
    emergencies,
    escalations,
    overrides,
    referrals,
    rights,
)
from workflows.working_time import DAY, ENGLAND, Calendar

MACHINES: dict[Noun, Any] = {
    Noun.REFERRAL: referrals,
    Noun.CONSENT: consent,
    Noun.OVERRIDE: overrides,
    Noun.CONCERN: concerns,
    Noun.ESCALATION: escalations,
    Noun.ASSURANCE: assurance,
    Noun.AGREEMENT: agreements,
    Noun.RIGHTS: rights,
    Noun.EMERGENCY: emergencies,
}
TABLES: dict[Noun, Table] = {noun: machine.TABLE for noun, machine in MACHINES.items()}
FIRED_GIVEN: dict[tuple[Noun, str], Mapping[str, Any]] = {
    (Noun.REFERRAL, "recall"): {"reason": "provider_stopped"},
    (Noun.REFERRAL, "withdraw"): {"reason": "died"},
    (Noun.CONSENT, "withdraw"): {"reason": "person_said_no"},
}
# The same, where it depends on whose move it follows.
FIRED_BY: dict[tuple[Noun, Noun, str], Mapping[str, Any]] = {
    (Noun.OVERRIDE, Noun.REFERRAL, "recall"): {"reason": "ground_ended"},
}
TRIES = 5
UNKNOWN = "unknown"

NOT_FOUND = Refusal(
    "not_found", N_("There is no such record."), N_("Check the reference, or search for it.")
)
NO_SUCH_MOVE = Refusal(
    "no_such_move",
    N_("This can't be done from where the record is now."),
    N_("Look at what can be done now."),
    "table of moves",
)
NOT_YOUR_ROLE = Refusal(
    "not_your_role",
    N_("Your role doesn't do this."),
    N_("Ask whoever acts on the record now."),
    "table of moves",
)
NOT_YOUR_RECORD = Refusal(
    "not_your_record",
    N_("Somebody else is named for this record."),
    N_("Ask them, or ask the team lead to pass it to you."),
    "table of moves",
)
STALE = Refusal(
    "stale",
    N_("Somebody changed this while you were looking at it."),
    N_("Look at what changed, then decide again. What you typed is kept."),
    "two people deciding at once must collide loudly",
)
KEY_REUSED = Refusal(
    "idempotency_key_reused",
    N_("This key was already used for something else."),
    N_("Send the request with a new key."),
    "one key, one effect",
)
SECOND_NEEDED = Refusal(
    "second_person_needed",
    N_("This takes two people."),
    N_("Propose it. A second person opens it signed in and confirms."),
    "two people",
)
SECOND_SAME = Refusal(
    "second_person_same",
    N_("The second person must be somebody else."),
    N_("Ask a colleague to confirm."),
    "two people",
)
SECOND_NOT_ALLOWED = Refusal(
    "second_person_not_allowed",
    N_("This second person can't confirm this."),
    N_("Ask somebody who answers for the record and isn't part of the matter."),
    "two people",
)


class Refused(Exception):
    """A move that can't be made. Nothing was written; the edge writes the audit of the attempt."""

    def __init__(
        self,
        refusals: Iterable[Refusal],
        *,
        noun: Noun | str,
        trigger: str,
        record_id: str | None,
        state: str | None = None,
        version: int | None = None,
        subject: str | None = None,
    ) -> None:
        self.refusals = tuple(refusals)
        self.noun = noun
        self.trigger = trigger
        self.record_id = record_id
        self.state = state
        self.version = version
        self.subject = subject
        super().__init__(f"{noun}.{trigger}: {', '.join(self.codes)}")

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of all the refusals, in the order they were found."""
        return tuple(r.code for r in self.refusals)


@dataclass(frozen=True)
class Done:
    """What a step came to. `replayed`: it had been made before under the same key."""

    noun: Noun
    id: str
    state: str
    version: int
    reference: str | None = None
    replayed: bool = False
    followed: tuple[Done, ...] = ()


@dataclass(frozen=True)
class Option:
    """A move from where the record is, with all that stands in its way for this actor."""

    trigger: str
    says: str
    needs: tuple[Need, ...]
    refusals: tuple[Refusal, ...] = field(default=())

    @property
    def allowed(self) -> bool:
        return not self.refusals


# -- deciding (pure) ----------------------------------------------------------------------------


def _role_refusal(moves: Iterable[Move], worn: frozenset[Hat], role: Role) -> Refusal | None:
    roles = {r for m in moves for r, _ in m.by}
    for m in moves:
        if m.by & worn:
            return None
    if role in roles and any(r is role for r, _ in worn):
        return NOT_YOUR_RECORD
    return NOT_YOUR_RECORD if role in roles else NOT_YOUR_ROLE


def _allowed(noun: Noun, trigger: str, need: Need, f: Any) -> tuple[str, ...]:
    """The codes that may be given: those of the table, or of the list in force at the record's
    place."""
    listed = list_of(noun, trigger, need)
    if listed is None or listed not in policy.REASONS:
        return need.values
    return tuple(f.rules.reasons(listed))


def _asks(noun: Noun, m: Move, f: Any) -> tuple[Need, ...]:
    """What the move needs of this record, with the codes in force."""
    asked = []
    for need in m.needs:
        if need.where is not None and not need.where(f):
            continue
        allowed = _allowed(noun, m.trigger, need, f)
        asked.append(need if allowed == need.values else replace(need, values=allowed))
    return tuple(asked)


def _missing(noun: Noun, m: Move, actor: Actor, f: Any, given: Given) -> list[Refusal]:
    """What the mover has not said. The person need not give a reason; the system has its cause."""
    if actor.role in (Role.SYSTEM, Role.PERSON):
        return []
    refusals = []
    for need in m.needs:
        if need.when is not None and not need.when(given):
            continue
        if need.where is not None and not need.where(f):
            continue
        value = given.get(need.name)
        allowed = _allowed(noun, m.trigger, need, f)
        if value in (None, "", []) or (allowed and value not in allowed):
            refusals.append(need.refusal)
    return refusals


def _closed_to(table: Table, f: Any, actor: Actor, trigger: str) -> bool:
    """A full hold closes the record to one side, but for the moves that give the person back."""
    if actor.role in (Role.SYSTEM, Role.PERSON) or not f.closed_to_actor:
        return False
    open_to: frozenset[str] = MACHINES[table.noun].OPEN_UNDER_FULL_HOLD
    return not (trigger in open_to and actor.role is not Role.LINK_WORKER)


def _guard_refusals(m: Move, f: Any, given: Given, at: datetime) -> list[Refusal]:
    return [g.refusal for g in m.guards if not g.holds(f, given, at)]


def options(noun: Noun, f: Any, actor: Actor, at: datetime) -> list[Option]:
    """Every move from the record's state, each with all its refusals. Pure."""
    table = TABLES[noun]
    worn = table.hats(f, actor)
    found: list[Option] = []
    for trigger in table.triggers:
        moves = table.moves_from(trigger, f.state)
        if not moves:
            continue
        mine = [m for m in moves if m.by & worn] or list(moves)
        refusals: list[Refusal] = []
        role = _role_refusal(moves, worn, actor.role)
        if role is not None:
            refusals.append(role)
        elif _closed_to(table, f, actor, trigger):
            refusals.append(of_a_hold(actor.role))
        else:
            each = [_guard_refusals(m, f, NOTHING, at) for m in mine]
            refusals.extend(in_own_words(r, actor.role) for r in sorted(each, key=len)[0])
        found.append(Option(trigger, mine[0].says, _asks(noun, mine[0], f), tuple(refusals)))
    return found


def available(tx: Tx, noun: Noun, record_id: str, actor: Actor, at: datetime) -> list[Option]:
    """Every move from where the record is now, each with all its refusals. Raises Refused
    (not_found) when the record isn't there for this actor."""
    f = facts.LOADERS[noun](tx, record_id, actor, at)
    if f is None or not TABLES[noun].hats(f, actor):
        raise Refused([NOT_FOUND], noun=noun, trigger="read", record_id=record_id)
    return options(noun, f, actor, at)


def _choose(moves: tuple[Move, ...], f: Any, given: Given) -> Move:
    for m in moves:
        if m.when is None or m.when(f, given):
            return m
    return moves[-1]


@dataclass(frozen=True)
class _Decision:
    move: Move
    to: str
    hat: Hat


def decide(
    noun: Noun,
    f: Any,
    trigger: str,
    actor: Actor,
    at: datetime,
    given: Given,
    version: int | None = None,
    second: Actor | None = None,
    second_facts: Any = None,
) -> _Decision:
    """What this move comes to. Raises Refused with every refusal, not just the first. Pure."""
    table = TABLES[noun]

    def refuse(*refusals: Refusal) -> Refused:
        return Refused(
            (in_own_words(r, actor.role) for r in refusals),
            noun=noun,
            trigger=trigger,
            record_id=f.id,
            state=f.state,
            version=f.version,
            subject=getattr(f, "subject_ref", None),
        )

    worn = table.hats(f, actor)
    if not worn:
        raise refuse(NOT_FOUND)
    if _closed_to(table, f, actor, trigger):
        raise refuse(HELD)
    if version is not None and version != f.version:
        raise refuse(STALE)
    moves = table.moves_from(trigger, f.state)
    if not moves:
        raise refuse(NO_SUCH_MOVE)
    role = _role_refusal(moves, worn, actor.role)
    if role is not None:
        raise refuse(role)
    m = _choose(tuple(m for m in moves if m.by & worn), f, given)
    refusals = _guard_refusals(m, f, given, at) + _missing(noun, m, actor, f, given)
    if m.two_people or (m.two_people_if is not None and m.two_people_if(f, given)):
        refusals += _second(table, actor, second, second_facts)
    if refusals:
        raise refuse(*refusals)
    hat = sorted(m.by & worn, key=_plainest)[0]
    return _Decision(m, table.fire(trigger, f.state, m), hat)


def _plainest(hat: Hat) -> int:
    """A stand-in is named as one only when no plainer relation would do."""
    return int(hat[1] is Relation.STAND_IN)


def _second(
    table: Table, actor: Actor, second: Actor | None, second_facts: Any
) -> tuple[Refusal, ...]:
    if second is None:
        return (SECOND_NEEDED,)
    if second.user_id == actor.user_id:
        return (SECOND_SAME,)
    return () if may_answer(table.noun, second_facts, second) else (SECOND_NOT_ALLOWED,)


OUTSIDE = (Role.PERSON, Role.SYSTEM, Role.PROVIDER_LEADER)


def may_answer(noun: Noun, f: Any, actor: Actor) -> bool:
    """Whether they may see, confirm or refuse what one of two people proposed on this record. What
    a team proposes on a referral is nothing to the provider."""
    if f is None or not TABLES[noun].hats(f, actor) or f.closed_to_actor:
        return False
    if getattr(f, "conflict", False):
        return False
    if noun is Noun.RIGHTS and actor.role not in rights.SECONDS:
        return False
    return noun is not Noun.REFERRAL or actor.role not in OUTSIDE


# -- the door -----------------------------------------------------------------------------------


def step(
    tx: Tx,
    noun: Noun,
    record_id: str | None,
    trigger: str,
    actor: Actor,
    at: datetime,
    given: Given = NOTHING,
    *,
    version: int | None = None,
    key: str | None = None,
    second: Actor | None = None,
    cal: Calendar = ENGLAND,
) -> Done:
    """Make one move, or raise Refused and write nothing.

    `record_id` None begins a new record from what was given. `version` is the version the sender
    saw. `key` makes a repeat give the same answer. `second` has confirmed with their own sign-in.
    The edge's transaction holds it all; whatever follows the move is in it too."""
    table = TABLES[noun]
    if trigger not in table.triggers:
        trigger = UNKNOWN  # somebody's own words, which must not get into the log
    body = _body(noun, record_id, trigger, given) if key else ""
    if record_id is None:
        given = {"id": new_id(at), "reference": new_reference(), **given}
    for _ in range(TRIES):
        f = (
            facts.NEW[noun](tx, given, actor, at, key)
            if record_id is None
            else facts.LOADERS[noun](tx, record_id, actor, at, key)
        )
        if f is None:
            raise Refused([NOT_FOUND], noun=noun, trigger=trigger, record_id=record_id)
        if key and f.answered:
            return _again(noun, f, trigger, body)
        second_facts = None
        if second is not None and record_id is not None:
            second_facts = facts.LOADERS[noun](tx, record_id, second, at)
        decision = decide(noun, f, trigger, actor, at, given, version, second, second_facts)
        if _fire(tx, decision.move, f, at, noun, cal, before=True):
            continue  # what went first has moved the gates: read again
        done = _write(tx, table, f, decision, actor, at, given, key, body, second, cal)
        if done is not None:
            break
    else:
        raise Refused([STALE], noun=noun, trigger=trigger, record_id=record_id)
    followed = _follow(tx, decision.move, f, done, at, noun, cal)
    return Done(
        done.noun, done.id, done.state, done.version, done.reference, followed=tuple(followed)
    )


def _body(noun: Noun, record_id: str | None, trigger: str, given: Given) -> str:
    """A hash of what was asked, so that a key can't be used for something else."""
    # What the command itself found out (about a clock, about the plan as it is now) may differ the
    # second time: it is no part of what was asked.
    asked = {
        name: value
        for name, value in given.items()
        if not name.startswith("clock_") and name != "shared"
    }
    text = json.dumps([noun, record_id, trigger, asked], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _again(noun: Noun, f: Any, trigger: str, body: str) -> Done:
    earlier, _, answer = f.answered.partition(" ")
    if earlier != body:
        raise Refused(
            [KEY_REUSED], noun=noun, trigger=trigger, record_id=f.id, subject=f.subject_ref
        )
    said = json.loads(answer)
    return Done(
        noun, said["id"], said["state"], said["version"], said.get("reference"), replayed=True
    )


def _gates(noun: Noun, f: Any) -> list[Row]:
    """The gates this noun's facts rest on, or that it moves: person first, then provider."""
    rows = []
    if noun is Noun.REFERRAL:
        rows.append(Row(gate("person", False), {"id": f.person_id, "gate": f.person_gate}))
        rows.append(Row(gate("provider", False), {"id": f.provider_id, "gate": f.provider_gate}))
    elif noun in (Noun.CONSENT, Noun.OVERRIDE):
        rows.append(Row(gate("person", True), {"id": f.person_id, "gate": f.person_gate}))
    elif noun is Noun.CONCERN:
        if f.person_id is not None:
            rows.append(Row(gate("person", True), {"id": f.person_id, "gate": f.person_gate}))
        if f.provider_id is not None:
            rows.append(Row(gate("provider", True), {"id": f.provider_id, "gate": f.provider_gate}))
    elif noun is Noun.ASSURANCE:
        rows.append(Row(gate("provider", True), {"id": f.provider_id, "gate": f.provider_gate}))
    elif noun is Noun.AGREEMENT:
        rows.extend(Row(gate("provider", True), {"id": i, "gate": g}) for i, g in f.provider_gates)
    return rows


def _write(
    tx: Tx,
    table: Table,
    f: Any,
    decision: _Decision,
    actor: Actor,
    at: datetime,
    given: Given,
    key: str | None,
    body: str,
    second: Actor | None,
    cal: Calendar,
) -> Done | None:
    noun, m, to = table.noun, decision.move, decision.to
    name = str(noun)
    version = f.version + 1
    moved = f.state != to
    values: dict[str, Any] = {c: given.get(c) for c in m.keeps if c in given}
    if m.sets is not None:
        values.update(m.sets(f, given, at))
    rows = _gates(noun, f)
    if f.state is None:
        values = {**effects.NEW_RECORD[noun](f, given, at), **values}
        record = {**values, "state": to, "version": version, "since": at}
        rows.append(Row(insert(name, head=True), stored(name, record)))
    else:
        columns = tuple(sorted(values))
        params = {
            **stored(name, values),
            "id": f.id,
            "version": f.version,
            "state": to,
            "since": at if moved else (f.since or at),
        }
        rows.append(Row(head(name, columns), params))
    rows += _place_rows(noun, f, to)
    details: dict[str, Any] = {"set": details_of(name, values)}
    details |= _clock_rows(tx, table, f, m, to, values, at, cal, rows)
    note_id, beside = _note(f, noun, given, actor, at)
    for effect in m.effects:
        beside += effects.EFFECTS[effect](f, given, at)
    if beside:
        rows += beside
        details["rows"] = [told(row) for row in beside]
    if noun is Noun.REFERRAL and to in ENDS[noun] and f.state is not None and f.held:
        rows += effects.end_of_holds(f.id, at)
    rows += _tellings(tx, table, m, f, values, given, at, version)
    rows += _step_rows(table, f, decision, actor, at, given, version, note_id, second, details)
    if any(row.statement is effects.RESTART for row in beside):
        rows += _clock_restarted(actor, at, given)
    rows += _long_clock_owned(table, f, m, to, values, actor, at)
    reference = getattr(f, "reference", None)
    if key:
        answer = {"id": f.id, "state": to, "version": version, "reference": reference}
        rows.append(
            Row(
                insert("idempotency"),
                {
                    "system_id": f.system_id,
                    "actor_id": actor.id,
                    "key": key,
                    "body_hash": body,
                    "answer": json.dumps(answer),
                    "at": at,
                },
            )
        )
    missed = _missed(tx, table, f, rows, at, cal)
    try:
        if not write(tx, rows, Of(f.system_id, getattr(f, "subject_ref", None))):
            return None
    except NoPlaceLeft:
        raise Refused(
            [place_left.refusal],
            noun=noun,
            trigger=m.trigger,
            record_id=f.id,
            state=f.state,
            version=f.version,
            subject=f.subject_ref,
        ) from None
    for clock_id, when in missed:
        picks.mark_missed(tx, clock_id, when)
    return Done(noun, f.id, to, version, reference)


def _missed(
    tx: Tx, table: Table, f: Any, rows: list[Row], at: datetime, cal: Calendar
) -> list[tuple[int, datetime]]:
    """The clocks this move ends after their time, before any sweep has marked them. They are read
    only where the facts say that there may be one."""
    ending = next((row for row in rows if row.statement is END_CLOCKS), None)
    if ending is None or not f.late:
        return []
    found = []
    holds: list[Any] | None = None
    for clock_id, kind, started, due in picks.perhaps_late(tx, f.id, at):
        clock = table.clocks[kind]
        if kind == ending.params["but"]:
            continue
        if clock.held and holds is None:
            holds = picks.holds(tx, f.id)
        when = clocks.missed_at(clock, started, due, f, holds or (), at, cal)
        if when is not None:
            found.append((clock_id, when))
    return found


def _place_rows(noun: Noun, f: Any, to: str) -> list[Row]:
    if noun is not Noun.REFERRAL:
        return []
    before, after = f.state in TAKING_PART, to in TAKING_PART
    if before == after:
        return []
    return [Row(TAKE_PLACE if after else FREE_PLACE, {"id": f.group_id})]


NO_CLOCK = "-"
# Moves after which the clocks that run are somebody else's.
PASSED_ON = ("reassign", "hand_over", "pass_on")


def _clock_rows(
    tx: Tx,
    table: Table,
    f: Any,
    m: Move,
    to: str,
    values: Mapping[str, Any],
    at: datetime,
    cal: Calendar,
    rows: list[Row],
) -> dict[str, Any]:
    """End the old state's clock and start the new one's. Returns what the log says of it: the
    clocks started, or who owns them from now (`owner`) and who did (`was`; nobody: all of them)."""
    if f.state == to and not m.restarts:
        if m.trigger not in PASSED_ON:
            return {}
        row = _new_owner(table, f, values)
        rows.append(row)
        return {"clocks_to": {"owner": row.params["owner"], "was": row.params.get("old")}}
    ends = to in ENDS[table.noun]
    long = table.noun is Noun.REFERRAL and (ends or m.trigger == "start")
    if f.state is not None:
        spared = table.noun is Noun.REFERRAL and not long
        but = "referral.not_started" if spared else NO_CLOCK
        rows.append(Row(END_CLOCKS, {"at": at, "record_id": f.id, "but": but}))
    asked = clocks.Asked(f, values, m.trigger, at, cal)
    started: list[Row] = []
    clock = table.states[to].clock  # type: ignore[index]
    if clock is not None:
        left = None
        if m.goes_on is not None:
            left = _left(tx, f, clock, cal, m.goes_on)
        running = clocks.start(clock, asked, left)
        started.append(_clock_row(table, f, clock, running, to, values, at))
    for follow in m.follows:
        if isinstance(follow, StartClock) and not f.long_clock:
            beside = table.clocks[follow.kind]
            running = clocks.start(beside, asked)
            started.append(_clock_row(table, f, beside, running, to, values, at))
    rows += started
    told_of = ("kind", "owner", "due", "period", "hours")
    return {"clocks": [{c: row.params[c] for c in told_of} for row in started]}


def _left(tx: Tx, f: Any, clock: Clock, cal: Calendar, least: int) -> int:
    last = picks.last_clock(tx, f.id, clock.kind)
    if last is None:
        return least * DAY
    started, due, ended = last
    holds = picks.holds(tx, f.id) if clock.held else []
    left = clocks.time_left(clock, started, due, ended, holds, cal)
    return max(left, least * DAY)


def owner_after(table: Table, f: Any, to: str, values: Mapping[str, Any]) -> str:
    """Who owns the next step, after the move."""
    acts = table.states[to].acts  # type: ignore[index]
    column = {"holder": "holder", "reviewer": "owner", "asked": "asked"}.get(acts or "")
    if column is not None and values.get(column):
        return str(values[column])
    key = table.cast[acts](f) if acts else None
    return key or f"nobody@{f.organisation_id}"


def _clock_row(
    table: Table,
    f: Any,
    clock: Clock,
    running: clocks.Running,
    to: str,
    values: Mapping[str, Any],
    at: datetime,
) -> Row:
    return Row(
        insert("clock"),
        {
            "system_id": f.system_id,
            "noun": str(table.noun),
            "record_id": f.id,
            "kind": clock.kind,
            "owner": owner_after(table, f, to, values),
            "started": at,
            "due": running.due,
            "period": running.period,
            "hours": running.hours,
            "fired": running.fired,
            "look_at": running.look_at,
            "missed": None,
            "ended": None,
            "lease_until": None,
            "tries": 0,
        },
    )


def _new_owner(table: Table, f: Any, values: Mapping[str, Any]) -> Row:
    if "holder" in values:
        return Row(
            picks.REOWN_ALL,
            {"owner": values["holder"], "record_id": f.id},
        )
    old = table.cast["link_worker"](f)
    return Row(
        picks.REOWN,
        {"owner": f"member@{values['link_worker_id']}", "record_id": f.id, "old": old},
    )


REOWN_LONG = update("clock", ("owner",), ("record_id", "kind"), empty=("ended",))


def _long_clock_owned(
    table: Table, f: Any, m: Move, to: str, values: Mapping[str, Any], actor: Actor, at: datetime
) -> list[Row]:
    """A clock that runs beside the states and was there before goes on, owned by whoever acts now:
    a referral that took another's place may be with another provider."""
    kinds = [follow.kind for follow in m.follows if isinstance(follow, StartClock)]
    if not kinds or not f.long_clock:
        return []
    owner = owner_after(table, f, to, values)
    rows: list[Row] = []
    for kind in kinds:
        rows.append(Row(REOWN_LONG, {"owner": owner, "old_record_id": f.id, "old_kind": kind}))
        rows += audit.entry(
            actor=actor,
            at=at,
            action="clock",
            noun=str(table.noun),
            record_id=f.id,
            details={"clock": {"kind": kind, "owner": owner}},
            subject=f.subject_ref,
        )
    return rows


def _clock_restarted(actor: Actor, at: datetime, given: Given) -> list[Row]:
    """The clock that is started again belongs to another record: its own entries say so too."""
    return audit.entry(
        actor=actor,
        at=at,
        action="clock",
        noun=given["clock_noun"],
        record_id=given["clock_record"],
        details={
            "clock": {
                "kind": given["clock_kind"],
                "was": given["clock_was"],
                "due": given["clock_due"],
                "started": at,
            }
        },
    )


def _note(
    f: Any, noun: Noun, given: Given, actor: Actor, at: datetime
) -> tuple[str | None, list[Row]]:
    """Free text goes into a row of its own; the step keeps its id. A summary and a note beside it
    are kept both."""
    both = (given.get("summary"), given.get("note"))
    text = "\n\n".join(filter(None, both)) or given.get("feedback")
    if not text:
        return None, []
    note_id = new_id(at)
    audience = {
        Noun.OVERRIDE: "safeguarding",
        Noun.EMERGENCY: "review",
        Noun.CONCERN: "safeguarding",
        Noun.ESCALATION: "review",
        Noun.RIGHTS: "review",
    }.get(noun, "both")
    row = Row(
        insert("note"),
        stored(
            "note",
            {
                "id": note_id,
                "system_id": f.system_id,
                "organisation_id": f.organisation_id,
                "person_id": f.person_id,
                "noun": str(noun),
                "record_id": f.id,
                "audience": given.get("audience", audience),
                "body": text,
                "written_by": None if actor.membership_id == NOBODY else actor.membership_id,
                "at": at,
            },
        ),
    )
    return note_id, [row]


def _tellings(
    tx: Tx,
    table: Table,
    m: Move,
    f: Any,
    values: Mapping[str, Any],
    given: Given,
    at: datetime,
    version: int,
) -> list[Row]:
    rows = []
    for follow in m.follows:
        if not isinstance(follow, Tell):
            continue
        for to, noun, record_id in _letters(tx, table, follow.whom, f, values, given):
            rows.append(
                Row(
                    insert("outbox"),
                    {
                        "system_id": f.system_id,
                        "to_owner": to,
                        "what": follow.what,
                        "noun": noun,
                        "record_id": record_id,
                        "version": version,
                        "at": at,
                        "run_at": at,
                        "lease_until": None,
                        "tries": 0,
                        "sent_at": None,
                        "result": None,
                    },
                )
            )
    return rows


def tells(tx: Tx, noun: Noun, f: Any, m: Move, given: Given) -> list[str]:
    """The owner keys of those whom this move would tell, were it made now with this given."""
    table = TABLES[noun]
    keys = [
        key
        for follow in m.follows
        if isinstance(follow, Tell)
        for key, _noun, _id in _letters(tx, table, follow.whom, f, {}, given)
    ]
    return list(dict.fromkeys(keys))


def _letters(
    tx: Tx, table: Table, whom: str, f: Any, values: Mapping[str, Any], given: Given
) -> list[tuple[str, str, str]]:
    """(owner key, noun, record) of each letter: about the record itself, but to those a decided
    review concerns about the record they see it by."""
    if whom == "concerned":
        return picks.concerned_in(tx, f)
    keys = _addressed(tx, table, whom, f, values, given)
    # A group without an account is told by a human: that is a consequence of the decision.
    return [(key, str(table.noun), f.id) for key in keys if not key.startswith("group@")]


def _addressed(
    tx: Tx, table: Table, whom: str, f: Any, values: Mapping[str, Any], given: Given
) -> list[str]:
    if whom == "new_link_worker":
        return [f"member@{given['link_worker_id']}"]
    if whom == "new_holder":
        return [str(values["holder"])]
    if whom == "new_asked":
        return [str(given["asked"])]
    if whom == "parties":
        return [f"signatory@{organisation_id}" for organisation_id in sorted(f.parties)]
    if whom == "link_workers":
        return picks.link_workers_with(tx, f.provider_id)
    never_sent = table.noun is Noun.REFERRAL and "sent_at" not in values and f.sent_at is None
    if whom == "provider" and never_sent:
        return []  # not even that it ended
    key = table.cast[whom](f)
    return [key] if key else []


def _step_rows(
    table: Table,
    f: Any,
    decision: _Decision,
    actor: Actor,
    at: datetime,
    given: Given,
    version: int,
    note_id: str | None,
    second: Actor | None,
    details: Mapping[str, Any],
) -> list[Row]:
    m, to = decision.move, decision.to
    stands_in = decision.hat[1] is Relation.STAND_IN
    member = None if actor.membership_id == NOBODY else actor.membership_id
    organisation = None if actor.organisation_id == NOBODY else actor.organisation_id
    behalf = f.link_worker_id if stands_in else None
    reason = given.get("reason")
    confirmed = second.membership_id if second is not None else None
    said = {"happened": given["happened_at"]} if given.get("happened_at") else {}
    rows = [
        Row(
            insert("step"),
            {
                "system_id": f.system_id,
                "noun": str(table.noun),
                "record_id": f.id,
                "version": version,
                "trigger": m.trigger,
                "from_state": f.state,
                "to_state": to,
                "at": at,
                "happened_at": given.get("happened_at"),
                "role": str(actor.role),
                "membership_id": member,
                "organisation_id": organisation,
                "on_behalf_of": behalf,
                "second_id": confirmed,
                "cause": actor.cause,
                "reason": reason,
                "note_id": note_id,
                "table_version": table.version,
            },
        )
    ]
    rows += audit.entry(
        actor=actor,
        at=at,
        action="step",
        noun=str(table.noun),
        record_id=f.id,
        version=version,
        details=details,
        behalf=behalf,
        consent=getattr(f, "consent_id", None),
        override=getattr(f, "override_id", None),
        note=note_id,
        reason=reason,
        second=confirmed,
        state={"from": f.state, "to": to},
        subject=f.subject_ref,
        table=table.version,
        trigger=m.trigger,
        **said,
    )
    return rows


# -- what follows -------------------------------------------------------------------------------


def _fire(
    tx: Tx, m: Move, f: Any, at: datetime, noun: Noun, cal: Calendar, before: bool
) -> list[Done]:
    """Make the moves that follow, on every record picked, as the system with this move as cause.
    A fired move has no guard of its own: it is never refused."""
    done = []
    for follow in m.follows:
        if not isinstance(follow, Fire) or follow.first is not before:
            continue
        system = the_system(f.system_id, f"{noun}.{m.trigger}")
        for record_id in picks.WHICH[follow.which](tx, f):
            done.append(
                step(
                    tx,
                    follow.noun,
                    record_id,
                    follow.trigger,
                    system,
                    at,
                    fired_given(noun, follow),
                    cal=cal,
                )
            )
    return done


def fired_given(cause: Noun, follow: Fire) -> Given:
    """What is given with a move that follows one of this noun."""
    plain = FIRED_GIVEN.get((follow.noun, follow.trigger), NOTHING)
    return FIRED_BY.get((cause, follow.noun, follow.trigger), plain)


def _follow(
    tx: Tx, m: Move, f: Any, made: Done, at: datetime, noun: Noun, cal: Calendar
) -> list[Done]:
    done = _fire(tx, m, f, at, noun, cal, before=False)
    for follow in m.follows:
        if isinstance(follow, Raise):
            clock_id, period = _until_moved(tx, noun, made) if follow.until_moved else (None, None)
            done.append(
                raise_alarm(
                    tx,
                    follow,
                    noun,
                    f,
                    at,
                    f"{noun}.{m.trigger}",
                    clock_id=clock_id,
                    period=period,
                    cal=cal,
                )
            )
    if f.alarm:
        ended = made.state in ENDS[noun]
        for record_id in picks.overtaken(tx, f.id, ended):
            system = the_system(f.system_id, f"{noun}.{m.trigger}")
            done.append(step(tx, Noun.ESCALATION, record_id, "overtake", system, at, cal=cal))
    return done


def _until_moved(tx: Tx, noun: Noun, made: Done) -> tuple[int | None, int | None]:
    """The clock of the state the record is in now, whose end overtakes an alarm; the period before
    its first."""
    clock = TABLES[noun].states[made.state].clock  # type: ignore[index]
    found = picks.running_clock(tx, made.id, clock.kind) if clock else None
    return (None, None) if found is None else (found, 0)


def raise_alarm(
    tx: Tx,
    wanted: Raise,
    noun: Noun,
    f: Any,
    at: datetime,
    cause: str,
    *,
    clock_id: int | None = None,
    period: int | None = None,
    cal: Calendar = ENGLAND,
) -> Done:
    """Raise an escalation about this record, as the system. With a clock, at most once for each
    of its periods: the database refuses a second."""
    given = {
        "kind": wanted.kind,
        "level": wanted.level,
        "about": str(noun),
        "about_id": f.id,
        "clock_id": clock_id,
        "clock_period": period,
    }
    system = the_system(f.system_id, cause)
    return step(tx, Noun.ESCALATION, None, "raise", system, at, given, cal=cal)


def refused_entry(tx: Tx, refused: Refused, actor: Actor, at: datetime) -> None:
    """The audit of an attempt that was refused, for the edge's own short transaction."""
    audit.log(
        tx,
        actor,
        at,
        "refused",
        str(refused.noun),
        refused.record_id,
        {"codes": list(refused.codes)},
        codes=list(refused.codes),
        state={"from": refused.state, "to": None},
        subject=refused.subject,
        trigger=refused.trigger,
    )


def move_tables() -> list[tuple[str, str, str]]:
    """(noun, version, text) of each table of moves this program decides by, and of the example
    policy it ships: what holds where a place has made no rule of its own."""
    text = policy.shipped_text()
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    tables = [(str(noun), table.version, table.text) for noun, table in TABLES.items()]
    return [*tables, (policy.NOUN, version, text)]

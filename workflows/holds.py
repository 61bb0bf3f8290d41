"""Ordinary holds: the person is in hospital, asked for time, or their records are put right.

Each has an owner and a date, and is lifted by a human being: at its date its owner is reminded,
then it is raised. To everybody who may not lift it, it reads like every other hold. It is no step
of its referral, so that a timeline tells no more than the sentence does."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from referral import facts, picks
from referral import holds as rows
from referral.actors import Actor, the_system
from referral.audit import log
from referral.clocks import member_key
from referral.ids import new_id
from referral.rows import bump, change, put
from referral.states import REFERRAL_ENDS, TAKING_PART, HoldCause, Noun, Relation, Role
from referral.store import Tx
from workflows.engine import NO_SUCH_MOVE, NOT_FOUND, NOT_YOUR_RECORD, TABLES, Refused, step
from workflows.guards import of_a_hold
from workflows.moves import N_, Clock, Hat, Raise, Refusal, Remind
from workflows.rules import field, wrong
from workflows.tables.referrals import LINK_WORKER, PROVIDER, TEAM
from workflows.working_time import ENGLAND, Calendar, add, end_of, working_days_between

HOLD = "hold"
CLOCK = Clock("hold.until", 20, Remind(("owner",)), Raise("other"))
ORDINARY = (HoldCause.HOSPITAL, HoldCause.PERSON_ASKED)
SIDES = ("link_worker", "provider")
LATER = N_("Enter a sooner date: at most 20 working days from now, fewer where your place says so.")


def causes_for(f: Any, actor: Actor) -> tuple[HoldCause, ...]:
    """Why this actor may place a hold on a referral: the link worker and the team lead for what
    life brings, a leader of the provider for those taking part, the lead to put records right."""
    if f.state is None or f.state in REFERRAL_ENDS or f.closed_to_actor:
        return ()
    worn: frozenset[Hat] = TABLES[Noun.REFERRAL].hats(f, actor)
    if actor.role is Role.TEAM_LEAD and worn & (TEAM | LINK_WORKER):
        return (*ORDINARY, HoldCause.RECORDS)
    if worn & LINK_WORKER or (worn & PROVIDER and f.state in TAKING_PART):
        return ORDINARY
    return ()


def place_hold(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    referral_id: str,
    cause: str,
    until: date | None,
    side: str | None = None,
    cal: Calendar = ENGLAND,
) -> str:
    """Keep a referral still until this day, and return the hold's id. Putting records right closes
    the person's record to one side (`side`: link_worker or provider) and belongs to no referral.

    Raises Refused: not_found, not_held (a full hold closes it to the actor), not_your_record,
    no_such_move (it is over), or a fault in cause, until or side."""
    f = _referral(tx, actor, at, referral_id, "hold")
    bump(tx, "person", f.person_id)
    f = _referral(tx, actor, at, referral_id, "hold")
    _refuse_unless_open(f, actor)
    faults = _faults(f, actor, at, cause, until, side, cal)
    if faults or until is None:
        raise wrong(HOLD, "place", *faults)
    due, full = end_of(until), cause == HoldCause.RECORDS
    owner = member_key(actor.membership_id)
    provider_id = f.provider_id if full and side == "provider" else None
    hold_id = put_hold(
        tx,
        f,
        at,
        cause=cause,
        provider_id=provider_id,
        referral_id=None if full else f.id,
        closed_to=side if full else None,
        owner=owner,
        due=due,
        cal=cal,
    )
    said = {"cause": str(cause), "until": due, "side": side if full else None}
    log(tx, actor, at, "hold_placed", HOLD, hold_id, said, subject=f.subject_ref)
    return hold_id


def put_hold(
    tx: Tx,
    f: Any,
    at: datetime,
    *,
    cause: str,
    provider_id: str | None,
    referral_id: str | None,
    closed_to: str | None,
    owner: str,
    due: datetime,
    cal: Calendar,
) -> str:
    """The row of an ordinary hold on the person of these facts, and its clock."""
    hold_id = new_id(at)
    put(
        tx,
        "hold",
        {
            "id": hold_id,
            "system_id": f.system_id,
            "organisation_id": f.organisation_id,
            "cause": str(cause),
            "concern_id": None,
            "person_id": f.person_id,
            "provider_id": provider_id,
            "referral_id": referral_id,
            "closed_to": closed_to,
            "owner": owner,
            "started": at,
            "until": due,
            "ended": None,
        },
    )
    put(
        tx,
        "clock",
        {
            "system_id": f.system_id,
            "noun": HOLD,
            "record_id": hold_id,
            "kind": CLOCK.kind,
            "owner": owner,
            "started": at,
            "due": due,
            "period": max(1, working_days_between(at, due, cal)),
            "hours": False,
            "fired": 0,
            "look_at": due,
            "missed": None,
            "ended": None,
            "lease_until": None,
            "tries": 0,
        },
    )
    return hold_id


def _referral(tx: Tx, actor: Actor, at: datetime, referral_id: str, what: str) -> Any:
    f = facts.referral(tx, referral_id, actor, at)
    if f is None or not TABLES[Noun.REFERRAL].hats(f, actor):
        raise Refused([NOT_FOUND], noun=HOLD, trigger=what, record_id=referral_id)
    return f


def _refuse_unless_open(f: Any, actor: Actor) -> None:
    why: Refusal | None = None
    if f.closed_to_actor:
        why = of_a_hold(actor.role)
    elif f.state in REFERRAL_ENDS:
        why = NO_SUCH_MOVE
    elif not causes_for(f, actor):
        why = NOT_YOUR_RECORD
    if why is not None:
        raise Refused([why], noun=HOLD, trigger="place", record_id=f.id, subject=f.subject_ref)


def _faults(
    f: Any,
    actor: Actor,
    at: datetime,
    cause: str,
    until: date | None,
    side: str | None,
    cal: Calendar,
) -> list[Refusal]:
    found = []
    if cause not in causes_for(f, actor):
        found.append(field("cause", N_("Choose why it stands still.")))
    elif cause == HoldCause.RECORDS and side not in SIDES:
        found.append(field("side", N_("Choose to whom the records are closed meanwhile.")))
    most = add(at, f.rules.days("hold.most"), cal)
    if until is None or end_of(until) <= at:
        found.append(field("until", N_("Enter a date that is still to come.")))
    elif end_of(until) > end_of(most.date()):
        found.append(field("until", LATER))
    return found


# -- lifting it ---------------------------------------------------------------------------------


class Hold(NamedTuple):
    """An ordinary hold that the actor may lift."""

    id: str
    cause: str
    started: datetime
    until: datetime
    closed_to: str | None
    owner: str
    owner_name: str


def may_lift(h: rows.OrdinaryHold, f: Any, actor: Actor) -> bool:
    """Whoever placed it, the link worker, or the team lead; records being put right, a team lead
    alone. Nobody to whom the record is closed."""
    if f.closed_to_actor:
        return False
    worn = TABLES[Noun.REFERRAL].hats(f, actor)
    lead = actor.role is Role.TEAM_LEAD and bool(worn & (TEAM | LINK_WORKER))
    if h.cause == HoldCause.RECORDS:
        # What an information governance lead stopped is lifted by one.
        return lead and h.owner.startswith("member@")
    relations = {relation for _, relation in worn}
    return lead or h.owner in actor.keys or Relation.NAMED in relations


def holds_on(tx: Tx, actor: Actor, f: Any) -> list[Hold]:
    """The ordinary holds on a referral that the actor may lift. To everybody else, whatever
    stands still reads the same."""
    if not f.held:
        return []
    return [
        Hold(h.id, h.cause, h.started, h.until, h.closed_to, h.owner, h.owner_name)
        for h in rows.ordinary_holds(tx, f)
        if may_lift(h, f, actor)
    ]


def lift_hold(
    tx: Tx, actor: Actor, at: datetime, *, referral_id: str, hold_id: str, cal: Calendar = ENGLAND
) -> None:
    """Lift one hold; other holds stay. Raises Refused (not_found) where there is none that the
    actor may lift."""
    f = _referral(tx, actor, at, referral_id, "lift")
    bump(tx, "person", f.person_id)
    f = _referral(tx, actor, at, referral_id, "lift")
    if hold_id not in {h.id for h in holds_on(tx, actor, f)}:
        raise Refused([NOT_FOUND], noun=HOLD, trigger="lift", record_id=hold_id)
    change(tx, "hold", hold_id, {"ended": at})
    rows.end_hold_clock(tx, hold_id, at)
    log(tx, actor, at, "hold_lifted", HOLD, hold_id, subject=f.subject_ref)
    system = the_system(f.system_id, "hold.lifted")
    for escalation in picks.overtaken(tx, hold_id, True):
        step(tx, Noun.ESCALATION, escalation, "overtake", system, at, cal=cal)

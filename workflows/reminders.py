"""Reminders: an item of one's own list put off until a day, with a reason, and calls one means to
make. Nothing is hidden from anybody else, no deadline moves, and what is about safety is never put
off past the time by which it is due."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from referral import reminders, visible
from referral.actors import Actor
from referral.audit import log
from referral.states import REFERRAL_ENDS, Noun, Role
from referral.store import Tx
from workflows import reading
from workflows.moves import N_, Refusal
from workflows.rules import field, missing, require, wrong
from workflows.working_time import ENGLAND, add, end_of, local_day

LONGEST = 20  # working days
PUT_OFF_REASONS = ("they_answer", "person_asked", "arranged", "other_first")
CALL_REASONS = ("check_in", "chase_provider", "person_asked", "see_how_it_went")
CALLERS = (Role.LINK_WORKER, Role.TEAM_LEAD)
TOO_SOON = field("until", N_("Choose a day after today."))
TOO_LATE = field("until", N_("Choose a day within the next 20 working days."))
PAST_SAFETY = field(
    "until",
    N_("This is about safety. Choose a day before it is due."),
    code="past_a_safety_deadline",
)
SAFETY_NOW = Refusal(
    "safety_is_due",
    N_("This is about safety and is due by tomorrow. It stays on your list until it is done."),
)


def latest(at: datetime) -> date:
    """The last day one may be reminded on."""
    return local_day(add(at, LONGEST, ENGLAND))


def put_off(
    tx: Tx, actor: Actor, at: datetime, *, kind: str, record_id: str, until: date, why: str
) -> str:
    """Take an item off the actor's own list until the morning of a day. Raises Refused: not_found
    for what isn't on their list or is closed to them, a day that is out of reach, or one past a
    safety deadline."""
    found = reading.work_item(tx, actor, at, kind, record_id)
    if found is None:
        raise missing("reminder", "put_off")
    row, _item = found
    begins = _morning(until, at, "put_off")
    if row.noun in visible.SAFETY and row.due <= begins:
        tomorrow = end_of(local_day(at))
        raise wrong("reminder", "put_off", SAFETY_NOW if row.due <= tomorrow else PAST_SAFETY)
    made = reminders.keep(
        tx,
        actor,
        at,
        noun=row.noun,
        record_id=record_id,
        clock_id=row.id,
        why=why,
        until=begins,
    )
    _log(tx, actor, at, "reminder_set", row.noun, record_id, why, begins)
    return made


def plan_call(
    tx: Tx, actor: Actor, at: datetime, *, referral_id: str, until: date, why: str
) -> str:
    """Put a call about an open referral on the actor's own list, on a day. Raises Refused:
    not_found, or a day that is out of reach."""
    require(actor, CALLERS, "reminder", "call")
    if not may_call(tx, actor, at, referral_id):
        raise missing("reminder", "call")
    begins = _morning(until, at, "call")
    made = reminders.keep(
        tx,
        actor,
        at,
        noun=Noun.REFERRAL,
        record_id=referral_id,
        clock_id=None,
        why=why,
        until=begins,
        due=end_of(until),
    )
    _log(tx, actor, at, "reminder_set", Noun.REFERRAL, referral_id, why, begins)
    return made


def may_call(tx: Tx, actor: Actor, at: datetime, referral_id: str) -> bool:
    """Whether the referral is there for the actor, open, and not closed to them."""
    s = reading.situations(tx, actor, at, [referral_id]).get(referral_id)
    return s is not None and not s.closed and s.state not in REFERRAL_ENDS


def end(tx: Tx, actor: Actor, at: datetime, reminder_id: str) -> bool:
    """Bring back what was put off, or cross off a call. Returns whether it was a call. Raises
    Refused: not_found for somebody else's."""
    one = reminders.one(tx, actor, reminder_id)
    if one is None:
        raise missing("reminder", "end")
    reminders.end(tx, reminder_id, at)
    _log(tx, actor, at, "reminder_ended", one.noun, one.record_id, one.why, one.until)
    return one.clock_id is None


def _morning(day: date, at: datetime, what: str) -> datetime:
    """The moment this day begins, in London."""
    if day <= local_day(at):
        raise wrong("reminder", what, TOO_SOON)
    if day > latest(at):
        raise wrong("reminder", what, TOO_LATE)
    return end_of(day - timedelta(days=1))


def _log(
    tx: Tx,
    actor: Actor,
    at: datetime,
    action: str,
    noun: str,
    record_id: str,
    why: str,
    until: datetime,
) -> None:
    log(tx, actor, at, action, noun, record_id, {"why": why, "until": until.isoformat()})

"""How somebody hears of things: at once, once a day, or only in the app. What is about safety, and
what climbs, is always sent at once and can't be switched off."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from referral import preferences
from referral.actors import Actor
from referral.audit import log
from referral.documents import SHARED
from referral.messages import RECEIVED
from referral.people_checks import phone_number
from referral.preferences import AT_ONCE, DAILY, HOW
from referral.rows import change
from referral.states import Noun
from referral.store import Tx
from workflows import second_steps
from workflows.moves import N_
from workflows.rules import field, wrong
from workflows.working_time import LONDON, Calendar

ALWAYS = frozenset({Noun.CONCERN, Noun.ESCALATION, Noun.OVERRIDE, Noun.EMERGENCY})
ALWAYS_WHAT = (
    frozenset({"destroy_what_you_hold", "ring_outside_contact", "not_delivered", "audit_alarm"})
    | second_steps.TOLD
)
OTHER, MESSAGE = "other", "message"
# The kinds there is a choice for, and what holds without one.
DEFAULTS: Mapping[str, str] = {
    str(Noun.REFERRAL): AT_ONCE,
    MESSAGE: AT_ONCE,
    str(Noun.CONSENT): DAILY,
    str(Noun.ASSURANCE): AT_ONCE,
    str(Noun.AGREEMENT): DAILY,
    str(Noun.RIGHTS): AT_ONCE,
    OTHER: DAILY,
}
STARTS = time(8)  # the working day, for a summary


def always(noun: str, what: str) -> bool:
    """Whether this is sent at once whatever anybody prefers."""
    return noun in ALWAYS or what in ALWAYS_WHAT


def how(chosen: Mapping[str, str], noun: str, what: str) -> str:
    """How one who chose so hears of this."""
    if always(noun, what):
        return AT_ONCE
    kind = MESSAGE if what in (RECEIVED, SHARED) else noun if noun in DEFAULTS else OTHER
    return chosen.get(kind, DEFAULTS[kind])


def next_summary(at: datetime, cal: Calendar) -> datetime:
    """When the next working day starts, after `at`."""
    day = at.astimezone(LONDON).date()
    while True:
        start = datetime.combine(day, STARTS, LONDON)
        if start > at and cal.is_working_day(day):
            return start
        day += timedelta(days=1)


def save_phone(tx: Tx, actor: Actor, at: datetime, phone: str | None) -> None:
    """Keep the number an account is texted on about what is urgent; None for none. Raises Refused
    for what is no number."""
    try:
        number = phone_number(phone) if phone else None
    except ValueError as error:
        raise wrong("preference", "save", field("phone", str(error))) from None
    change(tx, "app_user", actor.user_id, {"phone": number})
    log(tx, actor, at, "phone_changed", "user", actor.user_id, {"kept": number is not None})


def save_language(tx: Tx, actor: Actor, at: datetime, language: str) -> None:
    """Keep the language an account reads in."""
    change(tx, "app_user", actor.user_id, {"language": language})
    log(tx, actor, at, "language_chosen", "user", actor.user_id, {"language": language})


def save(tx: Tx, actor: Actor, at: datetime, wanted: Mapping[str, str]) -> None:
    """Keep what an account prefers. Raises Refused for a kind without a choice, or no such way."""
    faults = [
        field(kind, N_("Choose how you want to hear of this."))
        for kind, chosen in wanted.items()
        if kind not in DEFAULTS or chosen not in HOW
    ]
    if faults:
        raise wrong("preference", "save", *faults)
    for kind, chosen in wanted.items():
        preferences.choose(tx, actor.system_id, actor.user_id, kind, chosen, at)
    log(tx, actor, at, "preferences", "user", actor.user_id, dict(wanted))

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
from referral.preferences import AT_ONCE, DAILY, HOW, Hours
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


def next_summary(at: datetime, cal: Calendar, hour: int | None = None) -> datetime:
    """When the next working day starts, or its hour for a summary comes, after `at`."""
    day = at.astimezone(LONDON).date()
    comes = STARTS if hour is None else time(hour)
    while True:
        start = datetime.combine(day, comes, LONDON)
        if start > at and cal.is_working_day(day):
            return start
        day += timedelta(days=1)


def not_before(at: datetime, hours: Hours) -> datetime:
    """When what can wait may be sent: at once, or when the quiet hours end."""
    since, until = hours.quiet_from, hours.quiet_until
    if since is None or until is None:
        return at
    now = at.astimezone(LONDON)
    quiet = since <= now.hour < until if since < until else now.hour >= since or now.hour < until
    if not quiet:
        return at
    day = now.date() if now.hour < until else now.date() + timedelta(days=1)
    return datetime.combine(day, time(until), LONDON)


def save_hours(tx: Tx, actor: Actor, at: datetime, hours: Hours) -> None:
    """Keep when an account gets its summary, and its quiet hours. Raises Refused for half of
    them."""
    faults = []
    if (hours.quiet_from is None) != (hours.quiet_until is None):
        missing = "quiet_from" if hours.quiet_from is None else "quiet_until"
        faults.append(field(missing, N_("Choose both hours, or neither.")))
    elif hours.quiet_from is not None and hours.quiet_from == hours.quiet_until:
        faults.append(field("quiet_until", N_("Choose another hour than the one it begins.")))
    if any(hour is not None and not 0 <= hour < 24 for hour in hours):
        faults.append(field("summary_hour", N_("Choose an hour from the list.")))
    if faults:
        raise wrong("preference", "save", *faults)
    kept = {
        "summary_hour": hours.summary,
        "quiet_from": hours.quiet_from,
        "quiet_until": hours.quiet_until,
    }
    change(tx, "app_user", actor.user_id, kept)
    log(tx, actor, at, "preferences", "user", actor.user_id, kept)


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

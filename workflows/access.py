"""Reviewing who can see what: what each account's role reaches, what is odd about it, and signing
the review off."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from referral import access
from referral.access import DUE, LATE, Access, Numbers, ToReview
from referral.actors import Actor, the_system
from referral.audit import log
from referral.clocks import role_key
from referral.policy import Rules
from referral.states import Role
from referral.store import Tx
from workflows.hearing import ACCESS, REVIEWERS
from workflows.letters import tell
from workflows.rules import missing, require
from workflows.working_time import ENGLAND, Calendar, add

LATELY = timedelta(days=90)
EVERY = timedelta(days=91)  # a quarter
# What an address that several people read begins with.
SHARED = frozenset(
    {"admin", "contact", "duty", "enquiries", "hello", "info", "mail", "office", "reception",
     "staff", "team"}
)  # fmt: skip
MANY_SIGN_INS = 3
LATE_AFTER = 10  # working days
NEWLY = timedelta(days=14)
TOLD_EVERY = timedelta(days=1)
# Whose records a role opens stands in `reach`; these open some.
OPENS_RECORDS = frozenset(
    {
        Role.LINK_WORKER,
        Role.TEAM_LEAD,
        Role.PROVIDER_LEADER,
        Role.SAFEGUARDING_LEAD,
        Role.GOVERNANCE_LEAD,
        Role.ACCOUNTABLE_OFFICER,
    }
)
FLAGS = ("given", "left", "ended", "unused", "never", "changed", "shared")


@dataclass(frozen=True)
class Line:
    """One role of one account, what it reaches (the name of a sentence), how many people, and what
    is odd about it."""

    account: Access
    reach: str
    people: int
    flags: tuple[str, ...]


def lines(found: Iterable[Access], numbers: Numbers, rules: Rules, at: datetime) -> list[Line]:
    """The accounts as a review shows them. Pure."""
    return [Line(one, *reach(one, numbers), flags(one, rules, at)) for one in found]


def reach(one: Access, numbers: Numbers) -> tuple[str, int]:
    """What the role lets at, and how many people that is."""
    held = numbers.held.get(one.organisation_id, ("", 0))[1]
    if one.role in (Role.LINK_WORKER, Role.TEAM_LEAD):
        return "team", held
    if one.role == Role.PROVIDER_LEADER:
        return "provider", numbers.sent.get(one.organisation_id, 0)
    if one.role == Role.SAFEGUARDING_LEAD:
        return ("place", _under(one.path, numbers)) if one.path else ("team", held)
    if one.role in (Role.GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER):
        return "referrals", _under(one.path, numbers) if one.path else held
    return "nobody", 0


def _under(path: str, numbers: Numbers) -> int:
    return sum(n for at, n in numbers.held.values() if f"{at}/".startswith(f"{path}/"))


def flags(one: Access, rules: Rules, at: datetime) -> tuple[str, ...]:
    """What somebody who reviews it looks at first."""
    found = []
    unused = at - timedelta(days=rules.days("access.unused_calendar_days"))
    open_still = one.ended_at is None or one.ended_at > at
    if open_still and one.role in OPENS_RECORDS and one.started_at > at - NEWLY:
        found.append("given")
    if not one.active and open_still:
        found.append("left")
    if not open_still:
        found.append("ended")
    elif one.seen_at is None and one.started_at < unused:
        found.append("never")
    elif one.seen_at is not None and one.seen_at < unused:
        found.append("unused")
    if one.earlier and one.started_at > at - LATELY:
        found.append("changed")
    local = one.email.partition("@")[0].lower()
    if local in SHARED or " " not in one.name.strip() or one.live >= MANY_SIGN_INS:
        found.append("shared")
    return tuple(found)


def due(last: datetime | None, at: datetime) -> bool:
    """Whether the quarter's review is late."""
    return last is None or last + EVERY <= at


def sign_off(tx: Tx, actor: Actor, at: datetime, rules: Rules) -> int:
    """Say that the access of the actor's place was reviewed now: how many accounts there were. The
    log keeps the digest of what was shown, so that it can be held against a copy. Raises Refused
    for whoever answers for no place."""
    require(actor, REVIEWERS, "access", "review")
    if actor.place_id is None:
        raise missing("place", "review")
    found = lines(access.accounts(tx, actor, at, at - LATELY), access.numbers(tx, actor), rules, at)
    shown = [[one.account.membership_id, one.reach, one.people, one.flags] for one in found]
    digest = hashlib.sha256(json.dumps(shown).encode()).hexdigest()
    told = {
        "accounts": len(found),
        "flagged": sum(bool(one.flags) for one in found),
        "digest": f"sha256:{digest}",
    }
    log(tx, actor, at, "access_reviewed", "place", actor.place_id, told)
    return len(found)


# -- a role that was given ----------------------------------------------------------------------


def tell_of_role(tx: Tx, actor: Actor, at: datetime, role: Role, path: str, user_id: str) -> None:
    """Tell whoever reviews who can see what that an administrator gave a role that opens people's
    records, once a day: who runs the service reads none, and a second account of theirs with such
    a role would be the way in. Nobody is told where nobody reviews yet."""
    if actor.role is not Role.ADMINISTRATOR or role not in OPENS_RECORDS:
        return
    found = access.who_looks(tx, actor.system_id, path, user_id, at)
    if found is None:
        return
    to = role_key(*found)
    if not access.told_of_roles(tx, to, at - TOLD_EVERY):
        tell(tx, actor.system_id, at, to, access.GIVEN, ACCESS, found[1])


# -- once a quarter -----------------------------------------------------------------------------


def to_tell(seen: ToReview, at: datetime, cal: Calendar = ENGLAND) -> str | None:
    """What is to be said of a place's review now: that it is due, that it is late, or nothing. A
    place that was never reviewed has its first quarter from when somebody there could. Pure."""
    last = seen.reviewed_at or seen.since
    if last + EVERY > at:
        return None
    if seen.due_told_at is None or seen.due_told_at <= last:
        return DUE
    told_of_this = seen.late_told_at is not None and seen.late_told_at >= seen.due_told_at
    if not told_of_this and at >= add(seen.due_told_at, LATE_AFTER, cal):
        return LATE
    return None


def remind(tx: Tx, place_id: str, at: datetime) -> str | None:
    """Tell the governance leads of a place that a review is due; ten working days later, when it
    isn't done, the accountable officer over it. Once each, whoever else looks. What was said."""
    seen = access.one_to_review(tx, place_id, at)
    what = to_tell(seen, at) if seen is not None else None
    if seen is None or what is None:
        return None
    to = role_key(Role.GOVERNANCE_LEAD, place_id)
    if what == LATE:
        over = access.officers_place(tx, seen, at)
        if over is None:
            return None
        to = role_key(Role.ACCOUNTABLE_OFFICER, over)
    tell(tx, seen.system_id, at, to, what, ACCESS, place_id)
    log(tx, the_system(seen.system_id, "clock:access"), at, what, "place", place_id)
    return what

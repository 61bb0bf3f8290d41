"""Errands: what a named person does by hand, because no message can do it."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from referral import errands
from referral.actors import Actor
from referral.audit import log
from referral.errands import ErrandSeen
from referral.members import actor_of
from referral.states import Noun, Role
from referral.store import Tx
from workflows.hearing import PERSON, may_hear_of
from workflows.rules import missing
from workflows.working_time import ENGLAND, add

DAYS = 1
SAFETY = timedelta(hours=1)


def ask(
    tx: Tx,
    system_id: str,
    slot: str,
    owner: str,
    what: str,
    whom: str,
    noun: str,
    record_id: str,
    at: datetime,
    says: str | None = None,
) -> bool:
    """Put it on the owner's list, due in one working day; in one hour where it is about safety.
    `says` is the code of what whoever it is should have heard. False when it stands there
    already."""
    due = at + SAFETY if noun == Noun.CONCERN else add(at, DAYS, ENGLAND)
    return errands.put_on_list(
        tx,
        system_id=system_id,
        slot=slot,
        owner=owner,
        what=what,
        whom=whom,
        says=says,
        noun=noun,
        record_id=record_id,
        at=at,
        due=due,
    )


def waiting(tx: Tx, actor: Actor, at: datetime, keys: frozenset[str]) -> list[ErrandSeen]:
    """What waits for whoever answers to these keys, but for what they may no longer hear of, and
    for consent to be asked again that nothing counts on any more; for a team lead also what their
    link workers may not hear of, or have left past its date."""
    of_team = actor.organisation_id if actor.role is Role.TEAM_LEAD else None
    found = errands.waiting(tx, actor.system_id, keys, of_team)
    heard = _heard(tx, actor, found, at)
    left = _left(tx, [one for one in found if one.id in heard and one.owner not in keys], at)
    return [one for one in found if one.id in heard and (one.owner in keys or one.id in left)]


# The least that is said of a concern: whoever raised it may hear that.
OF_CONCERN = "concern_seen"


def _heard(tx: Tx, actor: Actor, asked: list[ErrandSeen], at: datetime) -> set[str]:
    """Those that may be said to them now: a full hold closes errands too, whatever its cause."""
    free = {one.id for one in asked if one.noun != PERSON and one.noun not in set(Noun)}
    about = {
        one.id: (OF_CONCERN if one.noun == Noun.CONCERN else one.what, one.noun, one.record_id)
        for one in asked
        if one.id not in free
    }
    told = may_hear_of(tx, actor, set(about.values()), at)
    return free | {number for number, what in about.items() if what in told}


def _left(tx: Tx, asked: list[ErrandSeen], at: datetime) -> set[str]:
    """Those past their date, and those their owner is not there for or may not hear of."""
    left = {one.id for one in asked if one.due <= at}
    for owner, theirs in groupby(
        sorted((one for one in asked if one.due > at), key=attrgetter("owner")),
        attrgetter("owner"),
    ):
        each = list(theirs)
        member = actor_of(tx, owner.partition("@")[2], at)
        heard = _heard(tx, member, each, at) if member is not None else set()
        left |= {one.id for one in each} - heard
    return left


def done(tx: Tx, actor: Actor, at: datetime, errand_id: str, keys: frozenset[str]) -> None:
    """Cross an errand off. `keys` are those the actor answers to now, stand-ins' among them. One
    that is done already stays done; one of somebody else is not found."""
    one = next((e for e in waiting(tx, actor, at, keys) if e.id == errand_id), None)
    if one is None:
        if errands.is_done(tx, actor.system_id, errand_id):
            return
        raise missing("errand", "done")
    if errands.cross_off(tx, actor.system_id, errand_id, actor.membership_id, at):
        said = {"errand": errand_id, "what": one.what}
        log(tx, actor, at, "errand_done", one.noun, one.record_id, said)

"""Errands: what a named person does by hand, because no message can do it."""

from __future__ import annotations

from datetime import datetime, timedelta

from referral import errands
from referral.actors import Actor
from referral.audit import log
from referral.errands import ErrandSeen
from referral.members import actor_of
from referral.states import Noun, Role
from referral.store import Tx
from workflows.hearing import PERSON, may_hear
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
    """What waits for whoever answers to these keys, but for what they may no longer hear of; for a
    team lead also what their link workers may not hear of, or have left past its date."""
    own = [
        one for one in errands.waiting(tx, actor.system_id, keys) if _may_hear(tx, actor, one, at)
    ]
    if actor.role is not Role.TEAM_LEAD:
        return own
    known = {one.id for one in own}
    team = errands.of_team(tx, actor.system_id, actor.organisation_id)
    return own + [
        one
        for one in team
        if one.id not in known
        and (one.due <= at or not _owner_may_hear(tx, one, at))
        and _may_hear(tx, actor, one, at)
    ]


# The least that is said of a concern: whoever raised it may hear that.
OF_CONCERN = "concern_seen"


def _may_hear(tx: Tx, actor: Actor, one: ErrandSeen, at: datetime) -> bool:
    """Whether this may be said to them now: a full hold closes errands too, whatever its cause."""
    if one.noun != PERSON and one.noun not in set(Noun):
        return True
    what = OF_CONCERN if one.noun == Noun.CONCERN else one.what
    return may_hear(tx, actor, what, one.noun, one.record_id, at)


def _owner_may_hear(tx: Tx, one: ErrandSeen, at: datetime) -> bool:
    owner = actor_of(tx, one.owner.partition("@")[2], at)
    return owner is not None and _may_hear(tx, owner, one, at)


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

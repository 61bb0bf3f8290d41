"""Errands: what a named person does by hand, because no message can do it."""

from __future__ import annotations

from datetime import datetime, timedelta

from referral import errands
from referral.actors import Actor
from referral.audit import log
from referral.errands import ErrandSeen
from referral.states import Noun, Role
from referral.store import Tx
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
    """What waits for whoever answers to these keys; for a team lead also what their link workers
    have left past its date."""
    own = errands.waiting(tx, actor.system_id, keys)
    if actor.role is not Role.TEAM_LEAD:
        return own
    known = {one.id for one in own}
    late = errands.left_undone(tx, actor.system_id, actor.organisation_id, at)
    return own + [one for one in late if one.id not in known]


def done(tx: Tx, actor: Actor, at: datetime, errand_id: str, keys: frozenset[str]) -> None:
    """Cross an errand off. `keys` are those the actor answers to now, stand-ins' among them. One
    that is done already stays done; one of somebody else is not found."""
    about = errands.about(tx, actor.system_id, errand_id)
    if about is None:
        raise missing("errand", "done")
    member = actor.membership_id
    owners = keys | {one.owner for one in waiting(tx, actor, at, keys)}
    if errands.cross_off(tx, actor.system_id, owners, errand_id, member, at):
        what, noun, record_id = about
        log(tx, actor, at, "errand_done", noun, record_id, {"errand": errand_id, "what": what})

"""A person moves away: what they take part in is stopped, each referral as its link worker says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from referral import caseloads, records
from referral.actors import Actor
from referral.audit import log
from referral.caseloads import Carried
from referral.records import PersonSeen
from referral.states import Noun, ReferralState
from referral.store import Tx
from workflows.engine import Done, Refused, available, step
from workflows.guards import of_a_hold
from workflows.moves import N_, Refusal
from workflows.people import WRITERS
from workflows.rules import field, missing, require, wrong


@dataclass(frozen=True)
class Leaving:
    """What is open for somebody who moves away: what the actor can stop, what stands in the way of
    the rest, and what is finished and only has to be read."""

    person: PersonSeen
    can_stop: tuple[Carried, ...]
    cannot: tuple[tuple[Carried, tuple[Refusal, ...]], ...]
    stays: tuple[Carried, ...]


def leaving_preview(tx: Tx, actor: Actor, at: datetime, person_id: str) -> Leaving:
    """What moving away would stop. Raises Refused: not_found, not_held where the record is closed
    to the actor."""
    require(actor, WRITERS, "person", "move")
    found = records.person(tx, actor, at, person_id)
    if found is None or found.organisation_id != actor.organisation_id:
        raise missing("person", "move")
    if found.closed_to_actor:
        raise wrong("person", "move", of_a_hold(actor.role))
    can, cannot, stays = [], [], []
    for one in caseloads.open_of_person(tx, person_id):
        if one.state == ReferralState.COMPLETED:
            stays.append(one)
            continue
        moves = available(tx, Noun.REFERRAL, one.id, actor, at)
        withdraw = next((o for o in moves if o.trigger == "withdraw"), None)
        if withdraw is not None and withdraw.allowed:
            can.append(one)
        else:
            cannot.append((one, withdraw.refusals if withdraw else ()))
    return Leaving(found, tuple(can), tuple(cannot), tuple(stays))


def move_away(
    tx: Tx, actor: Actor, at: datetime, person_id: str, stop: Iterable[str]
) -> tuple[list[Done], list[Refused]]:
    """The person moves away, and these referrals of theirs are withdrawn for it. What is refused
    (another link worker's) is said, and the others go on. Raises Refused: not_found, or a fault
    where none, or one that isn't theirs, is named."""
    plan = leaving_preview(tx, actor, at, person_id)
    wanted = list(dict.fromkeys(stop))
    known = {one.id for one in plan.can_stop} | {one.id for one, _ in plan.cannot}
    if not wanted or not set(wanted) <= known:
        raise wrong("person", "move", field("stop", N_("Choose what is to be stopped.")))
    done, refused = [], []
    for referral_id in wanted:
        try:
            given = {"reason": "moved_away"}
            done.append(step(tx, Noun.REFERRAL, referral_id, "withdraw", actor, at, given))
        except Refused as why:
            refused.append(why)
    log(
        tx,
        actor,
        at,
        "moved_away",
        "person",
        None,
        {"stopped": [d.id for d in done]},
        subject=plan.person.subject_ref,
    )
    return done, refused

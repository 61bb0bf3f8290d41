"""The whole history of one person, for a coroner or an inquiry: asked for by somebody who may, on a
ground that is recorded, and given once a second person has said yes with their own sign-in."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from referral import entries, inquiries
from referral.actors import Actor
from referral.audit import log
from referral.ids import check_reference, new_id
from referral.inquiries import NOUN, TRIGGER, Asked
from referral.rows import put
from referral.states import Role
from referral.store import Sql, TryAgain, Tx
from workflows.engine import Refused
from workflows.moves import N_, Refusal
from workflows.rules import field, missing, wrong

GROUNDS = ("coroner", "public_inquiry", "court_order", "safeguarding_review")
MAY = (Role.INFORMATION_GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER)
ANSWERED_WITHIN = timedelta(days=7)
TAKEN_WITHIN = timedelta(days=7)

NOT_YOU_TWICE = Refusal(
    "second_person_needed",
    N_("You asked for this bundle yourself."),
    N_("Another information governance lead or accountable officer must say yes."),
)
CLOSED = Refusal(
    "closed",
    N_("You cannot ask for a bundle at the moment."),
    N_("Another information governance lead or accountable officer can."),
)
TOO_LATE = Refusal(
    "too_late",
    N_("This was asked for more than 7 days ago, or has been answered."),
    N_("Ask for the bundle again."),
)
ANSWER = Sql(
    "UPDATE confirmation SET answered_by = :member, answered_at = :at, answer = :answer"
    " WHERE id = :id AND answer IS NULL"
)


def ask_for_bundle(
    tx: Tx, actor: Actor, at: datetime, *, reference: str, ground: str, named: bool = False
) -> str:
    """Ask for everything about a person of one's place; the id of the request. `named`: staff by
    their names, not only by their roles. Raises Refused: closed, or a fault in the reference or the
    ground."""
    if not _may(tx, actor, at):
        raise Refused([CLOSED], noun=NOUN, trigger=TRIGGER, record_id=None)
    faults = []
    try:
        found = inquiries.person_of(tx, actor, check_reference(reference.strip().upper()))
    except ValueError:
        found = None
    if found is None:
        why = N_("Enter the reference of a person of your place, like SG-7K4Q-2M.")
        faults.append(field("reference", why))
    if ground not in GROUNDS:
        faults.append(field("ground", N_("Choose on what ground the bundle is asked for.")))
    if faults or found is None:
        raise wrong(NOUN, TRIGGER, *faults)
    made = new_id(at)
    put(
        tx,
        "confirmation",
        {
            "id": made,
            "system_id": actor.system_id,
            "organisation_id": actor.organisation_id,
            "noun": NOUN,
            "record_id": found[0],
            "trigger": TRIGGER,
            "given": json.dumps({"ground": ground, "named": named}),
            "proposed_by": actor.membership_id,
            "proposed_at": at,
            "answered_by": None,
            "answered_at": None,
            "answer": None,
        },
        subject=found[1],
    )
    said = {"inquiry": made, "ground": ground, "named": named}
    log(tx, actor, at, "bundle_asked", NOUN, None, said, subject=found[1], reason=ground)
    return made


def answer_bundle(tx: Tx, actor: Actor, at: datetime, inquiry_id: str, *, agree: bool) -> Asked:
    """The second person says yes or no. Raises Refused: not_found, second_person_needed when it is
    the one who asked, too_late."""
    asked = one(tx, actor, at, inquiry_id)
    if asked.asked_by == actor.membership_id:
        raise Refused([NOT_YOU_TWICE], noun=NOUN, trigger=TRIGGER, record_id=None)
    if asked.answer is not None or at - asked.asked_at > ANSWERED_WITHIN:
        raise Refused([TOO_LATE], noun=NOUN, trigger=TRIGGER, record_id=None)
    answer = "confirmed" if agree else "refused"
    if not tx.run(ANSWER, id=asked.id, member=actor.membership_id, at=at, answer=answer):
        raise TryAgain("somebody else is answering")
    action = "bundle_approved" if agree else "bundle_refused"
    subject = entries.subject_of(tx, NOUN, asked.person_id)
    log(tx, actor, at, action, NOUN, None, {"inquiry": asked.id}, subject=subject)
    return asked._replace(answer=answer, answered_by=actor.membership_id, answered_at=at)


def one(tx: Tx, actor: Actor, at: datetime, inquiry_id: str) -> Asked:
    """A request about a person of the actor's place. Raises Refused: not_found."""
    asked = inquiries.asked(tx, actor, inquiry_id) if _may(tx, actor, at) else None
    if asked is None:
        raise missing(NOUN, TRIGGER)
    return asked


def ready(asked: Asked, at: datetime) -> bool:
    """Whether the bundle may be taken now: two people said so, not long ago."""
    return (
        asked.answer == "confirmed"
        and asked.answered_at is not None
        and at - asked.answered_at <= TAKEN_WITHIN
    )


def with_concerns(tx: Tx, first: Actor | None, second: Actor | None) -> bool:
    """Whether concerns may stand in it: one of the two answers for them."""
    roles = {one.role for one in (first, second) if one is not None}
    return Role.ACCOUNTABLE_OFFICER in roles


def _may(tx: Tx, actor: Actor, at: datetime) -> bool:
    watches = actor.role in MAY and actor.place_path is not None
    return watches and not entries.conflicted(tx, actor, at)

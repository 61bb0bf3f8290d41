"""Writing to the other side of a referral, and saying that one has read it.

A message tells; it asks for nothing that a clock counts. What has to be answered before a provider
can decide is a question, which is a move of the referral and stops its clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from referral import facts, messages, visible
from referral.actors import Actor
from referral.audit import log
from referral.clocks import member_key, role_key
from referral.facts import ReferralFacts
from referral.ids import new_id
from referral.messages import PROVIDER, RECEIVED, TEAM, side_of
from referral.rows import keep_still, put
from referral.states import Noun, Role
from referral.store import Tx
from workflows import disclosure, reading
from workflows.disclosure import Situation
from workflows.emergencies import may_read
from workflows.letters import tell
from workflows.moves import N_, Refusal
from workflows.people import MOST_TEXT
from workflows.rules import field, missing, require, wrong

WRITERS = (Role.LINK_WORKER, Role.TEAM_LEAD, Role.PROVIDER_LEADER)
MESSAGES = "messages"  # what disclosure calls the thread
NOTHING_WRITTEN = field("body", N_("Write your message."))
TOO_LONG = field("body", N_("Shorten your message to 4,000 characters or fewer."))
NOBODY_READS = Refusal(
    "nobody_reads",
    N_("The provider cannot read messages about this referral now."),
    N_("Ring them about what cannot wait, without saying more than they may know."),
    "messages are read by whoever the referral is shared with",
)
NOT_YOURS = Refusal(
    "not_your_referral",
    N_("Only the team that has this referral writes to its provider."),
    N_("Ring the team."),
)


@dataclass(frozen=True)
class Let:
    """A referral whose thread somebody may read. `refusal`: why they can't write, if they can't."""

    facts: ReferralFacts
    situation: Situation
    refusal: Refusal | None


def let_at(tx: Tx, actor: Actor, at: datetime, referral_id: str) -> Let | None:
    """The referral, where its thread is there for the actor; nothing else."""
    f = facts.referral(tx, referral_id, actor, at)
    if f is None or not may_read(Noun.REFERRAL, f, actor):
        return None
    said = visible.answers(tx, actor, at, [referral_id]).get(referral_id, (None, None))
    s = reading.situation(f, actor, at, *said)
    return Let(f, s, why_not(f, s, actor)) if MESSAGES in disclosure.fields(s) else None


def why_not(f: ReferralFacts, s: Situation, actor: Actor) -> Refusal | None:
    """Why somebody who reads a thread can't write in it. Pure."""
    side = side_of(actor)
    if side is None or (side == TEAM and f.organisation_id != actor.organisation_id):
        return NOT_YOURS
    if side == PROVIDER:
        return None
    # As the provider reads it, a full hold left out: that there is one isn't the team's to know.
    theirs = replace(s, role=Role.PROVIDER_LEADER, closed=False)
    return None if MESSAGES in disclosure.fields(theirs) else NOBODY_READS


def write_message(tx: Tx, actor: Actor, at: datetime, *, referral_id: str, body: str) -> str:
    """Write to the other side, who are told that there is a message and not what it says. Whoever
    writes has read what stood there. Raises Refused: not_found, why they can't write, or a fault
    of the words."""
    require(actor, WRITERS, "message", "write")
    let = _let(tx, actor, at, referral_id, "write")
    f = let.facts
    if let.refusal is not None:
        raise wrong("message", "write", let.refusal)
    text = body.strip()
    if not text:
        raise wrong("message", "write", NOTHING_WRITTEN)
    if len(text) > MOST_TEXT:
        raise wrong("message", "write", TOO_LONG)
    keep_still(tx, f.person_id, (f.provider_id,), referral_id)
    side = side_of(actor)
    made = new_id(at)
    put(
        tx,
        "message",
        {
            "id": made,
            "system_id": actor.system_id,
            "referral_id": referral_id,
            "person_id": f.person_id,
            "side": side,
            "to_organisation_id": f.provider_org if side == TEAM else f.organisation_id,
            "written_by": actor.membership_id,
            "at": at,
            "body": text,
            "read_at": None,
        },
    )
    _read(tx, actor, at, f, messages.unread_by(tx, actor, referral_id))
    _log(tx, actor, at, "message_written", f, {"message": made})
    to = (
        role_key(Role.PROVIDER_LEADER, f.provider_org)
        if side == TEAM
        else member_key(f.link_worker_id)
    )
    tell(tx, actor.system_id, at, to, RECEIVED, Noun.REFERRAL, referral_id)
    return made


def mark_read(
    tx: Tx, actor: Actor, at: datetime, *, referral_id: str, up_to: str | None = None
) -> int:
    """This member has read the other side's messages, up to the one with this id (all, without);
    how many of them were new. Raises Refused: not_found."""
    require(actor, WRITERS, "message", "read")
    f = _let(tx, actor, at, referral_id, "read").facts
    new = messages.unread_by(tx, actor, referral_id)
    if up_to is not None:
        new = new[: new.index(up_to) + 1] if up_to in new else []
    keep_still(tx, f.person_id, (), referral_id)
    _read(tx, actor, at, f, new)
    return len(new)


def _let(tx: Tx, actor: Actor, at: datetime, referral_id: str, what: str) -> Let:
    let = let_at(tx, actor, at, referral_id)
    if let is None:
        raise missing("message", what)
    return let


def _read(tx: Tx, actor: Actor, at: datetime, f: ReferralFacts, new: list[str]) -> None:
    messages.keep_read(tx, actor, at, f.id, new)
    if new:
        _log(tx, actor, at, "messages_read", f, {"messages": new})


def _log(
    tx: Tx, actor: Actor, at: datetime, action: str, f: ReferralFacts, told: Mapping[str, Any]
) -> None:
    log(tx, actor, at, action, Noun.REFERRAL, f.id, told, subject=f.subject_ref)

"""Calls that were made about a referral, each kept as a step: by the team, to the person or to the
provider about them; and by the provider, to the person, whether they reached them or not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral.actors import Actor
from referral.reminders import next_call
from referral.states import Noun
from referral.store import Sql, Tx
from workflows.engine import Done, Refused, step
from workflows.moves import N_
from workflows.reminders import end
from workflows.rules import field

LEFT_MESSAGE = "left_message"
# What was meant to be found out was: the call that was planned is made.
SPOKEN = frozenset({"reached", "provider_reached"})
NO_MESSAGES = field(
    "reason",
    N_(
        "No message may be left for this person. If one was left, choose no answer, write down what"
        " was left, and tell your team lead."
    ),
    code="no_messages",
)
NO_MESSAGES_BY_PROVIDER = field(
    "reason",
    N_(
        "No message may be left for this person. If one was left, choose no answer, write down what"
        " was left, and ring the link worker."
    ),
    code="no_messages",
)
NO_MESSAGES_FOR = Sql(
    "SELECT 1 FROM referral r JOIN person p ON p.id = r.person_id"
    " WHERE r.id = :id AND r.system_id = :system_id AND NOT p.message_safe"
)


def may_leave_message(tx: Tx, actor: Actor, referral_id: str) -> bool:
    """Whether a message may be left for the person: they haven't said that it isn't safe."""
    return tx.row(NO_MESSAGES_FOR, id=referral_id, system_id=actor.system_id) is None


def record_call(
    tx: Tx,
    actor: Actor,
    at: datetime,
    referral_id: str,
    given: Mapping[str, Any],
    *,
    key: str | None = None,
) -> Done:
    """Keep that a call was made, when, and how it went; the note is for the team alone. The next
    call its maker had planned about the referral is off their list once somebody was spoken to.
    Raises Refused as the table does, and for a message left where none may be."""
    told = {**given, "audience": "ours"}
    done = step(tx, Noun.REFERRAL, referral_id, "call", actor, at, told, key=key)
    if given.get("reason") == LEFT_MESSAGE and not may_leave_message(tx, actor, referral_id):
        raise Refused([NO_MESSAGES], noun=Noun.REFERRAL, trigger="call", record_id=referral_id)
    if given["reason"] in SPOKEN and not done.replayed:
        planned = next_call(tx, actor, referral_id)
        if planned is not None:
            end(tx, actor, at, planned)
    return done


def record_contact(
    tx: Tx,
    actor: Actor,
    at: datetime,
    referral_id: str,
    trigger: str,
    given: Mapping[str, Any],
    *,
    version: int | None = None,
    key: str | None = None,
) -> Done:
    """Keep that the provider reached the person (`contact`) or tried to (`try_contact`), and when.
    Raises Refused as the table does, and for a message left where none may be."""
    done = step(tx, Noun.REFERRAL, referral_id, trigger, actor, at, given, version=version, key=key)
    if given.get("reason") == LEFT_MESSAGE and not may_leave_message(tx, actor, referral_id):
        raise Refused(
            [NO_MESSAGES_BY_PROVIDER], noun=Noun.REFERRAL, trigger=trigger, record_id=referral_id
        )
    return done

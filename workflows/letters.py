"""Telling somebody of something that no move tells: a row in the outbox, a code and an id only."""

from __future__ import annotations

from datetime import datetime

from referral.actors import Actor
from referral.clocks import role_key
from referral.rows import put
from referral.states import Role
from referral.store import Tx


def tell(
    tx: Tx, system_id: str, at: datetime, to_owner: str, what: str, noun: str, record_id: str
) -> None:
    """A letter to whoever answers to this owner key."""
    put(
        tx,
        "outbox",
        {
            "system_id": system_id,
            "to_owner": to_owner,
            "what": what,
            "noun": noun,
            "record_id": record_id,
            "version": 1,
            "at": at,
            "run_at": at,
            "lease_until": None,
            "tries": 0,
            "sent_at": None,
            "result": None,
        },
    )


def tell_team_lead(
    tx: Tx, actor: Actor, at: datetime, organisation_id: str, what: str, noun: str, record_id: str
) -> None:
    """A letter to the team leads of an organisation about a record."""
    to = role_key(Role.TEAM_LEAD, organisation_id)
    tell(tx, actor.system_id, at, to, what, noun, record_id)

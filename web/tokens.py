"""Bearer tokens for programs: made once, shown once, and dead on the request after they end."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from referral import tokens
from referral.actors import NOBODY, Actor
from referral.audit import log
from referral.ids import new_id
from referral.states import Role
from referral.store import Tx
from workflows.moves import N_
from workflows.rules import field, missing, wrong

PREFIX = "segue_"  # lets a scanner that looks for secrets in the open know one of ours
MOST_DAYS = 366
MOST_NAME = 200


def token_hash(secret: str) -> str:
    """What is kept of a token, and what it is found by."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def make_token(tx: Tx, actor: Actor, at: datetime, name: str, days: int) -> str:
    """The secret of a new token for the actor's own membership: told only here.

    Nobody makes themselves a key to somebody else's role. Raises Refused: not_found for an actor
    without a membership, or a fault for each field."""
    if actor.membership_id == NOBODY:
        raise missing("token", "add")
    faults = []
    if not name.strip():
        faults.append(field("name", N_("Enter a name that says what the token is for.")))
    elif len(name) > MOST_NAME:
        faults.append(field("name", N_("Use a shorter name.")))
    if not 1 <= days <= MOST_DAYS:
        faults.append(field("days", N_("Enter a number of days from 1 to 366.")))
    if faults:
        raise wrong("token", "add", *faults)
    token_id, secret = new_id(at), PREFIX + secrets.token_urlsafe(32)
    tokens.keep(
        tx,
        token_id=token_id,
        system_id=actor.system_id,
        membership_id=actor.membership_id,
        name=name.strip(),
        token_hash=token_hash(secret),
        at=at,
        expires_at=at + timedelta(days=days),
    )
    log(tx, actor, at, "token_added", "token", token_id, {"days": days})
    return secret


def revoke_token(tx: Tx, actor: Actor, at: datetime, token_id: str) -> None:
    """End a token at once: by its member, an administrator, or the system."""
    membership_id = tokens.member_of(tx, actor.system_id, token_id)
    may = actor.role in (Role.SYSTEM, Role.ADMINISTRATOR) or actor.membership_id == membership_id
    if membership_id is None or not may:
        raise missing("token", "revoke")
    if tokens.revoke(tx, token_id, at):
        log(tx, actor, at, "token_revoked", "token", token_id, {"member": membership_id})


def holder(tx: Tx, secret: str, at: datetime) -> Actor | None:
    """Who a token stands for now; None for one that is unknown, ended, or whose member has left."""
    return tokens.holder(tx, token_hash(secret), at)


def once_held(tx: Tx, secret: str) -> tuple[str, str] | None:
    """The id and the system of a token that is or was there, whatever became of it."""
    return tokens.known(tx, token_hash(secret))

"""Passkeys beside the codes: each belongs to an account's second step, and ends with it.

That a passkey was really shown is found out at the edge, which knows the address people type; here
is what may be kept, and who is told."""

from __future__ import annotations

from datetime import datetime

from referral import passkeys, second_steps
from referral.actors import Actor
from referral.audit import log
from referral.passkeys import Half
from referral.second_steps import Step
from referral.store import Tx
from workflows.moves import N_, Refusal
from workflows.rules import field, missing, wrong
from workflows.second_steps import PASSKEY_ADDED, PASSKEY_REMOVED, tell_account

MOST = 10
MOST_LETTERS = 60

TOO_MANY = Refusal(
    "too_many_passkeys",
    N_("You have 10 passkeys already."),
    N_("Remove one you do not use any more."),
    "a list that is too long to look through hides the one that isn't theirs",
)
KNOWN = Refusal(
    "passkey_known",
    N_("This passkey is kept already."),
    N_("Use it at the next sign-in, or add another one."),
    "a passkey is one account's",
)


def add(tx: Tx, actor: Actor, at: datetime, half: Half, name: str) -> None:
    """Keep a passkey that was just shown. Its holder is told. Raises Refused: not_found where there
    is no second step to put it beside, too_many_passkeys, passkey_known, or a fault of the name."""
    step, name = _own(tx, actor), " ".join(name.split())
    if not name:
        raise wrong("user", "add_passkey", field("name", N_("Enter a name for it.")))
    if len(name) > MOST_LETTERS:
        raise wrong("user", "add_passkey", field("name", N_("Enter at most 60 letters.")))
    if passkeys.is_known(tx, half.credential_id):
        raise wrong("user", "add_passkey", KNOWN)
    if len(passkeys.halves(tx, step.id)) >= MOST:
        raise wrong("user", "add_passkey", TOO_MANY)
    passkeys.keep(tx, actor.system_id, step.id, half, name, at)
    log(tx, actor, at, PASSKEY_ADDED, "user", actor.user_id)
    tell_account(tx, actor.system_id, at, actor.user_id, PASSKEY_ADDED)


def remove(tx: Tx, actor: Actor, at: datetime, passkey_id: str) -> None:
    """A passkey of the actor's counts no more. They are told. Raises Refused: not_found."""
    step = _own(tx, actor)
    if not passkeys.remove(tx, step.id, passkey_id):
        raise missing("user", "remove_passkey")
    log(tx, actor, at, PASSKEY_REMOVED, "user", actor.user_id)
    tell_account(tx, actor.system_id, at, actor.user_id, PASSKEY_REMOVED)


def _own(tx: Tx, actor: Actor) -> Step:
    step = second_steps.of(tx, actor.user_id)
    if step is None:
        raise missing("user", "passkey")
    return step

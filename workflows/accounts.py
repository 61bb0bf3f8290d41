"""An account that may not sign in for a while, may again, or gets a new password.

It is one human's, so all of its roles go with it: only who could give every one of them may."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from referral import accounts, dispatches, sign_ins
from referral.actors import Actor
from referral.audit import log
from referral.clocks import member_key
from referral.rows import change
from referral.states import Role
from referral.store import Tx
from workflows.moves import N_, Refusal
from workflows.organisations import SETTERS, roles_to_give
from workflows.rules import field, missing, require, wrong

WHY_SUSPENDED = ("lost", "long_absence", "looked_into", "other")
RESET = "password_reset"
RESET_LASTS = timedelta(hours=1)
LEAST_LETTERS = 12
MOST_LETTERS = 200

OWN = Refusal(
    "your_own_account",
    N_("This is your own account."),
    N_("Somebody else who sets up accounts has to do this."),
    "nobody decides about themselves",
)
NOT_ALL_YOURS = Refusal(
    "roles_not_yours",
    N_("This account also has a role that isn't yours to give."),
    N_("Ask an administrator."),
    "who may not give a role may not take over its account",
)


def in_the_way(tx: Tx, actor: Actor, at: datetime, user_id: str) -> Refusal | None:
    """Why the actor may not change this account; None if they may."""
    if user_id == actor.user_id:
        return OWN
    if actor.role is Role.SYSTEM:
        return None
    given = roles_to_give(actor.role)
    over = f"{actor.place_path}/"
    for role, path in accounts.every_role(tx, user_id, at):
        if role not in given or not f"{path}/".startswith(over):
            return NOT_ALL_YOURS
    return None


def _let(tx: Tx, actor: Actor, at: datetime, user_id: str, what: str) -> bool:
    """Whether the account is active now. Raises Refused where the actor may not change it."""
    require(actor, SETTERS, "user", what)
    active = accounts.is_active(tx, actor, user_id)
    if active is None:
        raise missing("user", what)
    why = in_the_way(tx, actor, at, user_id)
    if why is not None:
        raise wrong("user", what, why)
    return active


def suspend_account(tx: Tx, actor: Actor, at: datetime, user_id: str, reason: str) -> None:
    """Nobody signs in with the account from now, nor goes on where it is signed in; programs with
    its tokens neither. Its roles stay, and what waits for them is seen to by whoever stands in.
    Raises Refused: not_found, your_own_account, roles_not_yours."""
    active = _let(tx, actor, at, user_id, "suspend")
    if reason not in WHY_SUSPENDED:
        raise wrong("user", "suspend", field("reason", N_("Choose why.")))
    if active:
        change(tx, "app_user", user_id, {"active": False})
        tx.run(sign_ins.REVOKE_ALL, user_id=user_id, at=at)
        log(tx, actor, at, "account_suspended", "user", user_id, {"reason": reason})


def let_in_again(tx: Tx, actor: Actor, at: datetime, user_id: str) -> None:
    """The account may sign in again, with the roles it still has."""
    if not _let(tx, actor, at, user_id, "let_in"):
        change(tx, "app_user", user_id, {"active": True})
        log(tx, actor, at, "account_let_in", "user", user_id)


def give_password(tx: Tx, actor: Actor, at: datetime, user_id: str, password_hash: str) -> None:
    """A new password, in place of one that is forgotten or known to others: whoever is signed in
    with the old one is signed out."""
    _let(tx, actor, at, user_id, "password")
    change(tx, "app_user", user_id, {"password_hash": password_hash})
    tx.run(sign_ins.REVOKE_ALL, user_id=user_id, at=at)
    log(tx, actor, at, "password_given", "user", user_id)


def check_password(password: str) -> None:
    """Long enough, and not too long. Raises Refused."""
    if len(password) < LEAST_LETTERS:
        raise wrong(
            "user",
            "password",
            field(
                "new_password",
                N_("Enter at least 12 letters, numbers or signs: three words will do."),
            ),
        )
    if len(password) > MOST_LETTERS:
        raise wrong("user", "password", field("new_password", N_("Enter at most 200 letters.")))


def change_own_password(tx: Tx, actor: Actor, at: datetime, password_hash: str) -> None:
    """One's own password, by oneself, who has just shown the old one. Everybody signed in with the
    account is signed out: the edge begins a new session."""
    change(tx, "app_user", actor.user_id, {"password_hash": password_hash})
    tx.run(sign_ins.REVOKE_ALL, user_id=actor.user_id, at=at)
    log(tx, actor, at, "password_changed", "user", actor.user_id)


# -- a password that was forgotten --------------------------------------------------------------


@dataclass(frozen=True)
class Forgotten:
    """What a link to choose a new password stands for: whose, asked for when, and a mark of the
    password it replaces: once there is another, by whatever way, the link is used up."""

    user_id: str
    asked_at: datetime
    mark: str


def mark_of(password_hash: str) -> str:
    """What tells one kept password from the next, and nothing about either."""
    return hashlib.sha256(b"replaces " + password_hash.encode()).hexdigest()[:32]


def ask_for_new_password(tx: Tx, actor: Actor, at: datetime, user_id: str) -> None:
    """Put a link to choose a new password on its way; nothing for an account that has no role, or
    is suspended."""
    posts = sign_ins.posts(tx, user_id, at)
    if not posts:
        return
    dispatches.plan(
        tx,
        system_id=actor.system_id,
        slot=f"{RESET} {at.isoformat()}",
        to_owner=member_key(posts[0].membership_id),
        channel=dispatches.EMAIL,
        what=RESET,
        noun="user",
        record_id=user_id,
        at=at,
    )
    log(tx, actor, at, "password_forgotten", "user", user_id)


def forgotten_by(tx: Tx, at: datetime, asked: Forgotten) -> str | None:
    """The system of the account, as long as the link may be used; else None."""
    found = accounts.with_password(tx, asked.user_id)
    if found is None or mark_of(found[1]) != asked.mark:
        return None
    return found[0] if asked.asked_at <= at < asked.asked_at + RESET_LASTS else None


def reset_password(
    tx: Tx, actor: Actor, at: datetime, asked: Forgotten, password_hash: str
) -> bool:
    """A new password by whoever has the link. Everybody signed in with the account is signed out,
    and nobody is signed in by it. False where the link may not be used any more."""
    found = accounts.with_password(tx, asked.user_id)
    if found is None or forgotten_by(tx, at, asked) is None:
        return False
    if not accounts.replace_password(tx, asked.user_id, found[1], password_hash):
        return False
    tx.run(sign_ins.REVOKE_ALL, user_id=asked.user_id, at=at)
    log(tx, actor, at, RESET, "user", asked.user_id)
    return True

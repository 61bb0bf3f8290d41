"""An account whose holder is invited, may not sign in for a while, may again, or gets a new
password.

It is one human's, so all of its roles go with it: only who could give every one of them may."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from referral import accounts, dispatches, second_steps, sign_ins
from referral.actors import Actor
from referral.audit import log
from referral.clocks import member_key
from referral.rows import change
from referral.states import Role
from referral.store import Tx
from workflows.moves import N_, Refusal
from workflows.organisations import SETTERS, naming_faults, roles_to_give
from workflows.rules import field, missing, require, wrong
from workflows.second_steps import (
    ADDRESS_CHANGED,
    ADDRESS_LEFT,
    CLEARED,
    PASSWORD_CHANGED,
    PASSWORD_GIVEN,
    tell_account,
)

WHY_SUSPENDED = ("lost", "long_absence", "looked_into", "other")
RESET, INVITATION = "password_reset", "invitation"
PROVING = "address_asked"
RESET_LASTS = timedelta(hours=1)
INVITATION_LASTS = timedelta(days=7)
NOT_TWICE = timedelta(minutes=1)
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
SUSPENDED = Refusal(
    "account_suspended",
    N_("This account is suspended."),
    N_("Let it in again first."),
    "nobody is invited to what they can't open",
)
NO_ROLE = Refusal(
    "no_role",
    N_("This account has no role now, so there is nothing to invite them to."),
    N_("Open their organisation and give them a role first."),
    "nobody is invited to what they can't open",
)
HAS_PASSWORD = Refusal(
    "has_password",
    N_("This account has a password already."),
    N_("If they forgot it, they choose another where they sign in."),
    "an invitation is to a first password",
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
        second_steps.forget_devices(tx, user_id, at)
        log(tx, actor, at, "account_suspended", "user", user_id, {"reason": reason})


def let_in_again(tx: Tx, actor: Actor, at: datetime, user_id: str) -> None:
    """The account may sign in again, with the roles it still has."""
    if not _let(tx, actor, at, user_id, "let_in"):
        change(tx, "app_user", user_id, {"active": True})
        log(tx, actor, at, "account_let_in", "user", user_id)


def give_password(tx: Tx, actor: Actor, at: datetime, user_id: str, password_hash: str) -> None:
    """A new password, in place of one that is forgotten or known to others: whoever is signed in
    with the old one is signed out, and its holder is told."""
    _let(tx, actor, at, user_id, "password")
    before = accounts.signs_in(tx, user_id)
    change(tx, "app_user", user_id, {"password_hash": password_hash, "chose_password_at": None})
    tx.run(sign_ins.REVOKE_ALL, user_id=user_id, at=at)
    log(tx, actor, at, PASSWORD_GIVEN, "user", user_id)
    if before is not None and before.password_hash:
        tell_account(tx, actor.system_id, at, user_id, PASSWORD_GIVEN)


def correct_account(
    tx: Tx, actor: Actor, at: datetime, user_id: str, *, name: str, email: str, mails: bool = False
) -> bool:
    """The right name and email address of whoever has the account. Links that went to another
    address work no more; both addresses are told where `mails` can be sent. Returns whether the
    address is another now.
    Raises Refused: not_found, your_own_account, roles_not_yours, or a fault for each field."""
    _let(tx, actor, at, user_id, "correct")
    name, address = name.strip(), email.strip().lower()
    faults = naming_faults(tx, name, address, user_id)
    if faults:
        raise wrong("user", "correct", *faults)
    found = accounts.signs_in(tx, user_id)
    moved = found is not None and found.email != address
    change(tx, "app_user", user_id, {"name": name, "email": address})
    log(tx, actor, at, "account_corrected", "user", user_id, {"email": moved})
    if found is not None and moved and found.password_hash:
        tell_account(tx, actor.system_id, at, user_id, ADDRESS_CHANGED)
        if mails:
            _post(tx, actor, at, user_id, ADDRESS_LEFT, found.email)
    return moved


def clear_second_step(tx: Tx, actor: Actor, at: datetime, user_id: str) -> None:
    """The account of somebody who lost their phone and their recovery codes is signed in to by its
    password alone, until they set up another. They are told, and wherever they are signed in they
    are signed out. Raises Refused: not_found, your_own_account, roles_not_yours."""
    _let(tx, actor, at, user_id, "clear_second_step")
    step = second_steps.of(tx, user_id)
    if step is None:
        return
    second_steps.end(tx, step.id)
    tx.run(sign_ins.REVOKE_ALL, user_id=user_id, at=at)
    log(tx, actor, at, CLEARED, "user", user_id)
    tell_account(tx, actor.system_id, at, user_id, CLEARED)


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
    chosen = {"password_hash": password_hash, "chose_password_at": at}
    change(tx, "app_user", actor.user_id, chosen)
    tx.run(sign_ins.REVOKE_ALL, user_id=actor.user_id, at=at)
    log(tx, actor, at, PASSWORD_CHANGED, "user", actor.user_id)
    tell_account(tx, actor.system_id, at, actor.user_id, PASSWORD_CHANGED)


# -- a password chosen by a link ----------------------------------------------------------------


@dataclass(frozen=True)
class ByLink:
    """What a link to choose a password stands for: whose, asked for when, and a mark of the
    password it replaces and of the address it went to: once there is another of either, by
    whatever way, the link is used up."""

    user_id: str
    asked_at: datetime
    mark: str


def mark_of(found: accounts.SignsIn) -> str:
    """What tells one password and address from the next, and nothing about either."""
    now = f"replaces {found.password_hash} at {found.email}"
    return hashlib.sha256(now.encode()).hexdigest()[:32]


def ask_for_new_password(tx: Tx, actor: Actor, at: datetime, user_id: str) -> None:
    """Put a link to choose a new password on its way; nothing for an account that has no role, or
    is suspended."""
    if _post(tx, actor, at, user_id, RESET):
        log(tx, actor, at, "password_forgotten", "user", user_id)


def ask_to_prove_address(tx: Tx, actor: Actor, at: datetime) -> None:
    """Put a link on its way to the actor's own address: who opens it reads that mail."""
    if _post(tx, actor, at, actor.user_id, PROVING):
        log(tx, actor, at, PROVING, "user", actor.user_id)


def invite(tx: Tx, actor: Actor, at: datetime, user_id: str) -> None:
    """Put a link to choose the first password on its way. It ends those sent before; pressed twice
    within a minute, one goes.
    Raises Refused: not_found, your_own_account, roles_not_yours, account_suspended, no_role,
    has_password."""
    _let(tx, actor, at, user_id, "invite")
    found = accounts.signs_in(tx, user_id)
    if found is not None and found.invited_at and at - found.invited_at < NOT_TWICE:
        return
    why = not_to_invite(tx, at, user_id)
    if why is not None:
        raise wrong("user", "invite", why)
    change(tx, "app_user", user_id, {"invited_at": at})
    _post(tx, actor, at, user_id, INVITATION)
    log(tx, actor, at, "account_invited", "user", user_id)


def not_to_invite(tx: Tx, at: datetime, user_id: str) -> Refusal | None:
    """Why whoever has this account can't be invited to choose a password; None if they can."""
    found = accounts.signs_in(tx, user_id)
    if found is None or not found.active:
        return SUSPENDED
    if found.password_hash:
        return HAS_PASSWORD
    return None if sign_ins.posts(tx, user_id, at) else NO_ROLE


def _post(
    tx: Tx, actor: Actor, at: datetime, user_id: str, what: str, to_address: str | None = None
) -> bool:
    """Put a mail to the account's address on its way, or to another, if the account has a role to
    be written to in."""
    posts = sign_ins.posts(tx, user_id, at)
    return bool(posts) and dispatches.plan(
        tx,
        system_id=actor.system_id,
        slot=f"{what} {at.isoformat()}",
        to_owner=member_key(posts[0].membership_id),
        channel=dispatches.EMAIL,
        what=what,
        noun="user",
        record_id=user_id,
        at=at,
        to_address=to_address,
    )


def still_good(tx: Tx, at: datetime, asked: ByLink, what: str) -> accounts.SignsIn | None:
    """How the account signs in whose link this is, as long as it may be used; else None."""
    found = accounts.signs_in(tx, asked.user_id)
    if found is None or not found.active or mark_of(found) != asked.mark:
        return None
    lasts = INVITATION_LASTS if what == INVITATION else RESET_LASTS
    if not asked.asked_at <= at < asked.asked_at + lasts:
        return None
    if what == INVITATION and not (found.invited_at and same_second(found.invited_at, asked)):
        return None
    return found


def same_second(invited_at: datetime, asked: ByLink) -> bool:
    """Whether this is the newest link: the address says the second it was asked for."""
    return invited_at.replace(microsecond=0) == asked.asked_at.replace(microsecond=0)


def choose_password(
    tx: Tx, actor: Actor, at: datetime, asked: ByLink, password_hash: str, what: str
) -> bool:
    """A password by whoever has the link: a new one, or the first. Everybody signed in with the
    account is signed out, and nobody is signed in by it. False where the link may not be used any
    more."""
    found = still_good(tx, at, asked, what)
    if found is None:
        return False
    kept = found.password_hash
    if not accounts.replace_password(tx, at, asked.user_id, kept, password_hash):
        return False
    tx.run(sign_ins.REVOKE_ALL, user_id=asked.user_id, at=at)
    done = "password_chosen" if what == INVITATION else RESET
    log(tx, actor, at, done, "user", asked.user_id)
    if what == RESET:
        tell_account(tx, found.system_id, at, asked.user_id, PASSWORD_CHANGED)
    return True

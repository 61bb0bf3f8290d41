"""The second step at sign-in: beside the password a code from the person's phone, new each 30
seconds (RFC 6238), or one of ten recovery codes when the phone is lost.

A code counts once. The secret lies sealed in the store; of a recovery code there is a hash keyed by
that secret. What is said of any of it in the log and to the account says that it happened, never
the secret or a code."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

import pyotp
from pyotp.utils import strings_equal

from referral import second_steps, sign_ins
from referral.actors import Actor
from referral.audit import log
from referral.clocks import member_key
from referral.second_steps import Step
from referral.store import Tx
from workflows.hearing import USER
from workflows.letters import tell
from workflows.moves import N_, Refusal
from workflows.rules import field, missing, wrong

DIGITS = 6
RECOVERY_DIGITS = 12
RECOVERY_CODES = 10
# The code before this one and the one after: clocks differ, and typing takes its time.
NEAR = (0, -1, 1)

ON, OFF, CLEARED = "second_step_on", "second_step_off", "second_step_cleared"
PASSKEY_ADDED, PASSKEY_REMOVED = "passkey_added", "passkey_removed"
USED_RECOVERY, TRIED = "recovery_code_used", "second_step_tried"
PASSWORD_CHANGED, PASSWORD_GIVEN = "password_changed", "password_given"
ADDRESS_CHANGED, ADDRESS_LEFT = "address_changed", "address_left"
# What an account is told of, whatever its holder prefers.
TOLD = frozenset(
    {
        *(ON, OFF, CLEARED, USED_RECOVERY, TRIED, PASSKEY_ADDED, PASSKEY_REMOVED),
        *(PASSWORD_CHANGED, PASSWORD_GIVEN, ADDRESS_CHANGED, ADDRESS_LEFT),
    }
)

NOT_RIGHT = N_("This code is not right, or was used before. Wait for the next one and enter it.")
DEMANDED = Refusal(
    "second_step_demanded",
    N_("This service asks everybody in your role for a second step."),
    N_("Set it up on another phone instead."),
    "a second step that can be left out protects nobody",
)


def period_of(secret: str, code: str, now: datetime) -> int | None:
    """The period this code belongs to, if it is one of those that count now."""
    phone = pyotp.TOTP(secret)
    this = phone.timecode(now)
    for away in NEAR:
        if strings_equal(phone.generate_otp(this + away), code):
            return int(this + away)
    return None


def digits_of(typed: str) -> str:
    """A code as it was typed, without the spaces and dashes it is shown with."""
    return "".join(typed.replace("-", " ").split())


def recovery_hash(secret: str, code: str) -> str:
    """What the store keeps of a recovery code."""
    said = f"recovery {digits_of(code)}".encode()
    return hmac.new(secret.encode(), said, hashlib.sha256).hexdigest()


def tell_account(tx: Tx, system_id: str, at: datetime, user_id: str, what: str) -> None:
    """Tell whoever has an account what happened to how it is signed in to."""
    posts = sign_ins.posts(tx, user_id, at)
    if posts:
        tell(tx, system_id, at, member_key(posts[0].membership_id), what, USER, user_id)


def turn_on(
    tx: Tx,
    actor: Actor,
    at: datetime,
    now: datetime,
    secret: str,
    code: str,
    recovery: Sequence[str],
    here: str,
) -> None:
    """The actor's phone is the second step from now, in place of any before; wherever they are
    signed in but `here` (the hash of a session's token), they are signed out. Asked for again with
    a phone that is the second step already, nothing changes: the button was pressed twice. `now` is
    the time codes go by. Raises Refused for a code this phone doesn't show."""
    before = second_steps.of(tx, actor.user_id)
    if before is not None and second_steps.secret_of(tx, before.id) == secret:
        if _kept(tx, before, secret, recovery):
            return
        raise wrong("user", "second_step", field("code", NOT_RIGHT))
    period = period_of(secret, digits_of(code), now)
    if period is None:
        raise wrong("user", "second_step", field("code", NOT_RIGHT))
    if before is not None:
        second_steps.end(tx, before.id)
    step_id = second_steps.start(tx, actor.system_id, actor.user_id, secret, period, at, now)
    _keep(tx, actor, step_id, secret, recovery)
    tx.run(sign_ins.REVOKE_OTHERS, user_id=actor.user_id, token_hash=here, at=at)
    log(tx, actor, at, ON, "user", actor.user_id, {"instead": before is not None})
    tell_account(tx, actor.system_id, at, actor.user_id, ON)


def _keep(tx: Tx, actor: Actor, step_id: str, secret: str, recovery: Sequence[str]) -> None:
    hashes = [recovery_hash(secret, code) for code in recovery]
    second_steps.keep_codes(tx, actor.system_id, step_id, hashes)


def _kept(tx: Tx, step: Step, secret: str, recovery: Sequence[str]) -> bool:
    """Whether these are the recovery codes there are now."""
    return any(second_steps.has_code(tx, step.id, recovery_hash(secret, c)) for c in recovery)


def is_shown(
    tx: Tx, system: Actor, at: datetime, now: datetime, step: Step, typed: str
) -> str | None:
    """Use up what was typed: "code" from the phone, "recovery" for a recovery code; None where it
    is neither, or was used before."""
    secret, digits = second_steps.secret_of(tx, step.id), digits_of(typed)
    if len(digits) == DIGITS:
        period = period_of(secret, digits, now)
        if period is not None and second_steps.use_period(tx, step.id, period):
            return "code"
    if len(digits) == RECOVERY_DIGITS and second_steps.use_code(
        tx, step.id, recovery_hash(secret, digits)
    ):
        log(tx, system, at, USED_RECOVERY, "user", step.user_id, {"left": step.codes_left - 1})
        tell_account(tx, system.system_id, at, step.user_id, USED_RECOVERY)
        return "recovery"
    return None


def new_codes(tx: Tx, actor: Actor, at: datetime, recovery: Sequence[str]) -> None:
    """Ten new recovery codes; those before stop working. Asked for again with the same, nothing
    changes. Raises Refused (not_found) where there is no second step."""
    step = _own(tx, actor)
    secret = second_steps.secret_of(tx, step.id)
    if _kept(tx, step, secret, recovery):
        return
    _keep(tx, actor, step.id, secret, recovery)
    log(tx, actor, at, "recovery_codes_made", "user", actor.user_id)


def turn_off(tx: Tx, actor: Actor, at: datetime, *, demanded: bool) -> None:
    """No second step any more. `demanded`: this deployment asks the actor's role for one. Raises
    Refused: not_found, second_step_demanded."""
    step = _own(tx, actor)
    if demanded:
        raise wrong("user", "second_step_off", DEMANDED)
    second_steps.end(tx, step.id)
    log(tx, actor, at, OFF, "user", actor.user_id)
    tell_account(tx, actor.system_id, at, actor.user_id, OFF)


def forget_devices(tx: Tx, actor: Actor, at: datetime, now: datetime) -> None:
    """Each device one is remembered on is asked for a code at the next sign-in."""
    _own(tx, actor)
    second_steps.forget_devices(tx, actor.user_id, now)
    log(tx, actor, at, "devices_forgotten", "user", actor.user_id)


def _own(tx: Tx, actor: Actor) -> Step:
    step = second_steps.of(tx, actor.user_id)
    if step is None:
        raise missing("user", "second_step")
    return step

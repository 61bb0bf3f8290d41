"""One's own account: its password, its second step at sign-in, and how one hears of things."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

import pyotp
import segno
from flask import Blueprint, flash, make_response, redirect, request
from flask import render_template as render
from flask.typing import ResponseReturnValue
from flask_login import current_user
from markupsafe import Markup

from referral import preferences, second_steps, sign_ins
from referral.accounts import signs_in
from referral.actors import Actor
from referral.dispatches import EMAIL
from referral.second_steps import Step
from referral.store import Door, Tx
from web.access import STAFF, access, current_actor
from web.current import edge, settings, ways
from web.labels import said
from web.limits import seconds_to_wait
from web.links import tokens
from web.say import _
from web.signed_in import (
    address_proved,
    clock,
    hashed,
    is_address_proved,
    must_set_up,
    opened,
    query,
    safe_path,
    shut,
)
from web.signing_in import mark_now, not_their_password
from web.words import day_words
from workflows.accounts import RESET_LASTS, ask_to_prove_address
from workflows.engine import Refused
from workflows.second_steps import (
    DEMANDED,
    RECOVERY_CODES,
    RECOVERY_DIGITS,
    forget_devices,
    new_codes,
    turn_off,
    turn_on,
)
from workflows.working_time import local_day

pages = Blueprint("own_account", __name__)

SETTING_UP = "second step"
NEW_CODES = "recovery codes"
SETTING_UP_LASTS = timedelta(hours=1)
HERE = "/account/second-step"
MOST_SENT = 3  # links to one's own address, in the hour each lasts


def recovery_codes() -> list[str]:
    """Ten codes of twelve digits, as they are shown: in threes of four."""
    made = (secrets.randbelow(10**RECOVERY_DIGITS) for _one in range(RECOVERY_CODES))
    texts = (f"{number:0{RECOVERY_DIGITS}d}" for number in made)
    return [" ".join((text[:4], text[4:8], text[8:])) for text in texts]


def _own(actor: Actor) -> Step | None:
    with edge().reading(actor) as (tx, _at):
        return second_steps.of(tx, actor.user_id)


def _demanded(actor: Actor) -> bool:
    return settings().demands_second_step(actor.role)


@pages.get("/account")
@access(STAFF)
def account() -> str:
    """What one sets up for oneself; at the first sign-in its three steps."""
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        step = second_steps.of(tx, actor.user_id)
        chosen = bool(preferences.chosen(tx, actor.user_id))
        known = signs_in(tx, actor.user_id)
    first = request.args.get("first") == "yes"
    return render(
        "own_account.jinja",
        email=known.email if known else "",
        own_password=known is not None and known.chose_at is not None,
        first=first,
        on=step is not None,
        chosen=chosen,
        after="?next=/account%3Ffirst%3Dyes" if first else "",
    )


# -- the second step ----------------------------------------------------------------------------


@pages.get(HERE)
@access(STAFF)
def second_step() -> str:
    """Whether it is on, and what may be done about it."""
    actor = current_actor()
    step = _own(actor)
    return render(
        "second_step.jinja",
        step=step,
        since=day_words(local_day(step.started_at)) if step else "",
        demanded=_demanded(actor),
        days=settings().remember_days,
        back={"href": "/account", "text": _("Back to your account")},
    )


@pages.route(f"{HERE}/set-up", methods=["GET", "POST"])
@access(STAFF)
def set_up() -> ResponseReturnValue:
    """Read a picture with the phone, enter the code it shows; then ten recovery codes.

    The secret is kept only once a code proved that the phone has it: until then it stands in the
    page, closed, and the recovery codes with it, so that the button pressed twice shows the same
    ones twice."""
    actor = current_actor()
    next_path = safe_path(request.values.get("next") or HERE)
    if _address_wanted(actor):
        return _address_page(next_path)
    if request.method == "GET":
        return _set_up_page(actor, _new_secrets(), next_path)
    begun = opened(SETTING_UP, request.form.get("setting_up", ""), SETTING_UP_LASTS)
    if begun is None or begun[0] != actor.user_id:
        words = _("This page was open for too long. Begin again with this new picture.")
        return _set_up_page(actor, _new_secrets(), next_path, {"code": words}), 422
    made = begun[1:-1]
    secret, typed = made[0], request.form.get("code", "")[:100]
    faults: dict[str, str] = {}
    if not typed.strip():
        faults["code"] = _("Enter the code your app shows")
    words, status = not_their_password(actor, request.form.get("password", "")[:1_000])
    if words:
        faults["password"] = words
    if not faults:
        now, here = clock(), hashed(current_user.token)

        def act(tx: Tx, at: datetime) -> None:
            turn_on(tx, actor, at, now, secret, typed, made[1:], here)

        try:
            edge().perform(actor, act)
            return _codes_page(made[1:], next_path, on=True)
        except Refused as refused:
            faults["code"], status = said(refused.refusals[0].why), 422
    return _set_up_page(actor, made, next_path, faults), max(status, 422)


# -- first, that it is whose account it is ---------------------------------------------------


def _address_wanted(actor: Actor) -> bool:
    """Whether who sets up a first second step has yet to show that they read the account's mail: a
    password that somebody else knows is not enough. Where no mail can be sent, it has to be."""
    if EMAIL not in ways().channels:
        return False
    with edge().reading(actor) as (tx, _at):
        if second_steps.of(tx, actor.user_id) is not None:
            return False
        return not is_address_proved(actor.user_id, mark_now(tx, actor.user_id))


def _address_page(next_path: str, wrong: str = "") -> str:
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        email, _hash = sign_ins.own(tx, actor.user_id)
    return render(
        "second_step_address.jinja",
        email=email,
        sent=request.args.get("sent") == "yes",
        must=must_set_up(),
        next_path=next_path,
        wrong=wrong,
        back=None if must_set_up() else {"href": HERE},
    )


@pages.post(f"{HERE}/address")
@access(STAFF)
def send_link() -> ResponseReturnValue:
    """Send a link to one's own address: by it one goes on to set up the second step."""
    actor = current_actor()
    next_path = safe_path(request.form.get("next") or HERE)
    with edge().store.begin(door=Door.SHUT) as tx:
        wait = seconds_to_wait(tx, clock(), "prove", MOST_SENT, actor.user_id, RESET_LASTS)
    if wait:
        words = _("3 links were sent in the last hour. Look for the newest one, or wait.")
        response = make_response(_address_page(next_path, words), 429)
        response.headers["Retry-After"] = str(wait)
        return response
    if EMAIL in ways().channels:
        edge().perform(actor, lambda tx, at: ask_to_prove_address(tx, actor, at))
    return redirect(f"{HERE}/set-up?{query(sent='yes', next=next_path)}", 303)


@pages.get(f"{HERE}/address/<token>")
@access(STAFF)
def prove(token: str) -> ResponseReturnValue:
    """The link that was sent, opened by who is signed in to the account it was sent to."""
    actor = current_actor()
    read = tokens().read_address(token)
    with edge().reading(actor) as (tx, at):
        mark = mark_now(tx, actor.user_id)
        right = read is not None and (read[0], read[2]) == (actor.user_id, mark)
        right = right and read is not None and read[1] <= at < read[1] + RESET_LASTS
    response = make_response(redirect(f"{HERE}/set-up", 303))
    if not right:
        flash(_("This link does not work any more. Send another one."), "important")
        return response
    return address_proved(response, actor.user_id, mark)


def _new_secrets() -> list[str]:
    """What a phone is to share with an account, and the recovery codes to go with it."""
    return [pyotp.random_base32(), *recovery_codes()]


def _set_up_page(
    actor: Actor, made: list[str], next_path: str, faults: dict[str, str] | None = None
) -> str:
    secret = made[0]
    with edge().reading(actor) as (tx, _at):
        email, _hash = sign_ins.own(tx, actor.user_id)
        on = second_steps.of(tx, actor.user_id) is not None
    name = settings().service_name
    address = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=name)
    picture = segno.make(address, error="m").svg_inline(border=4, omitsize=True, svgclass="app-qr")
    first = next_path.startswith("/account?first")
    return render(
        "second_step_set_up.jinja",
        on=on,
        email=email,
        picture=Markup(picture),  # noqa: S704  # made here, of an address we wrote
        address=address,
        key=" ".join(secret[i : i + 4] for i in range(0, len(secret), 4)),
        setting_up=shut(SETTING_UP, [actor.user_id, *made]),
        next_path=next_path,
        must=must_set_up(),
        faults=faults or {},
        errors=[{"text": text, "href": f"#{name}"} for name, text in (faults or {}).items()],
        back=None if must_set_up() else {"href": next_path if first else HERE},
    )


def _codes_page(made: list[str], next_path: str, *, on: bool) -> str:
    # Drawn here and not after a redirect: the codes are kept nowhere but closed in the page that
    # asked for them.
    return render("second_step_codes.jinja", codes=made, next_path=next_path, on=on)


def _with_password(template: str, act: Any, done: Any, **more: Any) -> ResponseReturnValue:
    """A page that does one thing, once the password was shown."""
    actor = current_actor()
    if _own(actor) is None:
        return redirect(HERE)
    words, status = "", 200
    if request.method == "POST":
        words, status = not_their_password(actor, request.form.get("password", "")[:1_000])
        if not words:
            edge().perform(actor, act)
            return done()  # type: ignore[no-any-return]
    body = render(
        template,
        faults={"password": words} if words else {},
        errors=[{"text": words, "href": "#password"}] if words else [],
        back={"href": HERE},
        **more,
    )
    return body, status


@pages.route(f"{HERE}/codes", methods=["GET", "POST"])
@access(STAFF)
def codes() -> ResponseReturnValue:
    """Ten new recovery codes; the same where the button was pressed twice."""
    actor = current_actor()
    begun = opened(NEW_CODES, request.form.get("setting_up", ""), SETTING_UP_LASTS)
    made = begun[1:-1] if begun and begun[0] == actor.user_id else recovery_codes()
    return _with_password(
        "second_step_new_codes.jinja",
        lambda tx, at: new_codes(tx, actor, at, made),
        lambda: _codes_page(made, HERE, on=False),
        setting_up=shut(NEW_CODES, [actor.user_id, *made]),
    )


@pages.route(f"{HERE}/off", methods=["GET", "POST"])
@access(STAFF)
def off() -> ResponseReturnValue:
    """No second step any more, where none is demanded."""
    actor = current_actor()
    demanded = _demanded(actor)
    if demanded and _own(actor) is not None:
        flash(f"{said(DEMANDED.why)} {said(DEMANDED.remedy)}", "important")
        return redirect(HERE, 303)

    def done() -> ResponseReturnValue:
        flash(_("Off. From now on your password alone signs you in."), "success")
        return redirect(HERE, 303)

    return _with_password(
        "second_step_off.jinja",
        lambda tx, at: turn_off(tx, actor, at, demanded=demanded),
        done,
    )


@pages.post(f"{HERE}/devices")
@access(STAFF)
def devices() -> ResponseReturnValue:
    """No device is remembered any more. It only makes signing in safer, so no password is asked."""
    actor = current_actor()
    if _own(actor) is not None:
        now = clock()
        edge().perform(actor, lambda tx, at: forget_devices(tx, actor, at, now))
        flash(_("Each device is asked for a code at the next sign-in."), "success")
    return redirect(HERE, 303)

"""The passkeys one has: adding one and taking one away, each with the password."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request
from flask import render_template as render
from flask.typing import ResponseReturnValue

from referral import passkeys, second_steps, sign_ins
from referral.actors import Actor
from referral.passkeys import Half, Passkey
from web.access import STAFF, access, current_actor
from web.current import edge
from web.labels import said
from web.passkeys import ask_to_make_one, passkey_made
from web.say import _
from web.signing_in import not_their_password
from web.words import day_words
from workflows.engine import Refused
from workflows.passkeys import add, remove
from workflows.working_time import local_day

pages = Blueprint("own_passkeys", __name__)

LIST = "/account/second-step/passkeys"


def _own(actor: Actor) -> tuple[str, list[Passkey], list[Half], str] | None:
    """The second step of an account, its passkeys, and its address."""
    with edge().reading(actor) as (tx, _at):
        step = second_steps.of(tx, actor.user_id)
        if step is None:
            return None
        email, _hash = sign_ins.own(tx, actor.user_id)
        return step.id, passkeys.of(tx, step.id), passkeys.halves(tx, step.id), email


@pages.route(LIST, methods=["GET", "POST"])
@access(STAFF)
def own() -> ResponseReturnValue:
    """The passkeys one has, and adding one."""
    actor = current_actor()
    found = _own(actor)
    if found is None:
        return redirect("/account/second-step")
    faults: dict[str, str] = {}
    name, status = request.form.get("name", "")[:1_000], 200
    if request.method == "POST":
        faults, status = _added(actor, name)
        if not faults:
            flash(_("Added. At the next sign-in you can use it in place of a code."), "success")
            return redirect(LIST, 303)
    _step, kept, halves, email = found
    asking = ask_to_make_one(actor.user_id, email, halves)
    body = render(
        "passkeys.jinja",
        passkeys=[
            (
                one,
                day_words(local_day(one.made_at)),
                day_words(local_day(one.used_at)) if one.used_at else "",
            )
            for one in kept
        ],
        can=asking is not None,
        options=asking[0] if asking else "",
        asked=asking[1] if asking else "",
        name=name,
        faults=faults,
        errors=[{"text": text, "href": f"#{where}"} for where, text in faults.items()],
        back={"href": "/account/second-step"},
    )
    return body, status


def _added(actor: Actor, name: str) -> tuple[dict[str, str], int]:
    """Keep the passkey this form has; what is in the way of it, by field, and the status."""
    words, status = not_their_password(actor, request.form.get("password", "")[:1_000])
    faults = {"password": words} if words else {}
    if not name.strip():
        faults["name"] = _("Enter a name for it.")
    if faults:
        return faults, max(status, 422)
    half = passkey_made(actor.user_id)
    if half is None:
        return {"name": _("No passkey was made. Try again, or go on with codes.")}, 422
    try:
        edge().perform(actor, lambda tx, at: add(tx, actor, at, half, name))
    except Refused as refused:
        why = refused.refusals[0]
        return {"name": " ".join(filter(None, (said(why.why), said(why.remedy))))}, 422
    return {}, 200


@pages.route(f"{LIST}/remove", methods=["GET", "POST"])
@access(STAFF)
def take_away() -> ResponseReturnValue:
    """A passkey one has lost, or doesn't use any more."""
    actor = current_actor()
    found = _own(actor)
    which = [one for one in found[1] if one.id == request.values.get("which")] if found else []
    if not which:
        return redirect(LIST)
    words, status = "", 200
    if request.method == "POST":
        words, status = not_their_password(actor, request.form.get("password", "")[:1_000])
        if not words:
            edge().perform(actor, lambda tx, at: remove(tx, actor, at, which[0].id))
            flash(_("Removed. It signs nobody in any more."), "success")
            return redirect(LIST, 303)
    body = render(
        "passkey_remove.jinja",
        which=which[0],
        faults={"password": words} if words else {},
        errors=[{"text": words, "href": "#password"}] if words else [],
        back={"href": LIST},
    )
    return body, status

"""The public form by which a community group raises a matter without an account.

It never says whether anybody is known. It is counted in the store, so that no number of processes
lets more through; a field people leave empty and the time a page was open keep simple programs out,
without scripts and without asking anybody else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer

from referral import raised_outside as kept
from referral.actors import the_system
from referral.store import Tx
from web import labels
from web.access import public
from web.current import edge
from web.edge import Busy
from web.forms import Form, form_now, page, refuse, typed
from web.limits import seconds_to_wait
from web.say import _, ngettext
from web.schemas import Command, Wrong, load
from web.schemas.fields import LONG, Choice, Id, Text
from web.words import by_when
from workflows.engine import Done, Refused
from workflows.moves import N_
from workflows.raised_outside import KINDS, raise_from_outside
from workflows.working_time import ENGLAND, add

pages = Blueprint("raised_outside_pages", __name__)

LEAST_OPEN = timedelta(seconds=3)
HOUR = timedelta(hours=1)
MOST_AN_HOUR = 5  # from one address
MOST_OF_ALL = 60  # from everywhere, so that no crowd of addresses fills the lists
TRAP = "website"
OUTSIDE: dict[str, str] = {
    "capacity": N_("There are not enough places, or too few referrals"),
    "quality": N_("How good something is"),
    "equity": N_("Somebody is treated unfairly, or left out"),
    "information_sharing": N_("We do not get the information we need"),
    "complaint": N_("A complaint"),
    "other": N_("Something else"),
}


class Outside(Command):
    """What a group tells us, and how to reach it."""

    place_id = Id(N_("Choose the place."))
    kind = Choice(KINDS, N_("Choose what it is about."))
    group_name = Text(N_("Enter the name of your group."))
    name = Text()
    reach = Text(N_("Say how we can reach you: a phone number or an email address."))
    note = Text(N_("Say what you need."), most=LONG)


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.config["SECRET_KEY"]), salt="raised-outside")


def opened_at(at: datetime) -> str:
    """When this page was opened, signed."""
    return str(_signer().dumps(at.isoformat()))


def _too_soon(at: datetime) -> bool:
    try:
        opened = datetime.fromisoformat(_signer().loads(request.form.get("opened", "")))
    except (BadSignature, ValueError, TypeError):
        return True
    return at - opened < LEAST_OPEN


@pages.route("/raise", methods=["GET", "POST"])
@public("a community group without an account raises what it can't resolve")
def raise_outside() -> ResponseReturnValue:
    """A community group raises a matter, and gets a reference to quote."""
    schema = Outside()
    form = form_now(schema)
    now = edge().clock()

    def draw() -> str:
        with edge().reading(None) as (tx, _at):
            places = kept.places(tx)
        return page(
            "raised_outside.jinja",
            form,
            places=places,
            kinds=labels.choices(OUTSIDE),
            opened=request.form.get("opened") or opened_at(now),
            trap=TRAP,
        )

    if request.method != "POST":
        return draw()
    if request.form.get(TRAP, "").strip():
        form.general.append(_("Leave the last field empty, then send it again."))
        return draw(), 422
    if _too_soon(now):
        form.general.append(_("That was very quick. Look it over once more, then send it."))
        return draw(), 422
    try:
        given = load(schema, typed(schema, request.form), now, form=True)
    except Wrong as wrong:
        refuse(form, wrong.refusals)
        return draw(), 422
    with edge().reading(None) as (tx, _at):
        system_id = kept.system_of(tx, given["place_id"])
    if system_id is None:
        form.errors["place_id"] = _("Choose the place.")
        return draw(), 422
    nobody = the_system(system_id, "public form")
    try:
        made = edge().perform(nobody, lambda tx, at: _command(tx, at, given, form))
    except _Wait as wait:
        minutes = max(1, round(wait.seconds / 60))
        form.general.append(
            ngettext(
                "Too much has been sent from here. Wait %(num)s minute, then send it again.",
                "Too much has been sent from here. Wait %(num)s minutes, then send it again.",
                minutes,
            )
        )
        return draw(), 429
    except Busy:
        form.general.append(_("Nothing was saved: Segue is busy. Wait a moment, then try again."))
        return draw(), 503
    except Refused as refused:
        refuse(form, refused.refusals)
        return draw(), 422
    until = by_when(add(now, 2, ENGLAND), now)
    return render_template("raised_outside_done.jinja", reference=made.reference, until=until)


class _Wait(Exception):
    def __init__(self, seconds: int) -> None:
        self.seconds = seconds


def _command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
    """Count first, in the same transaction: what isn't counted isn't kept either."""
    wait = seconds_to_wait(tx, at, "raise", MOST_AN_HOUR, window=HOUR)
    wait = max(wait, seconds_to_wait(tx, at, "raise", MOST_OF_ALL, "everybody", window=HOUR))
    if wait:
        raise _Wait(wait)
    return raise_from_outside(tx, at, given, key=form.key)

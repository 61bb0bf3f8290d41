"""How I hear of things: a page of one's own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from referral import people_checks as checks
from referral import preferences as chosen
from referral.preferences import HOW
from referral.store import Tx
from web import labels
from web.access import STAFF, access, current_actor
from web.current import edge, ways
from web.forms import Form, Next, answer, page
from web.say import _
from web.schemas.base import Command
from web.schemas.fields import Checked, Choice
from web.signed_in import safe_path
from web.words import phone_words
from workflows.moves import N_
from workflows.preferences import DEFAULTS, save, save_phone

pages = Blueprint("preferences", __name__)
NEEDED = N_("Choose how you want to hear of this.")


class Preferences(Command):
    """One choice for each kind there is one for."""

    referral = Choice(HOW, NEEDED)
    message = Choice(HOW, NEEDED)
    consent = Choice(HOW, NEEDED)
    assurance = Choice(HOW, NEEDED)
    agreement = Choice(HOW, NEEDED)
    other = Choice(HOW, NEEDED)
    phone = Checked(checks.phone_number)


@pages.route("/notices/how", methods=["GET", "POST"])
@access(STAFF)
def how() -> ResponseReturnValue:
    """What is about safety and what climbs stands there too, with no choice."""
    actor = current_actor()
    back = safe_path(request.values.get("next") or "/notices")
    with edge().reading(actor) as (tx, _at):
        known = {**DEFAULTS, **chosen.chosen(tx, actor.user_id)}
        known["phone"] = phone_words(chosen.phone_of(tx, actor.user_id))

    def draw(form: Form) -> str:
        return page(
            "preferences.jinja",
            form,
            kinds=labels.choices(labels.NOTICE_KINDS),
            ways=labels.choices(labels.HOW_TOLD),
            goes_out="email" in ways().channels,
            back={"href": back},
        )

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        save_phone(tx, actor, at, given.pop("phone"))
        save(tx, actor, at, given)

    return answer(
        draw,
        command,
        lambda _none: Next(back, _("Saved. You hear of new things this way from now.")),
        schema=Preferences(),
        known=known,
    )

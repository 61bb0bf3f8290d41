"""How I hear of things: a page of one's own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from referral import people_checks as checks
from referral import preferences as chosen
from referral.preferences import HOW, Hours
from referral.store import Tx
from web import labels
from web.access import STAFF, access, current_actor
from web.current import edge, ways
from web.forms import Form, Next, answer, page
from web.say import _
from web.schemas.base import Command
from web.schemas.fields import Checked, Choice
from web.signed_in import safe_path
from web.words import clock_words, phone_words
from workflows.moves import N_
from workflows.preferences import DEFAULTS, STARTS, save, save_hours, save_phone
from workflows.rules import field, wrong
from workflows.working_time import LONDON

pages = Blueprint("preferences", __name__)
NEEDED = N_("Choose how you want to hear of this.")


# Any day without a change of the clocks: only its hours are said.
DAY = date(2026, 1, 1)
EACH_HOUR = tuple(map(str, range(24)))
SUMMARY_HOURS = range(6, 21)
FIELDS = ("summary_hour", "quiet_from", "quiet_until")


def _hours(among: Iterable[int]) -> list[tuple[str, str]]:
    """Hours of the day as one says them: 8am, midday."""
    return [(str(hour), clock_words(datetime.combine(DAY, time(hour), LONDON))) for hour in among]


class Preferences(Command):
    """One choice for each kind there is one for."""

    referral = Choice(HOW, NEEDED)
    message = Choice(HOW, NEEDED)
    consent = Choice(HOW, NEEDED)
    assurance = Choice(HOW, NEEDED)
    agreement = Choice(HOW, NEEDED)
    other = Choice(HOW, NEEDED)
    phone = Checked(checks.phone_number)
    summary_hour = Choice(EACH_HOUR)
    quiet_from = Choice(EACH_HOUR)
    quiet_until = Choice(EACH_HOUR)


@pages.route("/notices/how", methods=["GET", "POST"])
@access(STAFF)
def how() -> ResponseReturnValue:
    """What is about safety and what climbs stands there too, with no choice."""
    actor = current_actor()
    back = safe_path(request.values.get("next") or "/notices")
    with edge().reading(actor) as (tx, _at):
        known = {**DEFAULTS, **chosen.chosen(tx, actor.user_id)}
        known["phone"] = phone_words(chosen.phone_of(tx, actor.user_id))
        kept = chosen.hours_of(tx, actor.user_id)
    known |= {
        name: "" if hour is None else str(hour) for name, hour in zip(FIELDS, kept, strict=True)
    }
    known["summary_hour"] = known["summary_hour"] or str(STARTS.hour)
    texts = "text" in ways().channels or "text" in known.values()

    def draw(form: Form) -> str:
        return page(
            "preferences.jinja",
            form,
            kinds=labels.choices(labels.NOTICE_KINDS),
            ways=[one for one in labels.choices(labels.HOW_TOLD) if texts or one[0] != "text"],
            hours=_hours(range(24)),
            summary_hours=_hours(SUMMARY_HOURS),
            goes_out="email" in ways().channels,
            back={"href": back},
        )

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        phone = given.pop("phone")
        said = [given.pop(name, None) for name in FIELDS]
        if not phone and "text" in given.values():
            why = N_("Enter your mobile number, or choose another way to hear.")
            raise wrong("preference", "save", field("phone", why))
        save_phone(tx, actor, at, phone)
        save_hours(tx, actor, at, Hours(*(int(hour) if hour else None for hour in said)))
        save(tx, actor, at, given)

    return answer(
        draw,
        command,
        lambda _none: Next(back, _("Saved. You hear of new things this way from now.")),
        schema=Preferences(),
        known=known,
    )

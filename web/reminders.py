"""Being reminded: putting an item of one's own list off until a day, and planning a call."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect
from flask.typing import ResponseReturnValue

from referral import visible
from referral.states import Noun
from referral.store import Tx
from web import labels
from web.access import TEAM, WORKERS, access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page
from web.moves import record
from web.say import _
from web.schemas.reminders import PlanCall, PutOff
from web.words import day_words, deadline
from web.worklists import why_here
from workflows import reading, reminders

pages = Blueprint("reminder_pages", __name__)


@pages.route("/reminders/<item>/<uuid:record_id>", methods=["GET", "POST"])
@access(WORKERS)
def later(item: str, record_id: UUID) -> ResponseReturnValue:
    """Put one item of one's own list off until a day."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = reading.work_item(tx, actor, at, item, str(record_id))
        if found is None:
            abort(404)
        row, shown = found
        due = deadline(shown.due, at, hours=shown.hours)._asdict()
        latest = day_words(reminders.latest(at), weekday=True, now=at)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        reminders.put_off(tx, actor, at, kind=item, record_id=str(record_id), **given)
        return day_words(given["until"], weekday=True, now=at)

    return answer(
        lambda form: page(
            "reminder.jinja",
            form,
            title=_("Remind me later"),
            caption=shown.name,
            why_here=why_here(shown)[0],
            due=due,
            safety=row.noun in visible.SAFETY,
            latest=latest,
            question=_("Why can it wait?"),
            reasons=labels.choices(labels.REMINDERS, *reminders.PUT_OFF_REASONS),
            back={"href": "/", "text": _("Back to your work")},
        ),
        command,
        lambda day: Next(
            "/", _("Off your list until %(day)s. It stays due, and stays with you.", day=day)
        ),
        schema=PutOff(),
    )


@pages.route("/referrals/<uuid:record_id>/remind", methods=["GET", "POST"])
@access(TEAM)
def plan(record_id: UUID) -> ResponseReturnValue:
    """Plan a call about a referral, on a day."""
    actor, rid = current_actor(), str(record_id)
    with edge().reading(actor) as (tx, at):
        found = record(tx, at, Noun.REFERRAL, rid, actor)
        if not reminders.may_call(tx, actor, at, rid):
            abort(404)
        latest = day_words(reminders.latest(at), weekday=True, now=at)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        reminders.plan_call(tx, actor, at, referral_id=rid, **given)
        return day_words(given["until"], weekday=True, now=at)

    return answer(
        lambda form: page(
            "reminder.jinja",
            form,
            title=_("Remind me to call"),
            caption=found.caption,
            latest=latest,
            question=_("What is the call for?"),
            reasons=labels.choices(labels.REMINDERS, *reminders.CALL_REASONS),
            concern=f"/referrals/{rid}/concern",
            back={"href": f"/referrals/{rid}", "text": _("Back to the referral")},
        ),
        command,
        lambda day: Next(f"/referrals/{rid}", _("The call is on your list for %(day)s.", day=day)),
        schema=PlanCall(),
    )


@pages.post("/reminders/<uuid:reminder_id>/end")
@access(WORKERS)
def end(reminder_id: UUID) -> ResponseReturnValue:
    """Bring back what was put off, or cross a call off."""
    actor = current_actor()
    was_call = edge().perform(actor, lambda tx, at: reminders.end(tx, actor, at, str(reminder_id)))
    flash(_("The call is off your list.") if was_call else _("It is back on your list."), "success")
    return redirect("/", 303)

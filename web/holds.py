"""Ordinary holds on the page of a referral: placing one with a reason and a date, and lifting it.

Only those who may lift a hold are told that it is an ordinary one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect
from flask.typing import ResponseReturnValue

from referral import facts
from referral.states import HoldCause, Noun, Role
from referral.store import Tx
from web import labels
from web.access import TEAM, access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, page
from web.labels import word
from web.moves import record
from web.say import _
from web.schemas.holds import PlaceHold
from web.words import day_words
from workflows.engine import NOT_FOUND, Refused
from workflows.guards import HELD
from workflows.holds import Hold, causes_for, holds_on, lift_hold, place_hold
from workflows.working_time import local_day

pages = Blueprint("hold_pages", __name__)
PLACERS = TEAM | {Role.PROVIDER_LEADER}


def panel(tx: Tx, actor: Any, f: Any) -> dict[str, Any] | None:
    """What the referral's page says of its ordinary holds, to those who may lift or place one."""
    found = [drawn(f.id, h) for h in holds_on(tx, actor, f)]
    place = f"/referrals/{f.id}/hold" if causes_for(f, actor) else None
    return {"holds": found, "place": place} if found or place else None


def drawn(referral_id: str, h: Hold) -> dict[str, str]:
    """One hold that may be lifted: why, until when, and whose it is."""
    last = local_day(h.until) - timedelta(days=1)  # the moment kept is the one after that day
    return {
        "why": word(labels.HOLDS, h.cause),
        "side": word(labels.SIDES, h.closed_to) if h.closed_to else "",
        "when": _("until the end of %(day)s", day=day_words(last)),
        "who": h.owner_name,
        "lift": f"/referrals/{referral_id}/holds/{h.id}/lift",
    }


@pages.route("/referrals/<uuid:record_id>/hold", methods=["GET", "POST"])
@access(PLACERS)
def place(record_id: UUID) -> ResponseReturnValue:
    """Keep a referral still until a day, and say why."""
    actor = current_actor()
    rid = str(record_id)
    with edge().reading(actor) as (tx, at):
        found = record(tx, at, Noun.REFERRAL, rid, actor)
        may = causes_for(found.facts, actor)
    back = {"href": f"/referrals/{rid}", "text": _("Back to the referral")}
    title = _("Put on hold")
    if not may:
        held = (HELD,) if found.facts.closed_to_actor else ()
        return page(
            "move_refused.jinja",
            None,
            title=title,
            caption=found.caption,
            whom=found.whom,
            refusals=held,
            back=back,
        )

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return place_hold(tx, actor, at, referral_id=rid, **given)

    return answer(
        lambda form: page(
            "referral/hold.jinja",
            form,
            title=title,
            caption=found.caption,
            whom=found.whom,
            causes=labels.choices(labels.HOLDS, *(str(c) for c in may if c != HoldCause.RECORDS)),
            records=HoldCause.RECORDS in may,
            sides=labels.choices(labels.SIDES),
            back=back,
        ),
        command,
        lambda made: Next(
            back["href"],
            _("On hold. You are reminded on the day. Lift it here as soon as you can."),
        ),
        schema=PlaceHold(),
    )


@pages.post("/referrals/<uuid:record_id>/holds/<uuid:hold_id>/lift")
@access(PLACERS)
def lift(record_id: UUID, hold_id: UUID) -> ResponseReturnValue:
    """Lift one hold; another one may stay."""
    actor = current_actor()
    rid = str(record_id)

    def command(tx: Tx, at: datetime) -> bool:
        lift_hold(tx, actor, at, referral_id=rid, hold_id=str(hold_id))
        f = facts.referral(tx, rid, actor, at)
        if f is None:
            raise Refused([NOT_FOUND], noun="hold", trigger="lift", record_id=str(hold_id))
        return bool(f.held)

    still = edge().perform(actor, command)
    words = _("Lifted. Another hold is still in force.") if still else _("Lifted. It goes on.")
    flash(words, "success")
    return redirect(f"/referrals/{rid}", 303)

"""Who came: the register of an activity on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from referral import offered
from referral.actors import Actor
from referral.audit import log
from referral.offered import Coming, Offer
from referral.states import Noun, ReferralState, Role
from referral.store import Tx
from web import labels
from web.access import access, current_actor
from web.app import edge
from web.forms import Form, page
from web.labels import said
from web.say import _, ngettext
from web.schemas.fields import typed_day
from web.words import day_words
from workflows.disclosure import known_as, shown
from workflows.engine import Refused, step
from workflows.reading import situations
from workflows.referrals import record_attendance
from workflows.working_time import local_day

pages = Blueprint("session_pages", __name__)

LONG_AGO = timedelta(days=366)


@dataclass(frozen=True)
class Row:
    """One person in the register, as the leader may know them."""

    referral_id: str
    reference: str
    name: str
    started: bool
    paused: bool
    came: str | None
    missed: bool
    held: str | None

    @property
    def field(self) -> str:
        """The name of the field that says whether they came."""
        return f"came-{self.referral_id}"


@pages.get("/sessions")
@access(Role.PROVIDER_LEADER)
def sessions() -> str:
    """The activities of the provider, each with the way to its register."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        offers = [o for o in offered.own_offers(tx, actor) if o.taking_part or o.status == "open"]
        days = {o.id: offered.days_said(tx, actor, o.id) for o in offers}
    return page("sessions.jinja", offers=offers, days=days, today=local_day(at))


@pages.get("/sessions/<uuid:activity_id>/another-day")
@access(Role.PROVIDER_LEADER)
def another_day(activity_id: UUID) -> ResponseReturnValue:
    """Asks for a day, and goes to its register."""
    today = local_day(edge().clock())
    parts = {part: request.args.get(f"day-{part}", "") for part in ("day", "month", "year")}
    form = Form(values={f"day-{part}": value for part, value in parts.items()})
    offer = _offer(str(activity_id))
    if "day-day" in request.args:
        try:
            day = typed_day(parts)
        except ValidationError as error:
            form.errors["day"] = said(str(error.messages[0]))
        else:
            if day is not None and today - LONG_AGO < day <= today:
                return redirect(f"/sessions/{activity_id}/{day}", 303)
            form.errors["day"] = _("Enter a date within the last year.")
    status = 422 if form.errors else 200
    return page("sessions_day.jinja", form, offer=offer, back={"href": "/sessions"}), status


def _offer(activity_id: str) -> Offer:
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        found = offered.offer(tx, actor, activity_id)
    if found is None:
        abort(404)
    return found


@pages.route("/sessions/<uuid:activity_id>/<day>", methods=["GET", "POST"])
@access(Role.PROVIDER_LEADER)
def register(activity_id: UUID, day: str) -> ResponseReturnValue:
    """The register of one day: everybody with a place, and one button for all of them."""
    actor = current_actor()
    on = _day(day)
    everyone = bool(request.form.get("everyone"))
    if request.method == "POST" and not everyone and not request.form.get("again"):
        return _save(actor, str(activity_id), on)

    def read(tx: Tx, at: datetime) -> tuple[Offer, list[Row]]:
        offer = offered.offer(tx, actor, str(activity_id))
        if offer is None:
            abort(404)
        rows = _rows(tx, actor, at, offered.coming(tx, actor, offer.id, on))
        log(
            tx,
            actor,
            at,
            "read",
            "register",
            offer.id,
            {"day": on.isoformat(), "referrals": [row.referral_id for row in rows]},
        )
        return offer, rows

    offer, rows = edge().look(actor, read)
    said_so_far = {row.field: row.came for row in rows if row.came}
    typed = {name: value for name, value in request.form.items() if name.startswith("came-")}
    if everyone:
        typed = {row.field: "came" for row in rows if row.started and not row.paused} | {
            row.field: "told_us" for row in rows if typed.get(row.field) == "told_us"
        }
    form = Form(values={**said_so_far, **typed})
    return page(
        "register.jinja",
        form,
        offer=offer,
        rows=rows,
        on=on,
        everyone=everyone,
        back={"href": "/sessions"},
        choices=labels.choices(labels.CAME),
    )


def _day(text: str) -> date:
    try:
        on = date.fromisoformat(text)
    except ValueError:
        abort(404)
    today = local_day(edge().clock())
    if not today - LONG_AGO < on <= today:
        abort(404)
    return on


def _rows(tx: Tx, actor: Actor, at: datetime, found: list[Coming]) -> list[Row]:
    known = situations(tx, actor, at, [one.referral_id for one in found])
    rows = []
    for one in found:
        situation = known[one.referral_id]
        seen = shown(one._asdict(), situation)
        rows.append(
            Row(
                one.referral_id,
                one.reference,
                known_as(seen),
                one.state != ReferralState.ACCEPTED,
                one.state == ReferralState.PAUSED,
                one.came,
                one.missed and not situation.closed,
                seen.get("held"),
            )
        )
    return rows


def _save(actor: Actor, activity_id: str, on: date) -> ResponseReturnValue:
    """Keep what was said of each; what can't be kept is named, and the others go on."""
    answers = {
        name.removeprefix("came-"): came
        for name, came in request.form.items()
        if name.startswith("came-") and came in labels.CAME
    }

    def keep(tx: Tx, at: datetime) -> tuple[int, list[str], int]:
        if offered.offer(tx, actor, activity_id) is None:
            abort(404)
        kept, refused, missed = 0, [], 0
        for one in offered.coming(tx, actor, activity_id, on):
            came = answers.get(one.referral_id)
            if came is None or came == one.came:
                continue
            try:
                if one.state == ReferralState.ACCEPTED:
                    if came not in ("came", "late"):
                        continue
                    step(tx, Noun.REFERRAL, one.referral_id, "start", actor, at)
                record_attendance(tx, actor, at, one.referral_id, day=on, came=came)
            except Refused as why:
                refused.append(f"{one.reference}: {said(why.refusals[0].why)}")
            else:
                kept += 1
        missed = sum(one.missed for one in offered.coming(tx, actor, activity_id, on))
        return kept, refused, missed

    kept, refused, missed = edge().perform(actor, keep)
    words = ngettext(
        "Saved for %(num)s person on %(day)s.",
        "Saved for %(num)s people on %(day)s.",
        kept,
        day=day_words(on, weekday=True),
    )
    flash(words, "success")
    for line in refused:
        flash(_("Not saved. %(why)s", why=line), "important")
    if missed:
        return redirect(f"/sessions/{activity_id}/{on}", 303)
    return redirect("/sessions", 303)

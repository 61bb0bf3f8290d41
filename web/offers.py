"""Our offers: the activities of a provider, their places, and whether they take new people."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError, validates_schema

from referral import offered
from referral.actors import Actor
from referral.offered import Group, Offer
from referral.states import Role
from referral.store import Tx
from web import labels
from web.access import access, current_actor
from web.current import edge
from web.forms import AsKept, Form, Next, answer, keyed, page
from web.papers import to_hand_in
from web.say import _, ngettext
from web.schemas.base import Command
from web.schemas.fields import SHORT, Choice, Day
from web.schemas.organisations import ChangeActivity, SaveGroup
from web.sessions import runs
from web.timelines import changed
from web.words import day_words, listed
from workflows import session_days
from workflows.activities import open_again, pause_activity, save_activity, save_group
from workflows.moves import N_
from workflows.rules import field, wrong
from workflows.working_time import local_day

pages = Blueprint("offer_pages", __name__)

KEEPERS = frozenset({Role.PROVIDER_LEADER, Role.GOVERNANCE_LEAD})
STATUS: dict[str, labels.Tag] = {
    "open": labels.Tag(N_("Taking new people"), "green"),
    "paused": labels.Tag(N_("Paused"), "purple"),
    "closed": labels.Tag(N_("Closed"), "grey"),
}
STATUS_CHOICES = {
    "open": N_("Open: new people can be referred"),
    "paused": N_("Paused: nobody new for now"),
    "closed": N_("Closed: it has come to an end"),
}
DETAILS = (
    "name",
    "status",
    "when_words",
    "location",
    "postcode",
    "cost_words",
    "getting_there",
    "access_words",
    "description",
)
MOST_QUESTIONS = 5
A_MONTH = timedelta(days=30)
GROUP = ("name", "capacity", "members_from_outside", "starts_on", "ends_on")


def tag_of(status: str) -> dict[str, str]:
    """The tag of an activity's status."""
    found = STATUS[status]
    return {"text": labels.said(found.text), "colour": found.colour}


def _home(offer: Offer) -> str:
    """Where the list with this activity is, for whoever looks."""
    own = current_actor().role is Role.PROVIDER_LEADER
    return "/offers" if own else f"/providers/{offer.provider_id}"


@pages.get("/offers")
@access(Role.PROVIDER_LEADER)
def offers() -> str:
    """Everything the provider offers, with what is to be said about it."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = offered.own_offers(tx, actor)
        papers = to_hand_in(tx, actor, at)
    return page(
        "offers.jinja",
        Form(),
        papers=papers,
        offers=found,
        stay_paused=_stay_paused(found),
        provider_id=papers.provider_id,
        at=at,
        tag_of=tag_of,
        days_of=lambda offer: days_of(offer, local_day(at)),
    )


def days_of(offer: Offer, today: date) -> str:
    """How the words about its days are understood, so that whoever wrote them sees it."""
    if offer.status == "closed" or not offer.when_words:
        return ""
    following = session_days.next_session(offer.when_words, runs(offer), today)
    if following is not None:
        return _("Next: %(day)s.", day=day_words(following, weekday=True))
    if session_days.weekdays(offer.when_words):
        return ""
    return _(
        "No day is read from these words, so the next session is not shown. Where it is the same"
        " day each week, name it: Thursdays, 2pm to 4pm."
    )


class Pause(Command):
    """From when an activity takes new people again, or that this is said later."""

    how_long = Choice(("day", "open_end"))
    until = Day(when="to_come")

    @validates_schema
    def one_of_the_two(self, data: dict[str, Any], **more: Any) -> None:
        if data.get("until") or data.get("how_long") == "open_end":
            return
        if data.get("how_long") == "day":
            raise ValidationError(N_("Enter the day you take new people again."), "until")
        raise ValidationError(N_("Choose when you take new people again."), "how_long")


def to_confirm(tx: Tx, actor: Actor, at: datetime) -> tuple[int, datetime | None, str] | None:
    """How many of the provider's activities have not been said to be right for a month, when the
    one longest ago was, and what to know of those that are paused; None where all have."""
    offers = offered.own_activities(tx, actor)
    old = [
        o.confirmed_at
        for o in offers
        if o.status == "open" and (o.confirmed_at is None or at - o.confirmed_at > A_MONTH)
    ]
    if not old:
        return None
    known = [when for when in old if when is not None]
    oldest = min(known) if len(known) == len(old) else None
    return len(old), oldest, _stay_paused(offers)


def _stay_paused(offers: list[Offer]) -> str:
    """That who confirms everything opens nothing that is paused; empty where nothing is."""
    names = [o.name for o in offers if o.status == "paused"]
    if not names:
        return ""
    return ngettext(
        "%(names)s is paused, and stays paused when you confirm.",
        "%(names)s are paused, and stay paused when you confirm.",
        len(names),
        names=listed(names),
    )


@pages.route("/offers/<uuid:activity_id>/pause", methods=["GET", "POST"])
@access(KEEPERS)
def pause(activity_id: UUID) -> ResponseReturnValue:
    """Nobody new for now, until a date."""
    actor, offer = current_actor(), _offer(activity_id)
    back = _home(offer)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> date | None:
        if offered.offer(tx, actor, offer.id) is None:
            abort(404)
        until: date | None = None if given.get("how_long") == "open_end" else given.get("until")
        pause_activity(
            tx, actor, at, provider_id=offer.provider_id, activity_id=offer.id, until=until
        )
        return until

    def done(until: date | None) -> Next:
        if until is None:
            return Next(back, _("Paused. Nobody new is sent until you say so."))
        day = day_words(until, weekday=True)
        return Next(back, _("Paused. Nobody new is sent before %(day)s.", day=day))

    return answer(
        lambda form: page("offer_pause.jinja", form, offer=offer, back={"href": back}),
        act,
        done,
        schema=Pause(),
    )


@pages.post("/offers/<uuid:activity_id>/open")
@access(KEEPERS)
def take_new(activity_id: UUID) -> ResponseReturnValue:
    """New people again."""
    actor, offer = current_actor(), _offer(activity_id)

    def act(tx: Tx, at: datetime) -> None:
        if offered.offer(tx, actor, offer.id) is None:
            abort(404)
        open_again(tx, actor, at, provider_id=offer.provider_id, activity_id=offer.id)

    edge().perform(actor, act)
    flash(_("Open. Link workers can send new people from now."), "success")
    return redirect(_home(offer), 303)


@pages.post("/offers/confirm")
@access(Role.PROVIDER_LEADER)
def confirm() -> ResponseReturnValue:
    """Everything on the list is still right."""
    actor = current_actor()

    def say_so(tx: Tx, at: datetime) -> int:
        found = [o for o in offered.own_offers(tx, actor) if o.status != "closed"]
        for one in found:
            save_activity(
                tx,
                actor,
                at,
                provider_id=one.provider_id,
                values={"confirmed_at": at},
                activity_id=one.id,
            )
        return len(found)

    number = edge().perform(actor, say_so)
    words = ngettext("%(num)s activity confirmed.", "%(num)s activities confirmed.", number)
    flash(f"{words} {_('Look at them again in a month.')}", "success")
    return redirect("/offers", 303)


def _offer(activity_id: UUID) -> Offer:
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        return _there(tx, actor, str(activity_id))


def _asked(form: Form) -> list[str]:
    """The questions to ask about safety, one a line. Raises Refused when there are too many or one
    is too long."""
    lines = [" ".join(line.split()) for line in str(form.value("asks")).splitlines()]
    found = list(dict.fromkeys(line for line in lines if line))
    if len(found) > MOST_QUESTIONS or max(map(len, found), default=0) > SHORT:
        why = N_("Write at most five questions, each on a line of its own and in a few words.")
        raise wrong("activity", "save", field("asks", why))
    return found


def _details_page(title: str, back: str) -> Any:
    def draw(form: Form) -> str:
        return page(
            "offer.jinja",
            form,
            title=title,
            back={"href": back},
            statuses=labels.choices(STATUS_CHOICES),
        )

    return draw


@pages.route("/offers/add", methods=["GET", "POST"])
@access(Role.PROVIDER_LEADER)
def add_offer() -> ResponseReturnValue:
    """A new activity; then how many places there are."""
    actor = current_actor()
    with edge().reading(actor) as (tx, _at):
        provider_id = offered.provider_of(tx, actor)
    if provider_id is None:
        abort(404)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        def do() -> str:
            values = {n: v for n, v in given.items() if v is not None}
            values |= {"safety_questions": _asked(form), "confirmed_at": at}
            activity_id = save_activity(tx, actor, at, provider_id=provider_id, values=values)
            everyone = {"name": _("Everyone"), "capacity": 0}
            save_group(tx, actor, at, activity_id=activity_id, values=everyone)
            return activity_id

        return keyed(tx, actor, at, form, "offer.add", given, do)

    return answer(
        _details_page(_("Add an activity"), "/offers"),
        act,
        lambda made: Next("/offers", _("Added. Say how many places there are.")),
        schema=ChangeActivity(only=DETAILS),
        known={"status": "open"},
    )


@pages.route("/offers/<uuid:activity_id>", methods=["GET", "POST"])
@access(KEEPERS)
def change_offer(activity_id: UUID) -> ResponseReturnValue:
    """What is said about an activity, and whether it takes new people."""
    actor, offer = current_actor(), _offer(activity_id)
    back = _home(offer)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        return _details(_there(tx, actor, offer.id))

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        if offered.offer(tx, actor, offer.id) is None:
            abort(404)
        save_activity(
            tx,
            actor,
            at,
            provider_id=offer.provider_id,
            values={**given, "safety_questions": _asked(form), "confirmed_at": at},
            activity_id=offer.id,
        )

    return answer(
        _details_page(_("Change %(activity)s", activity=offer.name), back),
        act,
        lambda made: Next(back, _("Saved. Link workers see it from now.")),
        schema=ChangeActivity(only=DETAILS),
        known=_details(offer),
        kept=AsKept(
            "activity", read, lambda tx, at: changed(tx, actor, "activity_changed", offer.id)
        ),
    )


def _details(offer: Offer) -> dict[str, Any]:
    """What is said about an activity, as its form has it."""
    known = {name: getattr(offer, name) for name in DETAILS}
    return {**known, "asks": "\n".join(offer.safety_questions)}


def _there(tx: Tx, actor: Actor, activity_id: str) -> Offer:
    found = offered.offer(tx, actor, activity_id)
    if found is None:
        abort(404)
    return found


def _group_form(offer: Offer, group: Group | None) -> ResponseReturnValue:
    actor, back = current_actor(), _home(offer)

    def draw(form: Form) -> str:
        return page("offer_places.jinja", form, offer=offer, group=group, back={"href": back})

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        if offered.offer(tx, actor, offer.id) is None:
            abort(404)
        given["members_from_outside"] = given.get("members_from_outside") or 0
        known_id = group.id if group else None

        def do() -> str:
            return save_group(tx, actor, at, activity_id=offer.id, values=given, group_id=known_id)

        return keyed(tx, actor, at, form, f"group.save {offer.id} {known_id}", given, do)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        now = _there(tx, actor, offer.id).groups
        return next((_of_group(one) for one in now if group and one.id == group.id), {})

    def told(tx: Tx, at: datetime) -> list[dict[str, Any]]:
        return changed(tx, actor, "group_changed", group.id) if group else []

    return answer(
        draw,
        act,
        lambda made: Next(back, _("Places saved. Link workers see them from now.")),
        schema=SaveGroup(only=GROUP),
        known=_of_group(group) if group else {},
        kept=AsKept("activity_group", read, told) if group else None,
    )


def _of_group(group: Group) -> dict[str, Any]:
    return {name: getattr(group, name) for name in GROUP}


@pages.route("/offers/<uuid:activity_id>/places/<uuid:group_id>", methods=["GET", "POST"])
@access(KEEPERS)
def places(activity_id: UUID, group_id: UUID) -> ResponseReturnValue:
    """How many places a group has, and how many people come by another way."""
    offer = _offer(activity_id)
    group = next((g for g in offer.groups if g.id == str(group_id)), None)
    if group is None:
        abort(404)
    return _group_form(offer, group)


@pages.route("/offers/<uuid:activity_id>/places/add", methods=["GET", "POST"])
@access(KEEPERS)
def add_group(activity_id: UUID) -> ResponseReturnValue:
    """Another group of the same activity."""
    return _group_form(_offer(activity_id), None)

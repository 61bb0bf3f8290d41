"""Every referral one works with: narrowed by links and a form that is sent by GET, for nothing in
it names anybody."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, render_template, request

from referral.scopes import LEADS
from referral.states import TAKING_PART, ReferralState, Role
from referral.visible import Filters
from web import labels
from web.access import TEAM, access, current_actor
from web.app import edge
from web.keysets import after, pack
from web.say import _
from web.worklists import card
from workflows import reading

pages = Blueprint("referral_lists", __name__)

READERS = frozenset({*TEAM, *LEADS, Role.PROVIDER_LEADER})
HIDDEN_FROM_PROVIDER = (ReferralState.DRAFT, ReferralState.IN_ERROR)


def _states(role: Role) -> list[str]:
    hidden = HIDDEN_FROM_PROVIDER if role is Role.PROVIDER_LEADER else ()
    return [state for state in map(str, ReferralState) if state not in hidden]


@pages.get("/referrals")
@access(READERS)
def referrals() -> str:
    """All of them, the newest change first, or those that were asked for."""
    actor = current_actor()
    possible = _states(actor.role)
    chosen = [state for state in possible if state in request.args.getlist("state")]
    overdue = request.args.get("overdue") == "yes"
    mine = request.args.get("mine") == "yes" and actor.role is Role.LINK_WORKER
    filters = Filters(states=frozenset(chosen), overdue=overdue, mine=mine)
    with edge().reading(actor) as (tx, at):
        found, more = reading.referrals(tx, actor, at, filters, after(datetime, str))
        items = [card(one, actor, at) for one in found]
    asked: list[tuple[str, str]] = [("state", state) for state in chosen]
    asked += [("overdue", "yes")] if overdue else []
    asked += [("mine", "yes")] if mine else []
    return render_template(
        "referrals.jinja",
        heading=_("Referrals"),
        items=items,
        states=[(state, labels.state_tag("referral", state)["text"]) for state in possible],
        chosen=chosen,
        overdue=overdue,
        mine=mine,
        may_be_mine=actor.role is Role.LINK_WORKER,
        applied=_applied(asked),
        older=_to("/referrals", [*asked, ("after", pack(*more))]) if more else None,
        path="/referrals",
    )


@pages.get("/taking-part")
@access(Role.PROVIDER_LEADER)
def taking_part() -> str:
    """Those who have a place with the provider now."""
    actor = current_actor()
    filters = Filters(states=frozenset(map(str, TAKING_PART)))
    with edge().reading(actor) as (tx, at):
        found, more = reading.referrals(tx, actor, at, filters, after(datetime, str))
        items = [card(one, actor, at) for one in found]
    return render_template(
        "referrals.jinja",
        heading=_("People taking part"),
        items=items,
        states=[],
        older=_to("/taking-part", [("after", pack(*more))]) if more else None,
        path="/taking-part",
    )


def _to(path: str, asked: list[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(asked)}" if asked else path


def _applied(asked: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """What the list is narrowed to, each with the way to leave it out."""
    words = {"overdue": _("Overdue"), "mine": _("Mine")}
    return [
        {
            "text": words.get(name) or labels.state_tag("referral", value)["text"],
            "href": _to("/referrals", [one for one in asked if one != (name, value)]),
        }
        for name, value in asked
    ]

"""Finding activities, for nobody in particular; and a sheet about one, to print."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue

from referral import records
from referral.store import Tx
from web.access import TEAM, access, current_actor
from web.current import edge
from web.forms import page
from web.matching import Offer, offer, stale
from web.say import _
from web.wizard import (
    MOST_COMPARED,
    MOST_LOOKED_AT,
    PER_PAGE,
    changed_address,
    ids_said,
    looking,
    next_after,
    with_records,
)
from web.words import day_words
from workflows.engine import NOT_FOUND, Refused
from workflows.working_time import local_day

pages = Blueprint("activities", __name__)


@pages.get("/activities")
@access(TEAM)
def find() -> ResponseReturnValue:
    """What is open to new people: what was confirmed lately first, then by name."""
    actor = current_actor()
    wanted, after, comparing = looking(), next_after(), ids_said("compare")[:MOST_COMPARED]
    with edge().reading(actor) as (tx, at):
        seen = records.activities(
            tx, actor, at, actor.organisation_id, wanted.words, "", MOST_LOOKED_AT
        )
        found = [offer(one, at) for one in seen if one.places_left > 0 or not wanted.places]
        compared = _these(tx, at, comparing)
        found.sort(key=lambda o: (bool(o.refused), stale(o.seen, at), o.seen.name, o.group_id))
        start = next((n for n, o in enumerate(found, 1) if o.group_id == after), 0)
        shown = with_records(tx, found[start : start + PER_PAGE])
        lead = None if shown else records.place_lead(tx, actor, at)
    more = changed_address({"after": shown[-1].group_id}) if found[start + PER_PAGE :] else ""
    return page(
        "activities/find.jinja",
        offers=shown,
        count=len(found),
        wanted=wanted,
        more=more,
        lead=lead,
        compared=compared,
        compare=lambda one: changed_address({"compare": [*comparing, one]}),
        compare_none=changed_address({"compare": ""}),
        comparing=urlencode([("group", one) for one in comparing]),
        full=len(comparing) >= MOST_COMPARED,
    )


def _these(tx: Tx, at: datetime, group_ids: list[str]) -> list[Offer]:
    """The activities of these groups that are there for the actor, in that order."""
    actor = current_actor()
    found = (records.group(tx, actor, at, actor.organisation_id, one) for one in group_ids)
    return [offer(one, at) for one in found if one is not None]


@pages.get("/activities/compare")
@access(TEAM)
def compare() -> ResponseReturnValue:
    """Up to three activities side by side, for nobody in particular."""
    wanted = ids_said("group")[:MOST_COMPARED]
    with edge().reading(current_actor()) as (tx, at):
        offers = with_records(tx, _these(tx, at, wanted))
    kept = urlencode([("compare", one.group_id) for one in offers])
    return page(
        "activities/compare.jinja",
        offers=offers,
        back={
            "href": f"/activities?{kept}" if kept else "/activities",
            "text": _("Back to the activities"),
        },
    )


@pages.get("/activities/<uuid:activity_id>/sheet")
@access(TEAM)
def sheet(activity_id: UUID) -> ResponseReturnValue:
    """One page about an activity to print for somebody: nothing about anybody stands on it."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        found = records.ranked(tx, actor, at, actor.organisation_id, [str(activity_id)])
        phone = records.phone_of(tx, actor)
        day = day_words(local_day(at))
    if not found:
        raise Refused([NOT_FOUND], noun="activity", trigger="read", record_id=str(activity_id))
    return page(
        "activities/sheet.jinja",
        a=found[0],
        worker=actor.name,
        phone=phone,
        day=day,
        old=stale(found[0], at),
    )

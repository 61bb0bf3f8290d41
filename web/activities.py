"""Finding activities, for nobody in particular; and a sheet about one, to print."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint
from flask.typing import ResponseReturnValue

from referral import records
from web.access import TEAM, access, current_actor
from web.current import edge
from web.forms import page
from web.matching import offer, stale
from web.wizard import (
    MOST_LOOKED_AT,
    PER_PAGE,
    changed_address,
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
    wanted, after = looking(), next_after()
    with edge().reading(actor) as (tx, at):
        seen = records.activities(
            tx, actor, at, actor.organisation_id, wanted.words, "", MOST_LOOKED_AT
        )
        found = [offer(one, at) for one in seen if one.places_left > 0 or not wanted.places]
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

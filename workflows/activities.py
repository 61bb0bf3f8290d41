"""Providers and activities: what is offered, by whom, and how many places there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from referral import offered
from referral.actors import Actor
from referral.audit import log
from referral.clocks import member_key, role_key
from referral.ids import new_id
from referral.rows import bump, change, put
from referral.states import Noun, Role
from referral.store import Sql, Tx
from workflows.letters import tell
from workflows.moves import N_
from workflows.organisations import ORGANISATION, SETTERS, over_place
from workflows.rules import field, missing, require, wrong
from workflows.working_time import local_day

TIERS = ("sole_artist", "small_group", "larger")
PROVIDER = Sql(
    "SELECT p.id, p.organisation_id, l.path FROM provider p"
    " JOIN organisation o ON o.id = p.organisation_id JOIN place l ON l.id = o.place_id"
    " WHERE p.id = :id AND p.system_id = :system_id"
)
PROVIDER_OF = Sql("SELECT id FROM provider WHERE organisation_id = :organisation_id")
ACTIVITY = Sql(
    "SELECT a.provider_id, p.organisation_id, l.path, a.status FROM activity a"
    " JOIN provider p ON p.id = a.provider_id"
    " JOIN organisation o ON o.id = p.organisation_id JOIN place l ON l.id = o.place_id"
    " WHERE a.id = :id AND a.system_id = :system_id"
)
GROUP = Sql(
    "SELECT g.taken, g.members_from_outside, g.capacity FROM activity_group g"
    " WHERE g.id = :id AND g.activity_id = :activity_id AND g.system_id = :system_id"
)
FIELDS = (
    "name",
    "description",
    "status",
    "paused_until",
    "location",
    "postcode",
    "when_words",
    "cost_words",
    "access_words",
    "getting_there",
    "contact_words",
    "url",
    "minimum_age",
    "maximum_age",
    "safety_questions",
    "details",
    "confirmed_at",
)


def add_provider(
    tx: Tx, actor: Actor, at: datetime, *, organisation_id: str, tier: str = "small_group"
) -> str:
    """Make an organisation a provider; if it is one already, its id. By who sets the stage in its
    place."""
    require(actor, SETTERS, "provider", "add")
    organisation = tx.row(ORGANISATION, id=organisation_id, system_id=actor.system_id)
    if organisation is None:
        raise missing("organisation", "provider")
    over_place(actor, organisation[1], "organisation", "provider")
    if tier not in TIERS:
        raise wrong("provider", "add", field("tier", N_("Choose the size of the provider.")))
    found = tx.row(PROVIDER_OF, organisation_id=organisation_id)
    if found is not None:
        return str(found[0])
    provider_id = new_id(at)
    put(
        tx,
        "provider",
        {
            "id": provider_id,
            "system_id": actor.system_id,
            "organisation_id": organisation_id,
            "gate": 0,
            "tier": tier,
            "created_at": at,
        },
    )
    log(tx, actor, at, "provider_added", "provider", provider_id, {"tier": tier})
    return provider_id


def _own(actor: Actor, organisation_id: str, path: str, noun: str) -> None:
    """A leader keeps what their own organisation offers; who sets the stage, what lies in the
    place they answer for."""
    if actor.role is not Role.PROVIDER_LEADER:
        over_place(actor, path, noun, "save")
    elif actor.organisation_id != organisation_id:
        raise missing(noun, "save")


def save_activity(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    provider_id: str,
    values: Mapping[str, Any],
    activity_id: str | None = None,
) -> str:
    """Add an activity, or change one. By the provider's own leaders, or who sets the stage in its
    place."""
    require(actor, (*SETTERS, Role.PROVIDER_LEADER), "activity", "save")
    provider = tx.row(PROVIDER, id=provider_id, system_id=actor.system_id)
    if provider is None:
        raise missing("provider", "activity")
    _own(actor, provider[1], provider[2], "activity")
    row = {c: values[c] for c in FIELDS if c in values}
    if (activity_id is None or "name" in row) and not str(row.get("name") or "").strip():
        raise wrong("activity", "save", field("name", N_("Enter the name of the activity.")))
    if row.get("status") not in (None, "paused"):
        row["paused_until"] = None
    if activity_id is not None:
        known = tx.row(ACTIVITY, id=activity_id, system_id=actor.system_id)
        if known is None or known[0] != provider_id:
            raise missing("activity", "save")
        bump(tx, "provider", provider_id)
        change(tx, "activity", activity_id, {**row, "updated_at": at})
        log(tx, actor, at, "activity_changed", "activity", activity_id, {"fields": sorted(row)})
        if (known[3], row.get("status")) == ("paused", "open"):
            _tell_open(tx, actor, at, activity_id, provider[1])
        return activity_id
    new = new_id(at)
    put(
        tx,
        "activity",
        {
            **{"status": "open", **row},
            "id": new,
            "system_id": actor.system_id,
            "provider_id": provider_id,
            "created_at": at,
            "updated_at": at,
        },
    )
    log(tx, actor, at, "activity_added", "activity", new)
    return new


def _tell_open(tx: Tx, actor: Actor, at: datetime, activity_id: str, organisation_id: str) -> None:
    """A pause is over: each link worker whose person was meant to come hears it; its leaders too,
    unless one of them ended it."""
    if actor.role is not Role.PROVIDER_LEADER:
        to = role_key(Role.PROVIDER_LEADER, organisation_id)
        for assurance in offered.assurance_of(tx, activity_id):
            tell(tx, actor.system_id, at, to, "takes_new_people", Noun.ASSURANCE, assurance)
    for referral_id, link_worker in offered.meant_for(tx, actor, activity_id):
        to = member_key(link_worker)
        tell(tx, actor.system_id, at, to, "activity_open_again", Noun.REFERRAL, referral_id)


def pause_activity(
    tx: Tx, actor: Actor, at: datetime, *, provider_id: str, activity_id: str, until: date | None
) -> None:
    """Nobody new from now until this day, or until somebody says so. Those who have a place keep
    it, and who was referred before is still answered."""
    if until is not None and until <= local_day(at):
        raise wrong("activity", "pause", field("until", N_("The date must be in the future.")))
    values = {"status": "paused", "paused_until": until}
    save_activity(tx, actor, at, provider_id=provider_id, values=values, activity_id=activity_id)


def open_again(tx: Tx, actor: Actor, at: datetime, *, provider_id: str, activity_id: str) -> None:
    """New people again: because somebody says so, or because the day has come."""
    save_activity(
        tx, actor, at, provider_id=provider_id, values={"status": "open"}, activity_id=activity_id
    )


def save_group(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    activity_id: str,
    values: Mapping[str, Any],
    group_id: str | None = None,
) -> str:
    """Add or change a cohort: name, capacity, members_from_outside, starts_on, ends_on, breaks.

    Raises Refused when there would be fewer places than people who have one, whichever way they
    came."""
    require(actor, (*SETTERS, Role.PROVIDER_LEADER), "activity_group", "save")
    activity = tx.row(ACTIVITY, id=activity_id, system_id=actor.system_id)
    if activity is None:
        raise missing("activity", "group")
    _own(actor, activity[1], activity[2], "activity")
    wanted = {
        c: values[c]
        for c in ("name", "capacity", "members_from_outside", "starts_on", "ends_on", "breaks")
        if c in values
    }
    for name in ("capacity", "members_from_outside"):
        if int(wanted.get(name) or 0) < 0:
            raise wrong("activity_group", "save", field(name, N_("Enter 0 or a larger number.")))
    start, end = wanted.get("starts_on"), wanted.get("ends_on")
    if start and end and end < start:
        raise wrong(
            "activity_group", "save", field("ends_on", N_("The end must be after the start."))
        )
    if group_id is not None:
        # The gate first: whoever accepts now is waited for, and their place is counted below.
        bump(tx, "provider", activity[0])
        known = tx.row(GROUP, id=group_id, activity_id=activity_id, system_id=actor.system_id)
        if known is None:
            raise missing("activity_group", "save")
        _room_for_all(wanted, *known)
        change(tx, "activity_group", group_id, wanted)
        log(tx, actor, at, "group_changed", "activity_group", group_id)
        return group_id
    _room_for_all(wanted)
    new = new_id(at)
    put(
        tx,
        "activity_group",
        {
            "name": wanted.get("name") or N_("Everyone"),
            "capacity": int(wanted.get("capacity") or 0),
            "taken": 0,
            "members_from_outside": int(wanted.get("members_from_outside") or 0),
            "starts_on": start,
            "ends_on": end,
            "breaks": wanted.get("breaks"),
            "id": new,
            "system_id": actor.system_id,
            "activity_id": activity_id,
        },
    )
    log(tx, actor, at, "group_added", "activity_group", new)
    return new


def _room_for_all(
    wanted: Mapping[str, Any], taken: int = 0, outside: int = 0, capacity: int = 0
) -> None:
    """What is said of the places must hold everybody who has one. A group that is too full already
    may still be given another name."""
    if "capacity" not in wanted and "members_from_outside" not in wanted:
        return
    places = int(wanted.get("capacity", capacity) or 0)
    elsewhere = int(wanted.get("members_from_outside", outside) or 0)
    if places < taken + elsewhere:
        name = "capacity" if "capacity" in wanted else "members_from_outside"
        raise wrong(
            "activity_group",
            "save",
            field(
                name,
                N_("More people than this have a place already."),
                N_("Count those who came another way too."),
            ),
        )

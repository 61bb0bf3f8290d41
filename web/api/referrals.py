"""Referrals: begin, change while a draft, read what may be read, and every move."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

from referral import facts, lists
from referral.audit import log
from referral.keys import parsed
from referral.states import Noun, ReferralState, Role
from referral.store import Tx
from web.access import TEAM
from web.api.accountability import add_accountability
from web.api.answers import StepShown, of_done, words
from web.api.documents import add_documents
from web.api.door import (
    ETAG,
    IF_MATCH,
    REPEAT_KEY,
    Blueprint,
    asker,
    for_roles,
    repeat_key,
    seen_version,
)
from web.api.messages import add_messages
from web.api.moves import add_moves, moved
from web.api.paging import asked, listed, page
from web.api.scores import add_scores
from web.current import edge
from web.schemas.base import Nothing
from web.schemas.holds import PlaceHold
from web.schemas.referrals import BeginReferral, ChangeDraft, RecordAttendance
from workflows import disclosure
from workflows.disclosure import Situation
from workflows.engine import NOT_FOUND, STALE, TABLES, Done, Refused
from workflows.holds import holds_on, lift_hold, place_hold
from workflows.named import check_named
from workflows.reading import situations
from workflows.referrals import begin_referral, change_draft, record_attendance
from workflows.rules import once

api = Blueprint("referrals", "One person, one provider, one activity.")
ROLES = TEAM | {
    Role.PROVIDER_LEADER,
    Role.GOVERNANCE_LEAD,
    Role.SAFEGUARDING_LEAD,
    Role.ACCOUNTABLE_OFFICER,
}
LEADER = frozenset({Role.PROVIDER_LEADER})


class Named(Schema):
    """A record that is named beside another."""

    id = fields.UUID(allow_none=True)
    name = fields.String()


class Came(Schema):
    """Whether the person came, on one day."""

    day = fields.Date()
    came = words("came", "came, did_not_come, told_us or late.")


class Outcome(Schema):
    """How it went."""

    outcome = fields.String()
    goals_met = fields.String()
    goals = fields.List(fields.String(), metadata={"description": "Of each goal, in their order."})
    what_next = fields.String()


class ReferralInList(Schema):
    """A referral in a list. What isn't shown to you is left out."""

    id = fields.UUID()
    reference = words("SG-7K4Q-2M", "The reference people say aloud.")
    version = fields.Integer()
    state = words("sent", "Where it is now.")
    since = fields.AwareDateTime(metadata={"description": "When it came there."})
    urgent = fields.Boolean()
    sent_at = fields.AwareDateTime(allow_none=True)
    completed_at = fields.AwareDateTime(allow_none=True)
    provider = fields.Nested(Named)
    activity = fields.Nested(Named)
    group = fields.Nested(Named)
    link_worker = fields.Nested(Named)
    team = fields.Nested(Named)
    team_phone = fields.String(allow_none=True)
    person_id = fields.UUID(metadata={"description": "Only within the team that holds them."})
    first_name = fields.String()
    name = fields.String()
    age_band = fields.String(allow_none=True)
    area = fields.String(allow_none=True)
    held = words(
        "On hold. Call the link worker's team before any contact.",
        "The sentence of a hold, the same for every cause.",
    )


class ReferralShown(ReferralInList):
    """A referral. Which fields there are depends on role, stage, consent, agreement and hold; what
    isn't shown to you is left out."""

    age = fields.Integer(allow_none=True)
    birth_date = fields.Date(allow_none=True)
    nhs_number = fields.String(allow_none=True)
    no_nhs_number = fields.String(allow_none=True)
    practice = fields.String(allow_none=True)
    died_on = fields.Date(allow_none=True)
    died_about = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    email = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    postcode = fields.String(allow_none=True)
    contact_method = fields.String(allow_none=True)
    contact_times = fields.String(allow_none=True)
    through_name = fields.String(allow_none=True)
    through_phone = fields.String(allow_none=True)
    message_safe = fields.Boolean(allow_none=True)
    language = fields.String(allow_none=True)
    interpreter = fields.Boolean(allow_none=True)
    access_needs = fields.String(allow_none=True)
    emergency_contact = fields.String(allow_none=True)
    what_matters = fields.String(allow_none=True)
    goals = fields.List(fields.String())
    needs = fields.List(fields.String())
    access = fields.String(allow_none=True)
    risks = fields.String(allow_none=True)
    safety_notes = fields.String(allow_none=True)
    safety_answers = fields.Dict(keys=fields.String(), allow_none=True)
    call_before = fields.Boolean()
    reason = fields.String(allow_none=True)
    expected_date = fields.Date(allow_none=True)
    paused_until = fields.Date(allow_none=True)
    contacted_at = fields.AwareDateTime(allow_none=True)
    attendance = fields.List(fields.Nested(Came))
    outcome = fields.Nested(Outcome, allow_none=True)
    alternatives = fields.List(fields.UUID(), allow_none=True)
    redirected_from = fields.UUID(allow_none=True)
    redirected_to = fields.UUID(allow_none=True)
    consent = fields.UUID(
        allow_none=True, metadata={"description": "The consent in force for this provider."}
    )


# -- what is shown ------------------------------------------------------------------------------


def _plan(row: Mapping[str, Any]) -> dict[str, Any]:
    """What is shared of the plan: the copy that was sent, or before that the plan as it is."""
    if row["shared"]:
        return parsed(row["shared"]) or {}
    return {
        "what_matters": row["plan_what_matters"],
        "goals": row["plan_goals"] or [],
        "needs": row["plan_needs"] or [],
        "access": row["plan_access"],
    }


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with the names that disclosure goes by."""
    return {
        **row,
        **_plan(row),
        "provider": {"id": row["provider_id"], "name": row["provider_name"]},
        "activity": {"id": row["activity_id"], "name": row["activity_name"]},
        "group": {"id": row["group_id"], "name": row["group_name"]},
        "link_worker": {"id": row["link_worker_id"], "name": row["link_worker_name"]},
        "team": {"id": row["organisation_id"], "name": row["organisation_name"]},
        "team_phone": row["organisation_phone"],
        "safety_answers": parsed(row["safety_answers"]),
    }


def shown(row: Mapping[str, Any], situation: Situation) -> dict[str, Any] | None:
    """What this actor sees of a referral; None: nothing."""
    names = disclosure.fields(situation)
    if not names:
        return None
    found = disclosure.shown(_record(row), situation)
    found |= {"id": row["id"], "version": row["version"]}
    if "nhs_number" in names:
        found["person_id"] = row["person_id"]
    return found


def _items(tx: Tx, at: datetime, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known = situations(tx, asker(), at, [row["id"] for row in rows])
    found = [shown(row, known[row["id"]]) for row in rows if row["id"] in known]
    return [item for item in found if item is not None]


# -- the routes ---------------------------------------------------------------------------------


@api.route("")
@for_roles(ROLES)
@api.arguments(
    asked(
        "referrals",
        tuple(ReferralState),
        ids=("person_id", "provider_id", "activity_id", "link_worker_id"),
    ),
    location="query",
)
@api.response(200, listed("Referrals", ReferralInList))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """Referrals within your scope, the newest first"""
    return page(Noun.REFERRAL, given, _items)


@api.route("", methods=["POST"])
@for_roles(TEAM)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(BeginReferral)
@api.response(201, StepShown, headers=ETAG)
def begin(given: dict[str, Any]) -> Response:
    """Begin a referral: a draft"""
    actor, key = asker(), repeat_key()

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        check_named(tx, actor, at, Noun.REFERRAL, None, "create", given)
        who = {"person_id": given["person_id"], "group_id": given["group_id"]}
        values = {n: v for n, v in given.items() if n not in who}
        return of_done(begin_referral(tx, actor, at, **who, values=values))

    said = edge().perform(
        actor,
        lambda tx, at: once(tx, actor, key, "referral.create", given, at, lambda: do(tx, at)),
    )
    response = moved(said, 201)
    response.headers["Location"] = f"/api/v1/referrals/{said['id']}"
    return response


@api.route("/<uuid:record_id>")
@for_roles(ROLES)
@api.response(200, ReferralShown, headers=ETAG)
def one(record_id: UUID) -> Any:
    """Read a referral"""
    actor, found = asker(), str(record_id)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        f = facts.referral(tx, found, actor, at)
        row = lists.one(tx, Noun.REFERRAL, actor, at, found)
        known = situations(tx, actor, at, [found])
        hidden = Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="read", record_id=found)
        if f is None or row is None or found not in known:
            raise hidden
        row |= {"attendance": lists.attendance(tx, actor, found), "consent": f.consent_id}
        seen = shown(row, known[found])
        if seen is None:
            raise hidden
        log(tx, actor, at, "read", "referral", found, subject=f.subject_ref)
        return seen

    seen = edge().look(actor, read)
    return seen, 200, {"ETag": f'"{seen["version"]}"'}


@api.route("/<uuid:record_id>", methods=["PATCH"])
@for_roles(TEAM)
@api.doc(parameters=IF_MATCH)
@api.arguments(ChangeDraft(partial=True))
@api.response(200, StepShown, headers=ETAG)
def change(given: dict[str, Any], record_id: UUID) -> Response:
    """Change what a draft says: only what is sent is changed"""
    actor, found, version = asker(), str(record_id), seen_version()

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        f = facts.referral(tx, found, actor, at)
        if f is not None and version is not None and f.version != version:
            raise Refused([STALE], noun=Noun.REFERRAL, trigger="change", record_id=found)
        change_draft(tx, actor, at, found, given)
        if f is None or f.state is None:
            raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="change", record_id=found)
        return of_done(Done(Noun.REFERRAL, found, f.state, f.version, f.reference))

    return moved(edge().perform(actor, do))


@api.route("/<uuid:record_id>/attendance", methods=["POST"])
@for_roles(LEADER)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(RecordAttendance)
@api.response(200, StepShown, headers=ETAG)
def attendance(given: dict[str, Any], record_id: UUID) -> Response:
    """Say whether the person came, on one day"""
    actor, key, found = asker(), repeat_key(), str(record_id)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        return once(
            tx,
            actor,
            key,
            "referral.attendance",
            {"id": found, **given},
            at,
            lambda: of_done(
                record_attendance(
                    tx,
                    actor,
                    at,
                    found,
                    day=given["day"],
                    came=given["came"],
                    why=given.get("why"),
                )
            ),
        )

    return moved(edge().perform(actor, do))


class HoldShown(Schema):
    """An ordinary hold that you may lift."""

    id = fields.UUID()
    cause = words("hospital", "Why it stands still.")
    started = fields.AwareDateTime()
    until = fields.AwareDateTime()
    closed_to = fields.String(allow_none=True)
    owner_name = fields.String()


class HoldsShown(Schema):
    """The ordinary holds of a referral."""

    items = fields.List(fields.Nested(HoldShown))


class HoldPlaced(Schema):
    """The id of a hold, to lift it by."""

    id = fields.UUID()


PLACERS = TEAM | LEADER


@api.route("/<uuid:record_id>/holds")
@for_roles(ROLES)
@api.response(200, HoldsShown)
def holds(record_id: UUID) -> dict[str, Any]:
    """The ordinary holds you may lift. Every other hold reads the same: `held` of the referral"""
    actor, found = asker(), str(record_id)
    with edge().reading(actor) as (tx, at):
        f = facts.referral(tx, found, actor, at)
        if f is None or not TABLES[Noun.REFERRAL].hats(f, actor):
            raise Refused([NOT_FOUND], noun=Noun.REFERRAL, trigger="read", record_id=found)
        return {"items": [h._asdict() for h in holds_on(tx, actor, f)]}


@api.route("/<uuid:record_id>/holds", methods=["POST"])
@for_roles(PLACERS)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(PlaceHold)
@api.response(201, HoldPlaced)
def place(given: dict[str, Any], record_id: UUID) -> Any:
    """Keep a referral still until a day, at most 20 working days from now"""
    actor, key, found = asker(), repeat_key(), str(record_id)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        return {"id": place_hold(tx, actor, at, referral_id=found, **given)}

    said = edge().perform(
        actor,
        lambda tx, at: once(
            tx, actor, key, "hold.place", {"id": found, **given}, at, lambda: do(tx, at)
        ),
    )
    return {"id": said["id"]}, 201


@api.route("/<uuid:record_id>/holds/<uuid:hold_id>/lift", methods=["POST"])
@for_roles(PLACERS)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(Nothing)
@api.response(200, HoldsShown)
def lift(given: dict[str, Any], record_id: UUID, hold_id: UUID) -> dict[str, Any]:
    """Lift one hold; what is left is in the answer"""
    actor, key, found = asker(), repeat_key(), str(record_id)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        lift_hold(tx, actor, at, referral_id=found, hold_id=str(hold_id))
        return {"lifted": str(hold_id)}

    def perform(tx: Tx, at: datetime) -> dict[str, Any]:
        body = {"id": found, "hold": str(hold_id)}
        once(tx, actor, key, "hold.lift", body, at, lambda: do(tx, at))
        f = facts.referral(tx, found, actor, at)
        return {"items": [h._asdict() for h in holds_on(tx, actor, f)] if f is not None else []}

    return edge().perform(actor, perform)


add_moves(api, Noun.REFERRAL, roles=ROLES)
add_accountability(api, Noun.REFERRAL, roles=ROLES)
add_messages(api, readers=ROLES, writers=PLACERS)
add_documents(api, readers=ROLES, writers=PLACERS)
add_scores(api, roles=TEAM)

"""People: add one, find whether they are here already, read, change, and what matters to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, jsonify
from marshmallow import Schema, ValidationError, fields, validates_schema

from referral import capacity, lists, records
from referral import people_checks as checks
from referral.actors import Actor
from referral.audit import log
from referral.store import Tx
from web.access import TEAM
from web.api.answers import RefusalShown, Saved, of_refusal, words
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
from web.api.paging import asked, listed, page
from web.api.problems import Problem
from web.api.relationships import add_relationships
from web.current import edge
from web.looks import read as read_looks
from web.schemas import Command
from web.schemas.capacity import AssessCapacity
from web.schemas.fields import BirthDate, Checked, Number, Text
from web.schemas.people import (
    AddPerson,
    ChangePerson,
    MergePeople,
    MoveAway,
    RecordDeath,
    SavePlan,
)
from workflows import disclosure
from workflows.capacity import assess_capacity
from workflows.deaths import death_preview, record_death
from workflows.engine import NOT_FOUND, STALE, Refused
from workflows.guards import HELD
from workflows.merges import merge_people, merge_preview
from workflows.moves import N_
from workflows.moving import move_away
from workflows.people import (
    add_person,
    change_person,
    find_by_nhs_number,
    find_same,
    save_plan,
)
from workflows.rules import once

api = Blueprint("people", "People who are supported, within the team that holds them.")


class PersonInList(Schema):
    """A person in a list."""

    id = fields.UUID()
    reference = words("SG-7K4Q-2M", "The reference people say aloud.")
    version = fields.Integer()
    name = fields.String()
    first_name = fields.String()
    birth_date = fields.Date(allow_none=True)
    died_on = fields.Date(allow_none=True)
    died_about = fields.String(
        allow_none=True,
        metadata={
            "description": "month: only the month of died_on is known. not_known: not even that."
        },
    )
    held = words("On hold.", "The sentence of a hold.")


class PersonShown(PersonInList):
    """A person. What isn't shown to you is left out."""

    given_name = fields.String()
    family_name = fields.String()
    age = fields.Integer(allow_none=True)
    nhs_number = fields.String(allow_none=True)
    no_nhs_number = fields.String(allow_none=True)
    practice = fields.String(allow_none=True)
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


class PersonSaved(Schema):
    """A person that was added or changed."""

    id = fields.UUID()
    reference = fields.String()
    version = fields.Integer()
    replayed = fields.Boolean()


class PlanShown(Schema):
    """What matters to a person, in their words."""

    id = fields.UUID()
    what_matters = fields.String(allow_none=True)
    goals = fields.List(fields.String())
    needs = fields.List(fields.String())
    access = fields.String(allow_none=True)
    created_at = fields.AwareDateTime()


class PlansShown(Schema):
    """The plans of a person, the newest first."""

    items = fields.List(fields.Nested(PlanShown))


class LooksAsked(Command):
    """Which looks."""

    before = Number(metadata={"description": "The `next` of the page before."}, most=2**62)


class LookShown(Schema):
    """What somebody looked at on one day, and why."""

    day = fields.Date()
    role = words("link_worker", "In which role.")
    organisation = fields.String(allow_none=True)
    name = fields.String(allow_none=True)
    why = words("care", "care, own, oversight, audit, administration or emergency.")
    times = fields.Integer()


class LooksShown(Schema):
    """Who looked, the newest first."""

    items = fields.List(fields.Nested(LookShown))
    next = fields.Integer(allow_none=True)


class FindPerson(Command):
    """Who it may be: by NHS number, or by name and date of birth. Sent in the body, for names and
    numbers don't belong in an address."""

    nhs_number = Checked(checks.nhs_number)
    given_name = Text()
    family_name = Text()
    birth_date = BirthDate()

    @validates_schema
    def enough(self, data: dict[str, Any], **more: Any) -> None:
        named = data.get("given_name") and data.get("family_name") and data.get("birth_date")
        if not data.get("nhs_number") and not named:
            raise ValidationError(
                N_("Enter an NHS number, or a name and a date of birth."), "nhs_number"
            )


class PeopleFound(Schema):
    """Who it may be, of your own team's people."""

    items = fields.List(fields.Nested(PersonInList))


def _shown(tx: Tx, actor: Actor, at: datetime, row: Mapping[str, Any]) -> dict[str, Any]:
    closed, held = lists.closed(tx, actor, row["id"])
    found = disclosure.shown_person(row, actor.role, at, closed, held)
    names = {"given_name", "family_name"} if "name" in found else set()
    return {**found, **{n: row[n] for n in names}, "id": row["id"], "version": row["version"]}


def _items(tx: Tx, at: datetime, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_shown(tx, asker(), at, row) for row in rows]


def _missing(what: str) -> Refused:
    return Refused([NOT_FOUND], noun="person", trigger=what, record_id=None)


@api.route("")
@for_roles(TEAM)
@api.arguments(asked("people", reference=Text()), location="query")
@api.response(200, listed("People", PersonInList))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """The people of your team, the newest first"""
    return page(lists.PERSON, given, _items)


@api.route("/find", methods=["POST"])
@for_roles(TEAM)
@api.arguments(FindPerson)
@api.response(200, PeopleFound)
def find(given: dict[str, Any]) -> dict[str, Any]:
    """Find whether a person is here already, before adding them"""
    actor = asker()

    def look(tx: Tx, at: datetime) -> dict[str, Any]:
        ids: list[str] = []
        if given.get("nhs_number"):
            same = find_by_nhs_number(tx, actor, at, given["nhs_number"])
            ids = [same] if same else []
        if not ids and given.get("birth_date") and given.get("family_name"):
            first, last = given.get("given_name") or "", given["family_name"]
            ids = [row[0] for row in find_same(tx, actor, first, last, given["birth_date"])]
        rows = [lists.one(tx, lists.PERSON, actor, at, i) for i in ids]
        found = [row for row in rows if row is not None]
        log(
            tx,
            actor,
            at,
            "looked_for",
            "person",
            None,
            {"ids": {"person": [row["id"] for row in found]}},
        )
        return {"items": _items(tx, at, found)}

    return edge().look(actor, look)


@api.route("", methods=["POST"])
@for_roles(TEAM)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(AddPerson)
@api.response(201, PersonSaved, headers=ETAG)
def add(given: dict[str, Any]) -> Response:
    """Add a person to your team's"""
    actor, key = asker(), repeat_key()
    said = edge().perform(actor, lambda tx, at: add_person(tx, actor, at, given, key))
    return _saved({"version": 1, "replayed": False, **said}, 201)


def _saved(said: Mapping[str, Any], status: int) -> Response:
    response = jsonify(dict(said))
    response.status_code = status
    response.headers["ETag"] = f'"{said["version"]}"'
    if status == 201:
        response.headers["Location"] = f"/api/v1/people/{said['id']}"
    return response


@api.route("/<uuid:record_id>")
@for_roles(TEAM)
@api.response(200, PersonShown, headers=ETAG)
def one(record_id: UUID) -> Any:
    """Read a person's record. Each reading is written in the audit log"""
    actor, found = asker(), str(record_id)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        row = lists.one(tx, lists.PERSON, actor, at, found)
        if row is None:
            raise _missing("read")
        log(tx, actor, at, "read", "person", None, subject=lists.subject(tx, actor, found))
        return _shown(tx, actor, at, row)

    seen = edge().look(actor, read)
    return seen, 200, {"ETag": f'"{seen["version"]}"'}


@api.route("/<uuid:record_id>", methods=["PATCH"])
@for_roles(TEAM)
@api.doc(parameters=IF_MATCH)
@api.arguments(ChangePerson(partial=True))
@api.response(200, PersonSaved, headers=ETAG)
def change(given: dict[str, Any], record_id: UUID) -> Response:
    """Change what is known about a person: only what is sent is changed"""
    actor, found, version = asker(), str(record_id), seen_version()

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        _open_to(tx, actor, at, found, "change")
        after = change_person(tx, actor, at, found, given, version)
        row = lists.one(tx, lists.PERSON, actor, at, found)
        if row is None:
            raise _missing("change")
        return {"id": found, "reference": row["reference"], "version": after, "replayed": False}

    try:
        return _saved(edge().perform(actor, do), 200)
    except Refused as refused:
        if "stale" not in refused.codes:
            raise
        with edge().reading(actor) as (tx, at):
            row = lists.one(tx, lists.PERSON, actor, at, found)
        headers = {} if row is None else {"ETag": f'"{row["version"]}"'}
        raise Problem(412, STALE, headers=headers, changed=[]) from None


def _open_to(tx: Tx, actor: Actor, at: datetime, person_id: str, what: str) -> None:
    """A full hold closes the record to this actor: they change nothing in it."""
    if lists.one(tx, lists.PERSON, actor, at, person_id) is None:
        raise _missing(what)
    if lists.closed(tx, actor, person_id)[0]:
        raise Refused([HELD], noun="person", trigger=what, record_id=None)


@api.route("/<uuid:record_id>/looks")
@for_roles(TEAM)
@api.arguments(LooksAsked, location="query")
@api.response(200, LooksShown)
def looks(given: dict[str, Any], record_id: UUID) -> dict[str, Any]:
    """Who has looked at a person's record, as the person is told

    By day, role and organisation. Readings of what is kept about safety, and by those who keep
    people safe, are never among them. `before` is the `next` of the page before."""
    actor, found = asker(), str(record_id)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        p = records.person(tx, actor, at, found)
        if p is None or p.closed_to_actor:
            raise _missing("read")
        shown = read_looks(tx, at, p, actor.system_id, given.get("before"))
        log(tx, actor, at, "read", "person", None, subject=p.subject_ref)
        return {"items": [vars(one) for one in shown.lines], "next": shown.older}

    return edge().perform(actor, read)


@api.route("/<uuid:record_id>/plans")
@for_roles(TEAM)
@api.alt_response(409, "Problem409")
@api.response(200, PlansShown)
def plans(record_id: UUID) -> dict[str, Any]:
    """What matters to the person: their plans, the newest first"""
    actor, found = asker(), str(record_id)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        _open_to(tx, actor, at, found, "read")
        log(tx, actor, at, "read", "plan", None, subject=lists.subject(tx, actor, found))
        return {"items": lists.plans(tx, actor, found)}

    return edge().look(actor, read)


@api.route("/<uuid:record_id>/plans", methods=["POST"])
@for_roles(TEAM)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(SavePlan)
@api.response(201, Saved)
def add_plan(given: dict[str, Any], record_id: UUID) -> dict[str, Any]:
    """Save a plan: what matters, goals, needs"""
    actor, key, found = asker(), repeat_key(), str(record_id)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        _open_to(tx, actor, at, found, "plan")
        body = {"person_id": found, **given}
        return once(
            tx,
            actor,
            key,
            "plan.save",
            body,
            at,
            lambda: {"id": save_plan(tx, actor, at, found, given), "replayed": False},
        )

    return edge().perform(actor, do)


# -- what life brings ---------------------------------------------------------------------------


class OpenReferral(Schema):
    """A referral of the person, as a preview names it."""

    id = fields.UUID()
    reference = words("SG-7K4Q-2M", "The reference people say aloud.")
    state = words("active", "Where it is now.")
    activity = fields.String()
    provider = fields.String()


class DeathPreview(Schema):
    """What recording the person's death would stop, and what stays to be read."""

    stops = fields.List(fields.Nested(OpenReferral))
    stays = fields.List(fields.Nested(OpenReferral))


class DeathRecorded(Schema):
    """The death is on record, and these referrals were stopped for it."""

    id = fields.UUID()
    version = fields.Integer()
    stopped = fields.List(fields.String())
    replayed = fields.Boolean()


class MergePreview(Schema):
    """What joining the other record into this one would bring along, and what stands in the way."""

    referrals = fields.List(fields.Nested(OpenReferral))
    fills = fields.List(fields.String())
    ends = fields.List(
        fields.String(), metadata={"description": "Consents that end with it, by their id."}
    )
    refusals = fields.List(fields.Nested(RefusalShown))


class Merged(Schema):
    """The record that stands for both from now."""

    id = fields.UUID()
    reference = fields.String()
    replayed = fields.Boolean()


class MovedAway(Schema):
    """What was stopped, and what couldn't be."""

    stopped = fields.List(fields.UUID())
    refusals = fields.List(fields.Nested(RefusalShown))


@api.route("/<uuid:record_id>/death")
@for_roles(TEAM)
@api.alt_response(409, "Problem409")
@api.response(200, DeathPreview)
def death(record_id: UUID) -> dict[str, Any]:
    """What recording the person's death would do"""
    actor = asker()
    with edge().reading(actor) as (tx, at):
        plan = death_preview(tx, actor, at, str(record_id))
    return {
        "stops": [r._asdict() for r in plan.stops],
        "stays": [r._asdict() for r in plan.stays],
    }


@api.route("/<uuid:record_id>/death", methods=["POST"])
@for_roles(TEAM)
@api.doc(parameters=[*REPEAT_KEY, *IF_MATCH])
@api.arguments(RecordDeath)
@api.response(200, DeathRecorded, headers=ETAG)
def died(given: dict[str, Any], record_id: UUID) -> Response:
    """Record that the person has died

    Every open referral but what is completed is withdrawn, and nothing is sent to the person any
    more. Concerns stay open."""
    actor, key, version = asker(), repeat_key(), seen_version()
    found = str(record_id)
    said = edge().perform(
        actor, lambda tx, at: record_death(tx, actor, at, found, given, version, key)
    )
    return _saved({"replayed": False, **said}, 200)


@api.route("/<uuid:record_id>/merge/<uuid:other_id>")
@for_roles(TEAM)
@api.alt_response(409, "Problem409")
@api.response(200, MergePreview)
def merge_look(record_id: UUID, other_id: UUID) -> dict[str, Any]:
    """What joining the other record into this one would do"""
    actor = asker()
    with edge().reading(actor) as (tx, at):
        plan = merge_preview(tx, actor, at, str(record_id), str(other_id))
    return {
        "referrals": [r._asdict() for r in plan.referrals],
        "fills": list(plan.filled),
        "ends": [answer.id for answer, _stops in plan.ends],
        "refusals": [of_refusal(r) for r in plan.refusals],
    }


@api.route("/<uuid:record_id>/merge", methods=["POST"])
@for_roles(TEAM)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(MergePeople)
@api.response(200, Merged)
def merge(given: dict[str, Any], record_id: UUID) -> dict[str, Any]:
    """Join the other record into this one, each of its referrals confirmed"""
    actor, key, found = asker(), repeat_key(), str(record_id)
    said = edge().perform(
        actor,
        lambda tx, at: merge_people(
            tx, actor, at, found, given["other"], referrals=given.get("referrals") or (), key=key
        ),
    )
    return {"replayed": False, **said}


@api.route("/<uuid:record_id>/move-away", methods=["POST"])
@for_roles(TEAM)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(MoveAway)
@api.response(200, MovedAway)
def moved_away(given: dict[str, Any], record_id: UUID) -> dict[str, Any]:
    """The person moves away: withdraw these referrals of theirs"""
    actor, key, found = asker(), repeat_key(), str(record_id)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        done, refused = move_away(tx, actor, at, found, given["stop"])
        return {
            "stopped": [d.id for d in done],
            "refusals": [of_refusal(r) for one in refused for r in one.refusals],
        }

    body = {"id": found, **given}
    return edge().perform(
        actor,
        lambda tx, at: once(tx, actor, key, "person.move", body, at, lambda: do(tx, at)),
    )


class CapacityMade(Schema):
    """An assessment that was recorded, for an answer to rest on."""

    id = fields.UUID()
    lacks = fields.Boolean()


class CapacityShown(Schema):
    """An assessment of capacity: of one decision, at one time."""

    id = fields.UUID()
    decision = fields.String()
    assessor = fields.String()
    help = fields.String()
    understands = fields.Boolean()
    retains = fields.Boolean()
    weighs = fields.Boolean()
    communicates = fields.Boolean()
    lacks = fields.Boolean(metadata={"description": "Unable in any one of the four."})
    cause = fields.String(allow_none=True)
    interests = fields.String(allow_none=True)
    consulted = fields.String(allow_none=True)
    review_on = fields.Date(allow_none=True)
    recorded_by = fields.String()
    at = fields.AwareDateTime()


class CapacitiesShown(Schema):
    """A person's assessments, the newest first."""

    items = fields.List(fields.Nested(CapacityShown))


@api.route("/<uuid:record_id>/capacity")
@for_roles(TEAM)
@api.response(200, CapacitiesShown)
def assessments(record_id: UUID) -> dict[str, Any]:
    """The assessments of a person's capacity"""
    actor, found = asker(), str(record_id)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        row = lists.one(tx, lists.PERSON, actor, at, found)
        if row is None or lists.closed(tx, actor, found)[0]:
            raise Refused([NOT_FOUND], noun="capacity", trigger="read", record_id=None)
        log(tx, actor, at, "read", "person", None, subject=lists.subject(tx, actor, found))
        known = capacity.of_person(tx, actor.system_id, found)
        return {"items": [a._asdict() for a in known]}

    return edge().look(actor, read)


@api.route("/<uuid:record_id>/capacity", methods=["POST"])
@for_roles(TEAM)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(AssessCapacity)
@api.response(201, CapacityMade)
def assess(given: dict[str, Any], record_id: UUID) -> Any:
    """Record an assessment of capacity

    First what the person can do, with all help; then, where they are unable in any one of the four,
    why. Whoever is found able is asked again for what was decided for them."""
    actor, key, found = asker(), repeat_key(), str(record_id)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        made = assess_capacity(tx, actor, at, found, given)
        return {"id": made.id, "lacks": made.lacks}

    said = edge().perform(
        actor,
        lambda tx, at: once(
            tx, actor, key, "capacity.assess", {"id": found, **given}, at, lambda: do(tx, at)
        ),
    )
    return {"id": said["id"], "lacks": said["lacks"]}, 201


add_relationships(api)

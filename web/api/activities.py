"""Activities and their groups: what is offered, and how many places are left."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, jsonify
from marshmallow import Schema, fields

from referral import lists
from referral.states import Role
from referral.store import Tx
from web.access import STAFF
from web.api.accountability import add_accountability
from web.api.answers import Saved, words
from web.api.door import REPEAT_KEY, Blueprint, asker, for_roles, repeat_key
from web.api.paging import asked, listed, page
from web.current import edge
from web.schemas.organisations import (
    ACTIVITY_STATES,
    AddActivity,
    ChangeActivity,
    SaveGroup,
)
from workflows.activities import save_activity, save_group
from workflows.engine import NOT_FOUND, Refused
from workflows.rules import once

api = Blueprint("activities", "What providers offer: choirs, classes, gardens.")
OFFERERS = frozenset({Role.ADMINISTRATOR, Role.GOVERNANCE_LEAD, Role.PROVIDER_LEADER})


class GroupShown(Schema):
    """A group of an activity."""

    id = fields.UUID()
    name = fields.String()
    capacity = fields.Integer()
    places_left = fields.Integer()
    starts_on = fields.Date(allow_none=True)
    ends_on = fields.Date(allow_none=True)


class ActivityInList(Schema):
    """An activity in a list."""

    id = fields.UUID()
    provider_id = fields.UUID()
    provider_name = fields.String()
    name = fields.String()
    status = words("open", "open, paused or closed.")
    location = fields.String(allow_none=True)
    postcode = fields.String(allow_none=True)
    when_words = fields.String(allow_none=True)
    cost_words = fields.String(allow_none=True)


class ActivityShown(ActivityInList):
    """An activity, with its groups."""

    description = fields.String(allow_none=True)
    access_words = fields.String(allow_none=True)
    getting_there = words(
        "Bus 14 stops outside.", "How to reach it: the bus, the way, parking.", or_null=True
    )
    contact_words = fields.String(allow_none=True)
    url = fields.String(allow_none=True)
    minimum_age = fields.Integer(allow_none=True)
    maximum_age = fields.Integer(allow_none=True)
    safety_questions = fields.List(fields.Raw(), allow_none=True)
    confirmed_at = fields.AwareDateTime(allow_none=True)
    paused_until = fields.Date(
        allow_none=True,
        metadata={"description": "Paused: the day from which it takes new people again."},
    )
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    groups = fields.List(fields.Nested(GroupShown))


def _items(tx: Tx, at: datetime, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows


@api.route("")
@for_roles(STAFF)
@api.arguments(asked("activities", ACTIVITY_STATES, ids=("provider_id",)), location="query")
@api.response(200, listed("Activities", ActivityInList))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """Activities, the newest first"""
    return page(lists.ACTIVITY, given, _items, audited=False)


@api.route("/<uuid:record_id>")
@for_roles(STAFF)
@api.response(200, ActivityShown)
def one(record_id: UUID) -> dict[str, Any]:
    """Read an activity, with its groups and the places left"""
    actor, found = asker(), str(record_id)
    with edge().reading(actor) as (tx, at):
        row = lists.one(tx, lists.ACTIVITY, actor, at, found)
        if row is None:
            raise Refused([NOT_FOUND], noun="activity", trigger="read", record_id=None)
        return {**row, "groups": lists.groups(tx, actor, found)}


def _saved(said: dict[str, Any], status: int, path: str | None = None) -> Response:
    response = jsonify(said)
    response.status_code = status
    if path is not None:
        response.headers["Location"] = path
    return response


@api.route("", methods=["POST"])
@for_roles(OFFERERS)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(AddActivity)
@api.response(201, Saved)
def add(given: dict[str, Any]) -> Response:
    """Add an activity of a provider"""
    actor, key = asker(), repeat_key()
    values = {n: v for n, v in given.items() if n != "provider_id"}
    if values.get("status") is None:
        values.pop("status", None)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        return once(
            tx,
            actor,
            key,
            "activity.add",
            given,
            at,
            lambda: {
                "id": save_activity(tx, actor, at, provider_id=given["provider_id"], values=values),
                "replayed": False,
            },
        )

    said = edge().perform(actor, do)
    return _saved(said, 201, f"/api/v1/activities/{said['id']}")


@api.route("/<uuid:record_id>", methods=["PATCH"])
@for_roles(OFFERERS)
@api.arguments(ChangeActivity(partial=True))
@api.response(200, Saved)
def change(given: dict[str, Any], record_id: UUID) -> Response:
    """Change what an activity says about itself: only what is sent is changed"""
    actor, found = asker(), str(record_id)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        row = lists.one(tx, lists.ACTIVITY, actor, at, found)
        if row is None:
            raise Refused([NOT_FOUND], noun="activity", trigger="save", record_id=None)
        save_activity(
            tx, actor, at, provider_id=row["provider_id"], values=given, activity_id=found
        )
        return {"id": found, "replayed": False}

    return _saved(edge().perform(actor, do), 200)


@api.route("/<uuid:record_id>/groups", methods=["POST"])
@for_roles(OFFERERS)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(SaveGroup)
@api.response(201, Saved)
def add_group(given: dict[str, Any], record_id: UUID) -> Response:
    """Add a group of an activity"""
    actor, key, found = asker(), repeat_key(), str(record_id)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        return once(
            tx,
            actor,
            key,
            "group.add",
            {"activity_id": found, **given},
            at,
            lambda: {
                "id": save_group(tx, actor, at, activity_id=found, values=given),
                "replayed": False,
            },
        )

    return _saved(edge().perform(actor, do), 201)


@api.route("/<uuid:record_id>/groups/<uuid:group_id>", methods=["PATCH"])
@for_roles(OFFERERS)
@api.arguments(SaveGroup(partial=True))
@api.response(200, Saved)
def change_group(given: dict[str, Any], record_id: UUID, group_id: UUID) -> Response:
    """Change a group of an activity: only what is sent is changed"""
    actor, found, group = asker(), str(record_id), str(group_id)
    values = {n: 0 if n == "members_from_outside" and v is None else v for n, v in given.items()}

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        save_group(tx, actor, at, activity_id=found, values=values, group_id=group)
        return {"id": group, "replayed": False}

    return _saved(edge().perform(actor, do), 200)


add_accountability(api, lists.ACTIVITY, roles=STAFF)

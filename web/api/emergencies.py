"""Emergency access: who opened whose record out of their reach, and the review of it. What was
opened is read on its pages alone: to a program the record stays not found."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

from referral import facts, lists
from referral.audit import log
from referral.scopes import EMERGENCY_ROLES
from referral.states import EmergencyState, Noun
from referral.store import Tx
from web.access import REVIEWERS, TEAM
from web.api.answers import StepShown, of_done, words
from web.api.door import ETAG, REPEAT_KEY, Blueprint, asker, for_roles, repeat_key
from web.api.moves import add_moves, moved
from web.api.paging import asked, listed, page
from web.current import edge
from web.schemas.emergencies import OpenRecord
from web.schemas.fields import Text
from workflows.emergencies import open_record
from workflows.engine import NOT_FOUND, TABLES, Refused
from workflows.rules import once

api = Blueprint("emergencies", "Emergency access: told at once, and each use reviewed.")
ROLES = TEAM | REVIEWERS


class EmergencyInList(Schema):
    """One use of emergency access, in a list: no word of what had happened."""

    id = fields.UUID()
    reference = words("SG-7K4Q-2M", "The reference people say aloud.")
    version = fields.Integer()
    state = words("under_review", "Where it is now.")
    since = fields.AwareDateTime()
    person_id = fields.UUID()
    opened_by = fields.UUID()
    reason = words("danger_now", "Why it could not wait.")
    until = fields.AwareDateTime()
    created_at = fields.AwareDateTime()


class EmergencyShown(EmergencyInList):
    """One use of emergency access, with why and what its review found."""

    why = fields.String()
    finding = fields.String(allow_none=True)
    tags = fields.List(fields.String(), allow_none=True)


def _items(tx: Tx, at: datetime, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows


@api.route("")
@for_roles(ROLES)
@api.arguments(
    asked("emergencies", tuple(EmergencyState), ids=("person_id",), reference=Text()),
    location="query",
)
@api.response(200, listed("Emergencies", EmergencyInList))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """The uses of emergency access within your scope, and your own, the newest first"""
    return page(Noun.EMERGENCY, given, _items)


@api.route("", methods=["POST"])
@for_roles(frozenset(EMERGENCY_ROLES))
@api.doc(parameters=REPEAT_KEY)
@api.arguments(OpenRecord)
@api.response(201, StepShown, headers=ETAG)
def open_one(given: dict[str, Any]) -> Response:
    """Open a record out of your reach

    Its pages can be read for an hour, by whoever is signed in as this member. A second person is
    told at once, and somebody else reviews it."""
    actor, key = asker(), repeat_key()
    said = edge().perform(
        actor,
        lambda tx, at: once(
            tx, actor, key, "emergency.open", given, at,
            lambda: of_done(open_record(tx, actor, at, given)),
        ),
    )  # fmt: skip
    response = moved(said, 201)
    response.headers["Location"] = f"/api/v1/emergencies/{said['id']}"
    return response


@api.route("/<uuid:record_id>")
@for_roles(ROLES)
@api.response(200, EmergencyShown, headers=ETAG)
def one(record_id: UUID) -> Any:
    """Read why a record was opened. Each reading is written in the audit log"""
    actor, found = asker(), str(record_id)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        f = facts.emergency(tx, found, actor, at)
        row = lists.one(tx, Noun.EMERGENCY, actor, at, found)
        if f is None or row is None or not TABLES[Noun.EMERGENCY].hats(f, actor):
            raise Refused([NOT_FOUND], noun=Noun.EMERGENCY, trigger="read", record_id=found)
        log(tx, actor, at, "read", "emergency", found, subject=f.subject_ref)
        return row

    seen = edge().perform(actor, read)
    return seen, 200, {"ETag": f'"{seen["version"]}"'}


add_moves(api, Noun.EMERGENCY, roles=ROLES)

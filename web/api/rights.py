"""Requests about one's own data: whoever took one, and those who answer for the place."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

from referral import facts, lists
from referral.audit import log
from referral.states import Noun, RightsKind, RightsState
from referral.store import Tx
from web.access import TEAM
from web.api.answers import StepShown, of_done, words
from web.api.door import ETAG, REPEAT_KEY, Blueprint, asker, for_roles, repeat_key
from web.api.moves import add_moves, moved
from web.api.paging import asked, listed, page
from web.current import edge
from web.schemas.fields import Choice, Text
from web.schemas.rights import TakeRequest
from workflows.engine import NOT_FOUND, TABLES, Refused
from workflows.rights import receive_request
from workflows.rules import once
from workflows.tables.rights import READERS, due_on

api = Blueprint("rights", "What people ask for about their own data, answered within a month.")
ROLES = TEAM | frozenset(READERS)


class RightsInList(Schema):
    """A request, in a list: no word of what was said."""

    id = fields.UUID()
    reference = words("SG-7K4Q-2M", "The reference people say aloud.")
    version = fields.Integer()
    state = words("in_progress", "Where it is now.")
    since = fields.AwareDateTime()
    person_id = fields.UUID()
    kind = words("access", "What is asked for.")
    received_on = fields.Date()
    extended = fields.Boolean()
    created_at = fields.AwareDateTime()


class RightsShown(RightsInList):
    """A request, with what was asked for and until when it is answered."""

    answer_by = fields.Date(
        metadata={"description": "The last day on which it is answered in time."}
    )
    asked_for = fields.String()
    on_behalf = fields.String(allow_none=True)
    how = fields.String()
    taken_by = fields.UUID(allow_none=True)
    identity_how = fields.String(allow_none=True)
    stopped_at = fields.AwareDateTime(allow_none=True)
    stopped_days = fields.Integer()
    told_how = fields.String(allow_none=True)
    ground = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    decided_by = fields.UUID(allow_none=True)


def _items(tx: Tx, at: datetime, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows


@api.route("")
@for_roles(ROLES)
@api.arguments(
    asked(
        "rights requests",
        tuple(RightsState),
        ids=("person_id",),
        reference=Text(),
        kind=Choice(tuple(RightsKind)),
    ),
    location="query",
)
@api.response(200, listed("RightsRequests", RightsInList))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """Requests within your scope, the newest first"""
    return page(Noun.RIGHTS, given, _items)


@api.route("", methods=["POST"])
@for_roles(ROLES)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(TakeRequest)
@api.response(201, StepShown, headers=ETAG)
def take(given: dict[str, Any]) -> Response:
    """Take down what a person asks for

    The month counts from the day it came, whatever is done with it first."""
    actor, key = asker(), repeat_key()
    values = {n: v for n, v in given.items() if n != "person_id" and v is not None}

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        return of_done(receive_request(tx, actor, at, person_id=given["person_id"], values=values))

    said = edge().perform(
        actor, lambda tx, at: once(tx, actor, key, "rights.receive", given, at, lambda: do(tx, at))
    )
    response = moved(said, 201)
    response.headers["Location"] = f"/api/v1/rights/{said['id']}"
    return response


@api.route("/<uuid:record_id>")
@for_roles(ROLES)
@api.response(200, RightsShown, headers=ETAG)
def one(record_id: UUID) -> Any:
    """Read a request. Each reading is written in the audit log"""
    actor, found = asker(), str(record_id)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        f = facts.rights(tx, found, actor, at)
        row = lists.one(tx, Noun.RIGHTS, actor, at, found)
        if f is None or row is None or not TABLES[Noun.RIGHTS].hats(f, actor):
            raise Refused([NOT_FOUND], noun=Noun.RIGHTS, trigger="read", record_id=found)
        log(tx, actor, at, "read", Noun.RIGHTS, found, subject=f.subject_ref)
        return {**row, "answer_by": due_on(f)}

    seen = edge().perform(actor, read)
    return seen, 200, {"ETag": f'"{seen["version"]}"'}


add_moves(api, Noun.RIGHTS, roles=ROLES)

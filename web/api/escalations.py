"""Escalations: raise, read, decide, and see what was decided carried out."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

from referral import facts, lists, policy, visible
from referral.states import EscalationState, Noun, Relation
from referral.store import Tx
from web.access import STAFF
from web.api.accountability import add_accountability
from web.api.answers import StepShown, of_done, words
from web.api.door import ETAG, REPEAT_KEY, Blueprint, asker, for_roles, repeat_key
from web.api.moves import add_moves, moved
from web.api.paging import asked, listed, page
from web.current import edge
from web.schemas.escalations import RaiseEscalation
from web.schemas.fields import Choice, Text
from workflows.engine import NOT_FOUND, TABLES, Refused
from workflows.escalations import raise_escalation
from workflows.named import check_named
from workflows.rules import once

READS_DECISION = frozenset({Relation.REVIEWER, Relation.OVER, Relation.RAISER})
api = Blueprint("escalations", "What somebody can't resolve, raised to the next level that can.")


class EscalationInList(Schema):
    """An escalation in a list."""

    id = fields.UUID()
    reference = words("SG-7K4Q-2M", "The reference people say aloud.")
    version = fields.Integer()
    state = words("raised", "Where it is now.")
    since = fields.AwareDateTime()
    kind = words("no_reply", "What kind of matter it is.")
    severity = words("medium", "low, medium or high.")
    level = fields.Integer()
    created_at = fields.AwareDateTime()


class Met(Schema):
    """Why something that was decided could not be carried out yet."""

    code = fields.String()
    why = fields.String()
    remedy = fields.String()


class ConsequenceShown(Schema):
    """One thing that was decided, and how far it is."""

    id = fields.UUID()
    position = fields.Integer()
    noun = fields.String()
    record_id = fields.UUID()
    trigger = fields.String()
    state = words("pending", "pending, done, failed or waived.")
    refusals = fields.List(fields.Nested(Met))
    settled_at = fields.AwareDateTime(allow_none=True)


class EscalationShown(EscalationInList):
    """An escalation, with what was decided."""

    about = fields.String(allow_none=True)
    about_id = fields.UUID(allow_none=True)
    ceiling = fields.Integer()
    owner = fields.String()
    raised_by = fields.UUID(allow_none=True)
    topic = fields.String(
        allow_none=True, metadata={"description": "Of a complaint: with whom or what."}
    )
    tried = fields.List(fields.String(), allow_none=True)
    reviewer_id = fields.UUID(allow_none=True)
    asked = fields.String(allow_none=True)
    unanswered = fields.Integer()
    decision = fields.String(allow_none=True)
    conditions = fields.String(
        allow_none=True,
        metadata={"description": "What is to be kept to, for who reviews it or raised it."},
    )
    review_on = fields.Date(allow_none=True)
    reason = fields.String(allow_none=True)
    told_at = fields.AwareDateTime(allow_none=True)
    closed_at = fields.AwareDateTime(allow_none=True)
    consequences = fields.List(fields.Nested(ConsequenceShown))


def _items(tx: Tx, at: datetime, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows


@api.route("")
@for_roles(STAFF)
@api.arguments(
    asked(
        "escalations",
        tuple(EscalationState),
        ids=("about_id",),
        reference=Text(),
        kind=Choice(tuple(policy.CEILINGS)),
    ),
    location="query",
)
@api.response(200, listed("Escalations", EscalationInList))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """Escalations you raised, review, were asked in or answer for, the newest first"""
    return page(Noun.ESCALATION, given, _items)


@api.route("", methods=["POST"])
@for_roles(STAFF)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(RaiseEscalation)
@api.response(201, StepShown, headers=ETAG)
def raise_(given: dict[str, Any]) -> Response:
    """Take a matter to the next level that can resolve it"""
    actor, key = asker(), repeat_key()
    values = {name: value for name, value in given.items() if value is not None}

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        check_named(tx, actor, at, Noun.ESCALATION, None, "raise", values)
        return of_done(raise_escalation(tx, actor, at, values))

    said = edge().perform(
        actor,
        lambda tx, at: once(tx, actor, key, "escalation.raise", given, at, lambda: do(tx, at)),
    )
    response = moved(said, 201)
    response.headers["Location"] = f"/api/v1/escalations/{said['id']}"
    return response


@api.route("/<uuid:record_id>")
@for_roles(STAFF)
@api.response(200, EscalationShown, headers=ETAG)
def one(record_id: UUID) -> Any:
    """Read an escalation, with what was decided and how far it is"""
    actor, found = asker(), str(record_id)
    with edge().reading(actor) as (tx, at):
        f = facts.escalation(tx, found, actor, at)
        row = lists.one(tx, Noun.ESCALATION, actor, at, found)
        if f is None or row is None or not TABLES[Noun.ESCALATION].hats(f, actor):
            raise Refused([NOT_FOUND], noun=Noun.ESCALATION, trigger="read", record_id=found)
        worn = {relation for _role, relation in TABLES[Noun.ESCALATION].hats(f, actor)}
        seen = {
            **row,
            "conditions": visible.conditions(tx, actor, found) if worn & READS_DECISION else None,
            "consequences": lists.consequences(tx, actor, found),
        }
    return seen, 200, {"ETag": f'"{seen["version"]}"'}


add_moves(api, Noun.ESCALATION, roles=STAFF)
add_accountability(api, Noun.ESCALATION, roles=STAFF)

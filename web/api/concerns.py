"""Safeguarding concerns: a restricted lane. Who raised it, who holds it and the ladder above; to
everybody else it isn't there, in no list, no count and no answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, jsonify
from marshmallow import Schema, fields

from referral import facts, lists, records
from referral.actors import Actor
from referral.audit import log
from referral.states import ConcernState, Noun, Relation
from referral.store import Tx
from web.access import STAFF
from web.api.accountability import add_accountability
from web.api.answers import StepShown, of_done, told, words
from web.api.door import ETAG, REPEAT_KEY, Blueprint, asker, for_roles, repeat_key
from web.api.moves import add_moves
from web.api.paging import asked, listed, page
from web.current import edge
from web.schemas.concerns import RaiseConcern
from web.schemas.fields import Text
from workflows.concerns import raise_concern, who_answers
from workflows.engine import NOT_FOUND, TABLES, Refused
from workflows.named import check_named
from workflows.rules import once
from workflows.tables.concerns import STAFF_ROLES

api = Blueprint("concerns", "Worries about somebody's safety: a restricted lane.")
ROLES = STAFF & STAFF_ROLES


class ConcernInList(Schema):
    """A concern in a list: no word of what was seen."""

    id = fields.UUID()
    reference = words("SG-7K4Q-2M", "The reference people say aloud.")
    version = fields.Integer()
    state = words("raised", "Where it is now.")
    since = fields.AwareDateTime()
    danger = fields.Boolean()
    created_at = fields.AwareDateTime()
    acknowledged_at = fields.AwareDateTime(allow_none=True)


class CallShown(Schema):
    """An authority, or 999, was told."""

    route = fields.String(allow_none=True)
    whom = fields.String(allow_none=True)
    told_at = fields.AwareDateTime()
    reference = fields.String(allow_none=True)
    told_by = fields.String(allow_none=True)
    reported = fields.Boolean(metadata={"description": "The holder's own report."})


class ConcernShown(ConcernInList):
    """A concern. Who raised it sees their own words and whether a human has seen them; what the
    holder and the ladder do stays with them."""

    person_id = fields.UUID(allow_none=True)
    provider_id = fields.UUID(allow_none=True)
    referral_id = fields.UUID(allow_none=True)
    seen = fields.String()
    prompts = fields.Dict(keys=fields.String(), allow_none=True)
    wishes = fields.String(allow_none=True)
    person_knows = fields.String(allow_none=True)
    ring = fields.String(
        allow_none=True,
        metadata={"description": "While nobody has seen it: the number that answers now."},
    )
    feedback = fields.String(
        allow_none=True, metadata={"description": "Once closed: what the raiser is told."}
    )
    rung = fields.Integer()
    holder = fields.String()
    raised_by = fields.UUID(allow_none=True)
    acknowledged_by = fields.UUID(allow_none=True)
    child = fields.Boolean(
        allow_none=True,
        metadata={"description": "As its raiser said, where no date of birth says it."},
    )
    others_at_risk = fields.String(allow_none=True)
    advocate = fields.String(allow_none=True)
    categories = fields.List(fields.String(), allow_none=True)
    calls = fields.List(
        fields.Nested(CallShown),
        metadata={"description": "Each time an authority, or 999, was told."},
    )
    reported_to = fields.String(allow_none=True)
    authority_route = fields.String(allow_none=True)
    reported_at = fields.AwareDateTime(allow_none=True)
    authority_reference = fields.String(allow_none=True)
    authority_decision = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    wishes_met = fields.String(allow_none=True)
    why_not_asked = fields.String(allow_none=True)
    closed_at = fields.AwareDateTime(allow_none=True)


class ConcernRaised(StepShown):
    """The receipt. Nobody has seen it yet: ring the number."""

    ring = fields.String(
        allow_none=True, metadata={"description": "The number that answers at this hour."}
    )


RAISER = frozenset(
    {
        "id",
        "reference",
        "version",
        "state",
        "since",
        "danger",
        "created_at",
        "acknowledged_at",
        "person_id",
        "provider_id",
        "referral_id",
        "seen",
        "prompts",
        "wishes",
        "person_knows",
        "child",
        "others_at_risk",
        "advocate",
        "ring",
        "feedback",
    }
)


# Of an organisation named in it: no word of what becomes of it, but whom to ring.
INSIDE = frozenset(
    {
        "id",
        "reference",
        "created_at",
        "seen",
        "prompts",
        "wishes",
        "person_knows",
        "child",
        "others_at_risk",
        "advocate",
        "ring",
        "feedback",
    }
)


def shown(row: Mapping[str, Any], f: facts.ConcernFacts, actor: Actor) -> dict[str, Any]:
    """What somebody who was let at a concern sees of it."""
    worn = {relation for _, relation in TABLES[Noun.CONCERN].hats(f, actor)}
    if worn & {Relation.HOLDER, Relation.LADDER}:
        return dict(row)
    names = RAISER if worn else INSIDE
    return {name: value for name, value in row.items() if name in names}


def _items(tx: Tx, at: datetime, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows


@api.route("")
@for_roles(ROLES)
@api.arguments(asked("concerns", tuple(ConcernState), reference=Text()), location="query")
@api.response(200, listed("Concerns", ConcernInList))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """The concerns you raised, hold, or answer for as the ladder above, the newest first"""
    return page(Noun.CONCERN, given, _items)


@api.route("", methods=["POST"])
@for_roles(ROLES)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(RaiseConcern)
@api.response(201, ConcernRaised, headers=ETAG)
def raise_(given: dict[str, Any]) -> Response:
    """Raise a concern

    Only what was seen and whether anyone is in danger now are asked for. Nobody has seen it until
    somebody acknowledges it: ring the number in the answer. If someone is in immediate danger,
    call 999 first."""
    actor, key = asker(), repeat_key()
    values = {name: value for name, value in given.items() if value is not None}

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        check_named(tx, actor, at, Noun.CONCERN, None, "raise", values)
        done = raise_concern(tx, actor, at, values)
        return {**of_done(done), "ring": who_answers(tx, done.id, at)}

    said = edge().perform(
        actor,
        lambda tx, at: once(tx, actor, key, "concern.raise", given, at, lambda: do(tx, at)),
    )
    response = jsonify(told(said))
    response.status_code = 201
    response.headers["ETag"] = f'"{said["version"]}"'
    response.headers["Location"] = f"/api/v1/concerns/{said['id']}"
    return response


@api.route("/<uuid:record_id>")
@for_roles(ROLES)
@api.response(200, ConcernShown, headers=ETAG)
def one(record_id: UUID) -> Any:
    """Read a concern. Each reading is written in the audit log"""
    actor, found = asker(), str(record_id)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        f = facts.concern(tx, found, actor, at)
        row = lists.one(tx, Noun.CONCERN, actor, at, found) or lists.own_words(tx, actor, found)
        if f is None or row is None:
            raise Refused([NOT_FOUND], noun=Noun.CONCERN, trigger="read", record_id=found)
        unread = row["acknowledged_at"] is None
        # To somebody of an organisation named it is told all along: that it stopped would tell too.
        inside = f.actor_implicated and row["state"] != "closed"
        row["ring"] = who_answers(tx, found, at) if unread or inside else None
        row["calls"] = [call._asdict() for call in records.calls(tx, found)]
        row["feedback"] = lists.feedback(tx, found) if row["state"] == "closed" else None
        log(tx, actor, at, "read", "concern", found, subject=f.subject_ref)
        return shown(row, f, actor)

    seen = edge().look(actor, read)
    return seen, 200, {"ETag": f'"{seen["version"]}"'} if "version" in seen else {}


add_moves(api, Noun.CONCERN, roles=ROLES)
add_accountability(api, Noun.CONCERN, roles=ROLES)

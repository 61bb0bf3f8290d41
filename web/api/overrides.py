"""Sharing without consent: who proposed it, the safeguarding ladder, and those who answer for the
team or place. To a provider it isn't there: they see what it lists, on the referral."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

from referral import facts, lists
from referral.audit import log
from referral.states import Noun, OverrideState, Role
from referral.store import Tx
from web.access import REVIEWERS, TEAM
from web.api.answers import StepShown, of_done, words
from web.api.door import ETAG, REPEAT_KEY, Blueprint, asker, for_roles, repeat_key
from web.api.moves import add_moves, moved
from web.api.paging import asked, listed, page
from web.current import edge
from web.schemas.fields import Text
from web.schemas.overrides import ProposeOverride
from workflows.engine import NOT_FOUND, TABLES, Refused
from workflows.overrides import propose_override
from workflows.rules import once

api = Blueprint("overrides", "Sharing without consent, on a lawful ground, by two people.")
ROLES = TEAM | REVIEWERS


class OverrideInList(Schema):
    """Sharing without consent, in a list: no word of why."""

    id = fields.UUID()
    reference = words("SG-7K4Q-2M", "The reference people say aloud.")
    version = fields.Integer()
    state = words("approved", "Where it is now.")
    since = fields.AwareDateTime()
    person_id = fields.UUID()
    recipient = words("a provider's id", "Whom it is shared with.")
    ground = words("vital_interests", "The lawful ground.")
    danger = fields.Boolean()
    until = fields.AwareDateTime(allow_none=True)
    created_at = fields.AwareDateTime()


class OverrideShown(OverrideInList):
    """Sharing without consent, with why it is necessary and no more than needed."""

    necessity = fields.String()
    proportionality = fields.String()
    fields_listed = fields.List(
        fields.String(), data_key="fields", attribute="fields",
        metadata={"description": "What is shared, and nothing more."},
    )  # fmt: skip
    person_told = fields.Boolean()
    why_not_told = fields.String(allow_none=True)
    holder = fields.String()
    proposed_by = fields.UUID()
    decided_by = fields.UUID(allow_none=True)
    reason = fields.String(allow_none=True)
    finding = fields.String(allow_none=True)


def _items(tx: Tx, at: datetime, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows


@api.route("")
@for_roles(ROLES)
@api.arguments(
    asked("overrides", tuple(OverrideState), ids=("person_id",), reference=Text()),
    location="query",
)
@api.response(200, listed("Overrides", OverrideInList))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """Sharing without consent within your scope, the newest first"""
    return page(Noun.OVERRIDE, given, _items)


@api.route("", methods=["POST"])
@for_roles(TEAM | {Role.SAFEGUARDING_LEAD})
@api.doc(parameters=REPEAT_KEY)
@api.arguments(ProposeOverride)
@api.response(201, StepShown, headers=ETAG)
def propose(given: dict[str, Any]) -> Response:
    """Propose to share without consent

    Nothing is shared until a second person approves: the safeguarding lead, or the next on the
    ladder where the lead proposed it or is concerned in it."""
    actor, key = asker(), repeat_key()
    values = _values(given)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        made = propose_override(
            tx, actor, at, person_id=given["person_id"], provider_id=given["provider_id"],
            values=values,
        )  # fmt: skip
        return of_done(made)

    said = edge().perform(
        actor,
        lambda tx, at: once(tx, actor, key, "override.propose", given, at, lambda: do(tx, at)),
    )
    response = moved(said, 201)
    response.headers["Location"] = f"/api/v1/overrides/{said['id']}"
    return response


def _values(given: Mapping[str, Any]) -> dict[str, Any]:
    about = ("person_id", "provider_id")
    return {name: v for name, v in given.items() if name not in about and v is not None}


@api.route("/<uuid:record_id>")
@for_roles(ROLES)
@api.response(200, OverrideShown, headers=ETAG)
def one(record_id: UUID) -> Any:
    """Read why something is shared without consent. Each reading is written in the audit log"""
    actor, found = asker(), str(record_id)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        f = facts.override(tx, found, actor, at)
        row = lists.one(tx, Noun.OVERRIDE, actor, at, found)
        if f is None or row is None or not TABLES[Noun.OVERRIDE].hats(f, actor):
            raise Refused([NOT_FOUND], noun=Noun.OVERRIDE, trigger="read", record_id=found)
        log(tx, actor, at, "read", "override", found, subject=f.subject_ref)
        return row

    seen = edge().look(actor, read)
    return seen, 200, {"ETag": f'"{seen["version"]}"'}


add_moves(api, Noun.OVERRIDE, roles=ROLES)

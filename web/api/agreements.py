"""Agreements: draft, read, sign and every other move."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

from referral import facts, lists
from referral.states import AgreementState, Noun, Role
from referral.store import Tx
from web.api.accountability import add_accountability
from web.api.answers import StepShown, of_done, words
from web.api.door import ETAG, REPEAT_KEY, Blueprint, asker, for_roles, repeat_key
from web.api.moves import add_moves, moved
from web.api.paging import asked, listed, page
from web.current import edge
from web.schemas.agreements import DraftAgreement
from web.schemas.fields import Text
from workflows.engine import NOT_FOUND, TABLES, Refused, step
from workflows.named import check_named
from workflows.rules import once
from workflows.tables.agreements import SIGNATORY_ROLES

api = Blueprint("agreements", "Who may share what with whom, and until when.")
ROLES = frozenset(SIGNATORY_ROLES)


class AgreementInList(Schema):
    """An agreement in a list."""

    id = fields.UUID()
    reference = words("SG-7K4Q-2M", "The reference people say aloud.")
    version = fields.Integer()
    state = words("in_force", "Where it is now.")
    since = fields.AwareDateTime()
    kind = words("sharing", "sharing or working.")
    title = fields.String()
    review_at = fields.AwareDateTime()


class PartyShown(Schema):
    """A party, and when it was signed for."""

    organisation_id = fields.UUID()
    name = fields.String()
    signed_at = fields.AwareDateTime(allow_none=True)


class AgreementShown(AgreementInList):
    """An agreement, with its parties."""

    purposes = fields.List(fields.String())
    lawful_basis = fields.String()
    fields_allowed = fields.List(fields.String(), attribute="fields", data_key="fields")
    replaces_id = fields.UUID(allow_none=True)
    duties = fields.String(allow_none=True)
    answers_for = fields.Dict(
        keys=fields.String(),
        values=fields.UUID(),
        allow_none=True,
        metadata={"description": "Which party employs, assures, pays, safeguards."},
    )
    reason = fields.String(allow_none=True)
    organisation_id = fields.UUID()
    created_at = fields.AwareDateTime()
    parties = fields.List(fields.Nested(PartyShown))


def _items(tx: Tx, at: datetime, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows


@api.route("")
@for_roles(ROLES)
@api.arguments(asked("agreements", tuple(AgreementState), reference=Text()), location="query")
@api.response(200, listed("Agreements", AgreementInList))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """Agreements you keep or are party to, the newest first"""
    return page(Noun.AGREEMENT, given, _items, audited=False)


@api.route("", methods=["POST"])
@for_roles(Role.GOVERNANCE_LEAD)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(DraftAgreement)
@api.response(201, StepShown, headers=ETAG)
def draft(given: dict[str, Any]) -> Response:
    """Draft an agreement between two organisations or more"""
    actor, key = asker(), repeat_key()
    values = {**given, "kind": given.get("kind") or "sharing"}

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        check_named(tx, actor, at, Noun.AGREEMENT, None, "draft", values)
        return of_done(step(tx, Noun.AGREEMENT, None, "draft", actor, at, values))

    said = edge().perform(
        actor,
        lambda tx, at: once(tx, actor, key, "agreement.draft", given, at, lambda: do(tx, at)),
    )
    response = moved(said, 201)
    response.headers["Location"] = f"/api/v1/agreements/{said['id']}"
    return response


@api.route("/<uuid:record_id>")
@for_roles(ROLES)
@api.response(200, AgreementShown, headers=ETAG)
def one(record_id: UUID) -> Any:
    """Read an agreement, with its parties"""
    actor, found = asker(), str(record_id)
    with edge().reading(actor) as (tx, at):
        f = facts.agreement(tx, found, actor, at)
        row = lists.one(tx, Noun.AGREEMENT, actor, at, found)
        if f is None or row is None or not TABLES[Noun.AGREEMENT].hats(f, actor):
            raise Refused([NOT_FOUND], noun=Noun.AGREEMENT, trigger="read", record_id=found)
        seen = {**row, "parties": lists.parties(tx, actor, found)}
    return seen, 200, {"ETag": f'"{seen["version"]}"'}


add_moves(api, Noun.AGREEMENT, roles=ROLES)
add_accountability(api, Noun.AGREEMENT, roles=ROLES)

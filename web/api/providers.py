"""Providers: who they are, whether they meet the working standards, and the moves of that."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, jsonify
from marshmallow import Schema, fields

from referral import facts, lists
from referral.actors import Actor
from referral.states import AssuranceState, Noun, Role
from referral.store import Tx
from web.access import STAFF
from web.api.accountability import add_accountability
from web.api.answers import Saved, StepShown, of_done, words
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
from web.api.moves import add_moves, moved
from web.api.paging import asked, listed, page
from web.current import edge
from web.schemas import schema_for
from web.schemas.assurance import AddEvidence
from web.schemas.organisations import AddProvider
from workflows.activities import add_provider
from workflows.engine import NOT_FOUND, TABLES, Refused, step
from workflows.evidence import add_evidence, renewal_in_hand
from workflows.rules import once

api = Blueprint("providers", "Organisations that run creative activities, and their assurance.")
ASSURERS = frozenset(
    {
        Role.PROVIDER_LEADER,
        Role.GOVERNANCE_LEAD,
        Role.SAFEGUARDING_LEAD,
        Role.ACCOUNTABLE_OFFICER,
    }
)
APPLY = "apply"
BY_EVIDENCE = frozenset({Role.PROVIDER_LEADER, Role.GOVERNANCE_LEAD})


class ProviderInList(Schema):
    """A provider in a list."""

    id = fields.UUID()
    organisation_id = fields.UUID()
    name = fields.String()
    tier = words("small_group", "sole_artist, small_group or larger.")
    state = words("assured", "Where its assurance is now; null if it never applied.", or_null=True)
    since = fields.AwareDateTime(allow_none=True)


class ProviderShown(ProviderInList):
    """A provider, with its assurance."""

    version = fields.Integer(allow_none=True, metadata={"description": "Of the assurance."})
    description = fields.String(allow_none=True)
    email = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    url = fields.String(allow_none=True)
    place_id = fields.UUID()
    created_at = fields.AwareDateTime()
    conditions_until = fields.AwareDateTime(allow_none=True)
    conditional_activities = fields.List(fields.UUID(), allow_none=True)


class EvidenceShown(Schema):
    """One item of evidence with its dates. `checked` False: handed in, and it doesn't count yet."""

    id = fields.UUID()
    kind = fields.String()
    about = fields.String(allow_none=True)
    blocking = fields.Boolean()
    from_at = fields.AwareDateTime()
    until = fields.AwareDateTime()
    grace_until = fields.AwareDateTime(allow_none=True)
    reference = fields.String(allow_none=True)
    checked = fields.Boolean()


class EvidenceListed(Schema):
    """A provider's evidence."""

    items = fields.List(fields.Nested(EvidenceShown))


class Grace(Schema):
    """Until when an item counts while its renewal is in hand."""

    grace_until = fields.AwareDateTime()


def _missing(what: str) -> Refused:
    return Refused([NOT_FOUND], noun="provider", trigger=what, record_id=None)


def _items(tx: Tx, at: datetime, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows


@api.route("")
@for_roles(STAFF)
@api.arguments(asked("providers", tuple(AssuranceState)), location="query")
@api.response(200, listed("Providers", ProviderInList))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """Providers, the newest first"""
    return page(lists.PROVIDER, given, _items, audited=False)


@api.route("", methods=["POST"])
@for_roles(Role.ADMINISTRATOR, Role.GOVERNANCE_LEAD)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(AddProvider)
@api.response(201, Saved)
def add(given: dict[str, Any]) -> Response:
    """Make an organisation a provider"""
    actor, key = asker(), repeat_key()

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        return once(
            tx,
            actor,
            key,
            "provider.add",
            given,
            at,
            lambda: {"id": add_provider(tx, actor, at, **given), "replayed": False},
        )

    said = edge().perform(actor, do)
    response = jsonify(said)
    response.status_code = 201
    response.headers["Location"] = f"/api/v1/providers/{said['id']}"
    return response


@api.route("/<uuid:record_id>")
@for_roles(STAFF)
@api.response(200, ProviderShown, headers=ETAG)
def one(record_id: UUID) -> Any:
    """Read a provider, with where its assurance is"""
    actor = asker()
    with edge().reading(actor) as (tx, at):
        row = lists.one(tx, lists.PROVIDER, actor, at, str(record_id))
    if row is None:
        raise _missing("read")
    headers = {} if row["version"] is None else {"ETag": f'"{row["version"]}"'}
    return row, 200, headers


# -- assurance ----------------------------------------------------------------------------------


def _found(provider_id: str) -> str:
    actor = asker()
    with edge().reading(actor) as (tx, _):
        found = lists.assurance_of(tx, actor, provider_id)
    if found is None:
        raise _missing("read")
    return found


@api.route(f"/<uuid:record_id>/moves/{APPLY}", methods=["POST"])
@for_roles(ASSURERS)
@api.doc(parameters=[*IF_MATCH, *REPEAT_KEY])
@api.arguments(schema_for(Noun.ASSURANCE, APPLY), required=False)
@api.response(200, StepShown, headers=ETAG)
def move_apply(given: dict[str, Any], record_id: UUID) -> Response:
    """The provider applies to be assured

    For the first time, or again after it was refused or left. By governance_lead,
    provider_leader."""
    actor, key, provider = asker(), repeat_key(), str(record_id)
    version = seen_version()

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        if lists.one(tx, lists.PROVIDER, actor, at, provider) is None:
            raise _missing("apply")
        found = lists.assurance_of(tx, actor, provider)
        first = {**given, "provider_id": provider} if found is None else given
        return of_done(step(tx, Noun.ASSURANCE, found, APPLY, actor, at, first, version=version))

    body = {"provider_id": provider, **given}
    return moved(
        edge().perform(
            actor,
            lambda tx, at: once(tx, actor, key, "assurance.apply", body, at, lambda: do(tx, at)),
        )
    )


def _sees_evidence(tx: Tx, actor: Actor, at: datetime, provider_id: str) -> None:
    """Its own leaders, and those who answer for the place it works in."""
    found = lists.assurance_of(tx, actor, provider_id)
    f: Any
    if found is not None:
        f = facts.assurance(tx, found, actor, at)
    elif lists.one(tx, lists.PROVIDER, actor, at, provider_id) is None:
        f = None
    else:
        f = facts.new_assurance(tx, {"id": "", "provider_id": provider_id}, actor, at)
    if f is None or not TABLES[Noun.ASSURANCE].hats(f, actor):
        raise _missing("evidence")


@api.route("/<uuid:record_id>/evidence")
@for_roles(ASSURERS)
@api.response(200, EvidenceListed)
def evidence(record_id: UUID) -> dict[str, Any]:
    """A provider's evidence, and what was handed in and waits to be checked"""
    actor, found = asker(), str(record_id)
    with edge().reading(actor) as (tx, at):
        _sees_evidence(tx, actor, at, found)
        return {"items": lists.evidence(tx, actor, found)}


@api.route("/<uuid:record_id>/evidence", methods=["POST"])
@for_roles(BY_EVIDENCE)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(AddEvidence)
@api.response(201, Saved)
def hand_in(given: dict[str, Any], record_id: UUID) -> dict[str, Any]:
    """Add an item of evidence: checked by a governance lead, or handed in by the provider"""
    actor, key, found = asker(), repeat_key(), str(record_id)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        return once(
            tx,
            actor,
            key,
            "evidence.add",
            {"provider_id": found, **given},
            at,
            lambda: {
                "id": add_evidence(tx, actor, at, provider_id=found, **given),
                "replayed": False,
            },
        )

    return edge().perform(actor, do)


@api.route("/<uuid:record_id>/evidence/<uuid:evidence_id>/renewal", methods=["POST"])
@for_roles(BY_EVIDENCE)
@api.response(200, Grace)
def renewing(record_id: UUID, evidence_id: UUID) -> dict[str, Any]:
    """Say that the renewal of an item is in hand: ten working days' grace after its end"""
    actor, found, item = asker(), str(record_id), str(evidence_id)

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        _sees_evidence(tx, actor, at, found)
        if item not in {e["id"] for e in lists.evidence(tx, actor, found)}:
            raise _missing("evidence")
        return {"grace_until": renewal_in_hand(tx, actor, at, item)}

    return edge().perform(actor, do)


add_moves(
    api,
    Noun.ASSURANCE,
    find=_found,
    skip=frozenset({APPLY}),
    roles=ASSURERS,
)


add_accountability(api, lists.PROVIDER, roles=STAFF)

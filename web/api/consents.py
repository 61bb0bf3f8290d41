"""Consents: record an answer, read what was answered, and every move."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields

from referral import facts, lists
from referral.audit import log
from referral.states import ConsentState, Noun, Purpose, Role
from referral.store import Tx
from web.access import TEAM
from web.api.answers import StepShown, of_done, words
from web.api.door import ETAG, REPEAT_KEY, Blueprint, asker, for_roles, repeat_key
from web.api.moves import add_moves, moved
from web.api.paging import asked, listed, page
from web.current import edge
from web.schemas.consent import RecordConsent
from web.schemas.fields import Choice, Text
from workflows.consent import record_consent
from workflows.engine import NOT_FOUND, TABLES, Refused
from workflows.named import check_named
from workflows.rules import once

api = Blueprint("consents", "One person's answer for one purpose and one recipient.")
ROLES = TEAM | {
    Role.GOVERNANCE_LEAD,
    Role.SAFEGUARDING_LEAD,
    Role.INFORMATION_GOVERNANCE_LEAD,
    Role.ACCOUNTABLE_OFFICER,
}
ANSWER = ("basis", "how", "present", "wording_id", "until", "capacity_id")


class ConsentInList(Schema):
    """A consent in a list."""

    id = fields.UUID()
    version = fields.Integer()
    state = words("given", "Where it is now.")
    since = fields.AwareDateTime()
    person_id = fields.UUID()
    purpose = words("share_with_provider", "What the person was asked.")
    recipient = words("practice", "A provider's id, practice, or team.")
    until = fields.AwareDateTime(allow_none=True)


class ConsentShown(ConsentInList):
    """A consent, with the wording the person heard."""

    basis = fields.String(allow_none=True)
    how = fields.String(allow_none=True)
    present = fields.String(allow_none=True)
    asked_at = fields.AwareDateTime()
    answered_at = fields.AwareDateTime(allow_none=True)
    reason = fields.String(allow_none=True)
    renews_id = fields.UUID(allow_none=True)
    capacity_id = fields.UUID(allow_none=True)
    wording_id = fields.UUID(allow_none=True)
    wording_number = fields.Integer(allow_none=True)
    wording_language = fields.String(allow_none=True)
    link_worker_id = fields.UUID()


def _items(tx: Tx, at: datetime, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those of people whose record is closed to the actor."""
    actor = asker()
    return [row for row in rows if not lists.closed(tx, actor, row["person_id"])[0]]


@api.route("")
@for_roles(ROLES)
@api.arguments(
    asked(
        "consents",
        tuple(ConsentState),
        ids=("person_id",),
        purpose=Choice(tuple(Purpose)),
        recipient=Text(),
    ),
    location="query",
)
@api.response(200, listed("Consents", ConsentInList))
def many(given: dict[str, Any]) -> dict[str, Any]:
    """Consents within your scope, the newest first"""
    return page(Noun.CONSENT, given, _items)


@api.route("", methods=["POST"])
@for_roles(TEAM)
@api.doc(parameters=REPEAT_KEY)
@api.arguments(RecordConsent)
@api.response(201, StepShown, headers=ETAG)
def record(given: dict[str, Any]) -> Response:
    """Record the question as it was read out, and the person's answer

    `agreed` is yes, no, or asked. A question that waits is answered; a yes renews an agreement in
    force, and a no takes it back."""
    actor, key = asker(), repeat_key()
    answer = {name: given[name] for name in ANSWER if given.get(name) is not None}

    asked_of = {name: given[name] for name in ("person_id", "purpose", "recipient", "agreed")}

    def do(tx: Tx, at: datetime) -> dict[str, Any]:
        check_named(tx, actor, at, Noun.CONSENT, None, "ask", given, even_if_refused=True)
        return of_done(record_consent(tx, actor, at, **asked_of, answer=answer))

    said = edge().perform(
        actor,
        lambda tx, at: once(tx, actor, key, "consent.record", given, at, lambda: do(tx, at)),
    )
    response = moved(said, 201)
    response.headers["Location"] = f"/api/v1/consents/{said['id']}"
    return response


@api.route("/<uuid:record_id>")
@for_roles(ROLES)
@api.response(200, ConsentShown, headers=ETAG)
def one(record_id: UUID) -> Any:
    """Read a consent"""
    actor, found = asker(), str(record_id)

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        f = facts.consent(tx, found, actor, at)
        row = lists.one(tx, Noun.CONSENT, actor, at, found)
        hidden = Refused([NOT_FOUND], noun=Noun.CONSENT, trigger="read", record_id=found)
        if f is None or row is None or not TABLES[Noun.CONSENT].hats(f, actor):
            raise hidden
        if f.closed_to_actor:
            raise hidden
        log(tx, actor, at, "read", "consent", found, subject=f.subject_ref)
        return row

    seen = edge().look(actor, read)
    return seen, 200, {"ETag": f'"{seen["version"]}"'}


add_moves(api, Noun.CONSENT, roles=ROLES)

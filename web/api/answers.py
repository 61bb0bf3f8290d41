"""What the API sends: the shapes of its answers, as the document of it tells them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from marshmallow import Schema, fields

from web.labels import said
from workflows.engine import Done, Option
from workflows.moves import Need, Refusal


def told(value: Any) -> Any:
    """A value as JSON has it: instants in UTC, days as they are."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): told(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [told(inner) for inner in value]
    return value


def words(text: str, about: str, *, or_null: bool = False) -> fields.String:
    return fields.String(allow_none=or_null, metadata={"description": about, "example": text})


class RefusalShown(Schema):
    """Why something can't be done now, and what would change that."""

    code = words("ground_to_share", "For a program.")
    why = words("There is no consent in force to share with this provider.", "For a person.")
    remedy = words("Ask the person.", "What would change it. May be empty.")
    source = words("common-law duty of confidence", "Where the rule comes from. May be empty.")
    field = fields.String(
        allow_none=True, metadata={"description": "The field it belongs to; nested by dots."}
    )


class ProblemShown(RefusalShown):
    """Problem details (RFC 9457). The first refusal stands at the top, all in `refusals`."""

    title = words("Conflict", "The status in words.")
    status = fields.Integer(metadata={"example": 409})
    detail = words("There is no consent in force.", "`why` and `remedy` in one.")
    refusals = fields.List(fields.Nested(RefusalShown))
    changed = fields.List(
        fields.Dict(keys=fields.String()),
        metadata={"description": "With 412: the steps made since the version you saw."},
    )
    reference = words("5f0c2a1b", "With 500: what to tell us.")


class NeedShown(Schema):
    """Something a move must be told."""

    name = words("reason", "The name of the field in the body.")
    asks = words("Choose a reason.", "What a person is asked.")
    values = fields.List(fields.String(), metadata={"description": "The codes allowed, if listed."})
    always = fields.Boolean(metadata={"description": "False: only in some cases."})


class MoveShown(Schema):
    """A move from where the record is now: allowed, or why not."""

    trigger = words("accept", "The last part of its address.")
    says = words("The provider gives the person a place.", "What it means.")
    allowed = fields.Boolean()
    needs = fields.List(fields.Nested(NeedShown))
    refusals = fields.List(fields.Nested(RefusalShown))


class MovesShown(Schema):
    """Every move from where the record is now."""

    items = fields.List(fields.Nested(MoveShown))


class StepShown(Schema):
    """Where a move left the record. Send `version` back as If-Match with the next one."""

    noun = words("referral", "What kind of record it is.")
    id = fields.UUID()
    reference = fields.String(allow_none=True)
    state = words("accepted", "Where it is now.")
    version = fields.Integer(metadata={"description": "Also the ETag."})
    replayed = fields.Boolean(
        metadata={"description": "True: it had been done before under the same key."}
    )
    confirmation = fields.UUID(
        metadata={"description": "With 202: what a second person must answer before it is done."}
    )
    new = fields.Dict(
        keys=fields.String(),
        metadata={"description": "A record that came of it, with the refusals it met, if any."},
    )


class Saved(Schema):
    """Something that was saved."""

    id = fields.UUID()
    replayed = fields.Boolean()


def of_done(done: Done) -> dict[str, Any]:
    """A step as it is sent."""
    return {
        "noun": str(done.noun),
        "id": done.id,
        "reference": done.reference,
        "state": str(done.state),
        "version": done.version,
        "replayed": done.replayed,
    }


def of_refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "code": refusal.code,
        "why": said(refusal.why),
        "remedy": said(refusal.remedy) if refusal.remedy else "",
        "source": refusal.source,
        "field": refusal.field,
    }


def of_need(need: Need) -> dict[str, Any]:
    return {
        "name": "group_id" if need.name == "redirected_to" else need.name,
        "asks": said(need.refusal.why),
        "values": [str(v) for v in need.values],
        "always": need.when is None,
    }


def of_option(option: Option) -> dict[str, Any]:
    """A move as the record's page and a program see it."""
    return {
        "trigger": option.trigger,
        "says": said(option.says),
        "allowed": option.allowed,
        "needs": [of_need(need) for need in option.needs],
        "refusals": [of_refusal(refusal) for refusal in option.refusals],
    }

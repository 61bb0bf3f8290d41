"""Who is close to a person, for programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields

from referral import relationships as kept
from referral.audit import log
from referral.store import Tx
from web.access import TEAM
from web.api.answers import Saved, words
from web.api.door import REPEAT_KEY, Blueprint, asker, for_roles, saved_once
from web.current import edge
from web.schemas.relationships import EndRelationship, RecordRelationship
from workflows import relationships as keeping
from workflows.rules import missing


class RelationshipShown(Schema):
    """Somebody close to a person."""

    id = fields.UUID()
    kind = words("carer", "carer, advocate, attorney, next_of_kin, contact or other.")
    name = fields.String()
    relation = fields.String(allow_none=True)
    phone = fields.String(allow_none=True)
    in_emergency = fields.Boolean(metadata={"description": "To be called in an emergency."})
    may_speak = words("yes", "What the person says of our speaking with them.")
    said_on = fields.Date(allow_none=True)
    said_how = fields.String(allow_none=True)
    from_on = fields.Date(allow_none=True)
    until_on = fields.Date(allow_none=True)
    recorded_by = fields.String()
    recorded_at = fields.AwareDateTime()
    replaces_id = fields.UUID(allow_none=True)
    ended_at = fields.AwareDateTime(allow_none=True)
    ended_why = fields.String(allow_none=True)


class RelationshipsShown(Schema):
    """Everybody noted, in the order they were recorded, with what has ended."""

    items = fields.List(fields.Nested(RelationshipShown))


def add_relationships(api: Blueprint) -> None:
    """Under a person: read, record, change and end."""

    @api.route("/<uuid:record_id>/relationships")
    @for_roles(TEAM)
    @api.response(200, RelationshipsShown)
    def relationships(record_id: UUID) -> dict[str, Any]:
        """Who is close to a person"""
        actor, found = asker(), str(record_id)

        def read(tx: Tx, at: datetime) -> dict[str, Any]:
            p = keeping.may_keep(tx, actor, at, found)
            if p is None:
                raise missing("relationship", "read")
            log(tx, actor, at, "read", "person", None, subject=p.subject_ref)
            return {"items": [one._asdict() for one in kept.of_person(tx, actor, found)]}

        return edge().look(actor, read)

    @api.route("/<uuid:record_id>/relationships", methods=["POST"])
    @for_roles(TEAM)
    @api.doc(parameters=REPEAT_KEY)
    @api.arguments(RecordRelationship)
    @api.response(201, Saved)
    def record_relationship(given: dict[str, Any], record_id: UUID) -> Any:
        """Record somebody close to a person

        Whoever is to be called in an emergency stands in the person's `emergency_contact` too."""
        found = str(record_id)
        return saved_once(
            "relationship",
            {"person": found, **given},
            lambda tx, at: keeping.record_relationship(
                tx, asker(), at, person_id=found, values=given
            ),
        ), 201

    @api.route("/<uuid:record_id>/relationships/<uuid:relationship_id>", methods=["POST"])
    @for_roles(TEAM)
    @api.doc(parameters=REPEAT_KEY)
    @api.arguments(RecordRelationship)
    @api.response(201, Saved)
    def change_relationship(given: dict[str, Any], record_id: UUID, relationship_id: UUID) -> Any:
        """What is different now, whole: it takes the place of this one, which stays beside it"""
        of = _of(record_id, relationship_id)
        return saved_once(
            "relationship",
            {"relationship": of, **given},
            lambda tx, at: keeping.change_relationship(
                tx, asker(), at, relationship_id=of, values=given
            ),
        ), 201

    @api.route("/<uuid:record_id>/relationships/<uuid:relationship_id>/end", methods=["POST"])
    @for_roles(TEAM)
    @api.doc(parameters=REPEAT_KEY)
    @api.arguments(EndRelationship)
    @api.response(200, Saved)
    def end_relationship(given: dict[str, Any], record_id: UUID, relationship_id: UUID) -> Any:
        """End it: over, mistake or they_asked. With the last two, name and number go at once"""
        of = _of(record_id, relationship_id)
        return saved_once(
            "relationship",
            {"relationship": of, **given},
            lambda tx, at: (
                keeping.end_relationship(tx, asker(), at, relationship_id=of, why=given["why"]).id
            ),
        )


def _of(record_id: UUID, relationship_id: UUID) -> str:
    """The relationship, where it is of this person."""
    actor = asker()
    with edge().reading(actor) as (tx, _at):
        row = kept.one(tx, actor, str(relationship_id))
    if row is None or row.person_id != str(record_id):
        raise missing("relationship", "read")
    return row.id

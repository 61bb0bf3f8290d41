"""Messages about a referral, for programs."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields

from referral import messages as kept
from referral.audit import log
from referral.states import Noun, Role
from referral.store import Tx
from web.api.answers import Saved, words
from web.api.door import REPEAT_KEY, Blueprint, asker, for_roles, saved_once
from web.api.paging import USUAL, PageAsked, after_of, cursors, listed, place_of
from web.current import edge
from web.schemas.messages import ReadMessages, WriteMessage
from workflows.messages import let_at, mark_read, write_message
from workflows.rules import missing


class ReaderShown(Schema):
    """Somebody of the other side who has read a message."""

    name = fields.String()
    at = fields.AwareDateTime()


class MessageShown(Schema):
    """A message between the link worker's team and the provider of a referral."""

    id = fields.UUID()
    side = words("team", "Who wrote it: team or provider.")
    name = fields.String(metadata={"description": "Who wrote it."})
    organisation = fields.String()
    at = fields.AwareDateTime()
    body = fields.String()
    read_by = fields.List(fields.Nested(ReaderShown))


class MessagesRead(Schema):
    """How many messages were new."""

    many = fields.Integer()


def add_messages(api: Blueprint, *, readers: frozenset[Role], writers: frozenset[Role]) -> None:
    """The thread of a referral: read it, write to the other side, and say what one has read."""

    @api.route("/<uuid:record_id>/messages")
    @for_roles(readers)
    @api.arguments(PageAsked, location="query")
    @api.response(200, listed("Messages", MessageShown))
    def messages(given: dict[str, Any], record_id: UUID) -> dict[str, Any]:
        """The messages about a referral. Reading them here marks nothing as read"""
        actor, found = asker(), str(record_id)
        most = given.get("limit") or USUAL
        start = place_of(after_of(f"messages {found}", given.get("cursor")))

        def read(tx: Tx, at: datetime) -> dict[str, Any]:
            let = let_at(tx, actor, at, found)
            if let is None:
                raise missing("message", "read")
            log(tx, actor, at, "read", Noun.REFERRAL, found, subject=let.facts.subject_ref)
            rows = kept.of_referral(tx, actor, found, start, most + 1)
            more, rows = len(rows) > most, rows[-most:]
            position = f"{rows[0].at.isoformat()} {rows[0].id}" if more else None
            return {
                "items": [
                    {**one._asdict(), "read_by": [r._asdict() for r in one.seen]}
                    for one in reversed(rows)
                ],
                "next": cursors(f"messages {found}").dumps(position) if position else None,
            }

        return edge().look(actor, read)

    @api.route("/<uuid:record_id>/messages", methods=["POST"])
    @for_roles(writers)
    @api.doc(parameters=REPEAT_KEY)
    @api.arguments(WriteMessage)
    @api.response(201, Saved)
    def write(given: dict[str, Any], record_id: UUID) -> Any:
        """Write to the other side. They are told that there is a message, not what it says"""
        found = str(record_id)
        return saved_once(
            "message",
            {"referral": found, **given},
            lambda tx, at: write_message(tx, asker(), at, referral_id=found, body=given["body"]),
        ), 201

    @api.route("/<uuid:record_id>/messages/read", methods=["POST"])
    @for_roles(writers)
    @api.arguments(ReadMessages)
    @api.response(200, MessagesRead)
    def read_messages(given: dict[str, Any], record_id: UUID) -> dict[str, Any]:
        """Say that you have read them, up to one of them or all"""
        actor, found = asker(), str(record_id)
        many = edge().perform(
            actor,
            lambda tx, at: mark_read(tx, actor, at, referral_id=found, up_to=given.get("up_to")),
        )
        return {"many": many}

"""Documents on a referral, for programs."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields

from referral import documents as kept
from referral.audit import log
from referral.documents import GOES, DocumentSeen
from referral.states import Noun, Role
from referral.store import Tx
from web.api.answers import Saved, words
from web.api.door import REPEAT_KEY, Blueprint, asker, for_roles, saved_once
from web.api.paging import USUAL, PageAsked, after_of, cursors, listed, place_of
from web.current import edge, settings
from web.documents import as_file
from web.schemas.documents import BOTH, SendDocument, TakeBack
from workflows.documents import attach_document, let_at, open_document, openable, take_back_document
from workflows.rules import missing, wrong
from workflows.uploads import NOT_BASE64


class DocumentShown(Schema):
    """A document on a referral, without what is in it."""

    id = fields.UUID()
    side = words("team", "Who put it there: team or provider.")
    shared = fields.Boolean(metadata={"description": "Whether the other side may see it."})
    kind = words("letter", "What kind of document it is.")
    name = fields.String(allow_none=True)
    description = fields.String(allow_none=True)
    media_type = words("application/pdf", "What it is, by what is in it.")
    size = fields.Integer(metadata={"description": "In bytes."})
    by = fields.String(metadata={"description": "Who put it there."})
    organisation = fields.String()
    at = fields.AwareDateTime()
    scan = words("clean", "What the virus scanner said: waiting, clean or refused.")
    taken_back_at = fields.AwareDateTime(allow_none=True)
    taken_back_why = fields.String(allow_none=True)
    can_be_opened = fields.Boolean(metadata={"description": "By you, now."})


class TakenBack(Schema):
    """That it is shared no longer."""

    taken_back = fields.Boolean()


def add_documents(api: Blueprint, *, readers: frozenset[Role], writers: frozenset[Role]) -> None:
    """The documents of a referral: list them, open one, put one there, and take one back."""

    @api.route("/<uuid:record_id>/documents")
    @for_roles(readers)
    @api.arguments(PageAsked, location="query")
    @api.response(200, listed("Documents", DocumentShown))
    def documents(given: dict[str, Any], record_id: UUID) -> dict[str, Any]:
        """The documents on a referral, the newest first, without what is in them"""
        actor, found = asker(), str(record_id)
        most = given.get("limit") or USUAL
        start = place_of(after_of(f"documents {found}", given.get("cursor")))
        unscanned = settings().unscanned_open

        def drawn(one: DocumentSeen) -> dict[str, Any]:
            gone = {"name": None, "description": None} if one.taken_back_why in GOES else {}
            opens = {"can_be_opened": openable(one, actor, unscanned) is None}
            return {**one._asdict(), **gone, **opens}

        def read(tx: Tx, at: datetime) -> dict[str, Any]:
            let = let_at(tx, actor, at, found)
            if let is None:
                raise missing("document", "read")
            log(tx, actor, at, "read", Noun.REFERRAL, found, subject=let.facts.subject_ref)
            rows = kept.of_referral(tx, actor, found, start, most + 1)
            more, rows = len(rows) > most, rows[:most]
            position = f"{rows[-1].at.isoformat()} {rows[-1].id}" if more else None
            return {
                "items": [drawn(one) for one in rows],
                "next": cursors(f"documents {found}").dumps(position) if position else None,
            }

        return edge().look(actor, read)

    @api.route("/<uuid:record_id>/documents/<uuid:document_id>/file")
    @for_roles(readers)
    @api.alt_response(409, "Problem409")
    @api.response(200, content_type="application/octet-stream")
    def document_file(record_id: UUID, document_id: UUID) -> Any:
        """What is in a document, as the file it is"""
        actor, unscanned = asker(), settings().unscanned_open
        made = as_file(
            edge().look(
                actor,
                lambda tx, at: open_document(
                    tx, actor, at, referral_id=str(record_id), document_id=str(document_id),
                    unscanned=unscanned,
                ),
            )
        )  # fmt: skip
        made.mimetype = "application/octet-stream"
        return made

    @api.route("/<uuid:record_id>/documents", methods=["POST"])
    @for_roles(writers)
    @api.doc(parameters=REPEAT_KEY)
    @api.arguments(SendDocument)
    @api.response(201, Saved)
    def send_document(given: dict[str, Any], record_id: UUID) -> Any:
        """Put a document on a referral, its bytes as base64"""
        actor, found, content = asker(), str(record_id), _bytes(given["content"])
        unscanned = settings().unscanned_open

        def do(tx: Tx, at: datetime) -> str:
            if let_at(tx, actor, at, found) is None:
                raise missing("document", "attach")
            if content is None:
                raise wrong("document", "attach", NOT_BASE64)
            return attach_document(
                tx, actor, at, referral_id=found, kind=given["kind"],
                description=given["description"], shared=given["seen_by"] == BOTH,
                name=given["name"], content=content, unscanned=unscanned,
            )  # fmt: skip

        digest = hashlib.sha256(content or b"").hexdigest()
        return saved_once("document", {"referral": found, **given, "content": digest}, do), 201

    @api.route("/<uuid:record_id>/documents/<uuid:document_id>/take-back", methods=["POST"])
    @for_roles(writers)
    @api.arguments(TakeBack)
    @api.response(200, TakenBack)
    def take_back(given: dict[str, Any], record_id: UUID, document_id: UUID) -> dict[str, Any]:
        """Share a document no longer; a wrong file, or one about somebody else, goes at once"""
        actor = asker()
        edge().perform(
            actor,
            lambda tx, at: take_back_document(
                tx, actor, at, referral_id=str(record_id), document_id=str(document_id),
                why=given["why"],
            ),
        )  # fmt: skip
        return {"taken_back": True}


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None

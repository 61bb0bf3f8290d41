"""Documents on a referral: the list, a form to put one there, opening one and taking one back."""

from __future__ import annotations

import hashlib
from datetime import datetime
from io import BytesIO
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, flash, redirect, request, send_file
from flask.typing import ResponseReturnValue

from referral import documents
from referral.actors import Actor
from referral.documents import GOES, DocumentSeen
from referral.messages import PROVIDER, side_of
from referral.states import Role
from referral.store import Tx
from web import labels
from web.access import GOVERNANCE, TEAM, access, current_actor
from web.current import edge, settings
from web.forms import Form, Next, answer, keyed, page
from web.keysets import after, pack
from web.labels import said, word
from web.referrals import Shown, found, frame_of
from web.say import _
from web.schemas.documents import BOTH, OURS, AttachDocument, TakeBack
from web.words import file_size, iso, time_words
from workflows.documents import (
    attach_document,
    open_document,
    openable,
    provider_sees,
    take_back_document,
    why_not,
    why_not_take_back,
)
from workflows.engine import Refused
from workflows.moves import N_
from workflows.uploads import ACCEPTED, Upload

pages = Blueprint("document_pages", __name__)
WRITERS = TEAM | {Role.PROVIDER_LEADER}
READERS = WRITERS | GOVERNANCE | {Role.SAFEGUARDING_LEAD}
CHOOSE_AGAIN = N_("Choose the file again. A browser does not keep it.")


def _shown(record_id: str) -> Shown:
    """The referral, where its documents are there for who asks."""
    shown = found(record_id)
    if not shown.has_documents:
        abort(404)
    return shown


def _path(shown: Shown) -> str:
    return f"/referrals/{shown.id}/documents"


def _other(shown: Shown) -> str:
    """The other side's name."""
    ours = side_of(shown.actor) == PROVIDER
    return shown.referral.organisation if ours else shown.referral.provider


def who_sees(one: DocumentSeen, shown: Shown) -> str:
    """Who may see a document, in words."""
    r = shown.referral
    own, other = (
        (r.provider, r.organisation) if one.side == PROVIDER else (r.organisation, r.provider)
    )
    if one.taken_back_at is not None or not one.shared:
        return _("%(own)s only, and whoever looks after safety.", own=own)
    if one.side == PROVIDER or provider_sees(shown.situation):
        return _("%(own)s and %(other)s.", own=own, other=other)
    return _(
        "%(own)s now. %(other)s sees it while they have a place for the person and the referral is"
        " shared with them.",
        own=own,
        other=other,
    )


def drawn(one: DocumentSeen, shown: Shown, unscanned: bool) -> dict[str, Any]:
    """One document as the list draws it."""
    actor = shown.actor
    refusal = openable(one, actor, unscanned)
    base = f"{_path(shown)}/{one.id}"
    back = None
    if one.taken_back_at is not None:
        back = _(
            "Taken back by %(who)s, %(when)s: %(why)s",
            who=one.taken_back_by,
            when=time_words(one.taken_back_at),
            why=word(labels.DOCUMENT_WHY, one.taken_back_why),
        )
    gone = one.taken_back_why in GOES
    return {
        "id": one.id,
        "title": word(labels.DOCUMENT_KINDS, one.kind) if gone or not one.description
        else one.description,
        "kind": "" if gone else word(labels.DOCUMENT_KINDS, one.kind),
        "type": word(labels.FILE_TYPES, one.media_type),
        "size": file_size(one.size),
        "name": "" if gone else one.name,
        "by": _("You") if one.attached_by == actor.membership_id else one.by,
        "organisation": one.organisation,
        "when": time_words(one.at),
        "at": iso(one.at),
        "seen_by": "" if gone else who_sees(one, shown),
        "scan": word(labels.DOCUMENT_SCANS, one.scan) if one.there or one.scan == "refused" else "",
        "back": back,
        "open": f"{base}/file" if refusal is None else None,
        "why_not": said(refusal.why) if refusal is not None and one.there else None,
        "take_back": f"{base}/take-back"
        if side_of(actor) and why_not_take_back(shown.facts, one, actor) is None
        else None,
    }  # fmt: skip


def _uploaded() -> tuple[str, bytes]:
    """The file of this request: its name as it came, and its bytes."""
    given = request.files.get("file")
    return (given.filename or "", given.read()) if given is not None else ("", b"")


def _scan_words() -> str:
    """What is said before the form of who may open it, and when."""
    if settings().scanner:
        return _("A virus scanner looks at it first. Others can open it once it has.")
    if settings().unscanned_open:
        return _("This service has no virus scanner: open what others put here with care.")
    return _(
        "This service has no virus scanner, so nobody but you can open it. Ask whoever looks after"
        " Segue."
    )


def _list(record_id: str) -> ResponseReturnValue:
    shown, actor = _shown(record_id), current_actor()
    start = after(datetime, str)
    unscanned = settings().unscanned_open
    with edge().reading(actor) as (tx, _at):
        rows = documents.of_referral(tx, actor, shown.id, start, documents.PAGE + 1)
    older = None
    if len(rows) > documents.PAGE:
        rows = rows[: documents.PAGE]
        older = f"{_path(shown)}?after={pack(rows[-1].at, rows[-1].id)}"
    refusal = why_not(shown.facts, actor)
    name, content = _uploaded() if request.method == "POST" else ("", b"")

    def draw(form: Form) -> str:
        if request.method == "POST" and (name or request.form.get("again")):
            form.errors.setdefault("file", said(CHOOSE_AGAIN))
        return page(
            "documents/list.jinja",
            form,
            **frame_of(shown, "documents"),
            documents=[drawn(one, shown, unscanned) for one in rows],
            older=older,
            latest=_path(shown) if start else None,
            refusal=refusal and f"{said(refusal.why)} {said(refusal.remedy)}",
            kinds=labels.choices(labels.DOCUMENT_KINDS),
            audiences=_audiences(shown),
            accepted=ACCEPTED,
            scan_words=_scan_words(),
            concern=f"/referrals/{shown.id}/concern",
        )

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        digest = hashlib.sha256(content).hexdigest()
        return keyed(
            tx, actor, at, form, "document",
            {"referral": shown.id, **given, "name": name, "content": digest},
            lambda: attach_document(
                tx, actor, at, referral_id=shown.id, kind=given["kind"],
                description=given["description"], shared=given["seen_by"] == BOTH, name=name,
                content=content, unscanned=unscanned,
            ),
        )  # fmt: skip

    return answer(draw, command, lambda _made: Next(_path(shown), _done()), schema=AttachDocument())


def _done() -> str:
    if settings().scanner:
        return _(
            "The document is here. Others can open it once the virus scanner has looked at it."
        )
    return _("The document is here.")


def _audiences(shown: Shown) -> list[tuple[str, str, str]]:
    own = (
        shown.referral.provider if side_of(shown.actor) == PROVIDER else shown.referral.organisation
    )
    both = _("%(own)s and %(other)s", own=own, other=_other(shown))
    hint = ""
    if side_of(shown.actor) != PROVIDER and not provider_sees(shown.situation):
        hint = _(
            "They see it once they have given a place, while the referral is shared with them."
        )
    return [
        (BOTH, both, hint),
        (OURS, _("%(own)s only", own=own), _("Whoever looks after safety sees it too.")),
    ]


@pages.get("/referrals/<uuid:record_id>/documents")
@access(READERS)
def listed(record_id: UUID) -> ResponseReturnValue:
    """The documents on a referral, and a form to put one there."""
    return _list(str(record_id))


@pages.post("/referrals/<uuid:record_id>/documents")
@access(WRITERS)
def attach(record_id: UUID) -> ResponseReturnValue:
    """Put a document there."""
    return _list(str(record_id))


def as_file(upload: Upload) -> Response:
    """A file to save: never shown in the page, whatever it is, and allowed nothing where a browser
    shows it all the same."""
    response = send_file(
        BytesIO(upload.content),
        mimetype=upload.media_type,
        as_attachment=True,
        download_name=upload.name,
        max_age=None,
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "no-store"
    return response


@pages.get("/referrals/<uuid:record_id>/documents/<uuid:document_id>/file")
@access(READERS)
def file(record_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """What is in it, to save."""
    actor: Actor = current_actor()
    rid = str(record_id)

    def read(tx: Tx, at: datetime) -> Upload:
        return open_document(
            tx, actor, at, referral_id=rid, document_id=str(document_id),
            unscanned=settings().unscanned_open,
        )  # fmt: skip

    try:
        return as_file(edge().look(actor, read))
    except Refused as refused:
        if "not_found" in refused.codes:
            raise
        one = refused.refusals[0]
        flash(f"{said(one.why)} {said(one.remedy)}", "important")
        return redirect(f"/referrals/{rid}/documents", 303)


@pages.route(
    "/referrals/<uuid:record_id>/documents/<uuid:document_id>/take-back", methods=["GET", "POST"]
)
@access(WRITERS)
def take_back(record_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """Why it is taken back, and what becomes of it."""
    shown, actor = _shown(str(record_id)), current_actor()
    with edge().reading(actor) as (tx, _at):
        one = documents.one(tx, actor, shown.id, str(document_id))
    if one is None:
        abort(404)
    refusal = why_not_take_back(shown.facts, one, actor)
    if refusal is not None and request.method == "GET":
        flash(f"{said(refusal.why)} {said(refusal.remedy)}", "important")
        return redirect(_path(shown), 303)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        take_back_document(
            tx, actor, at, referral_id=shown.id, document_id=one.id, why=given["why"]
        )

    return answer(
        lambda form: page(
            "documents/take_back.jinja",
            form,
            **{**frame_of(shown, "documents"), "back": {"href": _path(shown)}},
            one=drawn(one, shown, settings().unscanned_open),
            reasons=[
                (code, words, word(labels.DOCUMENT_WHY_HINTS, code))
                for code, words in labels.choices(labels.DOCUMENT_WHY)
            ],
        ),
        command,
        lambda _done: Next(_path(shown), _("Taken back. Nobody on the other side sees it now.")),
        schema=TakeBack(),
    )

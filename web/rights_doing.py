"""Doing what a request asks: deciding what is left out of a copy and making it, putting something
right, stopping the use of a record for a while."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request
from flask.typing import ResponseReturnValue

from referral import blackouts
from referral import rights as kept
from referral.copies import SAFETY, Copy
from referral.states import Noun, Role
from referral.store import Tx
from web import labels
from web.access import access, current_actor
from web.blackouts import blackouts_page
from web.copy_words import LEFT, as_json, drawn
from web.current import edge, settings
from web.documents import as_file
from web.forms import AsKept, Form, Next, answer, page
from web.labels import record_path, said
from web.moves import read_record
from web.say import _
from web.schemas.rights import DecideParts, PutRight, StopUse
from web.timelines import changed
from workflows.blackouts import GROUNDS
from workflows.engine import Refused
from workflows.rights_doing import (
    CORRECTED,
    UNDECIDED,
    WITHHELD,
    black_out_of_copy,
    copy_of_everything,
    decide_part,
    document_of_copy,
    give_again_in_copy,
    lift_restriction,
    parts_to_decide,
    put_right,
    read_parts,
    restrict,
    undecided,
)
from workflows.uploads import Upload

pages = Blueprint("rights_doing_pages", __name__)

DOING = frozenset({Role.INFORMATION_GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER})


def _context(record_id: str, title: str) -> dict[str, Any]:
    found = read_record(Noun.RIGHTS, record_id)
    back = {"href": record_path(Noun.RIGHTS, record_id), "text": _("Back to the request")}
    return {"record": found, "title": title, "caption": found.caption, "back": back}


# -- a copy of everything -----------------------------------------------------------------------


@pages.route("/rights/<uuid:record_id>/parts", methods=["GET", "POST"])
@access(DOING)
def parts(record_id: UUID) -> ResponseReturnValue:
    """Decide of each part whether it is given, or left out and why."""
    actor, rid = current_actor(), str(record_id)
    context = _context(rid, _("What is given, and what is left out"))
    mine = parts_to_decide(actor)
    choices = [("give", _("Give it")), *labels.choices(labels.WITHHELD, *WITHHELD)]

    def read(tx: Tx, at: datetime) -> dict[str, Any]:
        decided = {part: one for part, one in kept.parts_of(tx, rid).items() if part in mine}
        stands = {part: "give" if one.decision == "give" else one.reason
                  for part, one in decided.items()}  # fmt: skip
        return {**dict.fromkeys(mine), **stands, "_when": [one.at for one in decided.values()]}

    with edge().reading(actor) as (tx, at):
        known = read(tx, at)
    left_out = () if SAFETY in mine else (SAFETY,)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> None:
        for part in mine:
            decide_part(
                tx,
                actor,
                at,
                rid,
                part=part,
                give=given[part] == "give",
                reason=given[part],
                note=given.get("note"),
            )

    return answer(
        lambda form: page(
            "rights/parts.jinja",
            form,
            parts=[(part, said(LEFT[part])) for part in mine],
            choices=choices,
            elsewhere=SAFETY not in mine,
            read=f"/rights/{rid}/parts/read",
            **context,
        ),
        command,
        lambda _done: Next(f"/rights/{rid}", _("Decided. The copy can be made now.")),
        schema=DecideParts(exclude=left_out),
        known=known,
        kept=AsKept(
            Noun.RIGHTS,
            read,
            lambda tx, at: changed(tx, actor, "part_decided", rid),
            lambda part, code: dict(choices).get(code, ""),
        ),
    )


@pages.get("/rights/<uuid:record_id>/parts/read")
@access(DOING)
def parts_read(record_id: UUID) -> ResponseReturnValue:
    """What is in the parts that are decided on, to be read before."""
    actor, rid = current_actor(), str(record_id)
    context = _context(rid, _("The parts to decide on"))
    facts = context["record"].facts
    found = edge().perform(actor, lambda tx, at: read_parts(tx, actor, at, rid, facts))
    return page(
        "rights/parts_read.jinja",
        None,
        sections=drawn(found)["sections"],
        decide=f"/rights/{rid}/parts",
        **context,
    )


@pages.route("/rights/<uuid:record_id>/passages", methods=["GET", "POST"])
@access(DOING)
def passages(record_id: UUID) -> ResponseReturnValue:
    """Black out what the copy shall not give."""
    actor, rid = current_actor(), str(record_id)
    context = _context(rid, _("Black out passages"))
    with edge().reading(actor) as (tx, _at):
        marked = blackouts.passages(tx, rid)
        first = undecided(tx, actor, rid)
    if first and request.method == "GET":
        return _decide_first(rid)

    def mark(tx: Tx, at: datetime, words: str, ground: str) -> None:
        black_out_of_copy(tx, actor, at, rid, words=words, ground=ground)

    def unmark(tx: Tx, at: datetime, number: str) -> None:
        give_again_in_copy(tx, actor, at, rid, number)

    return blackouts_page(
        f"/rights/{rid}/passages",
        marked,
        mark,
        unmark,
        what=_(
            "Make the copy and read it. What is about somebody else, or would seriously harm"
            " somebody, is blacked out here; then make the copy again. The record itself stays as"
            " it is."
        ),
        **context,
    )


def _made(record_id: str) -> tuple[Copy, datetime]:
    actor = current_actor()
    stands = {code: said(text) for code, text in GROUNDS.items()}

    def make(tx: Tx, at: datetime) -> tuple[Copy, datetime]:
        return copy_of_everything(tx, actor, at, record_id, stands), at

    return edge().perform(actor, make)


def _decide_first(record_id: str) -> ResponseReturnValue:
    flash(said(UNDECIDED.remedy), "important")
    return redirect(f"/rights/{record_id}/parts", code=303)


@pages.get("/rights/<uuid:record_id>/copy")
@access(DOING)
def copy(record_id: UUID) -> ResponseReturnValue:
    """The copy to print or save: everything held, in plain words."""
    context = _context(str(record_id), _("Everything we hold about you"))
    try:
        made, at = _made(str(record_id))
    except Refused as refused:
        if refused.codes != (UNDECIDED.code,):
            raise
        return _decide_first(str(record_id))
    return page(
        "rights/copy.jinja", None, copy=drawn(made), at=at, json=f"/rights/{record_id}/copy.json",
        files=f"/rights/{record_id}/copy",
        **context,
    )  # fmt: skip


@pages.get("/rights/<uuid:record_id>/copy.json")
@access(DOING)
def copy_json(record_id: UUID) -> ResponseReturnValue:
    """The same for a program."""
    found = read_record(Noun.RIGHTS, str(record_id))
    made, at = _made(str(record_id))
    reference = found.facts.reference
    body = json.dumps(as_json(made, reference, at), ensure_ascii=False, indent=2, default=str)
    response = Response(body, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="copy-{reference}.json"'
    return response


@pages.get("/rights/<uuid:record_id>/copy/<uuid:document_id>")
@access(DOING)
def copy_file(record_id: UUID, document_id: UUID) -> ResponseReturnValue:
    """A document of the copy, as a file."""
    actor, rid, unscanned = current_actor(), str(record_id), settings().unscanned_open

    def made(tx: Tx, at: datetime) -> Upload:
        return document_of_copy(tx, actor, at, rid, str(document_id), unscanned=unscanned)

    return as_file(edge().perform(actor, made))


# -- putting it right ---------------------------------------------------------------------------


@pages.route("/rights/<uuid:record_id>/put-right", methods=["GET", "POST"])
@access(DOING)
def correct(record_id: UUID) -> ResponseReturnValue:
    """Put one thing right; how it stood is kept beside it."""
    actor, rid = current_actor(), str(record_id)
    context = _context(rid, _("Put something right"))

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return put_right(tx, actor, at, rid, **given)

    return answer(
        lambda form: page(
            "rights/put_right.jinja",
            form,
            names=labels.choices(labels.CORRECTED, *CORRECTED),
            **context,
        ),
        command,
        lambda _done: Next(
            f"/rights/{rid}",
            _("Put right. How it stood is kept. Providers who have them are told to look again."),
        ),
        schema=PutRight(),
    )


# -- stopping its use ---------------------------------------------------------------------------


@pages.route("/rights/<uuid:record_id>/stop-use", methods=["GET", "POST"])
@access(DOING)
def stop_use(record_id: UUID) -> ResponseReturnValue:
    """Close the record to both sides until it is lifted."""
    actor, rid = current_actor(), str(record_id)
    context = _context(rid, _("Stop the use of their record for a while"))

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> tuple[str, ...]:
        return restrict(tx, actor, at, rid, given["until"])

    return answer(
        lambda form: page("rights/stop_use.jinja", form, **context),
        command,
        lambda _done: Next(
            f"/rights/{rid}",
            _("Its use is stopped. Link workers and providers see only that it is on hold."),
        ),
        schema=StopUse(),
    )


@pages.post("/rights/<uuid:record_id>/use-again")
@access(DOING)
def use_again(record_id: UUID) -> ResponseReturnValue:
    """Let the record be used again."""
    actor, rid = current_actor(), str(record_id)
    return answer(
        lambda form: page(
            "rights/not_confirmed.jinja", form, back={"href": record_path(Noun.RIGHTS, rid)}
        ),
        lambda tx, at, given, form: lift_restriction(tx, actor, at, rid),
        lambda count: Next(
            f"/rights/{rid}",
            _("Their record can be used again.") if count else _("It was not stopped."),
        ),
    )

"""The provider's moves that ask for more than the table does: accepting, and finishing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from referral.states import Noun
from referral.store import Tx
from web import labels
from web.access import current_actor
from web.app import edge
from web.forms import Form, page, typed
from web.labels import word
from web.moves import Asked, move_page, own_page, read_record
from web.say import _
from web.schemas import Wrong, load, schema_for
from web.schemas.fields import Day
from web.words import day_words
from workflows.engine import Done, step
from workflows.moves import N_

pages = Blueprint("provider_moves", __name__)


class Accept(schema_for(Noun.REFERRAL, "accept")):  # type: ignore[misc]
    """Giving a place, and when the provider means to be in touch first."""

    first_contact = Day(when="to_come")


@own_page(Noun.REFERRAL, "accept")
def accept(record_id: str, trigger: str) -> ResponseReturnValue:
    """Give the person a place. The date of the first contact goes to the link worker in words."""
    actor = current_actor()

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Done:
        first = given.pop("first_contact", None)
        words = [
            _("First contact is planned for %(day)s.", day=day_words(first, weekday=True))
            if first
            else "",
            given.pop("note", ""),
        ]
        note = " ".join(w for w in words if w)
        told = {"note": note} if note else {}
        return step(
            tx,
            Noun.REFERRAL,
            record_id,
            "accept",
            actor,
            at,
            told,
            version=form.version,
            key=form.key,
        )

    return move_page(Noun.REFERRAL, record_id, "accept", Asked(schema=Accept, act=act))


@own_page(Noun.REFERRAL, "complete")
def complete(record_id: str, trigger: str) -> ResponseReturnValue:
    """Say how it went; then look at what the practice gets, and send it."""
    schema = schema_for(Noun.REFERRAL, "complete")()
    if request.method == "POST" and not request.form.get("sure") and not request.form.get("again"):
        preview = _preview(record_id, schema)
        if preview is not None:
            return preview
    return move_page(
        Noun.REFERRAL,
        record_id,
        "complete",
        Asked(
            title=_("Finish: how did it go?"),
            press=_("Continue"),
            before=_("You can look at the message to the practice before anything is sent."),
        ),
    )


def _preview(record_id: str, schema: Schema) -> str | None:
    """The message as the practice gets it, before it is sent; None if something is missing yet."""
    found = read_record(Noun.REFERRAL, record_id)
    option = found.option("complete")
    if option is None or option.refusals:
        return None
    try:
        given = load(schema, typed(schema, request.form), edge().clock(), form=True)
    except Wrong:
        return None
    return page(
        "complete_preview.jinja",
        Form(
            values={n: request.form[n] for n in schema.fields if n in request.form},
            version=request.form.get("version", type=int) or found.version,
            key=request.form.get("key") or Form().key,
        ),
        caption=found.caption,
        back={"href": labels.record_path(Noun.REFERRAL, record_id)},
        agreed=found.facts.practice_agreed,
        lines=[
            (_("What happened"), word(labels.OUTCOMES, given["outcome"])),
            (_("Were their goals met?"), word(labels.GOALS_MET, given["goals_met"])),
            (_("What comes next"), given["what_next"]),
            (_("Summary"), given["summary"]),
        ],
    )


@own_page(Noun.REFERRAL, "decline")
def decline(record_id: str, trigger: str) -> ResponseReturnValue:
    """Say no, with a reason from the list."""
    return move_page(
        Noun.REFERRAL,
        record_id,
        "decline",
        Asked(
            title=labels.said(N_("You cannot take this person")), press=_("Tell the link worker")
        ),
    )

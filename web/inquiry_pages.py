"""Asking for the whole history of one person, a second person's yes, and taking it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, make_response
from flask.typing import ResponseReturnValue
from marshmallow import fields

from referral import blackouts, entries, inquiries
from referral.actors import Actor
from referral.audit import EXPORTED, READ, log, showing
from referral.blackouts import Passage
from referral.inquiries import NOUN, Asked
from referral.members import actor_of
from referral.store import Door, Tx
from web.access import access, current_actor
from web.blackouts import blackouts_page
from web.current import edge
from web.forms import Form, Next, answer, page
from web.inquiry import GROUNDS, bundle, given_words, zipped
from web.labels import said, word
from web.say import _
from web.schemas.base import Command
from web.words import time_words
from workflows.blackouts import black_out, give_again
from workflows.inquiries import MAY, answer_bundle, ask_for_bundle, one, ready

pages = Blueprint("inquiry_pages", __name__)


class Asking(Command):
    """What is asked for: whose history, on what ground, and whether staff are named."""

    reference = fields.String(load_default="")
    ground = fields.String(load_default="")
    named = fields.String(load_default="no")


def _line(asked: Asked, at: datetime) -> dict[str, Any]:
    return {
        "href": f"/inquiries/{asked.id}",
        "reference": asked.reference,
        "ground": word(GROUNDS, str(asked.given.get("ground"))),
        "asker": asked.asker,
        "when": time_words(asked.asked_at),
        "state": _state(asked, at),
    }


def _state(asked: Asked, at: datetime) -> str:
    if asked.answer is None:
        return _("Waits for a second person")
    if asked.answer != "confirmed":
        return _("Not given")
    return _("Ready to be taken") if ready(asked, at) else _("Its time is over")


@pages.route("/inquiries", methods=["GET", "POST"])
@access(*MAY)
def listed() -> ResponseReturnValue:
    """Ask for a bundle, and those asked for before."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        closed = entries.conflicted(tx, actor, at)
        found = [] if closed else inquiries.all_asked(tx, actor)
        rows = [_line(each, at) for each in found]
    showing(NOUN, (each.person_id for each in found))

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return ask_for_bundle(
            tx,
            actor,
            at,
            reference=given["reference"],
            ground=given["ground"],
            named=given["named"] == "yes",
        )

    return answer(
        lambda form: page(
            "inquiry/list.jinja",
            form,
            rows=rows,
            grounds=[(code, said(text)) for code, text in GROUNDS.items()],
        ),
        act,
        lambda made: Next(
            f"/inquiries/{made}", _("Asked. Nothing is given before a second person says yes.")
        ),
        schema=Asking(),
    )


@pages.route("/inquiries/<uuid:inquiry_id>", methods=["GET", "POST"])
@access(*MAY)
def inquiry(inquiry_id: UUID) -> ResponseReturnValue:
    """One request: the second person answers it, and whoever may takes the bundle."""
    actor, iid = current_actor(), str(inquiry_id)

    def read(tx: Tx, at: datetime) -> tuple[Asked, bool]:
        found = one(tx, actor, at, iid)
        subject = entries.subject_of(tx, NOUN, found.person_id)
        log(tx, actor, at, READ, NOUN, None, {"inquiry": iid}, subject=subject)
        return found, ready(found, at)

    asked, may_take = edge().perform(actor, read)

    def act(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Asked:
        return answer_bundle(tx, actor, at, iid, agree=form.value("do") != "no")

    return answer(
        lambda form: page(
            "inquiry/show.jinja",
            form,
            line=_line(asked, edge().clock()),
            named=bool(asked.given.get("named")),
            answerer=asked.answerer,
            mine=asked.asked_by == actor.membership_id,
            open=asked.answer is None,
            take=f"/inquiries/{iid}/bundle" if may_take else None,
            passages=f"/inquiries/{iid}/passages",
            back={"href": "/inquiries", "text": _("Back to bundles for inquiries")},
        ),
        act,
        lambda made: Next(
            f"/inquiries/{iid}",
            _("You said yes. The bundle can be taken for 7 days.")
            if made.answer == "confirmed"
            else _("You said no. Nothing is given."),
        ),
    )


@pages.route("/inquiries/<uuid:inquiry_id>/passages", methods=["GET", "POST"])
@access(*MAY)
def passages(inquiry_id: UUID) -> ResponseReturnValue:
    """Black out what the bundle shall not give, in words that were written freely."""
    actor, iid = current_actor(), str(inquiry_id)

    def read(tx: Tx, at: datetime) -> tuple[Asked, str | None, list[Passage]]:
        found = one(tx, actor, at, iid)
        subject = entries.subject_of(tx, NOUN, found.person_id)
        log(tx, actor, at, READ, NOUN, None, {"inquiry": iid}, subject=subject)
        return found, subject, blackouts.passages(tx, iid)

    asked, subject, marked = edge().perform(actor, read)

    def mark(tx: Tx, at: datetime, words: str, ground: str) -> None:
        now = one(tx, actor, at, iid)
        black_out(
            tx,
            actor,
            at,
            noun=NOUN,
            record_id=iid,
            person_id=now.person_id,
            subject=subject,
            words=words,
            ground=ground,
            given=given_words(
                tx,
                now,
                actor_of(tx, now.asked_by, at),
                actor_of(tx, now.answered_by, at) if now.answered_by else actor,
            ),
        )

    def unmark(tx: Tx, at: datetime, number: str) -> None:
        one(tx, actor, at, iid)
        give_again(tx, actor, at, number, noun=NOUN, record_id=iid, subject=subject)

    return blackouts_page(
        f"/inquiries/{iid}/passages",
        marked,
        mark,
        unmark,
        title=_("Black out passages"),
        caption=asked.reference,
        what=_(
            "Take the bundle and read the words that were written freely. What is about somebody"
            " else, or must not be given, is blacked out here; then take the bundle again. The"
            " record itself stays as it is."
        ),
        back={"href": f"/inquiries/{iid}", "text": _("Back to the bundle")},
    )


@pages.get("/inquiries/<uuid:inquiry_id>/bundle")
@access(*MAY)
def taken(inquiry_id: UUID) -> ResponseReturnValue:
    """The bundle as an archive. That it was taken is in the log first."""
    actor, iid = current_actor(), str(inquiry_id)
    asked, first, second, at = take(actor, iid)
    with edge().store.snapshot(actor, Door.COMMAND) as tx:
        files = bundle(tx, asked, first, second, at)
    response = make_response(zipped(files))
    response.headers["Content-Type"] = "application/zip"
    name = f"{asked.reference}-history.zip"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def take(actor: Actor, iid: str) -> tuple[Asked, Actor | None, Actor | None, datetime]:
    """The request, its two people as they are now, and the time: it may be given, and the log says
    that it was. 404 where it may not."""

    def read(tx: Tx, at: datetime) -> tuple[Asked, Actor | None, Actor | None, datetime] | None:
        found = one(tx, actor, at, iid)
        if not ready(found, at):
            return None
        subject = entries.subject_of(tx, NOUN, found.person_id)
        log(tx, actor, at, EXPORTED, NOUN, None, {"inquiry": iid}, subject=subject)
        first = actor_of(tx, found.asked_by, at)
        second = actor_of(tx, found.answered_by or "", at)
        return found, first, second, at

    found = edge().perform(actor, read)
    if found is None:
        abort(404)
    return found

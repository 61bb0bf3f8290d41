"""Messages about a referral: what the team and the provider write to each other, who reads it, and
who has."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from referral import messages
from referral.messages import MessageSeen, side_of
from referral.states import ReferralState as S
from referral.states import Role
from referral.store import Tx
from web.access import GOVERNANCE, TEAM, access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, keyed, page
from web.keysets import after, pack
from web.labels import said
from web.referrals import Shown, found, frame_of, path_of
from web.say import _, ngettext
from web.schemas.base import load
from web.schemas.messages import ReadMessages, WriteMessage
from web.words import iso, listed, time_words
from workflows.messages import mark_read, why_not, write_message

pages = Blueprint("message_pages", __name__)
WRITERS = TEAM | {Role.PROVIDER_LEADER}
READERS = WRITERS | GOVERNANCE | {Role.SAFEGUARDING_LEAD}


def _drawn(one: MessageSeen, new: list[str], shown: Shown) -> dict[str, Any]:
    """One message as the thread draws it."""
    seen = [
        _("%(who)s, %(when)s", who=reader.name, when=time_words(reader.at)) for reader in one.seen
    ]
    return {
        "who": _("You") if one.written_by == shown.actor.membership_id else one.name,
        "organisation": one.organisation,
        "when": time_words(one.at),
        "at": iso(one.at),
        "lines": [line for line in one.body.split("\n") if line.strip()],
        "seen": _("Read by %(who)s.", who="; ".join(seen)) if seen else _("Not read yet."),
        "new": one.id in new,
        "ours": one.side == side_of(shown.actor),
    }


def _instead(shown: Shown) -> dict[str, str] | None:
    """The move that fits better than a message, where there is one now."""
    open_now = {option.trigger for option in shown.options if option.allowed}
    if "answer" in open_now and shown.facts.state == S.QUERIED:
        words = _("They asked a question, and their time stands still until you answer it.")
        link = _("Answer the question")
        return {"words": words, "href": path_of(shown, "answer"), "link": link}
    if "ask" in open_now:
        words = _("Do you need an answer before you can decide? Then ask a question: your time to"
                  " reply stands still until it is answered.")  # fmt: skip
        return {"words": words, "href": path_of(shown, "ask"), "link": _("Ask a question")}
    return None


def _readers(shown: Shown) -> str:
    """Who reads what is written here, said before the box."""
    other = shown.referral.provider
    if side_of(shown.actor) == messages.PROVIDER:
        return _(
            "%(team)s and the leaders of your group read what is written here. So does whoever"
            " looks after safety or reviews this referral.",
            team=shown.referral.organisation,
        )
    return _(
        "Your team and the leaders of %(provider)s read what is written here, as long as this"
        " referral is shared with them. So does whoever looks after safety or reviews it.",
        provider=other,
    )


def _shown(record_id: str) -> Shown:
    """The referral, where its thread is there for who asks."""
    shown = found(record_id)
    if not shown.has_messages:
        abort(404)
    return shown


def _thread(record_id: str) -> ResponseReturnValue:
    shown, actor = _shown(record_id), current_actor()
    start = after(datetime, str)
    with edge().reading(actor) as (tx, _at):
        rows = messages.of_referral(tx, actor, shown.id, start, messages.PAGE + 1)
    older = None
    if len(rows) > messages.PAGE:
        rows = rows[1:]
        older = f"/referrals/{shown.id}/messages?after={pack(rows[0].at, rows[0].id)}"
    refusal = why_not(shown.facts, shown.situation, actor)
    new = [one.id for one in rows if one.is_new_to(actor)]
    base = f"/referrals/{shown.id}"

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return keyed(
            tx, actor, at, form, "message", {"referral": shown.id, **given},
            lambda: write_message(tx, actor, at, referral_id=shown.id, body=given["body"]),
        )  # fmt: skip

    other = shown.referral.provider
    if side_of(actor) == messages.PROVIDER:
        other = shown.referral.organisation
    return answer(
        lambda form: page(
            "referral/messages.jinja",
            form,
            **frame_of(shown, "messages"),
            between=listed([shown.referral.organisation, shown.referral.provider]),
            other=other,
            readers=_readers(shown),
            messages=[_drawn(one, new, shown) for one in rows],
            newest=new[-1] if new else None,
            older=older,
            latest=base + "/messages" if start else None,
            refusal=refusal and f"{said(refusal.why)} {said(refusal.remedy)}",
            instead=_instead(shown) if refusal is None else None,
            concern=f"{base}/concern",
        ),
        command,
        lambda made: Next(
            f"{base}/messages",
            _("Sent. They are told that there is a message, and you see here who has read it."),
        ),
        schema=WriteMessage(),
    )


@pages.get("/referrals/<uuid:record_id>/messages")
@access(READERS)
def thread(record_id: UUID) -> ResponseReturnValue:
    """What was written about a referral, and a box to write more."""
    return _thread(str(record_id))


@pages.post("/referrals/<uuid:record_id>/messages")
@access(WRITERS)
def write(record_id: UUID) -> ResponseReturnValue:
    """Write to the other side."""
    return _thread(str(record_id))


@pages.post("/referrals/<uuid:record_id>/messages/read")
@access(WRITERS)
def read(record_id: UUID) -> ResponseReturnValue:
    """Say that one has read what was there when the page was drawn."""
    actor, rid = current_actor(), str(record_id)
    typed = {"up_to": request.form.get("up_to") or None}
    up_to = load(ReadMessages(), typed, edge().clock(), form=True).get("up_to")
    many = edge().perform(
        actor, lambda tx, at: mark_read(tx, actor, at, referral_id=rid, up_to=up_to)
    )
    if many:
        flash(
            ngettext(
                "%(num)s message is marked as read, with your name.",
                "%(num)s messages are marked as read, with your name.",
                many,
            ),
            "success",
        )
    return redirect(f"/referrals/{rid}/messages", 303)

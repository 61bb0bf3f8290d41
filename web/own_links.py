"""A person's link, as their team makes, prints and ends it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, current_app
from flask.typing import ResponseReturnValue

from referral import links, records
from referral.audit import log
from referral.links import LinkSeen
from referral.records import PersonSeen
from referral.store import Tx
from web import labels
from web.access import TEAM, access, current_actor
from web.current import edge, settings, ways
from web.forms import Form, Next, answer, page
from web.labels import said, word
from web.link_tokens import LinkTokens
from web.passwords import hash_password
from web.say import _
from web.schemas.base import Command
from web.schemas.fields import Choice, Text
from web.words import day_words, phone_words, time_words
from workflows import person_links as own
from workflows.moves import N_
from workflows.own_asking import WISH_NOTE
from workflows.working_time import local_day

pages = Blueprint("own_links", __name__)
CHANNELS = ("email", "text", "letter", own.PAPER)


class MakeLink(Command):
    """The word agreed aloud, and how the link reaches the person."""

    word = Text(N_("Enter the word you agreed on with them."))
    channel = Choice(CHANNELS, N_("Choose how it reaches them."))


def _tokens() -> LinkTokens:
    return LinkTokens(str(current_app.config["SECRET_KEY"]))


def _person(person_id: str) -> tuple[PersonSeen, LinkSeen | None, list[str], str]:
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        person = records.person(tx, actor, at, person_id)
        if person is None or person.closed_to_actor or person.died_on is not None:
            abort(404)
        found = own.ways_to(tx, actor, person_id, ways().channels)
        newest = own.newest(tx, actor, person_id)
        locked = newest is not None and own.is_locked(tx, newest)
        return person, newest, found, _status(newest, at, locked) if newest else ""


@pages.route("/people/<uuid:person_id>/link", methods=["GET", "POST"])
@access(TEAM)
def link(person_id: UUID) -> ResponseReturnValue:
    """The link there is, and making a new one."""
    actor, record = current_actor(), str(person_id)
    person, newest, found, status = _person(record)
    made = _tokens()

    def draw(form: Form) -> str:
        return page(
            "people/link.jinja",
            form,
            p=person,
            link=newest,
            status=status,
            is_open=newest is not None and newest.is_open(edge().clock()),
            channels=[(way, word(labels.LINK_CHANNELS, way)) for way in found],
            not_safe=said(own.CONTACT_NOT_SAFE) if len(found) == 1 else "",
            back={"href": f"/people/{record}", "text": _("Back to the person")},
        )

    def command(tx: Tx, now: datetime, given: dict[str, Any], form: Form) -> str:
        return own.make(
            tx,
            actor,
            now,
            record,
            channel=given["channel"],
            word_hash=hash_password(own.check_word(given["word"])),
            ways=ways().channels,
            token_hash=made.token_hash,
            code_hash=made.code_hash,
        )

    def done(link_id: str) -> Next:
        _p, newest, _found, _words = _person(record)
        if newest is not None and newest.channel == own.PAPER:
            words = _("The link is made. Give it to them now.")
            return Next(f"/people/{record}/link/sheet", words)
        return Next(
            f"/people/{record}/link", _("The link is on its way. Nobody has opened it yet.")
        )

    return answer(draw, command, done, schema=MakeLink())


def _status(link: LinkSeen, at: datetime, locked: bool) -> str:
    """What has become of a link."""
    if locked and link.revoked_at is not None:
        when = time_words(link.revoked_at)
        return _("Closed after wrong words on %(when)s. Agree on another word.", when=when)
    if link.revoked_at is not None:
        return _("Taken back on %(when)s.", when=time_words(link.revoked_at))
    if link.used_at is not None:
        return _("Opened on %(when)s.", when=time_words(link.used_at))
    if at >= link.expires_at:
        return _("Ran out without being opened.")
    return _("Not opened yet. It opens on one device, until %(day)s.",
             day=day_words(local_day(link.expires_at), weekday=True))  # fmt: skip


@pages.get("/people/<uuid:person_id>/link/sheet")
@access(TEAM)
def sheet(person_id: UUID) -> ResponseReturnValue:
    """The link and its code on one sheet of paper, for as long as it hasn't been opened."""
    actor, record = current_actor(), str(person_id)
    person, newest, _found, _words = _person(record)
    if newest is None or not newest.is_open(edge().clock()):
        abort(404)

    def read(tx: Tx, now: datetime) -> None:
        subject = person.subject_ref
        log(tx, actor, now, "read", "person", None, {"link": newest.id}, subject=subject)

    edge().look(actor, read)
    base = settings().public_url.rstrip("/")
    return page(
        "people/link_sheet.jinja",
        None,
        p=person,
        address=f"{base}/a/{_tokens().token(newest.id)}",
        code=_tokens().code(newest.id),
        where=f"{base}/code",
        until=day_words(local_day(newest.expires_at), weekday=True),
        phone=phone_words(person.organisation_phone),
        back={"href": f"/people/{record}/link", "text": _("Back to the link")},
    )


@pages.post("/people/<uuid:person_id>/link/revoke")
@access(TEAM)
def revoke(person_id: UUID) -> ResponseReturnValue:
    """End it at once, and whatever is open by it."""
    actor, record = current_actor(), str(person_id)
    return answer(
        lambda form: "",
        lambda tx, at, given, form: own.revoke(tx, actor, at, record),
        lambda ended: Next(f"/people/{record}/link", _("Taken back. It opens nothing any more.")),
    )


def said_how(tx: Tx, person: PersonSeen) -> list[dict[str, str]]:
    """What the person said by their own page, the newest first: how it went, and how they want to
    be reached."""
    found = []
    for noun, body, at, activity in links.said(tx, person.id, person.organisation_id):
        code, _newline, words = body.partition("\n")
        wish = noun == WISH_NOTE
        found.append(
            {
                "how": word(labels.CONTACT_WISHES if wish else labels.HOW_IT_WENT, code),
                "words": words,
                "about": _("How to reach them") if wish else activity,
                "when": time_words(at),
            }
        )
    return found

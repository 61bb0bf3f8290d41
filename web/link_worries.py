"""A leader without an account is worried about somebody's safety: whom to ring, and raising it.

It leads from every page of a provider's link, whatever has become of the link itself: who has it
was asked about this person, and a worry can't wait for a password."""

from __future__ import annotations

from datetime import datetime

from flask import request
from flask.typing import ResponseReturnValue

from referral.links import LinkSeen
from referral.store import Tx
from web.concerns import numbers
from web.current import edge
from web.errors import NOT_SAVED, not_saved
from web.forms import form_now, page, refuse, typed
from web.say import _
from web.schemas import Command, Wrong, load
from web.schemas.fields import STORY, Danger, Text
from web.words import phone_words
from workflows import provider_links as provider
from workflows.engine import Refused
from workflows.moves import N_
from workflows.provider_links import LinkOver
from workflows.rotas import number_for


class Worry(Command):
    """What a leader saw or was told. Nothing more is asked for here."""

    seen = Text(N_("Write what you saw or were told."), most=STORY)
    danger = Danger(N_("Say whether anyone is in danger now."))


def worried(link: LinkSeen, back: str) -> ResponseReturnValue | None:
    """The page, and the concern that was raised on it; None for a link of nobody's any more."""
    schema = Worry()
    form = form_now(schema)
    with edge().reading(None) as (tx, at):
        leader = provider.leader(tx, link, at)
    if leader is None:
        return None

    def draw(reference: str = "", ring: tuple[str, str | None] | None = None) -> str:
        with edge().reading(leader) as (tx, at):
            answering = numbers(tx, leader, at)
        return page(
            "links/worried.jinja",
            form,
            numbers=answering,
            reference=reference,
            ring=ring,
            back={"href": back},
        )

    if request.method != "POST" or request.form.get("again"):
        return draw()

    def command(tx: Tx, at: datetime) -> tuple[str, tuple[str, str | None] | None]:
        done = provider.raise_worry(tx, link.id, at, given, form.key)
        number = number_for(tx, done.id, at)
        ring = (number.name, phone_words(number.phone)) if number else None
        return done.reference or "", ring

    try:
        given = load(schema, typed(schema, request.form), edge().clock(), form=True)
        reference, ring = edge().perform(leader, command)
    except Wrong as wrong:
        refuse(form, wrong.refusals)
        return draw(), 422
    except NOT_SAVED as error:
        form.general.append(not_saved(error))
        return draw(), 503
    except (Refused, LinkOver):
        form.general.append(_("This could not be passed on. Ring now."))
        return draw(), 409
    return draw(reference, ring)

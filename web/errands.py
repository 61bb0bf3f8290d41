"""What is to be done by hand: on the first page of whoever it is asked of."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, request
from flask.typing import ResponseReturnValue

from referral import visible
from referral.actors import Actor
from referral.errands import ErrandSeen
from referral.states import Noun
from referral.store import Tx
from web import labels
from web.access import STAFF, access, current_actor
from web.current import edge
from web.labels import said, word
from web.say import _
from web.wizard import practice_words
from web.words import deadline, phone_words
from workflows import reading
from workflows.errands import done, waiting
from workflows.reading import PersonCard

SAYS = frozenset({"tell_person_by_hand", "tell_practice_by_hand", "ring_provider"})
PRACTICE = "tell_practice_by_hand"
CONSENT = str(Noun.CONSENT)
MOST = 50  # on one card
pages = Blueprint("errands", __name__)


def _keys(tx: Tx, actor: Actor, at: datetime) -> frozenset[str]:
    """Those the actor answers to now, absent link workers' among them."""
    return frozenset(visible.work_keys(tx, actor, at)[0])


def listed(
    tx: Tx, actor: Actor, at: datetime, keys: frozenset[str] | None = None
) -> list[dict[str, Any]]:
    """What waits for the actor, the most pressing first. `keys`: those they answer to now, read
    already."""
    found = waiting(tx, actor, at, _keys(tx, actor, at) if keys is None else keys)
    ids = {one.whom.partition("@")[2] for one in found if one.whom.startswith("person@")}
    people = reading.people_by_id(tx, actor, at, ids)
    cards: dict[tuple[str, str], list[ErrandSeen]] = {}
    for one in found:
        person = one.whom.partition("@")[2] in people
        cards.setdefault((one.what, one.whom) if person else ("", one.id), []).append(one)
    return [_drawn(each, people, at) for each in cards.values()]


def _drawn(
    each: list[ErrandSeen],
    people: dict[str, PersonCard],
    at: datetime,
) -> dict[str, Any]:
    """One card: everything that somebody who can't be written to is to be told, or one errand."""
    one = each[0]  # the most pressing
    person = people.get(one.whom.partition("@")[2])
    href = labels.record_path(one.noun, one.record_id) if one.noun in labels.PATHS else None
    news = [_told(each_of) for each_of in each if each_of.what in SAYS]
    return {
        "ids": [each_of.id for each_of in each],
        "name": person.name if person else one.reference or word(labels.NOUNS, one.noun),
        "what": word(labels.ERRANDS, one.what),
        "says": list(dict.fromkeys(words for words in news if words)),
        "href": f"/people/{person.id}" if person else _account(one) or href,
        "who": practice_words(one.practice)
        if one.what == PRACTICE
        else (one.name if one.what != "ring_about_concern" else None),
        "phone": phone_words(one.phone) if one.what in ("ring_provider", PRACTICE) else None,
        "text": f"{href}#practice" if one.what == PRACTICE and href else None,
        "deadline": deadline(one.due, at)._asdict(),
        "safety": any(each_of.noun == "concern" for each_of in each),
    }


def _account(one: ErrandSeen) -> str | None:
    """Where the address of an account is corrected, for an errand about one."""
    if one.noun != "user":
        return None
    return f"/users/{one.whom.partition('@')[2]}/correct"


def _told(one: ErrandSeen) -> str:
    """What they should have heard, and about what."""
    news = _news(one)
    about = one.reference or ""
    if one.purpose:
        about = word(labels.PURPOSES, one.purpose)
        about = f"{about}: {one.provider}" if one.provider else about
    return f"{news} ({about})" if news and about else news


def _news(one: ErrandSeen) -> str:
    """What they should have heard."""
    if one.says == "reminder" and one.noun == "consent":
        return said(labels.WORK["consent.given"][0])
    return word(labels.NOTICES, one.says) if one.says else ""


@pages.post("/errands/<uuid:errand_id>/done")
@access(STAFF)
def cross_off(errand_id: UUID) -> ResponseReturnValue:
    """It was done by hand, with whatever else stood on the same card."""
    actor = current_actor()
    also = [number for number in request.form.getlist("also") if _is_id(number)][:MOST]

    def command(tx: Tx, at: datetime) -> None:
        keys = _keys(tx, actor, at)
        for number in (str(errand_id), *also):
            done(tx, actor, at, number, keys)

    edge().perform(actor, command)
    flash(_("Done. It is off your list."), "success")
    return redirect("/", 303)


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False

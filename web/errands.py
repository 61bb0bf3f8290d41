"""What is to be done by hand: on the first page of whoever it is asked of."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect
from flask.typing import ResponseReturnValue

from referral import visible
from referral.actors import Actor
from referral.errands import ErrandSeen
from referral.store import Tx
from web import labels
from web.access import STAFF, access, current_actor
from web.current import edge
from web.labels import said, word
from web.say import _
from web.words import deadline, phone_words
from workflows import reading
from workflows.errands import done, waiting
from workflows.reading import PersonCard

SAYS = frozenset({"tell_person_by_hand", "tell_practice_by_hand", "ring_provider"})
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
    return [_drawn(one, people, at) for one in found]


def _drawn(one: ErrandSeen, people: dict[str, PersonCard], at: datetime) -> dict[str, Any]:
    person = people.get(one.whom.partition("@")[2])
    href = labels.record_path(one.noun, one.record_id) if one.noun in labels.PATHS else None
    return {
        "id": one.id,
        "name": person.name if person else one.reference or word(labels.NOUNS, one.noun),
        "reference": one.reference if person else None,
        "what": word(labels.ERRANDS, one.what),
        "says": _news(one) if one.what in SAYS else "",
        "href": f"/people/{person.id}" if person else "/users" if one.noun == "user" else href,
        "who": one.name if one.what != "ring_about_concern" else None,
        "phone": phone_words(one.phone) if one.what == "ring_provider" else None,
        "deadline": deadline(one.due, at)._asdict(),
        "safety": one.noun == "concern",
    }


def _news(one: ErrandSeen) -> str:
    """What they should have heard."""
    if one.says == "reminder" and one.noun == "consent":
        return said(labels.WORK["consent.given"][0])
    return word(labels.NOTICES, one.says) if one.says else ""


@pages.post("/errands/<uuid:errand_id>/done")
@access(STAFF)
def cross_off(errand_id: UUID) -> ResponseReturnValue:
    """It was done by hand."""
    actor = current_actor()

    def command(tx: Tx, at: datetime) -> None:
        done(tx, actor, at, str(errand_id), _keys(tx, actor, at))

    edge().perform(actor, command)
    flash(_("Done. It is off your list."), "success")
    return redirect("/", 303)

"""What is to be done by hand: on the first page of whoever it is asked of."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect
from flask.typing import ResponseReturnValue

from referral import errands, visible
from referral.actors import Actor
from referral.store import Tx
from web import labels
from web.access import STAFF, access, current_actor
from web.app import edge
from web.labels import word
from web.say import _
from web.words import deadline, phone_words
from workflows.errands import done

pages = Blueprint("errands", __name__)


def _keys(tx: Tx, actor: Actor, at: datetime) -> frozenset[str]:
    """Those the actor answers to now, absent link workers' among them."""
    return frozenset(visible.work_keys(tx, actor, at)[0])


def listed(tx: Tx, actor: Actor, at: datetime) -> list[dict[str, Any]]:
    """What waits for the actor, the most pressing first."""
    return [
        {
            "id": one.id,
            "what": word(labels.ERRANDS, one.what),
            "href": labels.record_path(one.noun, one.record_id)
            if one.noun in labels.PATHS
            else "/users"
            if one.noun == "user"
            else None,
            "reference": one.reference or word(labels.NOUNS, one.noun),
            "who": one.name if one.what != "ring_about_concern" else None,
            "phone": phone_words(one.phone) if one.what == "ring_provider" else None,
            "deadline": deadline(one.due, at)._asdict(),
            "safety": one.noun == "concern",
        }
        for one in errands.waiting(tx, actor.system_id, _keys(tx, actor, at))
    ]


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

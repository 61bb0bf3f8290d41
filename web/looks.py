"""Who has looked at a person's record: a page for the person to be given on paper or read out, and
the words it shares with their own page and with programs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from referral import looks, policy, records
from referral.audit import log
from referral.records import PersonSeen
from referral.states import Role
from referral.store import Tx
from web import labels
from web.access import TEAM, access, current_actor
from web.current import edge
from web.forms import page
from web.labels import word
from web.say import _, ngettext
from web.words import day_words, phone_words
from workflows.looks import Told, told
from workflows.moves import N_

pages = Blueprint("looks_pages", __name__)

MOST = 200
WHY: dict[str, str] = {
    "care": N_("to help you"),
    "own": N_("it was you, by your link"),
    "oversight": N_("to check that our work is good"),
    "audit": N_("to check that our work is good"),
    "administration": N_("to keep the system working"),
    "emergency": N_("in an emergency, from another team"),
}


class Page:
    """A page of who looked, and where the next one begins."""

    def __init__(self, lines: list[Told], older: int | None) -> None:
        self.lines = lines
        self.older = older


def read(tx: Tx, at: datetime, person: PersonSeen, system_id: str, before: int | None) -> Page:
    """Who looked at this person's record, as the policy of their team's place has it told."""
    found = looks.of_person(tx, system_id, person.subject_ref, before, MOST + 1)
    rules = policy.rules_of(tx, person.organisation_id, at)
    more = found[MOST - 1].seq if len(found) > MOST else None
    return Page(told(found[:MOST], rules.reasons("looks.shown")), more)


def drawn(one: Told) -> Mapping[str, str]:
    """One line of it in words."""
    if one.role == Role.PERSON:
        who = _("You")
    elif one.organisation:
        who = _("%(role)s at %(where)s", role=word(labels.ROLES, one.role), where=one.organisation)
    else:
        who = word(labels.ROLES, one.role)
    if one.name and one.role != Role.PERSON:
        who = f"{one.name}, {who}"
    return {
        "day": day_words(one.day),
        "who": who,
        "why": word(WHY, one.why),
        "times": ngettext("Once", "%(num)s times", one.times),
    }


def asked_before() -> int | None:
    """Where this page of it begins."""
    text = request.args.get("before", "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        abort(404)
    return int(text)


@pages.get("/people/<uuid:person_id>/looked")
@access(TEAM)
def looked(person_id: UUID) -> ResponseReturnValue:
    """Who has looked at this person's record, to print for them or to read out."""
    actor, before = current_actor(), asked_before()

    def look(tx: Tx, at: datetime) -> tuple[PersonSeen, Page]:
        person = records.person(tx, actor, at, str(person_id))
        if person is None or person.closed_to_actor:
            abort(404)
        found = read(tx, at, person, actor.system_id, before)
        log(tx, actor, at, "read", "person", None, subject=person.subject_ref)
        return person, found

    person, found = edge().perform(actor, look)
    return page(
        "people/looked.jinja",
        None,
        p=person,
        lines=[drawn(one) for one in found.lines],
        older=found.older,
        phone=phone_words(person.organisation_phone),
        back={"href": f"/people/{person.id}", "text": _("Back to the person")},
    )

"""Assessments of mental capacity, on a page of the person's: of one decision, in the order the law
asks, and read by those who hold the person's record."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from referral import capacity
from referral.audit import log
from referral.capacity import Assessed
from referral.store import Tx
from web import labels
from web.access import TEAM, access, current_actor
from web.assessments import facts_of
from web.current import edge
from web.forms import Form, Next, answer, page
from web.labels import said
from web.people import found as found_person
from web.say import _
from web.schemas.capacity import AssessCapacity
from workflows import disclosure
from workflows.bases import born_on, is_child
from workflows.capacity import assess_capacity
from workflows.engine import NOT_FOUND, Refused

pages = Blueprint("capacity_pages", __name__)


def _back_to(person_id: str) -> str:
    """Where the assessment was asked for, if that is a page of ours about writing consent."""
    path = request.args.get("then", "")
    ours = path.startswith(("/people/", "/referrals/")) and "//" not in path and "\\" not in path
    return path if ours else f"/people/{person_id}"


@pages.route("/people/<uuid:person_id>/capacity", methods=["GET", "POST"])
@access(TEAM)
def assess(person_id: UUID) -> ResponseReturnValue:
    """Record an assessment; those recorded before stand below."""
    actor = current_actor()
    pid = str(person_id)

    def look(tx: Tx, at: datetime) -> tuple[Any, ...]:
        p, seen = found_person(tx, at, pid)
        if p.closed_to_actor:
            raise Refused([NOT_FOUND], noun="capacity", trigger="assess", record_id=None)
        if request.method == "GET":
            log(tx, actor, at, "read", "person", None, subject=p.subject_ref)
        known = capacity.of_person(tx, actor.system_id, pid)
        child = is_child(born_on(tx, actor.system_id, pid), at)
        return p, disclosure.known_as(seen), known, child

    p, name, known, child = edge().look(actor, look)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> Assessed:
        return assess_capacity(tx, actor, at, p.id, given)

    def done(made: Assessed) -> Next:
        words = (
            _("Recorded. The answer can rest on it now.")
            if made.lacks
            else _("Recorded: they can decide this themselves. Ask them.")
        )
        return Next(_back_to(pid), words)

    return answer(
        lambda form: page(
            "people/capacity.jinja",
            form,
            name=name,
            child=child,
            abilities=[(code, said(text)) for code, text in labels.ABILITIES.items()],
            before=[{"lacks": a.lacks, "facts": facts_of(a)} for a in known],
            here=request.full_path,
            back={"href": _back_to(pid), "text": _("Back")},
        ),
        command,
        done,
        schema=AssessCapacity(),
        known={"assessor": actor.name},
    )

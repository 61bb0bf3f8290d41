"""About equality: what is read to the person, what they say, and taking it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, request
from flask.typing import ResponseReturnValue

from referral import equality
from referral.audit import log
from referral.equality import AnswerSeen
from referral.records import PersonSeen
from referral.store import Tx
from web import labels
from web.access import TEAM, access, current_actor
from web.current import edge, settings
from web.forms import Form, Next, answer, page
from web.labels import word
from web.say import _
from web.schemas.equality import RecordEquality
from web.words import day_words
from workflows import equality as keeping
from workflows.relationships import may_keep
from workflows.working_time import local_day

pages = Blueprint("equality_pages", __name__)


def _standing(tx: Tx, at: datetime, person_id: str) -> tuple[PersonSeen, AnswerSeen | None, Any]:
    """Whose page it is, what they said, and today; that it was read stands in the log."""
    actor = current_actor()
    if not settings().ask_equality:
        abort(404)
    p = may_keep(tx, actor, at, person_id)
    if p is None:
        abort(404)
    if request.method == "GET":
        log(tx, actor, at, "read", "person", None, subject=p.subject_ref)
    said = equality.of_person(tx, actor, p.id)
    return p, said[0] if said else None, local_day(at)


def _stands(said: AnswerSeen | None) -> list[str]:
    """What stands now, in sentences."""
    if said is None:
        return [_("They have not been asked yet.")]
    if said.taken_back_at is not None:
        day = day_words(local_day(said.taken_back_at))
        return [_("They took back what they had said on %(day)s. Do not ask again.", day=day)]
    lines = [
        _("Ethnic group: %(what)s", what=word(labels.ETHNIC_GROUPS, said.ethnic_group)),
        _("Disability: %(what)s", what=word(labels.DISABILITY, said.disability)),
        _(
            "They said so themselves on %(day)s, %(how)s. Recorded by %(who)s.",
            day=day_words(said.said_on),
            how=word(labels.HOW, said.said_how).lower(),
            who=said.recorded_by,
        ),
    ]
    if equality.NOT_SAID in (said.ethnic_group, said.disability):
        lines.append(_("“Prefer not to say” is an answer. Do not ask again."))
    return lines


@pages.route("/people/<uuid:person_id>/equality", methods=["GET", "POST"])
@access(TEAM)
def about(person_id: UUID) -> ResponseReturnValue:
    """What is read out, what stands, and the form that keeps it."""
    actor, pid = current_actor(), str(person_id)
    p, said, today = edge().perform(actor, lambda tx, at: _standing(tx, at, pid))
    back = f"/people/{p.id}"
    known: dict[str, Any] = {"said_on": today}
    if said is not None and said.taken_back_at is None:
        known |= {name: getattr(said, name) for name in ("ethnic_group", "disability")}

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return keeping.record_answer(tx, actor, at, person_id=pid, values=given)

    return answer(
        lambda form: page(
            "people/equality.jinja",
            form,
            p=p,
            stands=_stands(said),
            may_take_back=said is not None and said.taken_back_at is None,
            groups=labels.choices(labels.ETHNIC_GROUPS),
            disability=labels.choices(labels.DISABILITY),
            hows=labels.choices(labels.HOW),
            back={"href": back, "text": _("Back to the person")},
        ),
        command,
        lambda made: Next(back, _("Kept. Your team sees it under “About equality”, nobody else.")),
        schema=RecordEquality(),
        known=known,
    )


@pages.post("/people/<uuid:person_id>/equality/take-back")
@access(TEAM)
def take_back(person_id: UUID) -> ResponseReturnValue:
    """What they said is gone, in one step: also where nobody may be asked any more."""
    actor, pid = current_actor(), str(person_id)
    edge().perform(actor, lambda tx, at: keeping.take_back(tx, actor, at, person_id=pid))
    flash(
        _("Taken back. What they said is gone; that they were asked stays, so nobody asks again.")
    )
    return redirect(f"/people/{pid}", 303)

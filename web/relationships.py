"""Who is close to a person: on the person's page, and the forms that keep it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema

from referral import relationships
from referral.actors import Actor
from referral.audit import log
from referral.records import PersonSeen
from referral.relationships import RelationshipSeen
from referral.store import Tx
from web import labels
from web.access import TEAM, access, current_actor
from web.current import edge
from web.forms import Form, Next, answer, keyed, page
from web.labels import word
from web.say import _
from web.schemas.relationships import EndRelationship, RecordRelationship
from web.words import day_words, phone_words
from workflows import relationships as keeping
from workflows.engine import NOT_FOUND, Refused
from workflows.working_time import local_day

pages = Blueprint("relationship_pages", __name__)
FIELDS = (
    "kind",
    "name",
    "relation",
    "in_emergency",
    "may_speak",
    "said_on",
    "said_how",
    "from_on",
    "until_on",
)


# -- in words -----------------------------------------------------------------------------------


def may_speak(row: RelationshipSeen) -> str:
    """Whether we may speak with them about the person, and since when that is known."""
    if row.may_speak == "not_asked" or row.said_on is None:
        return _(
            "The person has not been asked whether we may speak with them. Until then, do not."
        )
    said_so = {
        "day": day_words(row.said_on),
        "how": word(labels.HOW, row.said_how).lower(),
    }
    if row.may_speak == "yes":
        return _("We may speak with them: the person said so on %(day)s, %(how)s.", **said_so)
    return _("Do not speak with them about the person, who said so on %(day)s, %(how)s.", **said_so)


def _when(row: RelationshipSeen) -> str:
    if row.from_on and row.until_on:
        first, last = day_words(row.from_on), day_words(row.until_on)
        return _("From %(first)s to %(last)s", first=first, last=last)
    if row.until_on:
        return _("Until %(day)s", day=day_words(row.until_on))
    return _("Since %(day)s", day=day_words(row.from_on)) if row.from_on else ""


def drawn(row: RelationshipSeen) -> dict[str, Any]:
    """One of them, as the person's page draws it."""
    name = f"{row.name}, {row.relation}" if row.relation else row.name
    when = {"who": row.recorded_by, "day": day_words(local_day(row.recorded_at))}
    recorded = (
        _("Changed by %(who)s on %(day)s", **when)
        if row.replaces_id
        else _("Recorded by %(who)s on %(day)s", **when)
    )
    return {
        "name": name,
        "kind": word(labels.RELATIONSHIPS, row.kind),
        "call": row.in_emergency,
        "phone": phone_words(row.phone),
        "may": may_speak(row),
        "small": [words for words in (_when(row), recorded) if words],
        "change": f"/relationships/{row.id}/change",
        "end": f"/relationships/{row.id}/end",
        "why": word(labels.RELATIONSHIP_ENDED, row.ended_why) if row.ended_why else "",
        "ended": _ended(row),
    }


def _ended(row: RelationshipSeen) -> str:
    """Who ended it, or put something else in its place, and when."""
    if row.ended_at is None or row.ended_by is None:
        return ""
    when = {"who": row.ended_by, "day": day_words(local_day(row.ended_at))}
    if row.ended_why == "changed":
        return _("Changed by %(who)s on %(day)s", **when)
    return _("Ended by %(who)s on %(day)s", **when)


def shown(tx: Tx, actor: Actor, at: datetime, person_id: str) -> dict[str, list[dict[str, Any]]]:
    """Who is close to a person, and who was, for whoever may open the person's record."""
    rows = relationships.of_person(tx, actor, person_id)
    today = local_day(at)
    return {
        "now": [drawn(row) for row in relationships.standing(rows, today)],
        "before": [drawn(row) for row in relationships.over(rows, today)],
    }


# -- the forms ----------------------------------------------------------------------------------


def _person(tx: Tx, at: datetime, person_id: str) -> PersonSeen:
    p = keeping.may_keep(tx, current_actor(), at, person_id)
    if p is None:
        abort(404)
    return p


def _row(tx: Tx, at: datetime, relationship_id: str) -> tuple[RelationshipSeen, PersonSeen]:
    """A row and whose it is; that the person's record was read stands in the log."""
    actor = current_actor()
    row = relationships.one(tx, actor, relationship_id)
    p = keeping.may_keep(tx, actor, at, row.person_id) if row is not None else None
    if row is None or p is None:
        raise Refused([NOT_FOUND], noun="relationship", trigger="read", record_id=None)
    if request.method == "GET":
        log(tx, actor, at, "read", "person", None, subject=p.subject_ref)
    return row, p


@pages.route("/people/<uuid:person_id>/relationships/add", methods=["GET", "POST"])
@access(TEAM)
def add(person_id: UUID) -> ResponseReturnValue:
    """Somebody who is close to the person."""
    actor = current_actor()
    with edge().reading(actor) as (tx, at):
        p, today = _person(tx, at, str(person_id)), local_day(at)

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return keyed(
            tx, actor, at, form, "relationship", {"person": p.id, **given},
            lambda: keeping.record_relationship(tx, actor, at, person_id=p.id, values=given),
        )  # fmt: skip

    return _form(
        p,
        _("Who is close to them?"),
        command,
        {"said_on": today},
        RecordRelationship(),
        _("Recorded. It stands on the person's page, with who said so."),
    )


@pages.route("/relationships/<uuid:relationship_id>/change", methods=["GET", "POST"])
@access(TEAM)
def change(relationship_id: UUID) -> ResponseReturnValue:
    """Something is different now; what stood there is kept."""
    actor, rid = current_actor(), str(relationship_id)
    row, p = edge().perform(actor, lambda tx, at: _row(tx, at, rid))

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        return keyed(
            tx, actor, at, form, "relationship", {"relationship": rid, **given},
            lambda: keeping.change_relationship(
                tx, actor, at, relationship_id=rid, values=given
            ),
        )  # fmt: skip

    known = {name: getattr(row, name) for name in FIELDS}
    return _form(
        p,
        _("What is different now?"),
        command,
        {**known, "phone": phone_words(row.phone)},
        RecordRelationship(),
        _("Saved. What stood there before is kept."),
        _ended(row),
    )


def _form(
    p: PersonSeen,
    title: str,
    command: Any,
    known: dict[str, Any],
    schema: Schema,
    banner: str,
    meanwhile: str = "",
) -> ResponseReturnValue:
    back = f"/people/{p.id}"
    return answer(
        lambda form: page(
            "people/relationship.jinja",
            form,
            p=p,
            title=title,
            meanwhile=meanwhile,
            kinds=[
                (code, words, word(labels.RELATIONSHIP_HINTS, code))
                for code, words in labels.choices(labels.RELATIONSHIPS)
            ],
            may=labels.choices(labels.MAY_SPEAK),
            hows=labels.choices(labels.HOW),
            called=p.emergency_contact,
            back={"href": back, "text": _("Back to the person")},
        ),
        command,
        lambda made: Next(back, banner),
        schema=schema,
        known=known,
    )


@pages.route("/relationships/<uuid:relationship_id>/end", methods=["GET", "POST"])
@access(TEAM)
def end(relationship_id: UUID) -> ResponseReturnValue:
    """It holds no longer."""
    actor, rid = current_actor(), str(relationship_id)
    row, p = edge().perform(actor, lambda tx, at: _row(tx, at, rid))
    back = f"/people/{p.id}"

    def command(tx: Tx, at: datetime, given: dict[str, Any], form: Form) -> str:
        keeping.end_relationship(tx, actor, at, relationship_id=rid, why=given["why"])
        return rid

    return answer(
        lambda form: page(
            "people/relationship_end.jinja",
            form,
            p=p,
            one=drawn(row),
            reasons=labels.choices(labels.RELATIONSHIP_ENDED, *keeping.WHY),
            back={"href": back, "text": _("Back to the person")},
        ),
        command,
        lambda made: Next(back, _("It is no longer among those close to them.")),
        schema=EndRelationship(),
    )

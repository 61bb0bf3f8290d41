"""Who answers for a record: one more route of each noun, `GET .../{id}/accountability`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import Schema, fields

from referral import facts, lists
from referral.actors import Actor
from referral.audit import log
from referral.entries import subject_of
from referral.states import Noun, Relation, Role
from referral.store import Tx
from web.accountability import lines_of
from web.api.answers import words
from web.api.door import Blueprint, asker, for_roles
from web.current import edge
from workflows import disclosure
from workflows.accountability import Line
from workflows.engine import NOT_FOUND, TABLES, Refused
from workflows.reading import situations


class RungShown(Schema):
    """One rung: a role somewhere, and who holds it."""

    level = words("2", "0 whoever acts, 1 own organisation, 2 place, 3 system, 4 accountable.")
    role = words("governance_lead", "The role that stands there.")
    where = words("Harbour", "The organisation or place.")
    title = words("Creative health coordinator", "What the role is called here; may be empty.")
    people = fields.List(fields.String())
    away = fields.List(fields.String())
    now = fields.Boolean(metadata={"description": "Whether the next step is theirs."})
    gap = fields.Boolean(metadata={"description": "Nobody holds it."})


class LineShown(Schema):
    """One line of accountability, from whoever acts upwards."""

    lane = words("work", "work, provider, agreement, safeguarding, employs, assures, pays, ...")
    organisation = fields.String()
    agreement_id = fields.UUID(allow_none=True)
    steps = fields.List(fields.Nested(RungShown))
    outside = fields.String(allow_none=True)


class LinesShown(Schema):
    """Every line of one record, the one of whoever acts first."""

    lines = fields.List(fields.Nested(LineShown))


def _may_see(tx: Tx, at: datetime, actor: Actor, noun: str, record_id: str) -> bool:
    """Whether the lines of this record may be shown to the actor. Raises Refused: not_found."""
    missing = Refused([NOT_FOUND], noun=noun, trigger="read", record_id=None)
    if noun == Noun.REFERRAL:
        seen = situations(tx, actor, at, [record_id]).get(record_id)
        if seen is None:
            raise missing
        return not seen.closed and "since" in disclosure.fields(seen)
    if lists.one(tx, noun, actor, at, record_id) is None:
        raise missing
    if noun not in set(Noun):
        return True
    f: Any = facts.LOADERS[Noun(noun)](tx, record_id, actor, at)
    worn = TABLES[Noun(noun)].hats(f, actor) if f is not None else frozenset()
    if not worn:
        raise missing
    if noun == Noun.CONCERN:
        return any(hat[1] in (Relation.HOLDER, Relation.LADDER) for hat in worn)
    # As on its page: a review about a concern is there only for who is part of it.
    about_concern = noun == Noun.ESCALATION and f.about == Noun.CONCERN
    if about_concern and all(hat[1] is Relation.OVER for hat in worn):
        raise missing
    return True


def _shown(line: Line) -> dict[str, Any]:
    return {
        "lane": line.lane,
        "organisation": line.organisation,
        "agreement_id": line.agreement_id,
        "outside": line.outside,
        "steps": [
            {
                "level": str(step.level),
                "role": str(step.role),
                "where": step.where,
                "title": step.title,
                "people": list(step.people),
                "away": list(step.away),
                "now": step.now,
                "gap": step.gap,
            }
            for step in line.steps
        ],
    }


def add_accountability(api: Blueprint, noun: str, *, roles: frozenset[Role]) -> None:
    """Give the noun its route."""

    def accountability(record_id: UUID) -> dict[str, Any]:
        """Who answers for it now, and who above them"""
        actor, found = asker(), str(record_id)

        def read(tx: Tx, at: datetime) -> dict[str, Any]:
            allowed = _may_see(tx, at, actor, str(noun), found)
            known = lines_of(tx, at, actor, str(noun), found) if allowed else ()
            if noun == Noun.CONCERN:
                subject = subject_of(tx, noun, found)
                log(tx, actor, at, "read", str(noun), found, subject=subject)
            return {"lines": [_shown(line) for line in known]}

        return edge().look(actor, read)

    accountability.__name__ = f"accountability_of_{noun}"
    view = api.response(200, LinesShown)(for_roles(roles)(accountability))
    api.route("/<uuid:record_id>/accountability")(view)

"""What was done with a record, as somebody sees it: the steps, and the words written with them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import Schema, fields

from referral import facts
from referral.actors import Actor
from referral.states import Noun, Relation
from referral.store import Tx
from referral.visible import StepSeen
from web.api.answers import words
from web.escalations import FOR_ASKED, FOR_RAISER
from web.schemas import Command
from web.schemas.fields import Number
from workflows.engine import TABLES
from workflows.reading import Timeline, timeline

NOTHING = Timeline([], {})


class StepTold(Schema):
    """One step. What isn't shown to you is null."""

    version = fields.Integer()
    trigger = words("send", "The move.")
    from_state = words("draft", "Where it was.", or_null=True)
    to_state = words("sent", "Where it led.")
    at = fields.AwareDateTime()
    happened_at = fields.AwareDateTime(
        allow_none=True, metadata={"description": "When it was, where it was told later."}
    )
    role = words("link_worker", "The role of who made it; system, with a cause.")
    name = fields.String(allow_none=True)
    organisation = fields.String(allow_none=True)
    behalf = fields.String(allow_none=True, metadata={"description": "Whom they stood in for."})
    second = fields.String(allow_none=True, metadata={"description": "Who confirmed it."})
    cause = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    note = fields.String(allow_none=True, metadata={"description": "What was written with it."})
    why_unreported = fields.String(
        allow_none=True,
        metadata={
            "description": "Why nobody was told of what is said about staff, where a concern that"
            " names them was closed without."
        },
    )
    conditions = fields.String(
        allow_none=True,
        metadata={"description": "What is to be kept to, where a review was decided with it."},
    )


class StepsTold(Schema):
    """The steps of a record, the newest first."""

    items = fields.List(fields.Nested(StepTold))


class StepsAsked(Command):
    """Which steps."""

    after = Number(metadata={"description": "Only those after this version."}, most=1_000_000)


def seen(
    tx: Tx, actor: Actor, at: datetime, noun: Noun, record_id: str, after: int = 0
) -> Timeline:
    """The history of a record as this actor sees it. Raises Refused: not_found.

    Who only raised a concern sees nothing of what is done with it; who only raised an escalation,
    or was asked in it, reads what is meant for them."""
    story = timeline(tx, actor, at, noun, record_id, after)
    if noun not in (Noun.CONCERN, Noun.ESCALATION):
        return story
    f = facts.LOADERS[noun](tx, record_id, actor, at)
    worn = {relation for _, relation in TABLES[noun].hats(f, actor)} if f is not None else set()
    if noun is Noun.CONCERN:
        return story if worn & {Relation.HOLDER, Relation.LADDER} else NOTHING
    if worn & {Relation.REVIEWER, Relation.OVER}:
        return story
    mine = (FOR_RAISER if Relation.RAISER in worn else frozenset()) | (
        FOR_ASKED if Relation.ASKED in worn else frozenset()
    )
    readable: Mapping[str, str] = {
        s.note_id: story.notes[s.note_id]
        for s in story.steps
        if s.note_id is not None
        and s.note_id in story.notes
        and (s.trigger in mine or s.name == actor.name)
    }
    beside = {
        s.version: story.beside[s.version]
        for s in story.steps
        if s.version in story.beside and s.note_id in readable
    }
    return Timeline(story.steps, readable, beside)


def of_step(step: StepSeen, story: Timeline) -> dict[str, Any]:
    """A step as it is sent."""
    found = {name: getattr(step, name, None) for name in StepTold().fields}
    return {
        **found,
        "note": story.notes.get(step.note_id or ""),
        "why_unreported": story.beside.get(step.version) if step.trigger == "close" else None,
        "conditions": story.beside.get(step.version) if step.trigger == "decide" else None,
    }

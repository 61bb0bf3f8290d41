"""Raising an escalation, deciding it, and settling what was decided."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from referral import policy
from referral.states import ComplaintTopic
from web.schemas.base import Command
from web.schemas.fields import LONG, Choice, Id, Many, Text
from workflows.moves import N_

SEVERITIES = ("low", "medium", "high")
ABOUT = ("referral", "consent", "provider", "agreement", "escalation", "place", "theme")
CODE = validate.Regexp(r"[a-z][a-z0-9_]{0,59}\Z", error=N_("Choose from the list."))


class RaiseEscalation(Command):
    """A matter somebody can't resolve, taken to the next level that can."""

    kind = Choice(tuple(policy.CEILINGS), N_("Choose what kind of matter it is."))
    severity = Choice(SEVERITIES, wrong=N_("Choose how severe it is."))
    topic = Choice(tuple(ComplaintTopic), wrong=N_("Choose what the complaint is about."))
    about = Choice(ABOUT, wrong=N_("Choose what it is about."))
    about_id = Id()
    tried = Many(fields.String(validate=CODE), most=20)
    note = Text(N_("Say what you need."), most=LONG)

    @validates_schema
    def both_or_neither(self, data: dict[str, Any], **more: Any) -> None:
        about, about_id = data.get("about"), data.get("about_id")
        if about_id and not about:
            raise ValidationError(N_("Choose what it is about."), "about")
        if about and about != "theme" and not about_id:
            raise ValidationError(N_("Choose the record it is about."), "about_id")


class AskPlaceLead(Command):
    """What was looked for and not found."""

    note = Text(N_("Write what you look for."), most=LONG)


class Consequence(Command):
    """One thing a decision brings: a move on a record, with what that move needs."""

    noun = Choice(("referral", "assurance"), N_("Choose what it acts on."))
    record_id = Id(N_("Choose the record it acts on."))
    trigger = fields.String(
        required=True,
        validate=CODE,
        error_messages={"required": N_("Choose what is to happen.")},
    )
    given = fields.Dict(
        keys=fields.String(validate=CODE),
        values=fields.Raw(allow_none=True),
        error_messages={"invalid": N_("Give the fields by their names.")},
    )

"""Raising a safeguarding concern. Only what was seen, and whether there is danger, is asked for."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from web.schemas.base import Command
from web.schemas.fields import LONG, STORY, Choice, Danger, Id, Many, Text, YesNo
from workflows.moves import N_
from workflows.tables.concerns import ADVOCATES

YES_NO_UNSURE = ("yes", "no", "not_sure")
OTHERS = ("no", "adults", "children", "both", "not_sure")
KNOWS = ("yes", "no_more_risk", "no_could_not_ask", "no_capacity", "no_other")


class Prompts(Command):
    """The statutory questions: three about an adult, two about a child. "Not sure" goes forward
    just the same."""

    care_needs = Choice(YES_NO_UNSURE)
    abuse_or_neglect = Choice(YES_NO_UNSURE)
    unable_to_protect = Choice(YES_NO_UNSURE)
    in_need = Choice(YES_NO_UNSURE)
    significant_harm = Choice(YES_NO_UNSURE)


class Source(Command):
    """Somebody named as a source of harm: an account, an organisation, or words for who it is."""

    user_id = Id()
    organisation_id = Id()
    words = Text(most=LONG)

    @validates_schema
    def somebody(self, data: dict[str, Any], **more: Any) -> None:
        if not any(data.get(name) for name in ("user_id", "organisation_id", "words")):
            raise ValidationError(N_("Say who it is, or take this line out."), "words")


class RaiseConcern(Command):
    """A worry about a person's safety, or about how a provider treats people."""

    person_id = Id()
    provider_id = Id()
    referral_id = Id()
    seen = Text(N_("Write what you saw or were told."), most=STORY)
    danger = Danger(N_("Say whether anyone is in danger now."))
    prompts = fields.Nested(Prompts, allow_none=True)
    wishes = Text(most=LONG)
    person_knows = Choice(KNOWS, wrong=N_("Choose whether the person knows."))
    child = YesNo()
    others_at_risk = Choice(OTHERS)
    advocate = Choice(ADVOCATES)
    safe_to_carry_on = YesNo()
    sources = Many(fields.Nested(Source), most=20)

    @validates_schema
    def about_somebody(self, data: dict[str, Any], **more: Any) -> None:
        if not (data.get("person_id") or data.get("provider_id") or data.get("referral_id")):
            raise ValidationError(N_("Choose the person or the provider it is about."), "person_id")

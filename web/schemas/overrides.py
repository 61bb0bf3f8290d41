"""Proposing to share without consent."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, validates_schema

from web.schemas.base import Command
from web.schemas.fields import LONG, Choice, Danger, Id, Many, Text, YesNo
from workflows.moves import N_
from workflows.tables.overrides import GROUNDS, SHAREABLE

WHAT = N_("Choose what is shared.")


class ProposeOverride(Command):
    """What is to be shared with one provider without consent: the lawful ground, why it is
    necessary and no more than needed, and whether the person was told."""

    person_id = Id(N_("Choose the person."))
    provider_id = Id(N_("Choose the provider."))
    ground = Choice(tuple(GROUNDS), N_("Choose the lawful ground."))
    necessity = Text(N_("Write why it cannot wait or be done another way."), most=LONG)
    proportionality = Text(N_("Write why this much, and no more."), most=LONG)
    fields = Many(  # type: ignore[assignment]  # the name in the body
        Choice(SHAREABLE, WHAT), WHAT, most=len(SHAREABLE)
    )
    person_told = YesNo(N_("Say whether the person was told."))
    why_not_told = Text(most=LONG)
    danger = Danger(N_("Say whether anyone is in danger now."))

    @validates_schema(skip_on_field_errors=False)
    def whole(self, data: dict[str, Any], **more: Any) -> None:
        if data.get("person_told") is False and not data.get("why_not_told"):
            raise ValidationError(N_("Write why the person was not told."), "why_not_told")

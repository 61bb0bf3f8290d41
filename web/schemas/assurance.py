"""A provider's evidence."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, validates_schema

from referral import policy
from web.schemas.base import Command
from web.schemas.fields import Listed, Moment, Text
from workflows.moves import N_


class AddEvidence(Command):
    """One item of evidence with its dates: the first and the last day it counts."""

    kind = Listed(tuple(policy.EVIDENCE), N_("Choose what kind of evidence it is."))
    from_at = Moment(N_("Enter the date it starts."), when="today_or_before")
    until = Moment(N_("Enter the last day it counts."), through=True)
    about = Text()
    reference = Text()

    @validates_schema
    def in_order(self, data: dict[str, Any], **more: Any) -> None:
        start, end = data.get("from_at"), data.get("until")
        if start and end and end <= start:
            raise ValidationError(N_("The end date must be after the start date."), "until")

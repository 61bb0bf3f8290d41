"""What is said of a record that is due to be destroyed, and of a hold against that."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, validates_schema

from web.schemas.base import Command
from web.schemas.fields import LONG, Choice, Day, Text
from workflows.keeping import REASONS
from workflows.moves import N_

WHAT = N_("Choose what becomes of it.")


class Decide(Command):
    """Whether a record is kept longer, may go, or, by the second person, goes."""

    what = Choice(("keep", "go", "approve"), WHAT)
    reason = Choice(REASONS, wrong=N_("Choose why it is kept."))
    until = Day(when="to_come")

    @validates_schema(skip_on_field_errors=True)
    def whole(self, data: dict[str, Any], **more: Any) -> None:
        if data.get("what") != "keep":
            return
        faults = {}
        if not data.get("reason"):
            faults["reason"] = [N_("Choose why it is kept.")]
        if not data.get("until"):
            faults["until"] = [N_("Enter the day until which it is kept.")]
        if faults:
            raise ValidationError(faults)


class PlaceLegalHold(Command):
    """A hold against destruction: of whom, why, and when it is looked at again."""

    reference = Text(N_("Enter the person's reference."))
    why = Text(N_("Write which inquiry or claim needs it."), most=LONG)
    review_on = Day(N_("Enter the day on which it is looked at again."), when="to_come")

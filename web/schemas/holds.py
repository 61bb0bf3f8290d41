"""Placing an ordinary hold."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, validates_schema

from referral.states import HoldCause
from web.schemas.base import Command
from web.schemas.fields import Choice, Day
from workflows.holds import SIDES
from workflows.moves import N_

CAUSES = tuple(cause for cause in HoldCause if cause is not HoldCause.CONCERN)


class PlaceHold(Command):
    """Why a referral stands still, and until which day. `side`: to whom the person's records are
    closed while they are put right."""

    cause = Choice(CAUSES, N_("Choose why it stands still."))
    until = Day(N_("Enter the day until which it stands still."), when="to_come")
    side = Choice(SIDES, wrong=N_("Choose to whom the records are closed meanwhile."))

    @validates_schema
    def whole(self, data: dict[str, Any], **more: Any) -> None:
        if data.get("cause") == HoldCause.RECORDS and not data.get("side"):
            why = N_("Choose to whom the records are closed meanwhile.")
            raise ValidationError(why, "side")

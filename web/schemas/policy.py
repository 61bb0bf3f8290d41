"""Changing policy, and talking about a change before it is made."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, validates_schema

from referral.policies import VOICES
from web.schemas.base import Command
from web.schemas.fields import LONG, Choice, Day, Number, Text, YesNo
from workflows.moves import N_


class SetRule(Command):
    """A rule of a place: one of the three values, or none to go by what holds above."""

    number = Number(least=0, most=1_000)
    lines = Text(most=LONG)
    yes = YesNo()
    above = YesNo()
    starts = Choice(("now", "later"), N_("Choose when it begins."))
    from_day = Day(when="to_come")
    because = Text(N_("Write why, so that others can learn from it."), most=LONG)

    @validates_schema
    def a_day_when_later(self, data: dict[str, Any], **more: Any) -> None:
        if data.get("starts") == "later" and data.get("from_day") is None:
            raise ValidationError(N_("Enter the day it begins."), "from_day")


class OpenChange(Command):
    """A change somebody thinks of, put to others first."""

    number = Number(least=0, most=1_000)
    lines = Text(most=LONG)
    yes = YesNo()
    title = Text(N_("Give the change a short name."))
    because = Text(N_("Write why you think of it."), most=LONG)
    closes_on = Day(N_("Enter the last day for comments."), when="to_come")


class Comment(Command):
    """What a member says about a change."""

    body = Text(N_("Write what you think."), most=LONG)


class PublicComment(Command):
    """What somebody without an account says about a change."""

    voice = Choice(VOICES, N_("Choose what fits you best."))
    body = Text(N_("Write what you think."), most=LONG)


class Decide(Command):
    """What came of a change: you said, we did."""

    outcome = Choice(("made", "not_made"), N_("Choose what you decided."))
    from_day = Day(when="to_come")
    said_1 = Text(most=LONG)
    did_1 = Text(most=LONG)
    said_2 = Text(most=LONG)
    did_2 = Text(most=LONG)
    said_3 = Text(most=LONG)
    did_3 = Text(most=LONG)

    @validates_schema
    def both_sides(self, data: dict[str, Any], **more: Any) -> None:
        faults = {}
        for n in (1, 2, 3):
            if data.get(f"said_{n}") and not data.get(f"did_{n}"):
                faults[f"did_{n}"] = [N_("Write what you did about it, or why not.")]
            if data.get(f"did_{n}") and not data.get(f"said_{n}"):
                faults[f"said_{n}"] = [N_("Write what people said.")]
        if faults:
            raise ValidationError(faults)

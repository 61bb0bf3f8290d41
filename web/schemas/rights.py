"""Taking a request about somebody's own information."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, validates_schema

from referral.states import RightsKind
from web.schemas.base import Command
from web.schemas.fields import LONG, Choice, Day, Id, Text
from workflows.moves import N_
from workflows.rights_doing import CORRECTED, WITHHELD

CAME_BY = ("phone", "in_person", "written")


class AskForOwn(Command):
    """What a person asks for about their own data, by themselves. A copy is asked for by choosing
    it; of anything else it must be said what."""

    kind = Choice(tuple(RightsKind), N_("Choose what you ask for."))
    asked_for = Text(most=LONG)

    @validates_schema
    def says_what(self, given: dict[str, Any], **_context: Any) -> None:
        """Some words, unless it is a copy."""
        if given.get("kind") != RightsKind.ACCESS and not given.get("asked_for"):
            raise ValidationError(
                {"asked_for": [N_("Write what you ask for. A few words are enough.")]}
            )


class TakeRequest(Command):
    """What a person asks for about their own data, taken down by somebody on staff."""

    person_id = Id(N_("Choose the person."))
    kind = Choice(tuple(RightsKind), N_("Choose what they ask for."))
    asked_for = Text(N_("Write what they ask for, in their words."), most=LONG)
    on_behalf = Text(most=LONG)
    how = Choice(CAME_BY, N_("Say how it came."))
    received_on = Day(N_("Enter the day on which it came."), when="today_or_before")


DECIDE = N_("Decide whether this part is given.")
ANSWERS = ("give", *WITHHELD)


class DecideParts(Command):
    """Of each part of a copy, whether it is given, or left out and why."""

    notes = Choice(ANSWERS, DECIDE)
    reviews = Choice(ANSWERS, DECIDE)
    safety = Choice(ANSWERS, DECIDE)
    note = Text(most=LONG)


class PutRight(Command):
    """One thing about a person that is put right, and why."""

    name = Choice(CORRECTED, N_("Choose what is put right."))
    now = Text(N_("Write what is right."), most=LONG)
    why = Text(N_("Write why, and how you know."), most=LONG)


class StopUse(Command):
    """Until when the use of a record is stopped at most, before it is looked at again."""

    until = Day(N_("Enter the day on which it is looked at again."), when="to_come")

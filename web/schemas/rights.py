"""Taking a request about somebody's own information."""

from __future__ import annotations

from referral.states import RightsKind
from web.schemas.base import Command
from web.schemas.fields import LONG, Choice, Day, Id, Text
from workflows.moves import N_

CAME_BY = ("phone", "in_person", "written")


class AskForOwn(Command):
    """What a person asks for about their own data, by themselves."""

    kind = Choice(tuple(RightsKind), N_("Choose what you ask for."))
    asked_for = Text(N_("Write what you ask for. A few words are enough."), most=LONG)


class TakeRequest(Command):
    """What a person asks for about their own data, taken down by somebody on staff."""

    person_id = Id(N_("Choose the person."))
    kind = Choice(tuple(RightsKind), N_("Choose what they ask for."))
    asked_for = Text(N_("Write what they ask for, in their words."), most=LONG)
    on_behalf = Text(most=LONG)
    how = Choice(CAME_BY, N_("Say how it came."))
    received_on = Day(N_("Enter the day on which it came."), when="today_or_before")

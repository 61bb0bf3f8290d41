"""Being reminded of something, and saving a list under a name."""

from __future__ import annotations

from web.schemas.base import Command
from web.schemas.fields import Choice, Day, Text
from workflows.moves import N_
from workflows.reminders import CALL_REASONS, PUT_OFF_REASONS

DAY = N_("Enter the day on which you want to be reminded.")


class PutOff(Command):
    """Until when an item of one's own list waits, and why."""

    until = Day(DAY, when="to_come")
    why = Choice(PUT_OFF_REASONS, N_("Choose why it can wait."))


class PlanCall(Command):
    """On which day one means to ring, and what for."""

    until = Day(DAY, when="to_come")
    why = Choice(CALL_REASONS, N_("Choose what the call is for."))


class NameView(Command):
    """What a list is called."""

    name = Text(N_("Enter a name for this list."))

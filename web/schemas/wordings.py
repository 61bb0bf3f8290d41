"""Publishing the words to read out."""

from __future__ import annotations

from web.schemas.base import Command
from web.schemas.fields import LONG, Day, Text
from workflows.moves import N_


class PublishWording(Command):
    """The words for one purpose in one language, from a day on."""

    body = Text(N_("Write the words to read out."), most=LONG)
    from_on = Day(N_("Enter the day from which it is read out."))

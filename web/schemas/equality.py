"""What a person said of themselves, to be counted."""

from __future__ import annotations

from referral.equality import DISABILITY, ETHNIC
from web.schemas.base import Command
from web.schemas.fields import Choice, Day
from workflows.moves import N_
from workflows.relationships import HOW


class RecordEquality(Command):
    """Their ethnic group and disability, in their own answer."""

    ethnic_group = Choice(ETHNIC, N_("Choose what the person said of their group."))
    disability = Choice(DISABILITY, N_("Choose what the person said of disability."))
    said_on = Day(when="today_or_before")
    said_how = Choice(HOW, wrong=N_("Choose how the person said so."))


class DoNotAsk(Command):
    """That they do not want to be asked: when and how they said so."""

    said_on = Day(when="today_or_before")
    said_how = Choice(HOW, wrong=N_("Choose how the person said so."))


class AboutMe(Command):
    """What somebody wants done with what they said of themselves."""

    wish = Choice(("take_back", "do_not_ask", "ask_again"), N_("Choose one of the answers."))

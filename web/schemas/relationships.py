"""Who is close to a person."""

from __future__ import annotations

from referral import people_checks as checks
from referral.relationships import KINDS, MAY_SPEAK
from web.schemas.base import Command
from web.schemas.fields import Checked, Choice, Day, Text, YesNo
from workflows.moves import N_
from workflows.relationships import HOW, WHY


class RecordRelationship(Command):
    """Who they are, how to reach them, and whether the person says that we may speak with them."""

    kind = Choice(KINDS, N_("Choose what they are for the person."))
    name = Text(N_("Enter their name."))
    relation = Text()
    phone = Checked(checks.phone_number)
    in_emergency = YesNo()
    may_speak = Choice(MAY_SPEAK, N_("Choose what the person said about it."))
    said_on = Day(when="today_or_before")
    said_how = Choice(HOW, wrong=N_("Choose how the person said so."))
    from_on = Day()
    until_on = Day()


class EndRelationship(Command):
    """Why it holds no longer."""

    why = Choice(WHY, N_("Choose why it ends."))

"""Recording an assessment of mental capacity."""

from __future__ import annotations

from web.schemas.base import Command
from web.schemas.fields import LONG, Day, Text, YesNo
from workflows.capacity import WHY_NOT
from workflows.moves import N_


class AssessCapacity(Command):
    """One decision, at one time: first what the person can do, with all help; then, where they
    can't do any one of the four, why not."""

    decision = Text(N_("Write which decision it is about."), most=LONG)
    assessor = Text(N_("Write who assessed it."))
    help = Text(N_("Write what was done to help them decide themselves."), most=LONG)
    understands = YesNo(WHY_NOT["understands"])
    retains = YesNo(WHY_NOT["retains"])
    weighs = YesNo(WHY_NOT["weighs"])
    communicates = YesNo(WHY_NOT["communicates"])
    cause = Text(most=LONG)
    interests = Text(most=LONG)
    consulted = Text(most=LONG)
    review_on = Day(when="to_come")

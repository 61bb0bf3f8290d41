"""How somebody says their life is, from 0 to 10."""

from __future__ import annotations

from marshmallow import validate

from web.schemas.base import Command
from web.schemas.fields import Choice, Day, Number
from workflows.moves import N_
from workflows.scores import HOW, LEAST, MOST, NOT_NUMBERS, STAGES, WHY

ASK_HOW = N_("Choose how it was asked.")
ASK_DAY = N_("Enter the day you asked.")


class Answer(Number):
    """One answer, or none. What is said of another names the question."""

    def __init__(self, name: str) -> None:
        super().__init__(least=LEAST, most=MOST)
        words = NOT_NUMBERS[name]
        self.error_messages |= {"invalid": words, "too_large": words}
        self.validators = [validate.Range(LEAST, MOST, error=words)]


class StartingPoint(Command):
    """The answers, and how they were asked."""

    satisfied = Answer("satisfied")
    worthwhile = Answer("worthwhile")
    happy = Answer("happy")
    anxious = Answer("anxious")
    how = Choice(HOW, ASK_HOW)


class RecordScores(StartingPoint):
    """The answers, when in the referral, how and on which day."""

    stage = Choice(STAGES, N_("Choose when it was asked."))
    asked_on = Day(ASK_DAY, when="today_or_before")


class CorrectScores(StartingPoint):
    """The answers as they should be, and why."""

    asked_on = Day(ASK_DAY, when="today_or_before")
    why = Choice(WHY, N_("Choose why it is put right."))

"""Beginning a referral, and what a draft may still change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from marshmallow import ValidationError, post_load

from web.schemas.base import Command
from web.schemas.fields import LOADING, LONG, Answers, Choice, Day, Id, Many, Text, YesNo
from workflows.moves import N_
from workflows.referrals import CAME, CORRECTED

RISKS = ("none", "some", "not_known")


class ChangeDraft(Command):
    """Change what a draft says: only what is sent is changed."""

    group_id = Id(N_("Choose an activity."))
    urgent = YesNo()
    risks = Choice(RISKS, wrong=N_("Choose yes, no or not known yet."))
    safety_notes = Text(most=LONG)
    safety_answers = Answers()
    call_before = YesNo()
    alternatives = Many(Id(N_("Choose an activity.")), most=10)
    plan_id = Id()

    @post_load
    def no_is_no(self, data: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A box that was left empty is not ticked."""
        for name in ("urgent", "call_before"):
            if name in data and data[name] is None:
                data[name] = False
        return data


class BeginReferral(ChangeDraft):
    """A draft of a referral of one person into one group of an activity."""

    person_id = Id(N_("Choose the person."))


class Redirect(Command):
    """Refer the person on: the group of the activity that takes this one's place."""

    group_id = Id(N_("Choose the activity to refer to instead."))


class RecordAttendance(Command):
    """Whether the person came, on one day."""

    day = Day(N_("Enter the date of the session."), when="today_or_before")
    came = Choice(CAME, N_("Choose whether they came."))
    why = Choice(CORRECTED, wrong=N_("Choose why you change what was saved before."))

    @post_load
    def not_long_ago(self, data: dict[str, Any], **more: Any) -> dict[str, Any]:
        if data["day"] < LOADING.get().today - timedelta(days=366):
            raise ValidationError(N_("The day must be in the last year."), "day")
        return data

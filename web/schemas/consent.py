"""Recording what the person answered."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from referral.states import Basis, Purpose
from web.schemas.base import Command
from web.schemas.fields import LONG, Choice, Id, Moment, Text
from workflows.moves import N_

HOW = ("in_person", "phone", "video", "written")
ANSWERS = {"yes": True, "no": False, "asked": None}
CHOOSE_HOW = N_("Choose how consent was given.")
CHOOSE_BASIS = N_("Choose whose decision this is.")
RECIPIENT = r"(practice|team|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z"
# Who hears what each purpose allows to be told; for sharing it is the provider.
RECIPIENT_OF = {
    Purpose.TELL_PRACTICE: "practice",
    Purpose.CONTACT: "team",
    Purpose.EVALUATION: "team",
}


class Answer(Command):
    """How the question was answered: whose decision, how, who was there, and until when."""

    basis = Choice(tuple(Basis), wrong=CHOOSE_BASIS)
    how = Choice(HOW, wrong=CHOOSE_HOW)
    present = Text(most=LONG)
    wording_id = Id()
    until = Moment(when="to_come", through=True)
    capacity_id = Id()


class RecordConsent(Answer):
    """The question as it was read out, and the person's answer (`asked` leaves it open)."""

    person_id = Id(N_("Choose the person."))
    purpose = Choice(tuple(Purpose), N_("Choose what the person is asked."))
    recipient = fields.String(
        validate=validate.Regexp(RECIPIENT, error=N_("Choose whom it is shared with.")),
        allow_none=True,
    )
    agreed = Choice(tuple(ANSWERS), N_("Choose what the person answered."))

    @validates_schema
    def whole(self, data: dict[str, Any], **more: Any) -> None:
        faults: dict[str, list[str]] = {}
        purpose, recipient = data.get("purpose"), data.get("recipient")
        expected = RECIPIENT_OF.get(purpose) if purpose else None
        if purpose == Purpose.SHARE_WITH_PROVIDER and recipient in (None, "practice", "team"):
            faults["recipient"] = [N_("Choose the provider it is shared with.")]
        elif expected is not None and recipient not in (None, expected):
            faults["recipient"] = [N_("Leave this empty: the purpose says who hears it.")]
        if data.get("agreed") == "yes":
            if not data.get("basis"):
                faults["basis"] = [CHOOSE_BASIS]
            if not data.get("how"):
                faults["how"] = [CHOOSE_HOW]
        if data.get("basis") == Basis.BEST_INTERESTS and not data.get("capacity_id"):
            faults["capacity_id"] = [N_("Record the capacity assessment first.")]
        if faults:
            raise ValidationError(faults)

    @post_load
    def as_asked(self, data: dict[str, Any], **more: Any) -> dict[str, Any]:
        """`agreed` as the command takes it, and the recipient that goes with the purpose."""
        data["agreed"] = ANSWERS[data["agreed"]]
        data["recipient"] = RECIPIENT_OF.get(data["purpose"]) or data["recipient"]
        return data

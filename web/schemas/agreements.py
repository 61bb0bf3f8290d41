"""Drafting an information-sharing agreement, or a working one."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from referral.states import Purpose
from web.schemas.base import Command
from web.schemas.fields import LONG, Choice, Id, Many, Moment, Text
from workflows.moves import N_

KINDS = ("sharing", "working")
# Article 6 of the UK GDPR; the person's own consent is kept apart (common-law confidentiality).
LAWFUL_BASES = (
    "public_task",
    "legitimate_interests",
    "recognised_legitimate_interest",
    "legal_obligation",
    "vital_interests",
    "contract",
    "consent",
)


class DraftAgreement(Command):
    """An agreement between two organisations or more: purposes, basis, fields, review date."""

    kind = Choice(KINDS, wrong=N_("Choose what kind of agreement it is."))
    title = Text(N_("Enter a title."))
    purposes = Many(
        Choice(tuple(Purpose), N_("Choose what it is for.")), N_("Choose what it is for."), most=10
    )
    lawful_basis = Choice(LAWFUL_BASES, N_("Choose the lawful basis."))
    fields_allowed = Many(
        fields.String(
            validate=validate.Regexp(
                r"[a-z][a-z0-9_]{0,59}\Z", error=N_("Choose fields from the list.")
            )
        ),
        N_("Choose the fields that may be shared."),
        most=60,
        data_key="fields",
        attribute="fields",
    )
    parties = Many(Id(N_("Choose the organisation.")), N_("Choose the organisations."), most=40)
    review_at = Moment(N_("Enter the review date."), when="to_come")
    replaces_id = Id()
    duties = Text(most=LONG)
    employs_id = Id()
    assures_id = Id()
    pays_id = Id()
    safeguards_id = Id()

    @validates_schema
    def more_than_one(self, data: dict[str, Any], **more: Any) -> None:
        if data.get("parties") and len(set(data["parties"])) < 2:
            raise ValidationError(N_("Choose at least two organisations."), "parties")

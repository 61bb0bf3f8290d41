"""Opening a record in an emergency."""

from __future__ import annotations

from referral import people_checks as checks
from referral.ids import check_reference
from referral.policy import REASONS
from web.schemas.base import Command
from web.schemas.fields import LONG, BirthDate, Checked, Listed, Text
from workflows.moves import N_


class OpenRecord(Command):
    """Whose record it is (its reference, or two things known about the person), and why it can't
    wait."""

    reference = Checked(check_reference)
    nhs_number = Checked(checks.nhs_number)
    given_name = Text()
    family_name = Text()
    birth_date = BirthDate()
    phone = Checked(checks.phone_number)
    reason = Listed(REASONS["emergency.open"], N_("Choose why it cannot wait."))
    why = Text(N_("Write what has happened."), most=LONG)

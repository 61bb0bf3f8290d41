"""People and what matters to them."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, validate

from referral import people_checks as checks
from web.schemas.base import Command
from web.schemas.fields import (
    LONG,
    BirthDate,
    Checked,
    Choice,
    DayOrMonth,
    Email,
    Id,
    Many,
    Text,
    YesNo,
)
from workflows.moves import N_

NO_NHS_NUMBER = ("not_known", "part_known", "never_had_one", "not_said")
CONTACT_METHODS = ("phone", "text", "email", "letter", "someone_else")


class ChangePerson(Command):
    """Change what is known about a person: only what is sent is changed."""

    nhs_number = Checked(checks.nhs_number)
    no_nhs_number = Choice(NO_NHS_NUMBER, wrong=N_("Choose why there is no NHS number."))
    given_name = Text(N_("Enter a first name."))
    family_name = Text(N_("Enter a last name."))
    birth_date = BirthDate()
    practice = Text()
    phone = Checked(checks.phone_number)
    email = Email()
    address = Text()
    postcode = Checked(checks.postcode)
    contact_method = Choice(CONTACT_METHODS, wrong=N_("Choose how to reach the person."))
    contact_times = Text()
    through_name = Text()
    through_phone = Checked(checks.phone_number)
    message_safe = YesNo()
    language = Text()
    interpreter = YesNo()
    access_needs = Text(most=LONG)
    emergency_contact = Text(most=LONG)


class AddPerson(ChangePerson):
    """Add a person. A first name and a last name are needed; the rest can follow."""


class RecordDeath(Command):
    """A person has died: the day, its month, or that nobody could say when; and who said so."""

    died_on = DayOrMonth(
        when="today_or_before",
        metadata={"description": "The day, or its month alone (2026-05)."},
    )
    day_not_known = YesNo(metadata={"description": "Nobody could say when: instead of died_on."})
    said_by = Text(N_("Say who told you, in a few words."))

    @post_load
    def as_kept(self, data: dict[str, Any], **more: Any) -> dict[str, Any]:
        day, of_month = data.pop("died_on", None) or (None, False)
        unknown = data.pop("day_not_known", None)
        data["died_on"] = day
        data["died_about"] = "not_known" if unknown else "month" if of_month else None
        return data


class TakeBackDeath(Command):
    """It was recorded in error that a person died."""

    why = Text(N_("Say what was wrong, in a few words."))


class MergePeople(Command):
    """Two records of one person become one: which goes into this one, and each of its referrals,
    confirmed."""

    other = Id(N_("Choose the other record."))
    referrals = Many(Id(N_("Confirm each referral, or leave the records apart.")), most=500)


class MoveAway(Command):
    """A person moves away: the referrals that are stopped for it."""

    stop = Many(Id(N_("Choose what is to be stopped.")), N_("Choose what is to be stopped."))


class SavePlan(Command):
    """What matters to the person, in their words, with goals and coded needs."""

    what_matters = Text(most=LONG)
    goals = Many(Text(N_("Write the goal, or take it out.")), most=10)
    needs = Many(
        fields.String(
            validate=validate.Regexp(
                r"[a-z][a-z0-9_]{0,59}\Z", error=N_("Choose needs from the list.")
            )
        ),
        most=40,
    )
    access = Text(most=LONG)

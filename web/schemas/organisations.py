"""Organisations, places, accounts, providers' activities: what sets the stage."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, validates_schema
from marshmallow.exceptions import ValidationError

from referral import people_checks as checks
from referral.organisations import ORGANISATION_KINDS
from referral.states import Role
from web.schemas.base import Command
from web.schemas.fields import (
    LONG,
    Checked,
    Choice,
    Day,
    Email,
    Id,
    Many,
    Number,
    Text,
    WebAddress,
)
from workflows.activities import TIERS
from workflows.moves import N_

ASSIGNABLE = tuple(str(r) for r in Role if r not in (Role.PERSON, Role.SYSTEM))
ACTIVITY_STATES = ("open", "paused", "closed")


class AddPlace(Command):
    """A place below another, with who answers there."""

    name = Text(N_("Enter the name of the place."))
    kind = Choice(("place", "neighbourhood"), N_("Choose what kind of place it is."))
    parent_id = Id(N_("Choose the place it lies in."))
    safeguarding_phone = Checked(checks.phone_number)
    out_of_hours_phone = Checked(checks.phone_number)
    outside_contact = Text()


class SetPlacePhones(Command):
    """Who answers in a place."""

    safeguarding_phone = Checked(checks.phone_number, N_("Enter the safeguarding number."))
    out_of_hours_phone = Checked(checks.phone_number, N_("Enter the number outside hours."))
    outside_contact = Text(N_("Enter who is told when everyone on the ladder is concerned."))


class AddOrganisation(Command):
    """An organisation in a place."""

    name = Text(N_("Enter the name of the organisation."))
    kind = Choice(ORGANISATION_KINDS, N_("Choose what kind of organisation it is."))
    place_id = Id(N_("Choose the place it works in."))
    ods_code = Text()
    description = Text(most=LONG)
    email = Email()
    phone = Checked(checks.phone_number)
    url = WebAddress()


class ChangeOrganisation(Command):
    """What an organisation is called, and how it is reached."""

    name = Text(N_("Enter the name of the organisation."))
    phone = Checked(checks.phone_number)
    email = Email()
    url = WebAddress()
    ods_code = Text()
    description = Text(most=LONG)


class RenamePlace(Command):
    """What a place is called."""

    name = Text(N_("Enter the name of the place."))


class AddUser(Command):
    """An account, with its first role in an organisation."""

    name = Text(N_("Enter the person's name."))
    email = Email(N_("Enter an email address."))
    phone = Checked(checks.phone_number)


class AddMembership(Command):
    """A role in an organisation."""

    organisation_id = Id(N_("Choose the organisation."))
    role = Choice(ASSIGNABLE, N_("Choose the role."))
    place_id = Id()


class AddProvider(Command):
    """An organisation becomes a provider."""

    organisation_id = Id(N_("Choose the organisation."))
    tier = Choice(TIERS, N_("Choose the size of the provider."))


class ChangeActivity(Command):
    """Change what an activity says about itself: only what is sent is changed."""

    name = Text(N_("Enter the name of the activity."))
    description = Text(most=LONG)
    status = Choice(ACTIVITY_STATES, N_("Choose whether it takes new people."))
    paused_until = Day(when="to_come")
    location = Text()
    postcode = Checked(checks.postcode)
    when_words = Text()
    cost_words = Text()
    access_words = Text(most=LONG)
    getting_there = Text(most=LONG)
    contact_words = Text()
    url = WebAddress()
    minimum_age = Number(most=120)
    maximum_age = Number(most=120)
    safety_questions = Many(Text(N_("Write the question, or take it out.")), most=20)

    @validates_schema
    def ages_in_order(self, data: dict[str, Any], **more: Any) -> None:
        least, most = data.get("minimum_age"), data.get("maximum_age")
        if least is not None and most is not None and most < least:
            raise ValidationError(
                N_("The highest age must not be below the lowest."), "maximum_age"
            )


class AddActivity(ChangeActivity):
    """Add an activity of a provider."""

    provider_id = Id(N_("Choose the provider."))
    status = Choice(ACTIVITY_STATES, wrong=N_("Choose whether it takes new people."))


class Break(Command):
    """Days without sessions, from the first to the last."""

    start = Day(N_("Enter the first day of the break."))
    end = Day(N_("Enter the last day of the break."))

    @validates_schema
    def in_order(self, data: dict[str, Any], **more: Any) -> None:
        if data["end"] < data["start"]:
            raise ValidationError(N_("The end must be after the start."), "end")


class SaveGroup(Command):
    """A group of an activity: who has a place in it, and when it runs."""

    name = Text(N_("Enter the name of the group."))
    capacity = Number(N_("Enter how many places there are."), most=10_000)
    members_from_outside = Number(most=10_000)
    starts_on = Day()
    ends_on = Day()
    breaks = Many(fields.Nested(Break), most=40)

    @post_load
    def breaks_as_kept(self, data: dict[str, Any], **more: Any) -> dict[str, Any]:
        if data.get("breaks"):
            data["breaks"] = [
                [b["start"].isoformat(), b["end"].isoformat()] for b in data["breaks"]
            ]
        return data

    @validates_schema
    def in_order(self, data: dict[str, Any], **more: Any) -> None:
        start, end = data.get("starts_on"), data.get("ends_on")
        if start is not None and end is not None and end < start:
            raise ValidationError(N_("The end must be after the start."), "ends_on")

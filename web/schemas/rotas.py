"""Who answers at which hour, and the authorities of a place."""

from __future__ import annotations

from referral import people_checks as checks
from referral.rotas import AUTHORITIES, SERVES
from web.schemas.base import Command
from web.schemas.fields import Checked, Choice, Email, Hour, Id, Many, Text, YesNo
from workflows.moves import N_

DAYS = tuple(str(number) for number in range(7))


class AddRotaLine(Command):
    """A number that answers on some days between two hours. Monday is 0."""

    name = Text(N_("Enter the role or the service that answers."))
    phone = Checked(checks.phone_number, N_("Enter the number."))
    serves = Choice(SERVES, N_("Choose whom the line is for."))
    days = Many(Choice(DAYS), N_("Choose the days it answers on."), most=7)
    opens = Hour(N_("Enter when it begins, like 9am."))
    closes = Hour(N_("Enter when it ends, like 5pm."))
    bank_holidays = YesNo()
    organisation_id = Id()


class AddAuthority(Command):
    """Whom concerns are reported to, by kind."""

    kind = Choice(AUTHORITIES, N_("Choose what kind of authority it is."))
    name = Text(N_("Enter the name of the service."))
    phone = Checked(checks.phone_number)
    email = Email()
    note = Text()

"""What a person asks for about their own data: to see it, put it right, have it erased, have its
use restricted, or to object."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.keys import Of, sealed
from referral.schema import HOLD_LIVE, Base, Key, Ref, Sealed, day, of, seal
from referral.states import WITH_PROVIDER, RightsKind, RightsState, listed
from referral.store import Sql, Tx


class RightsPart(Base):
    """What was decided of one part of a copy: given, or left out for a reason."""

    __tablename__ = "rights_part"
    request_id: Mapped[Ref] = mapped_column(ForeignKey("rights_request.id"), primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    decision: Mapped[str]
    reason: Mapped[str | None]
    note: Mapped[Sealed | None]  # why, and who was asked
    decided_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("decision IN ('give','withhold')", name="decision"),
        CheckConstraint("decision = 'give' OR reason IS NOT NULL", name="reason"),
    )


class Correction(Base):
    """What was put right about a person, and how it stood before: both are kept."""

    __tablename__ = "correction"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    request_id: Mapped[Ref] = mapped_column(ForeignKey("rights_request.id"))
    field: Mapped[str]  # a column of person, or `statement`: the person's own words beside it
    was: Mapped[Sealed | None]
    now: Mapped[Sealed]
    why: Mapped[Sealed]
    changed_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    at: Mapped[datetime]
    __table_args__ = (Index(None, "person_id"),)


class RightsRequest(Base):
    """One request, and how far it has come. The month is counted from `received_on`;
    `stopped_days` are those on which it waited for the person's answer, `stopped_at` since when it
    waits now."""

    __tablename__ = "rights_request"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str]
    asked_for: Mapped[Sealed]  # in the person's words
    on_behalf: Mapped[Sealed | None]  # who asks for them, and by what right
    how: Mapped[str]  # phone | in_person | written | own_page
    received_on: Mapped[date]
    taken_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))  # none: themselves
    state: Mapped[str]
    version: Mapped[int]
    since: Mapped[datetime]
    identity_how: Mapped[str | None]
    extended: Mapped[bool]
    stopped_at: Mapped[datetime | None]
    stopped_days: Mapped[int]
    told_how: Mapped[str | None]  # how the person was told of what was decided last
    ground: Mapped[str | None]  # of an erasure
    reason: Mapped[str | None]
    decided_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint(f"state IN ({listed(*RightsState)})", name="state"),
        CheckConstraint(f"kind IN ({listed(*RightsKind)})", name="kind"),
        Index(None, "person_id"),
        Index(None, "organisation_id", "id"),
    )


# -- what a lead does with one ------------------------------------------------------------------


class Part(NamedTuple):
    """What was decided of one part of a copy."""

    decision: str
    reason: str | None
    note: str | None
    decided_by: str
    at: datetime


PARTS = Sql(
    "SELECT p.part, p.decision, p.reason, p.note, u.name, p.at FROM rights_part p"
    " JOIN membership m ON m.id = p.decided_by JOIN app_user u ON u.id = m.user_id"
    " WHERE p.request_id = :id",
    (5,),
    (3,),
)
CHANGE_PART = Sql(
    "UPDATE rights_part SET decision = :decision, reason = :reason, note = :note,"
    " decided_by = :decided_by, at = :at WHERE request_id = :id AND part = :part"
)
_COLUMNS = (
    *("given_name", "family_name", "birth_date", "nhs_number", "phone", "email", "address"),
    *("postcode", "practice", "language", "access_needs", "emergency_contact", "version"),
)
PERSON_NOW = Sql(
    f"SELECT {', '.join(_COLUMNS)} FROM person WHERE id = :id",
    sealed=tuple(_COLUMNS.index(name) for name in ("access_needs", "emergency_contact")),
)
# The providers who have them, and the referral by which each sees it.
RECEIVERS = Sql(
    "SELECT CAST(p.organisation_id AS text), CAST(r.id AS text) FROM referral r"
    " JOIN provider p ON p.id = r.provider_id"
    f" WHERE r.person_id = :id AND r.state IN ({listed(*WITH_PROVIDER)}) ORDER BY r.id"
)
# A full hold whose owner is a lead's post, not a member of a team.
RESTRICTIONS = Sql(
    f"SELECT h.id FROM hold h WHERE h.person_id = :id AND {of('h', HOLD_LIVE)}"
    " AND h.cause = 'records' AND h.owner NOT LIKE 'member@%' ORDER BY h.id"
)


def parts_of(tx: Tx, request_id: str) -> dict[str, Part]:
    """What was decided of each part of the copy, by the part."""
    return {
        row[0]: Part(row[1], row[2], row[3], row[4], row[5])
        for row in tx.rows(PARTS, id=request_id)
    }


def change_part(tx: Tx, request_id: str, part: str, values: Mapping[str, Any], of: Of) -> None:
    """Put another decision in the place of the one before; `of`: whose request it is."""
    kept = sealed(tx, {**values, "note": seal(values["note"])}, ("note",), of)
    tx.run(CHANGE_PART, id=request_id, part=part, **kept)


def person_now(tx: Tx, person_id: str) -> dict[str, Any]:
    """What stands about a person now, of what may be put right."""
    row = tx.row(PERSON_NOW, id=person_id)
    found = dict(zip(_COLUMNS, row or (), strict=True))
    found["birth_date"] = day(found["birth_date"])
    return found


def receivers(tx: Tx, person_id: str) -> list[tuple[str, str]]:
    """(owner key, referral) of each provider to tell that something was put right."""
    rows = tx.rows(RECEIVERS, id=person_id)
    return [(f"provider_leader@{row[0]}", row[1]) for row in rows]


def restrictions_of(tx: Tx, person_id: str) -> list[str]:
    """The holds by which the use of a person's record is stopped."""
    return [str(row[0]) for row in tx.rows(RESTRICTIONS, id=person_id)]

"""What a person asks for about their own data: to see it, put it right, have it erased, have its
use restricted, or to object."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import Base, Key, Ref, Sealed
from referral.states import RightsKind, RightsState, listed


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

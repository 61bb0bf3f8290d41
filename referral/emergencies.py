"""Emergency access: one member has one person's record open, outside their scope, for an hour."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import EMERGENCY_OPEN, Base, Json, Key, Ref, Sealed
from referral.states import EmergencyState, listed


class Emergency(Base):
    """One use of emergency access. `organisation_id` is the team that holds the person: theirs is
    the place whose people are told and review it. A member has one open at a time."""

    __tablename__ = "emergency"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    opened_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    state: Mapped[str]
    version: Mapped[int]
    since: Mapped[datetime]
    reason: Mapped[str]
    why: Mapped[Sealed]
    until: Mapped[datetime]
    finding: Mapped[str | None]
    tags: Mapped[Json | None]
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint(f"state IN ({listed(*EmergencyState)})", name="state"),
        Index(
            "uq_emergency_opened",
            "opened_by",
            unique=True,
            sqlite_where=text(EMERGENCY_OPEN),
            postgresql_where=text(EMERGENCY_OPEN),
        ),
        Index(None, "person_id"),
        Index(None, "organisation_id", "created_at"),
    )

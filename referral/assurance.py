"""Whether a provider meets the working standards now, from its evidence."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import EVIDENCE_COUNTS, Base, Json, Key, Ref
from referral.states import AssuranceState, listed


class Assurance(Base):
    """The assurance of one provider."""

    __tablename__ = "assurance"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    provider_id: Mapped[Ref] = mapped_column(ForeignKey("provider.id"), unique=True)
    state: Mapped[str]
    version: Mapped[int]
    since: Mapped[datetime]
    reason: Mapped[str | None]
    conditional_activities: Mapped[Json | None]  # the activities within the conditions
    conditions_until: Mapped[datetime | None]
    decided_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    __table_args__ = (CheckConstraint(f"state IN ({listed(*AssuranceState)})", name="state"),)


class Evidence(Base):
    """One item of evidence with its dates; never the certificate itself. A renewal replaces it."""

    __tablename__ = "evidence"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    provider_id: Mapped[Ref] = mapped_column(ForeignKey("provider.id"))
    kind: Mapped[str]
    about: Mapped[str | None]  # whose, for what is each leader's own
    blocking: Mapped[bool]
    from_at: Mapped[datetime]
    until: Mapped[datetime]
    grace_until: Mapped[datetime | None]  # the provider said the renewal is in hand
    reference: Mapped[str | None]
    checked_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    recorded_at: Mapped[datetime]
    replaced_at: Mapped[datetime | None]
    reminded: Mapped[int | None]  # how many reminders before its end were given, if any
    __table_args__ = (
        Index(
            "ix_evidence_counts",
            "provider_id",
            "until",
            sqlite_where=text(EVIDENCE_COUNTS),
            postgresql_where=text(EVIDENCE_COUNTS),
        ),
        Index(None, "provider_id"),
    )

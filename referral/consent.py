"""Consent: one record in force per person, purpose and recipient; and overrides beside it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import (
    CONSENT_ASKED,
    CONSENT_GIVEN,
    OVERRIDE_LIVE,
    Base,
    Json,
    Key,
    Ref,
    Sealed,
)
from referral.states import Basis, ConsentState, OverrideState, Purpose, listed


class Wording(Base):
    """The words read out, by purpose, language and version. Never changed once in use."""

    __tablename__ = "wording"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    purpose: Mapped[str]
    language: Mapped[str]
    number: Mapped[int]
    body: Mapped[str]
    from_at: Mapped[datetime]
    published_by: Mapped[Ref | None]
    __table_args__ = (
        CheckConstraint(f"purpose IN ({listed(*Purpose)})", name="purpose"),
        Index("uq_wording", "system_id", "purpose", "language", "number", unique=True),
    )


class Consent(Base):
    """One person's answer for one purpose and one recipient, with the wording they heard.

    `recipient` is a provider's id, or `practice`, or `team`."""

    __tablename__ = "consent"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    link_worker_id: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    purpose: Mapped[str]
    recipient: Mapped[str]
    state: Mapped[str]
    version: Mapped[int]
    since: Mapped[datetime]
    renews_id: Mapped[Ref | None] = mapped_column(ForeignKey("consent.id"))
    wording_id: Mapped[Ref | None] = mapped_column(ForeignKey("wording.id"))
    basis: Mapped[str | None]
    how: Mapped[str | None]  # in_person | phone | video | written
    present: Mapped[Sealed | None]  # who else was there
    capacity_note_id: Mapped[Ref | None] = mapped_column(ForeignKey("note.id"))  # until 0.1
    capacity_id: Mapped[Ref | None]  # the assessment a best interests decision rests on
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    until: Mapped[datetime | None]
    reason: Mapped[str | None]
    __table_args__ = (
        CheckConstraint(f"state IN ({listed(*ConsentState)})", name="state"),
        CheckConstraint(f"purpose IN ({listed(*Purpose)})", name="purpose"),
        CheckConstraint(f"basis IN ({listed(*Basis)})", name="basis"),
        CheckConstraint("state <> 'given' OR until IS NOT NULL", name="until"),
        Index(
            "uq_consent_given",
            "person_id",
            "recipient",
            "purpose",
            unique=True,
            sqlite_where=text(CONSENT_GIVEN),
            postgresql_where=text(CONSENT_GIVEN),
        ),
        Index(
            "uq_consent_asked",
            "person_id",
            "recipient",
            "purpose",
            unique=True,
            sqlite_where=text(CONSENT_ASKED),
            postgresql_where=text(CONSENT_ASKED),
        ),
        Index(None, "person_id", "recipient", "purpose", "answered_at"),
    )


class Override(Base):
    """Sharing without consent on a lawful ground: proposed by one person, approved by another,
    for a few days, and reviewed by a third.

    `recipient` is a provider's id. `fields` are the names that `workflows.disclosure` knows.
    `holder` is an owner key (see `referral.clocks`): a rung of the safeguarding ladder."""

    __tablename__ = "override"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    recipient: Mapped[str]
    state: Mapped[str]
    version: Mapped[int]
    since: Mapped[datetime]
    ground: Mapped[str]
    necessity: Mapped[Sealed]
    proportionality: Mapped[Sealed]
    fields: Mapped[Json]
    person_told: Mapped[bool]
    why_not_told: Mapped[Sealed | None]
    danger: Mapped[bool]
    rung: Mapped[int]
    holder: Mapped[str]
    proposed_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    decided_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    until: Mapped[datetime | None]
    reason: Mapped[str | None]
    finding: Mapped[str | None]
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint(f"state IN ({listed(*OverrideState)})", name="state"),
        CheckConstraint("state <> 'approved' OR until IS NOT NULL", name="until"),
        CheckConstraint("proposed_by <> decided_by", name="two_people"),
        Index(
            "ix_override_live",
            "person_id",
            "recipient",
            sqlite_where=text(OVERRIDE_LIVE),
            postgresql_where=text(OVERRIDE_LIVE),
        ),
        Index(None, "person_id"),
    )

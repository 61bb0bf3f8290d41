"""The person supported, what matters to them, and notes about them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import Base, Json, Key, Ref, Sealed


class Person(Base):
    """Who is supported. `gate` counts every change of what a guard may rest on: consent, override,
    concern, hold. `subject_ref` stands for the person in the audit log and can be cut loose."""

    __tablename__ = "person"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    subject_ref: Mapped[Ref] = mapped_column(unique=True)
    gate: Mapped[int]
    version: Mapped[int]
    nhs_number: Mapped[str | None]
    no_nhs_number: Mapped[str | None]  # the reason, when there is none
    given_name: Mapped[str]
    family_name: Mapped[str]
    name_key: Mapped[str]
    birth_date: Mapped[date | None]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    address: Mapped[str | None]
    postcode: Mapped[str | None]
    practice: Mapped[str | None]  # the practice's name or ODS code, or "none"
    contact_method: Mapped[str | None]
    contact_times: Mapped[str | None]
    through_name: Mapped[Sealed | None]  # who they are reached through
    through_phone: Mapped[Sealed | None]
    message_safe: Mapped[bool | None]
    language: Mapped[str | None]
    interpreter: Mapped[bool | None]
    access_needs: Mapped[Sealed | None]
    emergency_contact: Mapped[Sealed | None]
    created_at: Mapped[datetime]
    died_on: Mapped[date | None]  # known in part: the last day it can have been
    died_about: Mapped[str | None]  # month, not_known; none: on that very day
    death_said_by: Mapped[Sealed | None]  # who told us
    death_recorded_at: Mapped[datetime | None]
    merged_into: Mapped[Ref | None]  # the record that stands for this one
    merged_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint("died_about IN ('month','not_known')", name="died_about"),
        Index(
            "uq_person_nhs_number",
            "system_id",
            "nhs_number",
            unique=True,
            sqlite_where=text("nhs_number IS NOT NULL"),
            postgresql_where=text("nhs_number IS NOT NULL"),
        ),
        Index("ix_person_name_birth", "system_id", "name_key", "birth_date"),
        Index(None, "organisation_id", "name_key", "id"),
    )


class Plan(Base):
    """What matters to the person, goals and needs, in their words."""

    __tablename__ = "plan"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    what_matters: Mapped[Sealed | None]
    goals: Mapped[Json | None]
    needs: Mapped[Json | None]  # codes from the list of needs
    access: Mapped[Sealed | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (Index(None, "person_id"),)


class Note(Base):
    """Free text that belongs to a step. A step keeps only this id, so that the text can go."""

    __tablename__ = "note"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref | None] = mapped_column(ForeignKey("organisation.id"))
    person_id: Mapped[Ref | None] = mapped_column(ForeignKey("person.id"))
    noun: Mapped[str]
    record_id: Mapped[Ref]
    audience: Mapped[str]
    body: Mapped[Sealed]
    written_by: Mapped[Ref | None]
    at: Mapped[datetime]
    __table_args__ = (
        Index(None, "person_id"),
        CheckConstraint("audience IN ('both','ours','safeguarding','review')", name="audience"),
        Index(None, "record_id"),
    )

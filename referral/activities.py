"""Providers and what they offer."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import Base, Json, Key, Ref


class Provider(Base):
    """An organisation that runs creative activities. `gate` counts every change of what a guard
    may rest on: assurance, evidence, agreements, a concern about how it treats people."""

    __tablename__ = "provider"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"), unique=True)
    gate: Mapped[int]
    tier: Mapped[str]
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("tier IN ('sole_artist','small_group','larger')", name="tier"),
        Index(None, "system_id"),
    )


class Activity(Base):
    """A choir, a class, a garden. `details` keeps what a directory said beyond our own columns."""

    __tablename__ = "activity"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    provider_id: Mapped[Ref] = mapped_column(ForeignKey("provider.id"))
    name: Mapped[str]
    description: Mapped[str | None]
    status: Mapped[str]
    paused_until: Mapped[date | None]  # the day it takes new people again; none: till it is said
    location: Mapped[str | None]
    postcode: Mapped[str | None]
    when_words: Mapped[str | None]
    cost_words: Mapped[str | None]
    access_words: Mapped[str | None]
    getting_there: Mapped[str | None]  # the bus, the way from it, where one may park
    contact_words: Mapped[str | None]
    url: Mapped[str | None]
    minimum_age: Mapped[int | None]
    maximum_age: Mapped[int | None]
    safety_questions: Mapped[Json | None]  # what must be answered before acceptance
    details: Mapped[Json | None]
    confirmed_at: Mapped[datetime | None]  # when the listing was last said to be right
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint("status IN ('open','paused','closed')", name="status"),
        Index(None, "provider_id"),
        Index(None, "system_id", "status", "name", "id"),
    )


class ActivityGroup(Base):
    """A cohort. `taken` is a counter kept by the moves themselves: two last places can't be given,
    for `taken` may not pass `capacity` less those who came by another way."""

    __tablename__ = "activity_group"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    activity_id: Mapped[Ref] = mapped_column(ForeignKey("activity.id"))
    name: Mapped[str]
    capacity: Mapped[int]
    taken: Mapped[int]
    members_from_outside: Mapped[int]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    breaks: Mapped[Json | None]  # [[from, to], ...] days without sessions
    __table_args__ = (
        CheckConstraint("capacity >= 0 AND members_from_outside >= 0", name="counts"),
        CheckConstraint("taken >= 0", name="taken"),
        Index(None, "activity_id"),
    )

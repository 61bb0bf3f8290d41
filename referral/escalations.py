"""Escalations: what someone can't resolve, and the consequences of what was decided."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import Base, Json, Key, Ref
from referral.states import ComplaintTopic, EscalationState, listed


class Escalation(Base):
    """A matter raised to the next level that can resolve it. `clock_id` and `clock_period` are
    unique together: each clock raises once for each of its periods."""

    __tablename__ = "escalation"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    topic: Mapped[str | None]  # of a complaint; those from before it was kept have none
    severity: Mapped[str]
    about: Mapped[str | None]  # the noun, or provider | place | theme
    about_id: Mapped[Ref | None]
    person_id: Mapped[Ref | None] = mapped_column(ForeignKey("person.id"))
    state: Mapped[str]
    version: Mapped[int]
    since: Mapped[datetime]
    level: Mapped[int]
    ceiling: Mapped[int]
    owner: Mapped[str]  # the reviewers of this level
    raiser: Mapped[str]  # owner key of who raised it, or of who acts on the record that did
    raised_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    clock_id: Mapped[int | None] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"))
    clock_period: Mapped[int | None]
    tried: Mapped[Json | None]
    reviewer_id: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    asked: Mapped[str | None]  # owner key of whoever was asked
    unanswered: Mapped[int]
    decision: Mapped[str | None]
    review_on: Mapped[date | None]
    reason: Mapped[str | None]
    told_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint(f"state IN ({listed(*EscalationState)})", name="state"),
        CheckConstraint(f"topic IN ({listed(*ComplaintTopic)})", name="topic"),
        CheckConstraint("severity IN ('low','medium','high')", name="severity"),
        CheckConstraint("level BETWEEN 1 AND 4 AND ceiling BETWEEN 1 AND 4", name="level"),
        UniqueConstraint("clock_id", "clock_period"),
        Index(
            "ix_escalation_about",
            "about_id",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(None, "person_id"),
        Index(None, "owner", "state", "since", "id"),
        Index(None, "organisation_id", "state", "since", "id"),
    )


class Consequence(Base):
    """One thing a decision brings: a move on a record, or a telling. `state` is its own progress,
    not a machine: pending, done, failed (with its refusals, retried) or waived."""

    __tablename__ = "consequence"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    escalation_id: Mapped[Ref] = mapped_column(ForeignKey("escalation.id"))
    position: Mapped[int]
    noun: Mapped[str]
    record_id: Mapped[Ref]
    trigger: Mapped[str]  # or `tell`
    given: Mapped[Json]
    state: Mapped[str]
    refusals: Mapped[Json | None]
    tries: Mapped[int]
    settled_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint("state IN ('pending','done','failed','waived')", name="state"),
        Index(None, "escalation_id"),
    )

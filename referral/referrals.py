"""The referral's table: one person, one provider, one activity."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import REFERRAL_DUPLICATE, Base, Json, Key, Ref, Sealed
from referral.states import ReferralState, listed


class Referral(Base):
    """A link worker's request that one provider takes one person into one activity."""

    __tablename__ = "referral"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))  # link worker's
    reference: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    provider_id: Mapped[Ref] = mapped_column(ForeignKey("provider.id"))
    activity_id: Mapped[Ref] = mapped_column(ForeignKey("activity.id"))
    group_id: Mapped[Ref] = mapped_column(ForeignKey("activity_group.id"))
    link_worker_id: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    plan_id: Mapped[Ref | None] = mapped_column(ForeignKey("plan.id"))
    state: Mapped[str]
    version: Mapped[int]
    since: Mapped[datetime]  # when it came into this state
    urgent: Mapped[bool]
    risks: Mapped[str | None]  # none | some | not_known; empty means not asked yet
    safety_notes: Mapped[Sealed | None]
    safety_answers: Mapped[Sealed | None]  # to the activity's own questions, as JSON
    call_before: Mapped[bool]  # the provider is to call before accepting
    shared: Mapped[Sealed | None]  # the copy of the plan that `send` froze, as JSON
    alternatives: Mapped[Json | None]  # ranked activity ids for `redirect`
    reason: Mapped[str | None]  # the code given with the newest move that needs one
    expected_date: Mapped[date | None]
    paused_until: Mapped[date | None]
    contacted_at: Mapped[datetime | None]
    outcome: Mapped[Json | None]  # how it went: codes only
    redirected_from: Mapped[Ref | None] = mapped_column(ForeignKey("referral.id"))
    redirected_to: Mapped[Ref | None] = mapped_column(ForeignKey("referral.id"))
    sent_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint(f"state IN ({listed(*ReferralState)})", name="state"),
        CheckConstraint("risks IN ('none','some','not_known')", name="risks"),
        Index(
            "uq_referral_duplicate",
            "person_id",
            "provider_id",
            "activity_id",
            unique=True,
            sqlite_where=text(REFERRAL_DUPLICATE),
            postgresql_where=text(REFERRAL_DUPLICATE),
        ),
        Index(None, "person_id"),
        Index(None, "provider_id", "since", "id", "state"),
        Index(None, "organisation_id", "since", "id", "state"),
        Index(None, "link_worker_id", "state"),
        Index(None, "sent_at"),
    )


class Attendance(Base):
    """Who came, on which day; and where that was put right later, what had been said before and
    why it was changed, as codes. The newest change only: the log has them all."""

    __tablename__ = "attendance"
    referral_id: Mapped[Ref] = mapped_column(ForeignKey("referral.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    came: Mapped[str]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[Ref | None]
    was: Mapped[str | None]
    why: Mapped[str | None]
    __table_args__ = (
        CheckConstraint("came IN ('came','did_not_come','told_us','late')", name="came"),
    )

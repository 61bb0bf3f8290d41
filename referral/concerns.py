"""Safeguarding concerns, who is named in them, and the holds that keep referrals still."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import CONCERN_OPEN, HOLD_LIVE, Base, Json, Key, Ref, Sealed
from referral.states import ConcernState, HoldCause, listed


class Concern(Base):
    """A safeguarding concern about a person, or about how a provider treats people.

    `holder` is an owner key (see `referral.clocks`): a rung of the ladder, or one member."""

    __tablename__ = "concern"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))  # the raiser's
    reference: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[Ref | None] = mapped_column(ForeignKey("person.id"))
    provider_id: Mapped[Ref | None] = mapped_column(ForeignKey("provider.id"))
    referral_id: Mapped[Ref | None] = mapped_column(ForeignKey("referral.id"))
    state: Mapped[str]
    version: Mapped[int]
    since: Mapped[datetime]
    rung: Mapped[int]
    holder: Mapped[str]
    danger: Mapped[bool]
    raised_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    seen: Mapped[Sealed]  # what was seen or told
    prompts: Mapped[Json | None]  # the three statutory questions: yes, no or not_sure
    wishes: Mapped[Sealed | None]  # what the person wants to happen
    person_knows: Mapped[str | None]
    child: Mapped[bool | None]  # as its raiser said, where no date of birth says it
    others_at_risk: Mapped[str | None]
    advocate: Mapped[str | None]  # somebody to speak for them, where that is hard for them
    categories: Mapped[Json | None]  # what kinds of harm it may be
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    reported_to: Mapped[str | None]
    authority_route: Mapped[str | None]  # the kind of authority
    reported_at: Mapped[datetime | None]
    authority_reference: Mapped[str | None]
    authority_decision: Mapped[str | None]
    reason: Mapped[str | None]
    wishes_met: Mapped[str | None]
    why_not_asked: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint(f"state IN ({listed(*ConcernState)})", name="state"),
        CheckConstraint("person_id IS NOT NULL OR provider_id IS NOT NULL", name="about"),
        Index(
            "ix_concern_open",
            "person_id",
            sqlite_where=text(CONCERN_OPEN),
            postgresql_where=text(CONCERN_OPEN),
        ),
        Index(
            "ix_concern_open_provider",
            "provider_id",
            sqlite_where=text(CONCERN_OPEN),
            postgresql_where=text(CONCERN_OPEN),
        ),
        Index(None, "holder", "state"),
        Index(None, "raised_by"),
    )


class ConcernSource(Base):
    """Somebody, or an organisation, named as a source of harm. Kept apart, never shown to them.

    Whoever was named by mistake is struck out: from then on `user_id` and `organisation_id` are
    empty, and who it was stands in `was_user_id` or `was_organisation_id`."""

    __tablename__ = "concern_source"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    concern_id: Mapped[Ref] = mapped_column(ForeignKey("concern.id"))
    user_id: Mapped[Ref | None] = mapped_column(ForeignKey("app_user.id"))
    organisation_id: Mapped[Ref | None] = mapped_column(ForeignKey("organisation.id"))
    words: Mapped[Sealed | None]  # somebody who has no account here
    was_user_id: Mapped[Ref | None]
    was_organisation_id: Mapped[Ref | None]
    struck_at: Mapped[datetime | None]
    __table_args__ = (Index(None, "concern_id"), Index(None, "user_id"))


class AuthorityCall(Base):
    """An authority, or 999, was told of a concern: by its holder in a report, or by anyone on
    staff who rang themselves."""

    __tablename__ = "authority_call"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    concern_id: Mapped[Ref] = mapped_column(ForeignKey("concern.id"))
    route: Mapped[str | None]  # the kind of authority
    whom: Mapped[Sealed | None]
    told_at: Mapped[datetime]
    reference: Mapped[str | None]
    told_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    reported: Mapped[bool]  # the holder's report, which is answered
    __table_args__ = (Index(None, "concern_id"),)


class Hold(Base):
    """An interval in which referrals stand still. It reaches one referral, or all of the person's
    with one provider, or all of the person's, or everyone's with one provider.

    "Held" is never written anywhere else: it is read from the rows in force. A concern's hold comes
    and goes with the steps of the concern; an ordinary one has an owner and a date, and a clock of
    its own."""

    __tablename__ = "hold"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    cause: Mapped[str]
    concern_id: Mapped[Ref | None] = mapped_column(ForeignKey("concern.id"))
    person_id: Mapped[Ref | None] = mapped_column(ForeignKey("person.id"))
    provider_id: Mapped[Ref | None] = mapped_column(ForeignKey("provider.id"))
    referral_id: Mapped[Ref | None] = mapped_column(ForeignKey("referral.id"))
    closed_to: Mapped[str | None]  # a full hold: link_worker | provider
    owner: Mapped[str]
    started: Mapped[datetime]
    until: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint(f"cause IN ({listed(*HoldCause)})", name="cause"),
        CheckConstraint(
            "person_id IS NOT NULL OR provider_id IS NOT NULL OR referral_id IS NOT NULL",
            name="reach",
        ),
        Index(
            "ix_hold_person",
            "person_id",
            sqlite_where=text(HOLD_LIVE),
            postgresql_where=text(HOLD_LIVE),
        ),
        Index(
            "ix_hold_provider",
            "provider_id",
            sqlite_where=text(HOLD_LIVE),
            postgresql_where=text(HOLD_LIVE),
        ),
        Index("ix_hold_all_person", "person_id"),
        Index(
            "ix_hold_referral",
            "referral_id",
            sqlite_where=text(HOLD_LIVE),
            postgresql_where=text(HOLD_LIVE),
        ),
        Index(None, "concern_id"),
    )

"""Agreements between organisations: who may share what, and who answers for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import Base, Json, Key, Ref, Sealed
from referral.states import AgreementState, listed

# What a working agreement says one of its parties answers for.
DUTIES = ("employs", "assures", "pays", "safeguards")


class Agreement(Base):
    """An information-sharing agreement, or a working one."""

    __tablename__ = "agreement"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))  # who keeps it
    reference: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    title: Mapped[str]
    purposes: Mapped[Json]
    lawful_basis: Mapped[str]
    fields: Mapped[Json]
    state: Mapped[str]
    version: Mapped[int]
    since: Mapped[datetime]
    review_at: Mapped[datetime]
    replaces_id: Mapped[Ref | None] = mapped_column(ForeignKey("agreement.id"))
    duties: Mapped[Sealed | None]  # who does what, in words
    # Of a working one: which party answers for each duty, {duty: organisation}.
    answers_for: Mapped[Json | None]
    reason: Mapped[str | None]
    created_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint(f"state IN ({listed(*AgreementState)})", name="state"),
        CheckConstraint("kind IN ('sharing','working')", name="kind"),
        Index(None, "organisation_id"),
    )


class AgreementParty(Base):
    """One party, and when and by whom it was signed for. `in_force` is kept by the agreement's own
    moves, so that one index answers whether two organisations may share now."""

    __tablename__ = "agreement_party"
    agreement_id: Mapped[Ref] = mapped_column(ForeignKey("agreement.id"), primary_key=True)
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    signed_at: Mapped[datetime | None]
    signed_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    __table_args__ = (Index(None, "organisation_id"),)

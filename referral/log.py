"""Steps for screens, the audit log for proof, and the rows that leave with them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import OUTBOX_TODO, STEP_COUNTED, Base, Key, Ref, Sealed, Serial


class Step(Base):
    """One move that happened. Never edited."""

    __tablename__ = "step"
    id: Mapped[Serial]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    noun: Mapped[str]
    record_id: Mapped[Ref]
    version: Mapped[int]
    trigger: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    at: Mapped[datetime]
    happened_at: Mapped[datetime | None]  # where somebody said that it was before they told it
    role: Mapped[str]
    membership_id: Mapped[Ref | None]
    organisation_id: Mapped[Ref | None]
    on_behalf_of: Mapped[Ref | None]  # the membership a stand-in acted for
    second_id: Mapped[Ref | None]  # the membership that confirmed a move by two people
    cause: Mapped[str | None]  # what made the system act
    reason: Mapped[str | None]
    note_id: Mapped[Ref | None]
    table_version: Mapped[str]
    __table_args__ = (
        Index("uq_step_record", "record_id", "version", unique=True),
        Index(
            "ix_step_counted",
            "trigger",
            "at",
            sqlite_where=sql(STEP_COUNTED),
            postgresql_where=sql(STEP_COUNTED),
        ),
    )


class Audit(Base):
    """One entry of the audit log. `leaf` is the canonical text exactly as hashed; the other
    columns repeat what it says, so that it can be searched, and are compared with it.

    `xid` is the transaction's own number on PostgreSQL: the sequencer's horizon."""

    __tablename__ = "audit"
    seq: Mapped[Serial]
    entry_id: Mapped[Ref]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    at: Mapped[datetime]
    action: Mapped[str]  # step | refused | read | sign_in | ...
    noun: Mapped[str]
    record_id: Mapped[Ref | None]
    version: Mapped[int | None]
    membership_id: Mapped[Ref | None]
    subject: Mapped[Ref | None]  # the random id that stands for the person
    leaf: Mapped[str]
    leaf_hash: Mapped[bytes]
    __table_args__ = (
        Index(None, "record_id", "version"),
        Index(None, "system_id", "at", "seq"),
        Index(None, "membership_id", "seq"),
        Index(None, "subject", "seq"),
        {"sqlite_autoincrement": True},
    )


class AuditDetail(Base):
    """The erasable half of an entry: the payload its leaf commits to, and the salt."""

    __tablename__ = "audit_detail"
    entry_id: Mapped[Key]
    salt: Mapped[bytes]
    payload: Mapped[str]


class AuditIndex(Base):
    """An entry's place in the tree, given by the sequencer once it is committed."""

    __tablename__ = "audit_index"
    idx: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
    seq: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), ForeignKey("audit.seq"), unique=True
    )


class Erasure(Base):
    """A person was erased. Random ids, a code and a time: nothing here tells of anybody."""

    __tablename__ = "erasure"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    ground: Mapped[str]
    approved_by: Mapped[Ref | None]  # a membership; none where it was played again without one
    __table_args__ = (Index(None, "person_id"),)


class DataKey(Base):
    """The key free text and details lie under, wrapped by one outside the database. `holder` is
    what stands for a person in the log, or the system for what is nobody's. Erasing deletes it."""

    __tablename__ = "data_key"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    holder: Mapped[Ref] = mapped_column(unique=True)
    wrapping: Mapped[str]  # the id of the wrapping key
    wrapped: Mapped[bytes]


class Restored(Base):
    """A backup was brought in. Until `done_at` nobody is let in: the erasures since it was made
    have to be played again first."""

    __tablename__ = "restored"
    id: Mapped[Key]
    at: Mapped[datetime]
    made_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class MoveTable(Base):
    """The text of each version of each table of moves, so that past rules can be read."""

    __tablename__ = "move_table"
    noun: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[str]
    from_at: Mapped[datetime]


class Idempotency(Base):
    """What was answered to a key: the same key gets the same answer, and one effect."""

    __tablename__ = "idempotency"
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"), primary_key=True)
    actor_id: Mapped[Ref] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    answer: Mapped[str]
    at: Mapped[datetime]


class Outbox(Base):
    """Something to tell somebody, written with the step that caused it.

    `to_owner` is an owner key. No personal detail: a code and the id of a record."""

    __tablename__ = "outbox"
    id: Mapped[Serial]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    to_owner: Mapped[str]
    what: Mapped[str]
    noun: Mapped[str]
    record_id: Mapped[Ref]
    version: Mapped[int]
    at: Mapped[datetime]
    run_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    tries: Mapped[int]
    sent_at: Mapped[datetime | None]
    result: Mapped[str | None]  # delivered | nobody | not_allowed_now | gave_up
    __table_args__ = (
        Index(
            "ix_outbox_todo",
            "run_at",
            "id",
            sqlite_where=sql(OUTBOX_TODO),
            postgresql_where=sql(OUTBOX_TODO),
        ),
        Index(None, "record_id"),
    )


class Notice(Base):
    """What reached one member, in their list of notices. It outlives the outbox row it came of."""

    __tablename__ = "notice"
    id: Mapped[Serial]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    outbox_id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"))
    membership_id: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    what: Mapped[str]
    noun: Mapped[str]
    record_id: Mapped[Ref]
    at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    __table_args__ = (
        Index("uq_notice", "outbox_id", "membership_id", unique=True),
        Index(None, "membership_id", "id"),
    )


class Confirmation(Base):
    """A move by two people: the first proposes, the second opens it signed in and confirms."""

    __tablename__ = "confirmation"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    noun: Mapped[str]
    record_id: Mapped[Ref]
    trigger: Mapped[str]
    given: Mapped[Sealed]  # JSON
    proposed_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    proposed_at: Mapped[datetime]
    answered_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    answered_at: Mapped[datetime | None]
    answer: Mapped[str | None]  # confirmed | refused | lapsed
    __table_args__ = (
        CheckConstraint("answer IN ('confirmed','refused','lapsed')", name="answer"),
        Index(None, "record_id"),
        Index(
            "ix_confirmation_waiting",
            "proposed_at",
            "id",
            sqlite_where=sql("answer IS NULL"),
            postgresql_where=sql("answer IS NULL"),
        ),
    )

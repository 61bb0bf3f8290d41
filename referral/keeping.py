"""What is due to be destroyed, what was decided of it, and what must not be destroyed at all."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor
from referral.facts import closed_person, side_of
from referral.retention import KEEPS_OPEN, RetentionClass
from referral.schema import Base, Key, Ref, Sealed, day, under
from referral.scopes import asked
from referral.states import listed
from referral.store import Sql, Tx

REVIEW_OPEN = "done_at IS NULL"
HOLD_RUNS = "ended_at IS NULL"


class LegalHold(Base):
    """A hold against destruction: an inquiry, a claim. It stops nothing else."""

    __tablename__ = "legal_hold"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    why: Mapped[Sealed]
    owner_id: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    review_on: Mapped[date]
    placed_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    reminded_at: Mapped[datetime | None]  # that its day has passed
    __table_args__ = (
        Index(
            "ix_legal_hold_runs",
            "person_id",
            sqlite_where=text(HOLD_RUNS),
            postgresql_where=text(HOLD_RUNS),
        ),
    )


class RetentionReview(Base):
    """A record whose time is over, on the list: one person proposes that it is kept longer or goes,
    a second approves that it goes. Nothing goes by a date alone."""

    __tablename__ = "retention_review"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    kept_as: Mapped[str]
    due_on: Mapped[date]
    listed_at: Mapped[datetime]
    decision: Mapped[str | None]  # keep | go
    reason: Mapped[str | None]
    keep_until: Mapped[date | None]
    decided_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    decided_at: Mapped[datetime | None]
    approved_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    approved_at: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    result: Mapped[str | None]  # kept | erased | stopped
    __table_args__ = (
        CheckConstraint(f"kept_as IN ({listed(*RetentionClass)})", name="kept_as"),
        CheckConstraint("decision IN ('keep','go')", name="decision"),
        CheckConstraint("approved_by <> decided_by", name="two_people"),
        CheckConstraint("result <> 'erased' OR approved_by IS NOT NULL", name="approved"),
        Index(
            "uq_retention_review_open",
            "person_id",
            unique=True,
            sqlite_where=text(REVIEW_OPEN),
            postgresql_where=text(REVIEW_OPEN),
        ),
        Index(None, "person_id", "keep_until"),
    )


# -- the list -----------------------------------------------------------------------------------


class Review(NamedTuple):
    """One record on the list."""

    id: str
    system_id: str
    organisation_id: str
    person_id: str
    reference: str
    team: str
    place_path: str
    kept_as: str
    due_on: date
    listed_at: datetime
    decision: str | None
    reason: str | None
    decided_by: str | None
    decider: str | None
    approved_by: str | None
    held: bool
    open: bool


_HELD = (
    f"EXISTS (SELECT 1 FROM guard.legal_hold x WHERE x.person_id = v.person_id AND x.{HOLD_RUNS})"
)
_REVIEW = f"""SELECT v.id, v.system_id, v.organisation_id, v.person_id, pe.reference, og.name,
  pl.path, v.kept_as, v.due_on, v.listed_at, v.decision, v.reason, v.decided_by, u.name,
  v.approved_by, {_HELD}, {KEEPS_OPEN}
FROM retention_review v JOIN person pe ON pe.id = v.person_id
JOIN organisation og ON og.id = pe.organisation_id JOIN place pl ON pl.id = og.place_id
LEFT JOIN membership m ON m.id = v.decided_by LEFT JOIN app_user u ON u.id = m.user_id
"""
_TIMES = (Review._fields.index("listed_at"),)
# In the actor's place, and not of somebody whose record is closed to them.
_THEIRS = f"v.system_id = :system_id AND {under()} AND NOT {closed_person('v.person_id')}"
LIST = Sql(
    f"{_REVIEW} WHERE {_THEIRS} AND {under()} AND v.{REVIEW_OPEN}"
    " AND v.id > :after ORDER BY v.id LIMIT :most",
    _TIMES,
)
ONE = Sql(
    f"{_REVIEW} WHERE v.id = :id AND {_THEIRS} AND {under()} AND v.{REVIEW_OPEN}",
    _TIMES,
)
APPROVED = Sql(
    f"{_REVIEW} WHERE v.{REVIEW_OPEN} AND v.approved_by IS NOT NULL AND v.id > :after_id"
    " ORDER BY v.id LIMIT :most",
    _TIMES,
)
FIRST = "00000000-0000-0000-0000-000000000000"


def _seen(row: tuple[Any, ...]) -> Review:
    found = Review._make(row)
    due = day(found.due_on)
    return found._replace(due_on=due or found.due_on, held=bool(found.held), open=bool(found.open))


def _asked(actor: Actor) -> dict[str, Any]:
    return {**asked(actor), "user_id": actor.user_id, "side": side_of(actor)}


def reviews(tx: Tx, actor: Actor, after: str | None, most: int) -> list[Review]:
    """A page of the list in the actor's place, the oldest first."""
    rows = tx.rows(LIST, **_asked(actor), after=after or FIRST, most=most)
    return [_seen(row) for row in rows]


def review(tx: Tx, actor: Actor, review_id: str) -> Review | None:
    """One record on the list, in the actor's place."""
    row = tx.row(ONE, **_asked(actor), id=review_id)
    return None if row is None else _seen(row)


def approved(tx: Tx, after: str, most: int) -> list[Review]:
    """What two people agreed on that has not gone yet, in every system."""
    return [_seen(row) for row in tx.rows(APPROVED, after_id=after, most=most)]


# -- holds against destruction ------------------------------------------------------------------


class HoldSeen(NamedTuple):
    """One hold against destruction."""

    id: str
    reference: str
    why: str
    owner: str
    review_on: date
    placed_at: datetime


_HOLDS = """SELECT h.id, pe.reference, h.why, u.name, h.review_on, h.placed_at FROM legal_hold h
  JOIN person pe ON pe.id = h.person_id JOIN organisation og ON og.id = pe.organisation_id
  JOIN place pl ON pl.id = og.place_id JOIN membership m ON m.id = h.owner_id
  JOIN app_user u ON u.id = m.user_id"""
HOLDS = Sql(
    f"{_HOLDS} WHERE h.system_id = :system_id AND {under()} AND h.{HOLD_RUNS} AND h.id > :after"
    f" AND NOT {closed_person('h.person_id')} ORDER BY h.id LIMIT :most",
    (5,),
    (2,),
)
PERSON_HERE = Sql(
    "SELECT pe.id, pe.organisation_id, pe.subject_ref FROM person pe"
    " JOIN organisation og ON og.id = pe.organisation_id JOIN place pl ON pl.id = og.place_id"
    " WHERE pe.reference = :reference AND pe.system_id = :system_id AND pe.merged_into IS NULL"
    f" AND {under()} AND NOT {closed_person('pe.id')}"
)
LEGALLY_HELD = Sql(
    f"SELECT EXISTS (SELECT 1 FROM guard.legal_hold WHERE person_id = :id AND {HOLD_RUNS})"
)


def holds(tx: Tx, actor: Actor, after: str | None, most: int) -> list[HoldSeen]:
    """A page of the holds against destruction in the actor's place."""
    rows = tx.rows(HOLDS, **_asked(actor), after=after or FIRST, most=most)
    return [HoldSeen(row[0], row[1], row[2], row[3], day(row[4]) or row[4], row[5]) for row in rows]


def person_here(tx: Tx, actor: Actor, reference: str) -> tuple[str, str, str] | None:
    """(id, organisation, surrogate) of the person with this reference, in the actor's place."""
    row = tx.row(PERSON_HERE, **_asked(actor), reference=reference)
    return None if row is None else (row[0], row[1], row[2])


def legally_held(tx: Tx, person_id: str) -> bool:
    """Whether a hold keeps this person's record from going. It is for a command to ask: that there
    is one may be secret."""
    return bool(tx.rows(LEGALLY_HELD, id=person_id)[0][0])


class HoldPast(NamedTuple):
    """A hold whose day has passed, and who keeps it."""

    id: str
    system_id: str
    owner_id: str


PAST = Sql(
    f"SELECT id, system_id, owner_id FROM guard.legal_hold WHERE {HOLD_RUNS}"
    " AND review_on < :today AND reminded_at IS NULL ORDER BY id LIMIT :n"
)
REMINDED = Sql(
    f"UPDATE legal_hold SET reminded_at = :at WHERE id = :id AND {HOLD_RUNS}"
    " AND reminded_at IS NULL"
)


def holds_past(tx: Tx, today: date, n: int) -> list[HoldPast]:
    """The holds whose day has passed, and of which nobody was told yet."""
    return [HoldPast._make(map(str, row)) for row in tx.rows(PAST, today=today, n=n)]


def reminded(tx: Tx, hold_id: str, at: datetime) -> bool:
    """Note that somebody is told of it now. False where it was ended or told meanwhile."""
    return tx.run(REMINDED, id=hold_id, at=at) == 1


def is_held(tx: Tx, person_id: str) -> bool:
    """Whether a hold against destruction lies on this person's record."""
    row = tx.row(LEGALLY_HELD, id=person_id)
    return bool(row and row[0])

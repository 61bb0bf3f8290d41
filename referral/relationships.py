"""Who is close to a person: a carer, an advocate, somebody to call. What is known of them is kept
as far as it serves the person, with whether the person says that we may speak with them.

A row isn't edited but to end it: what is changed stands in a row of its own that names the one
before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor
from referral.schema import Base, Key, Ref, Sealed, day
from referral.states import listed
from referral.store import Sql, Tx

KINDS = ("carer", "advocate", "attorney", "next_of_kin", "contact", "other")
MAY_SPEAK = ("yes", "no", "not_asked")


class Relationship(Base):
    """One somebody close to a person. `relation`: what they are to them, in words. `may_speak`:
    what the person said about our speaking with them, `said_on` and `said_how`."""

    __tablename__ = "relationship"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str]
    name: Mapped[Sealed]
    relation: Mapped[Sealed | None]
    phone: Mapped[Sealed | None]
    in_emergency: Mapped[bool]  # to be called then
    may_speak: Mapped[str]
    said_on: Mapped[date | None]
    said_how: Mapped[str | None]
    from_on: Mapped[date | None]
    until_on: Mapped[date | None]
    recorded_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    recorded_at: Mapped[datetime]
    replaces_id: Mapped[Ref | None] = mapped_column(ForeignKey("relationship.id"))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    ended_why: Mapped[str | None]  # changed | over | mistake | they_asked
    __table_args__ = (
        CheckConstraint(f"kind IN ({listed(*KINDS)})", name="kind"),
        CheckConstraint(f"may_speak IN ({listed(*MAY_SPEAK)})", name="may_speak"),
        CheckConstraint("(may_speak = 'not_asked') = (said_on IS NULL)", name="said_on"),
        Index(None, "person_id"),
        Index(None, "until_on"),
        Index("uq_relationship_replaces", "replaces_id", unique=True),
    )


class RelationshipSeen(NamedTuple):
    """One row, as the team of the person reads it."""

    id: str
    person_id: str
    kind: str
    name: str
    relation: str | None
    phone: str | None
    in_emergency: bool
    may_speak: str
    said_on: date | None
    said_how: str | None
    from_on: date | None
    until_on: date | None
    recorded_by: str
    recorded_at: datetime
    replaces_id: str | None
    ended_at: datetime | None
    ended_by: str | None
    ended_why: str | None

    def stands(self, today: date) -> bool:
        """Whether it still holds on this day."""
        return self.ended_at is None and (self.until_on is None or self.until_on >= today)


_NAMED = {"recorded_by": "u.name", "ended_by": "eu.name"}
_COLUMNS = ", ".join(_NAMED.get(name, f"s.{name}") for name in RelationshipSeen._fields)
_SEEN = (
    f"SELECT {_COLUMNS} FROM relationship s JOIN membership m ON m.id = s.recorded_by"
    " JOIN app_user u ON u.id = m.user_id"
    " LEFT JOIN membership em ON em.id = s.ended_by"
    " LEFT JOIN app_user eu ON eu.id = em.user_id WHERE s.system_id = :system_id"
)


def _at(*names: str) -> tuple[int, ...]:
    return tuple(RelationshipSeen._fields.index(name) for name in names)


_TIMES, _SEALED = _at("recorded_at", "ended_at"), _at("name", "relation", "phone")
OF_PERSON = Sql(
    f"{_SEEN} AND s.person_id = :person_id ORDER BY s.recorded_at,"
    " CASE WHEN s.replaces_id IS NULL THEN 0 ELSE 1 END, s.id LIMIT 200",
    _TIMES,
    _SEALED,
)
ONE = Sql(f"{_SEEN} AND s.id = :id", _TIMES, _SEALED)


def _read(row: tuple[Any, ...]) -> RelationshipSeen:
    seen = dict(zip(RelationshipSeen._fields, row, strict=True))
    days = {name: day(seen[name]) for name in ("said_on", "from_on", "until_on")}
    return RelationshipSeen(**{**seen, **days, "in_emergency": bool(seen["in_emergency"])})


def of_person(tx: Tx, actor: Actor, person_id: str) -> list[RelationshipSeen]:
    """Every row of a person, as they were written. Whether its reader may open the person's record
    is asked elsewhere."""
    rows = tx.rows(OF_PERSON, system_id=actor.system_id, person_id=person_id)
    return [_read(row) for row in rows]


def one(tx: Tx, actor: Actor, relationship_id: str) -> RelationshipSeen | None:
    """One row. Whether its reader may open the person's record is asked elsewhere."""
    row = tx.row(ONE, system_id=actor.system_id, id=relationship_id)
    return None if row is None else _read(row)


def standing(rows: Iterable[RelationshipSeen], today: date) -> list[RelationshipSeen]:
    """Those that hold on this day: who is called in an emergency first."""
    return sorted((row for row in rows if row.stands(today)), key=lambda row: not row.in_emergency)


def over(rows: Iterable[RelationshipSeen], today: date) -> list[RelationshipSeen]:
    """Those that held once; not what another row has taken the place of."""
    return [row for row in rows if not row.stands(today) and row.ended_why != "changed"]

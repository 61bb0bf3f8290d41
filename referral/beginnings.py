"""A referral somebody has begun to write and that has no activity yet: what was answered so far.

It is no referral: no machine, no clock, and only its writer sees it. Once an activity is chosen it
becomes a draft with the same id, and this row goes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral import keys
from referral.actors import Actor
from referral.schema import Base, Key, Ref, Sealed
from referral.store import Sql, Tx


class Beginning(Base):
    """What a link worker has answered before an activity was chosen."""

    __tablename__ = "beginning"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    membership_id: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    answers: Mapped[Sealed]  # JSON
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (Index(None, "membership_id", "updated_at"), Index(None, "person_id"))


class Begun(NamedTuple):
    """A beginning as its writer finds it again."""

    id: str
    person_id: str
    answers: dict[str, Any]
    updated_at: datetime
    reference: str
    given_name: str
    family_name: str


_BEGUN = (
    "SELECT b.id, b.person_id, b.answers, b.updated_at, pe.reference, pe.given_name,"
    " pe.family_name FROM beginning b JOIN person pe ON pe.id = b.person_id"
    " WHERE b.membership_id = :member AND b.system_id = :system_id"
)
ONE = Sql(f"{_BEGUN} AND b.id = :id", (3,), (2,))
ALL = Sql(f"{_BEGUN} ORDER BY b.updated_at DESC, b.id LIMIT 20", (3,), (2,))
OF_PERSON = Sql(
    f"{_BEGUN} AND b.person_id = :person_id ORDER BY b.updated_at DESC LIMIT 1", (3,), (2,)
)
END = Sql("DELETE FROM beginning WHERE id = :id")


def _begun(row: tuple[Any, ...]) -> Begun:
    values = list(row)
    values[2] = keys.parsed(values[2]) or {}
    return Begun._make(values)


def one(tx: Tx, actor: Actor, begun_id: str) -> Begun | None:
    """The writer's own beginning with this id."""
    row = tx.row(ONE, member=actor.membership_id, system_id=actor.system_id, id=begun_id)
    return None if row is None else _begun(row)


def all_of(tx: Tx, actor: Actor) -> list[Begun]:
    """What the writer has begun and not finished, newest first."""
    rows = tx.rows(ALL, member=actor.membership_id, system_id=actor.system_id)
    return [_begun(row) for row in rows]


def of_person(tx: Tx, actor: Actor, person_id: str) -> Begun | None:
    """What the writer has begun for this person."""
    row = tx.row(
        OF_PERSON, member=actor.membership_id, system_id=actor.system_id, person_id=person_id
    )
    return None if row is None else _begun(row)


def end(tx: Tx, begun_id: str) -> None:
    """It has become a draft, or was thrown away."""
    tx.run(END, id=begun_id)

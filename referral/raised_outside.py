"""Who raised a matter without an account, and how to answer them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor
from referral.schema import Base, Ref, Sealed
from referral.store import Sql, Tx


class RaisedOutside(Base):
    """The community group behind an escalation from the public form."""

    __tablename__ = "raised_outside"
    escalation_id: Mapped[Ref] = mapped_column(ForeignKey("escalation.id"), primary_key=True)
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    group_name: Mapped[Sealed]
    name: Mapped[Sealed | None]
    reach: Mapped[Sealed]
    at: Mapped[datetime]


class Group(NamedTuple):
    """A group, whom to ask for, and how to reach them."""

    group_name: str
    name: str | None
    reach: str


GROUP = Sql(
    "SELECT group_name, name, reach FROM raised_outside"
    " WHERE escalation_id = :id AND system_id = :system_id",
    sealed=(0, 1, 2),
)
PLACES = Sql(
    """SELECT p.id, p.name FROM place p
  WHERE p.kind = 'place' OR (p.parent_id IS NULL
    AND NOT EXISTS (SELECT 1 FROM place c WHERE c.parent_id = p.id AND c.kind = 'place'))
  ORDER BY p.name, p.id LIMIT 200"""
)


def group(tx: Tx, actor: Actor, escalation_id: str) -> Group | None:
    """Who raised an escalation the actor was let at, if it came from the public form."""
    row = tx.row(GROUP, id=escalation_id, system_id=actor.system_id)
    if row is None:
        return None
    return Group._make(row)


def places(tx: Tx) -> list[tuple[str, str]]:
    """The places a group may turn to, by name."""
    return [(row[0], row[1]) for row in tx.rows(PLACES)]


SYSTEM_OF = Sql("SELECT system_id FROM place WHERE id = :id")


def system_of(tx: Tx, place_id: str) -> str | None:
    """The system a place belongs to."""
    row = tx.row(SYSTEM_OF, id=place_id)
    return None if row is None else str(row[0])

"""A list of referrals narrowed and sorted as its keeper likes it, under a name of their own."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor
from referral.schema import Base, Key, Ref
from referral.store import Sql, Tx

MOST = 20


class SavedView(Base):
    """What a member saved. `asked` is what their list was asked for, as an address writes it: codes
    and ids, never a word about anybody."""

    __tablename__ = "saved_view"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    membership_id: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    name: Mapped[str]
    asked: Mapped[str]
    created_at: Mapped[datetime]
    __table_args__ = (Index("uq_saved_view_name", "membership_id", "name", unique=True),)


class View(NamedTuple):
    """A saved view as its keeper sees it."""

    id: str
    name: str
    asked: str


_MINE = (
    "SELECT v.id, v.name, v.asked FROM saved_view v"
    " WHERE v.membership_id = :member AND v.system_id = :system_id"
)
ALL = Sql(f"{_MINE} ORDER BY v.name, v.id LIMIT {MOST}")
ONE = Sql(f"{_MINE} AND v.id = :id")
END = Sql("DELETE FROM saved_view WHERE id = :id AND membership_id = :member")


def mine(tx: Tx, actor: Actor) -> list[View]:
    """The member's own views, by name."""
    rows = tx.rows(ALL, member=actor.membership_id, system_id=actor.system_id)
    return [View._make(row) for row in rows]


def one(tx: Tx, actor: Actor, view_id: str) -> View | None:
    """The member's own view with this id."""
    row = tx.row(ONE, member=actor.membership_id, system_id=actor.system_id, id=view_id)
    return None if row is None else View._make(row)


def end(tx: Tx, actor: Actor, view_id: str) -> None:
    """It is thrown away."""
    tx.run(END, id=view_id, member=actor.membership_id)

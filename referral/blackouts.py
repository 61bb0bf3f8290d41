"""Passages that are blacked out of what is given of somebody: of the bundle for an inquiry, or of
the copy a person asked for. What they stand in is left as it is."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.keys import Damaged, Gone
from referral.schema import Base, Key, Ref, Sealed
from referral.store import Sql, Tx


class Blackout(Base):
    """A passage, word by word, and on what ground it isn't given."""

    __tablename__ = "blackout"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    record_id: Mapped[Ref]  # the bundle that was asked for, or the request for a copy
    words: Mapped[Sealed]
    ground: Mapped[str]
    marked_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # since when it is given again
    __table_args__ = (Index(None, "record_id"), Index(None, "person_id"))


class Passage(NamedTuple):
    """A passage that isn't given, why, and who said so."""

    id: str
    words: str
    ground: str
    by: str
    at: datetime


PASSAGES = Sql(
    "SELECT b.id, b.words, b.ground, u.name, b.at FROM blackout b"
    " JOIN membership m ON m.id = b.marked_by JOIN app_user u ON u.id = m.user_id"
    " WHERE b.record_id = :record_id AND b.ended_at IS NULL ORDER BY b.at, b.id",
    (4,),
    (1,),
)
ORGANISATION = Sql("SELECT p.organisation_id FROM person p WHERE p.id = :id")


def passages(tx: Tx, record_id: str) -> list[Passage]:
    """What isn't given of this bundle or copy, in the order in which it was marked."""
    rows = tx.rows(PASSAGES, record_id=record_id)
    return [Passage._make(row) for row in rows if not isinstance(row[1], Gone | Damaged)]


def organisation_of(tx: Tx, person_id: str) -> str:
    """Whose record the person's is."""
    return str(tx.rows(ORGANISATION, id=person_id)[0][0])

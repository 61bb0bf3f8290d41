"""When somebody on staff wants to be reminded of something, and why.

A reminder is its writer's own. One that names a clock puts that item of their list off until its
day; one without is a call they mean to make. It hides nothing from anybody else, and moves no
deadline."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor
from referral.ids import new_id
from referral.schema import Base, Key, Ref
from referral.store import Sql, Tx

STANDS = "ended_at IS NULL"


class Reminder(Base):
    """One day on which a member wants to be reminded. `clock_id` is the item of their list that is
    put off, `due` the end of the day of a call; `why` is a code; `ended_at` is when it was taken
    back, or done."""

    __tablename__ = "reminder"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    membership_id: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    noun: Mapped[str]
    record_id: Mapped[Ref]
    clock_id: Mapped[int | None] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"))
    why: Mapped[str]
    set_at: Mapped[datetime]
    until: Mapped[datetime]
    due: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        Index(
            "uq_reminder_clock",
            "membership_id",
            "clock_id",
            unique=True,
            sqlite_where=text(STANDS),
            postgresql_where=text(STANDS),
        ),
        Index(None, "record_id"),
    )


class ReminderSeen(NamedTuple):
    """A reminder as its writer sees it."""

    id: str
    noun: str
    record_id: str
    clock_id: int | None
    why: str
    set_at: datetime
    until: datetime


_COLUMNS = ", ".join(f"m.{name}" for name in ReminderSeen._fields)
_MINE = (
    f"SELECT {_COLUMNS} FROM reminder m"
    f" WHERE m.membership_id = :member AND m.system_id = :system_id AND m.{STANDS}"
)
# Of the next call its reader means to make about referral `r`, for `:member`.
NEXT_CALL = (
    "(SELECT {} FROM reminder m WHERE m.record_id = r.id AND m.membership_id = :member"
    f" AND m.clock_id IS NULL AND m.{STANDS} ORDER BY m.until, m.id LIMIT 1)"
)
ONE = Sql(f"{_MINE} AND m.id = :id", (5, 6))
NEXT = Sql(
    f"{_MINE} AND m.record_id = :id AND m.clock_id IS NULL ORDER BY m.until, m.id LIMIT 1", (5, 6)
)
KEEP = Sql(
    "INSERT INTO reminder (id, system_id, membership_id, noun, record_id, clock_id, why, set_at,"
    " until, due) VALUES (:id, :system_id, :member, :noun, :record_id, :clock_id, :why, :at,"
    " :until, :due)"
)
END = Sql(f"UPDATE reminder SET ended_at = :at WHERE id = :id AND {STANDS}")
END_OF_CLOCK = Sql(
    "UPDATE reminder SET ended_at = :at"
    f" WHERE membership_id = :member AND clock_id = :clock_id AND {STANDS}"
)


def _whose(actor: Actor) -> dict[str, str]:
    return {"member": actor.membership_id, "system_id": actor.system_id}


def one(tx: Tx, actor: Actor, reminder_id: str) -> ReminderSeen | None:
    """The member's own reminder, while it stands."""
    row = tx.row(ONE, **_whose(actor), id=reminder_id)
    return None if row is None else ReminderSeen._make(row)


def next_call(tx: Tx, actor: Actor, referral_id: str) -> str | None:
    """The next call the member planned about a referral they were let at."""
    row = tx.row(NEXT, **_whose(actor), id=referral_id)
    return None if row is None else str(row[0])


def keep(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    noun: str,
    record_id: str,
    clock_id: int | None,
    why: str,
    until: datetime,
    due: datetime | None = None,
) -> str:
    """A new reminder; an earlier one of the same item ends with it."""
    if clock_id is not None:
        tx.run(END_OF_CLOCK, at=at, member=actor.membership_id, clock_id=clock_id)
    reminder_id = new_id(at)
    tx.run(
        KEEP,
        **_whose(actor),
        id=reminder_id,
        noun=str(noun),
        record_id=record_id,
        clock_id=clock_id,
        why=why,
        at=at,
        until=until,
        due=due,
    )
    return reminder_id


def end(tx: Tx, reminder_id: str, at: datetime) -> bool:
    """It is taken back, or done. False when it was."""
    return tx.run(END, id=reminder_id, at=at) == 1

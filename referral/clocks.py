"""Clocks, the bank holidays they count by, and the keys that say who owns what is next.

An **owner key** is text: `member@<membership>`, `<role>@<organisation>`, `<role>@<place>`,
`person@<person>` or `outside@<place>`. An actor answers to a handful of them; a worklist is the
clocks under those keys."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import CLOCK_MISSED, CLOCK_RUNS, Base, Ref, Serial


class Clock(Base):
    """A deadline that belongs to a state of a record.

    `due` is the time set when it started. `look_at` is a cache: the next time the sweep has to
    look, recomputed from `due`, `fired` and the holds, never counted on. `fired` is how many
    periods have been acted on; with `tries` it is the fence that makes each act happen once."""

    __tablename__ = "clock"
    id: Mapped[Serial]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    noun: Mapped[str]
    record_id: Mapped[Ref]
    kind: Mapped[str]
    owner: Mapped[str]
    started: Mapped[datetime]
    due: Mapped[datetime]
    period: Mapped[int]  # working days, or clock hours when `hours`
    hours: Mapped[bool]
    fired: Mapped[int]
    look_at: Mapped[datetime]
    missed: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    tries: Mapped[int]
    __table_args__ = (
        Index(
            "ix_clock_run",
            "record_id",
            sqlite_where=text(CLOCK_RUNS),
            postgresql_where=text(CLOCK_RUNS),
        ),
        Index(
            "ix_clock_due",
            "look_at",
            "id",
            sqlite_where=text(CLOCK_RUNS),
            postgresql_where=text(CLOCK_RUNS),
        ),
        Index(
            "ix_clock_owner",
            "owner",
            "due",
            "id",
            sqlite_where=text(CLOCK_RUNS),
            postgresql_where=text(CLOCK_RUNS),
        ),
        Index(None, "record_id", "kind", "id"),
        Index(
            "ix_clock_missed",
            "missed",
            sqlite_where=text(CLOCK_MISSED),
            postgresql_where=text(CLOCK_MISSED),
        ),
    )


class BankHoliday(Base):
    """A day on which working time stands still, everywhere or in one system."""

    __tablename__ = "bank_holiday"
    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str]


def member_key(membership_id: str) -> str:
    return f"member@{membership_id}"


def role_key(role: str, where: str) -> str:
    return f"{role}@{where}"


def person_key(person_id: str) -> str:
    return f"person@{person_id}"

"""How somebody wants to hear of things: one row for each kind they have chosen for."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import Base, Ref
from referral.states import listed
from referral.store import Sql, Tx

AT_ONCE, BY_TEXT, DAILY, IN_APP = "at_once", "text", "daily", "in_app"
HOW = (AT_ONCE, BY_TEXT, DAILY, IN_APP)


class Hours(NamedTuple):
    """Hours of the day that an account chose: of its daily summary, and between which nothing is
    sent that can wait."""

    summary: int | None = None
    quiet_from: int | None = None
    quiet_until: int | None = None


class Preference(Base):
    """What one account chose for one kind of notice. Without a row the default holds."""

    __tablename__ = "preference"
    user_id: Mapped[Ref] = mapped_column(ForeignKey("app_user.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    how: Mapped[str]
    at: Mapped[datetime]
    __table_args__ = (CheckConstraint(f"how IN ({listed(*HOW)})", name="how"),)


CHOSEN = Sql("SELECT kind, how FROM preference WHERE user_id = :user_id")
CHOOSE = Sql(
    "INSERT INTO preference (user_id, kind, system_id, how, at)"
    " VALUES (:user_id, :kind, :system_id, :how, :at)"
    " ON CONFLICT (user_id, kind) DO UPDATE SET how = excluded.how, at = excluded.at"
)


HOURS = Sql("SELECT summary_hour, quiet_from, quiet_until FROM app_user WHERE id = :user_id")


def hours_of(tx: Tx, user_id: str) -> Hours:
    """The hours an account chose; nothing where it chose none."""
    row = tx.row(HOURS, user_id=user_id)
    return Hours() if row is None else Hours._make(row)


PHONE = Sql("SELECT phone FROM app_user WHERE id = :user_id")


def phone_of(tx: Tx, user_id: str) -> str | None:
    """The number an account is texted on."""
    row = tx.row(PHONE, user_id=user_id)
    return None if row is None else row[0]


def chosen(tx: Tx, user_id: str) -> dict[str, str]:
    """What an account chose, by kind."""
    return {str(kind): str(how) for kind, how in tx.rows(CHOSEN, user_id=user_id)}


def choose(tx: Tx, system_id: str, user_id: str, kind: str, how: str, at: datetime) -> None:
    """Keep a choice."""
    tx.run(CHOOSE, user_id=user_id, kind=kind, system_id=system_id, how=how, at=at)

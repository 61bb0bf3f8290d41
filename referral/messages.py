"""Messages about a referral, between the link worker's team and its provider: one thread, which
both sides read. What was written is never changed; that somebody read it is a row of its own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from referral import keys
from referral.actors import Actor
from referral.facts import ABSENT
from referral.schema import Base, Key, Ref, Sealed
from referral.scopes import SCOPES
from referral.states import Role, listed
from referral.store import Sql, Tx

TEAM, PROVIDER = "team", "provider"
SIDES = (TEAM, PROVIDER)
UNSEEN = "read_at IS NULL"
PAGE = 20
MOST_WAITING = 25
RECEIVED = "message_received"
"""What a notice of a message tells."""


class Message(Base):
    """What somebody wrote to the other side. `side` is the writer's; `to_organisation_id` whose it
    is to read, and `read_at` when the first of them did."""

    __tablename__ = "message"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    referral_id: Mapped[Ref] = mapped_column(ForeignKey("referral.id"))
    person_id: Mapped[Ref] = mapped_column(ForeignKey("person.id"))
    side: Mapped[str]
    to_organisation_id: Mapped[Ref] = mapped_column(ForeignKey("organisation.id"))
    written_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    at: Mapped[datetime]
    body: Mapped[Sealed]
    read_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint(f"side IN ({listed(*SIDES)})", name="side"),
        Index(None, "referral_id", "at"),
        Index(None, "person_id"),
        Index(
            "ix_message_unread",
            "to_organisation_id",
            "referral_id",
            sqlite_where=text(UNSEEN),
            postgresql_where=text(UNSEEN),
        ),
    )


class MessageRead(Base):
    """That one member has read one message, as they said themselves."""

    __tablename__ = "message_read"
    message_id: Mapped[Ref] = mapped_column(ForeignKey("message.id"), primary_key=True)
    membership_id: Mapped[Ref] = mapped_column(ForeignKey("membership.id"), primary_key=True)
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    referral_id: Mapped[Ref] = mapped_column(ForeignKey("referral.id"))
    at: Mapped[datetime]
    __table_args__ = (Index(None, "referral_id"),)


def side_of(actor: Actor) -> str | None:
    """On which side of a thread somebody writes and reads; None for those who only look."""
    if actor.role in (Role.LINK_WORKER, Role.TEAM_LEAD):
        return TEAM
    return PROVIDER if actor.role is Role.PROVIDER_LEADER else None


class Seen(NamedTuple):
    """Who has read a message, and when."""

    name: str
    at: datetime
    membership: str


class MessageSeen(NamedTuple):
    """One message as those read it who may. `seen` are those of the other side who have."""

    id: str
    side: str
    name: str
    organisation: str
    written_by: str
    at: datetime
    body: str
    seen: tuple[Seen, ...] = ()

    def is_new_to(self, actor: Actor) -> bool:
        """Whether the other side wrote it and this member hasn't said that they read it."""
        side = side_of(actor)
        mine = any(one.membership == actor.membership_id for one in self.seen)
        return side is not None and self.side != side and not mine


_OF = f"""SELECT m.id, m.side, u.name, o.name, m.written_by, m.at, m.body, {keys.COLUMNS}
  FROM message m LEFT JOIN person pe ON pe.id = m.person_id {keys.JOIN}
  JOIN membership w ON w.id = m.written_by JOIN app_user u ON u.id = w.user_id
  JOIN organisation o ON o.id = w.organisation_id
  WHERE m.system_id = :system_id AND m.referral_id = :referral_id{{further}}
  ORDER BY m.at DESC, m.id DESC LIMIT :limit"""
NEWEST = Sql(_OF.format(further=""), (5,), (6,), keyed=True)
BEFORE = Sql(_OF.format(further=" AND (m.at, m.id) < (:at, :id)"), (5,), (6,), keyed=True)
READERS = Sql(
    """SELECT d.message_id, u.name, d.at, d.membership_id FROM message_read d
  JOIN membership w ON w.id = d.membership_id JOIN app_user u ON u.id = w.user_id
  WHERE d.system_id = :system_id AND d.referral_id = :referral_id AND d.at >= :since
  ORDER BY d.at, u.name""",
    (2,),
)


def of_referral(
    tx: Tx,
    actor: Actor,
    referral_id: str,
    before: tuple[datetime, str] | None = None,
    limit: int = PAGE,
    readers: bool = True,
) -> list[MessageSeen]:
    """The newest messages of a referral, oldest of them first, with who has read them unless that
    isn't asked (`readers`). `before`: time and id of the oldest on the page seen last. Whether the
    reader may read the thread is asked elsewhere."""
    whose = {"system_id": actor.system_id, "referral_id": referral_id}
    if before is None:
        rows = tx.rows(NEWEST, **whose, limit=limit)
    else:
        rows = tx.rows(BEFORE, **whose, limit=limit, at=before[0], id=before[1])
    found = [MessageSeen(*row) for row in reversed(rows)]
    if not found or not readers:
        return found
    seen: dict[str, list[Seen]] = {}
    for message_id, *reader in tx.rows(READERS, **whose, since=found[0].at):
        seen.setdefault(message_id, []).append(Seen(*reader))
    return [one._replace(seen=tuple(seen.get(one.id, ()))) for one in found]


# What the other side wrote and this member hasn't read; who is of no side reads none of it as new.
UNREAD = """FROM message x WHERE x.system_id = :system_id AND x.referral_id = {referral}
  AND x.side <> :side AND NOT EXISTS (SELECT 1 FROM message_read d
    WHERE d.message_id = x.id AND d.membership_id = :member)"""
UNREAD_BY = Sql(f"SELECT x.id {UNREAD.format(referral=':referral_id')} ORDER BY x.at, x.id")


def unread_by(tx: Tx, actor: Actor, referral_id: str) -> list[str]:
    """The other side's messages of a thread that this member hasn't read."""
    side = side_of(actor)
    if side is None:
        return []
    asked_of = {"system_id": actor.system_id, "member": actor.membership_id, "side": side}
    return [row[0] for row in tx.rows(UNREAD_BY, **asked_of, referral_id=referral_id)]


# -- what waits ---------------------------------------------------------------------------------


@cache
def waiting_sql(scoped: str, role: Role) -> str:
    """(referral, how many) of each thread in which the other side wrote what nobody here has read,
    the longest first: a provider's, or those of the actor and whom a team's lead stands in for."""
    whose = ""
    if role is Role.TEAM_LEAD:
        whose = f" AND (r.link_worker_id = :membership OR {ABSENT})"
    elif role is not Role.PROVIDER_LEADER:
        whose = " AND r.link_worker_id = :membership"
    return (
        "SELECT m.referral_id AS id, count(*) AS many FROM message m"
        " JOIN referral r ON r.id = m.referral_id JOIN membership lw ON lw.id = r.link_worker_id"
        f" WHERE m.to_organisation_id = :actor_org AND m.{UNSEEN} AND {SCOPES[scoped]}{whose}"
        f" GROUP BY m.referral_id ORDER BY min(m.at), m.referral_id LIMIT {MOST_WAITING}"
    )


# -- that it was read ---------------------------------------------------------------------------

READ = Sql(
    "INSERT INTO message_read (message_id, membership_id, system_id, referral_id, at)"
    " VALUES (:message_id, :member, :system_id, :record_id, :at) ON CONFLICT DO NOTHING"
)
FIRST = Sql("UPDATE message SET read_at = :at WHERE id = :id AND read_at IS NULL")
NOTICED = Sql(
    "UPDATE notice SET read_at = :at WHERE membership_id = :member AND system_id = :system_id"
    f" AND what = '{RECEIVED}' AND record_id = :record_id AND read_at IS NULL"
)


def keep_read(tx: Tx, actor: Actor, at: datetime, referral_id: str, ids: Iterable[str]) -> None:
    """This member has read these messages, and what their notices of the thread told."""
    mine: dict[str, Any] = {"member": actor.membership_id, "system_id": actor.system_id, "at": at}
    mine["record_id"] = referral_id
    for message_id in ids:
        tx.run(READ, **mine, message_id=message_id)
        tx.run(FIRST, id=message_id, at=at)
    tx.run(NOTICED, **mine)

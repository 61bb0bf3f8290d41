"""Announcements from leaders to the ground: to whom they go, and who has read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor
from referral.schema import Base, Json, Key, Ref, Sealed, under
from referral.store import Sql, Tx

UNREAD = "read_at IS NULL"


class Announcement(Base):
    """What somebody who answers for a place tells those who work there. Nothing personal is in it.
    `minutes` is what reading it costs all its readers together."""

    __tablename__ = "announcement"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    reference: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    body: Mapped[Sealed]
    audience: Mapped[Json]  # {roles, organisations, places}
    act_by: Mapped[datetime | None]  # what must be acted on climbs when unread
    escalation_id: Mapped[Ref | None] = mapped_column(ForeignKey("escalation.id"))
    sent_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    sent_at: Mapped[datetime]
    readers: Mapped[int]
    minutes: Mapped[int]
    __table_args__ = (Index(None, "system_id", "sent_at", "id"), Index(None, "sent_by"))


class AnnouncementReader(Base):
    """One reader, and when they said they had read it. `owner` is whose it is to see to: the reader
    at first, then those above them; `look_at` is when it climbs next."""

    __tablename__ = "announcement_reader"
    announcement_id: Mapped[Ref] = mapped_column(ForeignKey("announcement.id"), primary_key=True)
    membership_id: Mapped[Ref] = mapped_column(ForeignKey("membership.id"), primary_key=True)
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    read_at: Mapped[datetime | None]
    owner: Mapped[str]
    fired: Mapped[int]
    look_at: Mapped[datetime | None]
    __table_args__ = (
        Index(
            "ix_announcement_reader_due",
            "look_at",
            sqlite_where=text(UNREAD),
            postgresql_where=text(UNREAD),
        ),
        Index("ix_announcement_reader_owner", "owner"),
        Index("ix_announcement_reader_membership", "membership_id", "announcement_id"),
    )


# -- to whom ------------------------------------------------------------------------------------


class Reader(NamedTuple):
    """One human, in the role that makes them a reader."""

    membership_id: str
    user_id: str
    role: str
    organisation_id: str
    organisation: str
    place_path: str


# Everyone who works in the place the sender answers for; who of them is meant is chosen in Python,
# for the lists are short and the columns few.
WORKING = Sql(
    f"""
SELECT m.id, m.user_id, m.role, o.id, o.name, pl.path
FROM membership m
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
JOIN place pl ON pl.id = o.place_id
WHERE m.system_id = :system_id AND u.active AND o.ended_at IS NULL
  AND m.started_at <= :at AND (m.ended_at IS NULL OR m.ended_at > :at)
  AND {under()}
ORDER BY m.started_at, m.id
"""
)


def working_in(tx: Tx, actor: Actor, at: datetime) -> list[Reader]:
    """Everyone with a role in an organisation of the place the actor answers for."""
    path = actor.place_path or "-"
    rows = tx.rows(WORKING, system_id=actor.system_id, path=path, at=at)
    return [Reader._make(row) for row in rows]


PATHS = Sql("SELECT id, path FROM place WHERE system_id = :system_id")


def paths(tx: Tx, actor: Actor) -> dict[str, str]:
    """The path of every place of the system."""
    return {row[0]: row[1] for row in tx.rows(PATHS, system_id=actor.system_id)}


# -- what was sent ------------------------------------------------------------------------------


class Sent(NamedTuple):
    """An announcement, and how far it has come."""

    id: str
    reference: str
    title: str
    act_by: datetime | None
    escalation_id: str | None
    sent_at: datetime
    sender: str
    organisation: str
    readers: int
    minutes: int
    read: int
    overdue: int


_SENT = f"""
SELECT a.id, a.reference, a.title, a.act_by, a.escalation_id, a.sent_at, u.name, o.name, a.readers,
  a.minutes,
  (SELECT count(*) FROM announcement_reader r WHERE r.announcement_id = a.id
     AND r.read_at IS NOT NULL),
  (SELECT count(*) FROM announcement_reader r WHERE r.announcement_id = a.id
     AND r.read_at IS NULL AND a.act_by IS NOT NULL AND a.act_by <= :at)
FROM announcement a
JOIN membership m ON m.id = a.sent_by
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
JOIN place pl ON pl.id = o.place_id
WHERE a.system_id = :system_id
  AND (a.sent_by = :member OR {under()})
"""
SENT = Sql(_SENT + " AND a.id < :before ORDER BY a.id DESC LIMIT :most", (3, 5))
SENT_ONE = Sql(_SENT + " AND a.id = :id", (3, 5))
FIRST = "00000000-0000-0000-0000-000000000000"
LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


def _sender(actor: Actor, at: datetime) -> dict[str, Any]:
    return {
        "system_id": actor.system_id,
        "member": actor.membership_id,
        "path": actor.place_path or "-",
        "at": at,
    }


def sent(
    tx: Tx, actor: Actor, at: datetime, before: str | None = None, most: int = 26
) -> list[Sent]:
    """What was sent by the actor, or from the place they answer for, the newest first."""
    rows = tx.rows(SENT, **_sender(actor, at), before=before or LAST, most=most)
    return [Sent._make(row) for row in rows]


def sent_one(tx: Tx, actor: Actor, at: datetime, record_id: str) -> Sent | None:
    """One of these."""
    row = tx.row(SENT_ONE, **_sender(actor, at), id=record_id)
    return None if row is None else Sent._make(row)


class ReaderSeen(NamedTuple):
    """A reader as the sender sees them."""

    membership_id: str
    name: str
    role: str
    organisation: str
    read_at: datetime | None
    owner: str


READERS = Sql(
    """
SELECT r.membership_id, u.name, m.role, o.name, r.read_at, r.owner
FROM announcement_reader r
JOIN membership m ON m.id = r.membership_id
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
WHERE r.announcement_id = :id AND r.system_id = :system_id
  AND (CASE WHEN r.read_at IS NULL THEN 0 ELSE 1 END, r.membership_id) > (:rank, :after)
ORDER BY CASE WHEN r.read_at IS NULL THEN 0 ELSE 1 END, r.membership_id LIMIT :most
""",
    (4,),
)


def readers_of(
    tx: Tx,
    actor: Actor,
    record_id: str,
    after: tuple[int, str] = (0, FIRST),
    most: int = 51,
) -> list[ReaderSeen]:
    """The readers of an announcement the actor was let at: those who haven't read it first."""
    rank, member = after
    rows = tx.rows(
        READERS,
        id=record_id,
        system_id=actor.system_id,
        rank=rank,
        after=member,
        most=most,
    )
    return [ReaderSeen._make(row) for row in rows]


# -- what is to be read -------------------------------------------------------------------------


class ToRead(NamedTuple):
    """An announcement as its reader sees it."""

    id: str
    reference: str
    title: str
    body: str
    act_by: datetime | None
    escalation_id: str | None
    sent_at: datetime
    sender: str
    organisation: str
    read_at: datetime | None


_READ = """
SELECT a.id, a.reference, a.title, a.body, a.act_by, a.escalation_id, a.sent_at, u.name, o.name,
  r.read_at
FROM announcement_reader r
JOIN membership mine ON mine.id = r.membership_id
JOIN announcement a ON a.id = r.announcement_id
JOIN membership m ON m.id = a.sent_by
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
WHERE mine.user_id = :user_id AND r.system_id = :system_id
"""
ONE_TO_READ = Sql(_READ + " AND a.id = :id", (4, 6, 9), (3,))


def _read(row: Sequence[Any]) -> ToRead:
    return ToRead._make(row)


def one_to_read(tx: Tx, actor: Actor, record_id: str) -> ToRead | None:
    """One announcement that was sent to the actor."""
    row = tx.row(ONE_TO_READ, user_id=actor.user_id, system_id=actor.system_id, id=record_id)
    return None if row is None else _read(row)


BODY = Sql("SELECT body FROM announcement WHERE id = :id AND system_id = :system_id", sealed=(0,))


def body_of(tx: Tx, actor: Actor, record_id: str) -> str:
    """The text of an announcement the actor was let at as its sender."""
    row = tx.row(BODY, id=record_id, system_id=actor.system_id)
    return str(row[0]) if row else ""


ACKNOWLEDGE = Sql(
    "UPDATE announcement_reader SET read_at = :at, look_at = NULL"
    " WHERE announcement_id = :id AND read_at IS NULL AND membership_id IN"
    " (SELECT m.id FROM membership m WHERE m.user_id = :user_id AND m.system_id = :system_id)"
)


def acknowledge(tx: Tx, actor: Actor, at: datetime, record_id: str) -> int:
    """Mark it read by the actor; how many rows that was (0: it was before, or isn't theirs)."""
    return tx.run(
        ACKNOWLEDGE, id=record_id, at=at, user_id=actor.user_id, system_id=actor.system_id
    )


# -- what climbs --------------------------------------------------------------------------------


class Due(NamedTuple):
    """A reader who hasn't read what must be acted on."""

    announcement_id: str
    membership_id: str
    system_id: str
    owner: str
    fired: int
    look_at: datetime
    act_by: datetime
    sent_at: datetime
    organisation_id: str
    place_path: str
    role: str
    here: bool


DUE = Sql(
    f"""
SELECT r.announcement_id, r.membership_id, r.system_id, r.owner, r.fired, r.look_at, a.act_by,
  a.sent_at, o.id, pl.path, m.role,
  CASE WHEN u.active AND (m.ended_at IS NULL OR m.ended_at > :at) THEN 1 ELSE 0 END
FROM announcement_reader r
JOIN announcement a ON a.id = r.announcement_id
JOIN membership m ON m.id = r.membership_id
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
JOIN place pl ON pl.id = o.place_id
WHERE r.{UNREAD} AND r.look_at <= :at
ORDER BY r.look_at LIMIT :n
""",
    (5, 6, 7),
)
MOVE_ON = Sql(
    f"UPDATE announcement_reader SET owner = :owner, fired = :fired, look_at = :look_at"
    f" WHERE announcement_id = :id AND membership_id = :member AND fired = :was AND {UNREAD}"
)


def due(tx: Tx, at: datetime, n: int = 20) -> list[Due]:
    """Readers whose time has come, the longest waiting first."""
    return [Due._make(row)._replace(here=bool(row[11])) for row in tx.rows(DUE, at=at, n=n)]


def move_on(tx: Tx, one: Due, *, owner: str, fired: int, look_at: datetime | None) -> bool:
    """Set whose it is now and when it climbs next. False when it was read or climbed meanwhile."""
    return (
        tx.run(
            MOVE_ON,
            id=one.announcement_id,
            member=one.membership_id,
            was=one.fired,
            owner=owner,
            fired=fired,
            look_at=look_at,
        )
        == 1
    )


IS_READER = Sql(
    "SELECT 1 FROM announcement_reader WHERE announcement_id = :id AND system_id = :system_id"
    " AND (membership_id = :member OR owner IN (:own, :role, :over)) LIMIT 1"
)


def concerns(tx: Tx, actor: Actor, record_id: str) -> bool:
    """Whether this announcement is for the member to read, or for them to see that it is read."""
    over = f"{actor.role}@{actor.place_id}" if actor.place_id else "-"
    row = tx.row(
        IS_READER,
        id=record_id,
        system_id=actor.system_id,
        member=actor.membership_id,
        own=f"member@{actor.membership_id}",
        role=f"{actor.role}@{actor.organisation_id}",
        over=over,
    )
    return row is not None


_BELOW = """
SELECT a.id, a.reference, a.title, u.name, o.name FROM announcement_reader r
JOIN announcement a ON a.id = r.announcement_id
JOIN membership m ON m.id = r.membership_id
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
WHERE r.system_id = :system_id AND r.read_at IS NULL AND r.fired > 1
  AND r.owner IN (:role, :over)
"""
UNREAD_OF_ONE = Sql(_BELOW + "AND a.id = :id ORDER BY u.name, m.id LIMIT 100")


class Below(NamedTuple):
    """Somebody whom the actor answers for, who hasn't read what must be acted on."""

    announcement_id: str
    reference: str
    title: str
    name: str
    organisation: str


def _over(actor: Actor) -> dict[str, str]:
    return {
        "role": f"{actor.role}@{actor.organisation_id}",
        "over": f"{actor.role}@{actor.place_id}" if actor.place_id else "-",
    }


def unread_below(tx: Tx, actor: Actor, record_id: str) -> list[Below]:
    """Who of those the actor answers for hasn't read this one, and it has come up to them."""
    rows = tx.rows(UNREAD_OF_ONE, system_id=actor.system_id, **_over(actor), id=record_id)
    return [Below._make(row) for row in rows]


# What must be acted on first; then what has come up to the actor because those they answer for
# haven't read it. Without its words: they stand on its own page.
FOR_FIRST_PAGE = Sql(
    """
SELECT * FROM (SELECT 0 AS below, a.id AS id, a.title AS title, a.act_by AS act_by
  FROM announcement_reader r
  JOIN membership mine ON mine.id = r.membership_id
  JOIN announcement a ON a.id = r.announcement_id
  WHERE mine.user_id = :user_id AND r.system_id = :system_id AND r.read_at IS NULL
  ORDER BY CASE WHEN a.act_by IS NULL THEN 1 ELSE 0 END, a.act_by, a.id LIMIT :most) own
UNION ALL
SELECT * FROM (SELECT count(*) AS below, a.id AS id, a.title AS title, a.act_by AS act_by
  FROM announcement_reader r
  JOIN announcement a ON a.id = r.announcement_id
  WHERE r.system_id = :system_id AND r.read_at IS NULL AND r.fired > 1
    AND r.owner IN (:role, :over)
  GROUP BY a.id, a.title, a.act_by ORDER BY a.act_by, a.id LIMIT 100) others
""",
    (3,),
)


class Unread(NamedTuple):
    """An announcement that waits for the actor; `below`: that so many they answer for haven't read,
    instead of the actor."""

    below: int
    id: str
    title: str
    act_by: datetime | None


def unread(tx: Tx, actor: Actor, most: int = 5) -> list[Unread]:
    """What the actor hasn't said they have read, and what those they answer for haven't."""
    rows = tx.rows(
        FOR_FIRST_PAGE, user_id=actor.user_id, system_id=actor.system_id, most=most, **_over(actor)
    )
    return sorted((Unread._make(row) for row in rows), key=lambda one: one.below > 0)


HEAD = Sql(
    """
SELECT a.id, a.reference, a.title, a.body, a.act_by, a.escalation_id, a.sent_at, u.name, o.name,
  NULL
FROM announcement a
JOIN membership m ON m.id = a.sent_by
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
WHERE a.id = :id AND a.system_id = :system_id
""",
    (4, 6),
)


def head(tx: Tx, actor: Actor, record_id: str) -> ToRead | None:
    """An announcement the actor was let at, without a word on whether they have read it."""
    row = tx.row(HEAD, id=record_id, system_id=actor.system_id)
    return None if row is None else _read(row)


Audience = Mapping[str, Sequence[str]]

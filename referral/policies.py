"""Policy as rows: the rules of a place with from-dates, and changes that are open for comment."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.policy import Rule, as_read, shipped_in
from referral.schema import Base, Json, Key, Ref, under
from referral.store import Sql, Tx

CHANGE_STATES = ("open", "made", "not_made")
VOICES = ("lived_experience", "provider", "link_worker", "someone_else")


class PolicyRule(Base):
    """One rule of one place, from a time on. Rows are only ever added.

    `value` empty: from then on the place goes by what holds above it. `takes_back_id` names a
    planned rule that is not to come into force; such a row is no rule itself. `number` counts the
    rules of a system, so that a store can be asked for the rules as they stood at one of them."""

    __tablename__ = "policy_rule"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    number: Mapped[int]
    place_id: Mapped[Ref] = mapped_column(ForeignKey("place.id"))
    kind: Mapped[str]
    name: Mapped[str]
    value: Mapped[Json | None]
    from_at: Mapped[datetime]
    set_at: Mapped[datetime]
    set_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    because: Mapped[str | None]
    takes_back_id: Mapped[Ref | None] = mapped_column(ForeignKey("policy_rule.id"))
    change_id: Mapped[Ref | None] = mapped_column(ForeignKey("policy_change.id"))
    __table_args__ = (
        CheckConstraint("from_at >= set_at", name="forward"),
        Index("uq_policy_rule_number", "system_id", "number", unique=True),
        Index(None, "place_id"),
    )


class PolicyChange(Base):
    """A change somebody thinks of making, open for comment until a time; and what came of it."""

    __tablename__ = "policy_change"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    place_id: Mapped[Ref] = mapped_column(ForeignKey("place.id"))
    code: Mapped[str] = mapped_column(unique=True)  # opens the public page
    title: Mapped[str]
    because: Mapped[str]
    wanted: Mapped[Json]  # [{kind, name, value}]
    opened_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    opened_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    state: Mapped[str]
    decided_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    decided_at: Mapped[datetime | None]
    heard: Mapped[Json | None]  # [{said, did}]: you said, we did
    __table_args__ = (
        CheckConstraint("state IN ('open','made','not_made')", name="state"),
        CheckConstraint("state = 'open' OR decided_at IS NOT NULL", name="decided"),
        Index(None, "system_id", "opened_at"),
    )


class PolicyComment(Base):
    """What somebody says about a change. From the public page it is shown to others only once
    whoever opened the change has read it."""

    __tablename__ = "policy_comment"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    change_id: Mapped[Ref] = mapped_column(ForeignKey("policy_change.id"))
    at: Mapped[datetime]
    membership_id: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    voice: Mapped[str]
    body: Mapped[str | None]
    read_at: Mapped[datetime | None]
    shown: Mapped[bool]
    __table_args__ = (
        CheckConstraint(
            "voice IN ('lived_experience','provider','link_worker','someone_else')", name="voice"
        ),
        Index(None, "change_id", "at"),
    )


# -- reading ------------------------------------------------------------------------------------

COLUMNS = (
    "r.id, r.number, r.place_id, r.kind, r.name, r.value, r.from_at, r.set_at, r.set_by,"
    " r.because, r.takes_back_id, r.change_id"
)
RULE = Sql(
    f"SELECT {COLUMNS} FROM policy_rule r WHERE r.id = :id AND r.system_id = :system_id",
    times=(6, 7),
)


def rule(tx: Tx, system_id: str, rule_id: str) -> Rule | None:
    """One rule as it was made."""
    row = tx.row(RULE, id=rule_id, system_id=system_id)
    return None if row is None else Rule._make(as_read(row))


HISTORY = Sql(
    f"SELECT {COLUMNS}, pl.name, u.name, t.from_at FROM policy_rule r"
    " JOIN place pl ON pl.id = r.place_id"
    " LEFT JOIN policy_rule t ON t.id = r.takes_back_id"
    " LEFT JOIN membership m ON m.id = r.set_by LEFT JOIN app_user u ON u.id = m.user_id"
    " WHERE r.system_id = :system_id AND r.kind = :kind AND r.name = :name"
    " ORDER BY r.number DESC LIMIT 200",
    times=(6, 7, 14),
)


class Made(NamedTuple):
    """A rule with the names people know: its place, who made it, and the day of the rule it took
    back."""

    rule: Rule
    place: str
    by: str | None
    took_back: datetime | None


def history(tx: Tx, system_id: str, kind: str, name: str) -> list[Made]:
    """Every rule that was made for this item in the system, the newest first."""
    rows = tx.rows(HISTORY, system_id=system_id, kind=kind, name=name)
    return [Made(Rule._make(as_read(row[:12])), *row[12:]) for row in rows]


BELOW = Sql(f"SELECT id, name FROM place WHERE system_id = :system_id AND {under('path')}")


def places_below(tx: Tx, system_id: str, path: str) -> dict[str, str]:
    """The names of a place and of those in it, by id."""
    return {row[0]: row[1] for row in tx.rows(BELOW, system_id=system_id, path=path)}


_IN_PLACE = (
    " JOIN organisation o ON o.id = r.organisation_id JOIN place pl ON pl.id = o.place_id"
    " WHERE r.system_id = :system_id"
    f" AND {under()}"
)
_RUNNING = (
    "SELECT count(*) FROM clock c JOIN {noun} r ON r.id = c.record_id"
    f"{_IN_PLACE} AND c.kind = :kind AND c.ended IS NULL"
)
RUNNING = {
    table.removeprefix("guard."): Sql(_RUNNING.format(noun=table))
    for table in ("guard.referral", "guard.consent", "guard.escalation", "assurance", "agreement")
}
URGENT = {
    flag: Sql(_RUNNING.format(noun="guard.referral") + f" AND {'' if flag else 'NOT '}r.urgent")
    for flag in (True, False)
}
AGREED = Sql(f"SELECT count(*) FROM guard.consent r{_IN_PLACE} AND r.state = 'given'")
CLIMBING = Sql(
    f"SELECT count(*) FROM guard.escalation r{_IN_PLACE} AND r.kind = :kind AND r.closed_at IS NULL"
)
ASSURED = Sql(
    "SELECT count(*) FROM assurance r JOIN provider v ON v.id = r.provider_id"
    f"{_IN_PLACE} AND r.state IN ('assured','conditional') AND v.tier = :kind"
)
ITEMS = Sql(
    "SELECT count(*) FROM evidence e JOIN provider r ON r.id = e.provider_id"
    f"{_IN_PLACE} AND e.kind = :kind AND e.replaced_at IS NULL"
)
# Lengths that belong to the clock of another state; and those no running clock has.
CLOCK_OF = {"referral.started": "referral.accepted"}


def running(tx: Tx, system_id: str, path: str, kind: str, name: str) -> int | None:
    """How many things that run in a place go on under the rule they began with; None where they
    aren't counted, because the number itself would tell of concerns."""
    query: Sql | None = None
    about = name
    if kind == "days":
        noun = name.partition(".")[0]
        clock = CLOCK_OF.get(name, ".".join(name.split(".")[:2]))
        query, about = RUNNING.get(noun), clock
        if clock == "referral.sent":
            query = URGENT[name.endswith(".urgent")]
    elif kind != "reasons":
        query = {"months": AGREED, "ceiling": CLIMBING, "evidence": ASSURED, "blocks": ITEMS}[kind]
    if query is None:
        return 0 if kind == "reasons" else None
    row = tx.row(query, system_id=system_id, path=path, kind=about)
    return int(row[0]) if row else 0


class PlaceSeen(NamedTuple):
    """A place, as everybody in the system may know it."""

    id: str
    name: str
    path: str


PLACES = Sql("SELECT id, name, path FROM place WHERE system_id = :system_id ORDER BY path")
PLACE_OF = Sql("SELECT place_id FROM organisation WHERE id = :id")
SHIPPED_ON = Sql(
    "SELECT body FROM move_table WHERE noun = 'policy' AND from_at <= :at"
    " ORDER BY from_at DESC LIMIT 1"
)


def places(tx: Tx, system_id: str) -> list[PlaceSeen]:
    """The places of a system, each after the one it lies in."""
    return [PlaceSeen._make(row) for row in tx.rows(PLACES, system_id=system_id)]


def place_of(tx: Tx, organisation_id: str) -> str | None:
    """Where an organisation works."""
    row = tx.row(PLACE_OF, id=organisation_id)
    return None if row is None else str(row[0])


def shipped_on(tx: Tx, at: datetime) -> dict[tuple[str, str], Any]:
    """The examples that were shipped at a time, as far back as any were kept."""
    row = tx.row(SHIPPED_ON, at=at)
    return {} if row is None else shipped_in(row[0])


# -- changes open for comment -------------------------------------------------------------------


class Change(NamedTuple):
    """A change as it stands, with the names people know."""

    id: str
    place_id: str
    code: str
    title: str
    because: str
    wanted: list[dict[str, Any]]
    opened_by: str
    opened_at: datetime
    closes_at: datetime
    state: str
    decided_at: datetime | None
    heard: list[dict[str, str]] | None
    place: str
    path: str
    by: str
    comments: int
    unread: int


_CHANGE = """
SELECT c.id, c.place_id, c.code, c.title, c.because, c.wanted, c.opened_by, c.opened_at,
  c.closes_at, c.state, c.decided_at, c.heard, pl.name, pl.path, u.name,
  (SELECT count(*) FROM policy_comment m WHERE m.change_id = c.id AND m.shown),
  (SELECT count(*) FROM policy_comment m WHERE m.change_id = c.id AND m.read_at IS NULL)
FROM policy_change c
JOIN place pl ON pl.id = c.place_id
JOIN membership w ON w.id = c.opened_by JOIN app_user u ON u.id = w.user_id
"""
_TIMES = (7, 8, 10)
CHANGE = Sql(_CHANGE + "WHERE c.id = :id AND c.system_id = :system_id", _TIMES)
BY_CODE = Sql(_CHANGE + "WHERE c.code = :code", _TIMES)
CHANGES = Sql(
    _CHANGE + "WHERE c.system_id = :system_id ORDER BY c.opened_at DESC, c.id DESC LIMIT 200",
    _TIMES,
)
OPEN = Sql(
    _CHANGE + "WHERE c.system_id = :system_id AND c.state = 'open' AND c.closes_at > :at"
    " ORDER BY c.closes_at, c.id LIMIT 200",
    _TIMES,
)
SYSTEM_OF = Sql("SELECT system_id FROM policy_change WHERE id = :id")


def _change(row: tuple[Any, ...]) -> Change:
    values = list(row)
    values[5] = json.loads(values[5])
    values[11] = None if values[11] is None else json.loads(values[11])
    return Change._make(values)


def change(tx: Tx, system_id: str, change_id: str) -> Change | None:
    """One change of the system."""
    row = tx.row(CHANGE, id=change_id, system_id=system_id)
    return None if row is None else _change(row)


def change_by_code(tx: Tx, code: str) -> tuple[Change, str] | None:
    """The change whose public page this code opens, and its system."""
    row = tx.row(BY_CODE, code=code)
    if row is None:
        return None
    return _change(row), str(tx.rows(SYSTEM_OF, id=row[0])[0][0])


def changes(tx: Tx, system_id: str) -> list[Change]:
    """The changes of a system, the newest first."""
    return [_change(row) for row in tx.rows(CHANGES, system_id=system_id)]


def open_changes(tx: Tx, system_id: str, at: datetime) -> list[Change]:
    """Those that can still be commented on, the one that closes first first."""
    return [_change(row) for row in tx.rows(OPEN, system_id=system_id, at=at)]


class Comment(NamedTuple):
    """One comment. `body` empty: it was left out, and its words with it."""

    id: str
    at: datetime
    by: str | None
    voice: str
    body: str | None
    read_at: datetime | None
    shown: bool


COMMENTS = Sql(
    "SELECT m.id, m.at, u.name, m.voice, m.body, m.read_at, m.shown FROM policy_comment m"
    " LEFT JOIN membership w ON w.id = m.membership_id LEFT JOIN app_user u ON u.id = w.user_id"
    " WHERE m.change_id = :id ORDER BY m.at, m.id LIMIT 500",
    times=(1, 5),
)
WAITING = Sql("SELECT count(*) FROM policy_comment WHERE change_id = :id AND read_at IS NULL")


def comments(tx: Tx, change_id: str) -> list[Comment]:
    """What was said about a change, in its order."""
    rows = tx.rows(COMMENTS, id=change_id)
    return [Comment._make((*row[:6], bool(row[6]))) for row in rows]


def unread(tx: Tx, change_id: str) -> int:
    """How many comments nobody has read yet."""
    return int(tx.rows(WAITING, id=change_id)[0][0])


WAITING_FOR = Sql(
    "SELECT (SELECT count(*) FROM policy_comment m JOIN policy_change c ON c.id = m.change_id"
    " WHERE c.opened_by = :member AND m.read_at IS NULL),"
    " (SELECT count(*) FROM policy_change c WHERE c.opened_by = :member AND c.state = 'open'"
    " AND c.closes_at <= :at)"
)


def waiting_for(tx: Tx, membership_id: str, at: datetime) -> tuple[int, int]:
    """How many comments wait to be read by whoever opened the change, and how many of their
    changes wait to be decided."""
    row = tx.rows(WAITING_FOR, member=membership_id, at=at)[0]
    return int(row[0]), int(row[1])

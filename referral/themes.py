"""What escalations show about the system: a list that is data, and what was tagged with what."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor
from referral.facts import ACTOR_NAMED, named
from referral.schema import Base, Key, Ref, under
from referral.store import Sql, Tx


class Theme(Base):
    """Something that comes up again and again. Never about one person."""

    __tablename__ = "theme"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    name: Mapped[str]
    created_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    created_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("system_id", "name"),)


class EscalationTheme(Base):
    """A reviewer says that this escalation shows this."""

    __tablename__ = "escalation_theme"
    escalation_id: Mapped[Ref] = mapped_column(ForeignKey("escalation.id"), primary_key=True)
    theme_id: Mapped[Ref] = mapped_column(ForeignKey("theme.id"), primary_key=True)
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    tagged_by: Mapped[Ref] = mapped_column(ForeignKey("membership.id"))
    tagged_at: Mapped[datetime]
    __table_args__ = (Index(None, "theme_id", "escalation_id"),)


class Named(NamedTuple):
    """A theme by its name."""

    id: str
    name: str


ALL = Sql("SELECT id, name FROM theme WHERE system_id = :system_id ORDER BY name, id LIMIT 200")
ON_ONE = Sql(
    "SELECT t.id, t.name FROM escalation_theme x JOIN theme t ON t.id = x.theme_id"
    " WHERE x.escalation_id = :id AND x.system_id = :system_id ORDER BY t.name, t.id"
)
ONE = Sql("SELECT id, name FROM theme WHERE id = :id AND system_id = :system_id")
DROP = Sql(
    "DELETE FROM escalation_theme WHERE escalation_id = :id AND theme_id = :theme"
    " AND system_id = :system_id"
)


def all_of(tx: Tx, actor: Actor) -> list[Named]:
    """Every theme of the actor's system, by name."""
    return [Named._make(row) for row in tx.rows(ALL, system_id=actor.system_id)]


def of_escalation(tx: Tx, actor: Actor, escalation_id: str) -> list[Named]:
    """The themes of an escalation the actor was let at."""
    rows = tx.rows(ON_ONE, id=escalation_id, system_id=actor.system_id)
    return [Named._make(row) for row in rows]


def theme(tx: Tx, actor: Actor, theme_id: str) -> Named | None:
    """One theme."""
    row = tx.row(ONE, id=theme_id, system_id=actor.system_id)
    return None if row is None else Named._make(row)


def untag(tx: Tx, actor: Actor, escalation_id: str, theme_id: str) -> None:
    """Take a theme off an escalation."""
    tx.run(DROP, id=escalation_id, theme=theme_id, system_id=actor.system_id)


# -- counted ------------------------------------------------------------------------------------

# The reviews of the place the actor answers for, or of their own organisation; never one about a
# safeguarding concern, nor one about a person in whose harm they are named.
_SCOPE = f"""e.system_id = :system_id AND coalesce(e.about, '') <> 'concern'
  AND e.created_at >= :since
  AND ({under()} OR e.organisation_id = :org)
  AND NOT {named("k.person_id = e.person_id", ACTOR_NAMED)}"""


class Counted(NamedTuple):
    """A theme with how often it came up, how many are open and since when, and what was decided."""

    id: str
    name: str
    raised: int
    open: int
    oldest: datetime | None
    upheld: int
    partly: int
    not_upheld: int
    overturned: int


def _decided(code: str) -> str:
    return f"coalesce(sum(CASE WHEN e.decision = '{code}' THEN 1 ELSE 0 END), 0)"


COUNTED = Sql(
    f"""
SELECT t.id, t.name, count(e.id),
  coalesce(sum(CASE WHEN e.id IS NOT NULL AND e.closed_at IS NULL THEN 1 ELSE 0 END), 0),
  min(CASE WHEN e.closed_at IS NULL THEN e.created_at END),
  {_decided("uphold")}, {_decided("partly")}, {_decided("not_upheld")}, {_decided("overturn")}
FROM theme t
JOIN escalation_theme x ON x.theme_id = t.id
JOIN guard.escalation e ON e.id = x.escalation_id
JOIN organisation og ON og.id = e.organisation_id
JOIN place pl ON pl.id = og.place_id
WHERE t.system_id = :system_id AND {_SCOPE} AND (:kind = '' OR e.kind = :kind)
  AND (t.name, t.id) > (:name, :after)
GROUP BY t.id, t.name ORDER BY t.name, t.id LIMIT :most
""",
    (4,),
)
UNTAGGED = Sql(
    f"""
SELECT count(*) FROM guard.escalation e
JOIN organisation og ON og.id = e.organisation_id
JOIN place pl ON pl.id = og.place_id
WHERE {_SCOPE} AND (:kind = '' OR e.kind = :kind)
  AND NOT EXISTS (SELECT 1 FROM escalation_theme x WHERE x.escalation_id = e.id)
"""
)
FIRST = "00000000-0000-0000-0000-000000000000"
LAST = "ffffffff-ffff-ffff-ffff-ffffffffffff"


def _asking(actor: Actor, since: datetime) -> dict[str, Any]:
    return {
        "system_id": actor.system_id,
        "path": actor.place_path or "-",
        "org": actor.organisation_id,
        "user_id": actor.user_id,
        "actor_org": actor.organisation_id,
        "since": since,
    }


def counted(
    tx: Tx,
    actor: Actor,
    since: datetime,
    kind: str = "",
    after: Named | None = None,
    most: int = 26,
) -> list[Counted]:
    """The themes of what the actor answers for, raised since then, by name."""
    name, number = (after.name, after.id) if after else ("", FIRST)
    rows = tx.rows(COUNTED, **_asking(actor, since), kind=kind, name=name, after=number, most=most)
    return [Counted._make(row) for row in rows]


def untagged(tx: Tx, actor: Actor, since: datetime, kind: str = "") -> int:
    """How many of these have no theme."""
    row = tx.row(UNTAGGED, **_asking(actor, since), kind=kind)
    return int(row[0]) if row else 0


class Showing(NamedTuple):
    """An escalation that shows a theme."""

    id: str
    reference: str
    kind: str
    severity: str
    state: str
    level: int
    decision: str | None
    created_at: datetime
    closed_at: datetime | None
    place: str


SHOWING = Sql(
    f"""
SELECT e.id, e.reference, e.kind, e.severity, e.state, e.level, e.decision, e.created_at,
  e.closed_at, pl.name
FROM escalation_theme x
JOIN guard.escalation e ON e.id = x.escalation_id
JOIN organisation og ON og.id = e.organisation_id
JOIN place pl ON pl.id = og.place_id
WHERE x.theme_id = :theme AND {_SCOPE} AND (:kind = '' OR e.kind = :kind) AND e.id < :before
ORDER BY e.id DESC LIMIT :most
""",
    (7, 8),
)


def showing(
    tx: Tx,
    actor: Actor,
    theme_id: str,
    since: datetime,
    kind: str = "",
    before: str | None = None,
    most: int = 26,
) -> list[Showing]:
    """The escalations that show a theme, the newest first."""
    rows = tx.rows(
        SHOWING,
        **_asking(actor, since),
        theme=theme_id,
        kind=kind,
        before=before or LAST,
        most=most,
    )
    return [Showing._make(row) for row in rows]

"""Who answers at which hour in a place, and the authorities its concerns are reported to.

Rows are never changed: one that is wrong is ended and another added, so that it stays known who
answered then."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor
from referral.schema import Base, Key, Ref, day
from referral.states import listed
from referral.store import Sql, Tx

SERVES = ("anyone", "adults", "children")
AUTHORITIES = (
    "emergency",
    "adult_social_care",
    "childrens_services",
    "police",
    "allegations_children",
    "allegations_adults",
    "prevent",
    "other",
)
"""The kinds of authority. The two of allegations are for worries about staff: the local authority
designated officer for who works with children, people in positions of trust for who works with
adults."""


ALLEGATIONS = ("allegations_children", "allegations_adults")


class RotaLine(Base):
    """A number that answers on some days of the week between two hours, and whose it is.

    `organisation_id` is the organisation whose line it is, where it is one here: nobody is told to
    ring those whom a concern names."""

    __tablename__ = "rota_line"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    place_id: Mapped[Ref] = mapped_column(ForeignKey("place.id"))
    organisation_id: Mapped[Ref | None] = mapped_column(ForeignKey("organisation.id"))
    name: Mapped[str]  # a role or a service, never a person
    phone: Mapped[str]
    serves: Mapped[str]
    days: Mapped[str]  # seven of 0 and 1, Monday first
    opens: Mapped[str]  # "09:00", London time
    closes: Mapped[str]  # not after it opens: on the next day
    bank_holidays: Mapped[bool]
    added_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint(f"serves IN ({listed(*SERVES)})", name="serves"),
        Index(None, "place_id"),
    )


class Authority(Base):
    """Whom concerns of a place are reported to, by kind, and how to reach them."""

    __tablename__ = "authority"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    place_id: Mapped[Ref] = mapped_column(ForeignKey("place.id"))
    kind: Mapped[str]
    name: Mapped[str]
    phone: Mapped[str | None]
    email: Mapped[str | None]
    note: Mapped[str | None]  # what to have at hand
    added_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint(f"kind IN ({listed(*AUTHORITIES)})", name="kind"),
        Index(None, "place_id"),
    )


# -- reading ------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A line of a rota that is kept now."""

    id: str
    place_id: str
    organisation_id: str | None
    name: str
    phone: str
    serves: str
    days: str
    opens: str
    closes: str
    bank_holidays: bool


_LINES = """SELECT l.id, l.place_id, l.organisation_id, l.name, l.phone, l.serves, l.days, l.opens,
  l.closes, l.bank_holidays FROM rota_line l"""
# A line for adults or for children alone comes before one for anybody.
_ORDER = "CASE l.serves WHEN 'anyone' THEN 1 ELSE 0 END, l.opens, l.name, l.added_at, l.id"
LINES_OF = Sql(f"{_LINES} WHERE l.place_id = :place_id AND l.ended_at IS NULL ORDER BY {_ORDER}")


def _line(row: tuple[Any, ...]) -> Line:
    return Line._make(row)._replace(bank_holidays=bool(row[9]))


def lines_of(tx: Tx, place_id: str) -> list[Line]:
    """The rota of one place."""
    return [_line(row) for row in tx.rows(LINES_OF, place_id=place_id)]


class Numbers(NamedTuple):
    """The place's own number in working hours, the council's outside them, and whom to turn to
    when everyone here is part of the matter."""

    place_id: str
    name: str
    office: str | None
    out_of_hours: str | None
    outside: str | None


UP = Sql(
    f"""SELECT p.id, p.name, p.safeguarding_phone, p.out_of_hours_phone, p.outside_contact,
  l.id, l.place_id, l.organisation_id, l.name, l.phone, l.serves, l.days, l.opens, l.closes,
  l.bank_holidays
  FROM organisation o JOIN place own ON own.id = o.place_id
  JOIN place p ON own.path = p.path OR substr(own.path, 1, length(p.path) + 1) = p.path || '/'
  LEFT JOIN rota_line l ON l.place_id = p.id AND l.ended_at IS NULL
  WHERE o.id = :id ORDER BY length(p.path) DESC, {_ORDER}"""
)


def places_up(tx: Tx, organisation_id: str) -> list[tuple[Numbers, list[Line]]]:
    """The place of an organisation and those above it, the nearest first, each with its rota."""
    found: dict[str, tuple[Numbers, list[Line]]] = {}
    for row in tx.rows(UP, id=organisation_id):
        _, lines = found.setdefault(row[0], (Numbers._make(row[:5]), []))
        if row[5] is not None:
            lines.append(_line(row[5:]))
    return list(found.values())


class Matter(NamedTuple):
    """What of a concern decides whom one can ring about it. `barred`: the organisations whose lines
    aren't rung, because they or somebody in them is named, or the concern is about them as a
    provider; `lead_barred`: a safeguarding lead is among those, so that the place's own number
    isn't rung either."""

    organisation_id: str
    holder: str
    birth_date: date | None
    child: bool | None
    barred: frozenset[str]
    lead_barred: bool


MATTER = Sql(
    """WITH named AS (
  SELECT m.organisation_id AS organisation_id,
    CASE WHEN m.role IN ('safeguarding_lead', 'accountable_officer') THEN 1 ELSE 0 END AS leads
  FROM guard.concern_source s JOIN guard.concern c ON c.id = s.concern_id
  JOIN membership m ON m.user_id = s.user_id AND m.system_id = c.system_id AND m.ended_at IS NULL
  WHERE s.concern_id = :id AND s.struck_at IS NULL
  UNION SELECT o.id, CASE WHEN EXISTS (SELECT 1 FROM membership m WHERE m.organisation_id = o.id
    AND m.role = 'safeguarding_lead' AND m.place_id IS NOT NULL AND m.ended_at IS NULL)
    THEN 1 ELSE 0 END
  FROM organisation o WHERE o.id IN (SELECT s.organisation_id FROM guard.concern_source s
    WHERE s.concern_id = :id AND s.struck_at IS NULL)
  OR o.id IN (SELECT pr.organisation_id FROM guard.concern c
    JOIN provider pr ON pr.id = c.provider_id WHERE c.id = :id))
  SELECT c.organisation_id, c.holder, pe.birth_date, c.child, named.organisation_id, named.leads
  FROM guard.concern c LEFT JOIN guard.person pe ON pe.id = c.person_id
  LEFT JOIN named ON 1 = 1 WHERE c.id = :id"""
)


def matter(tx: Tx, concern_id: str) -> Matter | None:
    """Where a concern was raised, with whom it lies, whether it is about a child, and who isn't
    rung about it."""
    rows = tx.rows(MATTER, id=concern_id)
    if not rows:
        return None
    organisation, holder, born, child, *_ = rows[0]
    return Matter(
        organisation,
        holder,
        day(born),
        None if child is None else bool(child),
        frozenset(row[4] for row in rows if row[4]),
        any(row[5] for row in rows),
    )


class AuthoritySeen(NamedTuple):
    """An authority that is kept now."""

    id: str
    place_id: str
    kind: str
    name: str
    phone: str | None
    email: str | None
    note: str | None


_AUTHORITIES = "SELECT a.id, a.place_id, a.kind, a.name, a.phone, a.email, a.note FROM authority a"
AUTHORITIES_OF = Sql(
    f"{_AUTHORITIES} WHERE a.place_id = :place_id AND a.ended_at IS NULL ORDER BY a.kind, a.id"
)
AUTHORITIES_FOR = Sql(
    f"""{_AUTHORITIES} JOIN place p ON p.id = a.place_id
  JOIN organisation o ON o.id = :id
  JOIN place own ON own.id = o.place_id
    AND (own.path = p.path OR substr(own.path, 1, length(p.path) + 1) = p.path || '/')
  WHERE a.ended_at IS NULL"""
    " ORDER BY length(p.path) DESC, a.kind, a.id"
)


def authorities_of(tx: Tx, place_id: str) -> list[AuthoritySeen]:
    """The authorities one place keeps."""
    return [AuthoritySeen._make(row) for row in tx.rows(AUTHORITIES_OF, place_id=place_id)]


def authorities_for(tx: Tx, organisation_id: str) -> list[AuthoritySeen]:
    """Those an organisation's concerns go to: of each kind, those of the nearest place that keeps
    any."""
    found: dict[str, list[AuthoritySeen]] = {}
    for row in tx.rows(AUTHORITIES_FOR, id=organisation_id):
        one = AuthoritySeen._make(row)
        same = found.setdefault(one.kind, [])
        if not same or same[0].place_id == one.place_id:
            same.append(one)
    return [one for kind in AUTHORITIES for one in found.get(kind, ())]


PLACE = Sql("SELECT path FROM place WHERE id = :id AND system_id = :system_id")
KEPT_LINE = Sql(
    "SELECT place_id FROM rota_line WHERE id = :id AND system_id = :system_id AND ended_at IS NULL"
)
KEPT_AUTHORITY = Sql(
    "SELECT place_id FROM authority WHERE id = :id AND system_id = :system_id AND ended_at IS NULL"
)
ORGANISATION = Sql("SELECT id FROM organisation WHERE id = :id AND system_id = :system_id")


def place_path(tx: Tx, actor: Actor, place_id: str) -> str | None:
    """The path of a place of the actor's system."""
    row = tx.row(PLACE, id=place_id, system_id=actor.system_id)
    return None if row is None else str(row[0])


def kept_in(tx: Tx, actor: Actor, what: str, record_id: str) -> str | None:
    """The place of a line (`rota_line`) or an authority that is kept now."""
    query = KEPT_LINE if what == "rota_line" else KEPT_AUTHORITY
    row = tx.row(query, id=record_id, system_id=actor.system_id)
    return None if row is None else str(row[0])


def is_organisation(tx: Tx, actor: Actor, organisation_id: str) -> bool:
    """Whether this is an organisation of the actor's system."""
    return tx.row(ORGANISATION, id=organisation_id, system_id=actor.system_id) is not None

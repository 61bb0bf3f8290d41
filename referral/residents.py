"""How many people live in a place, by the groups that a report tells apart: numbers that others
publish and whoever runs Segue loads. Nobody is in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor
from referral.counts import AGES
from referral.equality import GROUPS
from referral.schema import Base, Ref
from referral.scopes import asked
from referral.states import listed
from referral.store import Sql, Tx

# What is loaded of a place, and the groups of each, by the names they have in `referral.counts`.
KINDS: Mapping[str, tuple[str, ...]] = {
    "age": AGES,
    "language": ("english", "other"),
    "fifth": ("1", "2", "3", "4", "5"),
    "ethnic_group": tuple(GROUPS),
    "disability": ("yes", "no"),
}


class Residents(Base):
    """So many people of one group of a kind live in a place, and who says so."""

    __tablename__ = "residents"
    place_id: Mapped[Ref] = mapped_column(ForeignKey("place.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]
    source: Mapped[str]
    loaded_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint(f"kind IN ({listed(*KINDS)})", name="kind"),
        CheckConstraint("number >= 0", name="number"),
    )


class Line(NamedTuple):
    """One number of a place."""

    kind: str
    part: str
    number: int
    source: str


# -- loading ------------------------------------------------------------------------------------

TAKE_OUT = Sql("DELETE FROM residents WHERE place_id = :place_id")
PUT = Sql(
    "INSERT INTO residents (place_id, kind, part, number, source, loaded_at)"
    " VALUES (:place_id, :kind, :part, :number, :source, :at)"
)


def put(tx: Tx, place_id: str, lines: Sequence[Line], at: datetime) -> int:
    """What is said of a place from now on, in the stead of all that was said of it before. How many
    numbers that was."""
    before = tx.run(TAKE_OUT, place_id=place_id)
    for line in lines:
        tx.run(PUT, place_id=place_id, at=at, **line._asdict())
    return before


# -- looking ------------------------------------------------------------------------------------


class Loaded(NamedTuple):
    """What is loaded of a place: a kind of groups, by whom, how many people, since when."""

    place: str
    kind: str
    source: str
    number: int
    loaded_at: datetime


LOADED = Sql(
    "SELECT pl.name, r.kind, r.source, sum(r.number), r.loaded_at FROM residents r"
    " JOIN place pl ON pl.id = r.place_id"
    " GROUP BY pl.path, pl.name, r.kind, r.source, r.loaded_at ORDER BY pl.path, r.kind",
    times=(4,),
)


def loaded(tx: Tx) -> list[Loaded]:
    """What is loaded now, place by place."""
    found = [Loaded._make(row) for row in tx.rows(LOADED)]
    return [one._replace(number=int(one.number)) for one in found]


@dataclass(frozen=True)
class Live:
    """How many people of each group live in a place. `own`: these are the numbers of the very place
    that was asked for, not of one that it lies in."""

    parts: Mapping[str, int]
    source: str
    place: str
    own: bool


class Beside(NamedTuple):
    """What who was referred can be held against: the editions of published tables, by kind, and who
    lives in the place, by kind."""

    editions: Mapping[str, str]
    live: Mapping[str, Live]


# A team's place is that of its organisation.
_HERE = """(SELECT p.path FROM place p WHERE p.path = :path UNION ALL
  SELECT p.path FROM organisation o JOIN place p ON p.id = o.place_id
  WHERE o.id = :actor_org AND :path = '-')"""
BESIDE = Sql(
    f"""SELECT e.kind, '', e.name, '', 0, '', '' FROM area_edition e WHERE e.state = 'current'
UNION ALL
SELECT r.kind, r.part, r.source, pl.name, r.number, pl.path, h.path
FROM {_HERE} h JOIN place pl ON substr(h.path, 1, length(pl.path)) = pl.path
JOIN residents r ON r.place_id = pl.id
WHERE pl.system_id = :system_id"""
)


def beside(tx: Tx, actor: Actor, path: str | None) -> Beside:
    """What there is beside the people referred in the place at this path, in the actor's or in
    their team's. Of each kind the nearest place counts that has numbers."""
    given = asked(actor)
    if path is not None and actor.place_path is not None:
        given["path"] = path
    editions: dict[str, str] = {}
    there: dict[str, dict[str, list[tuple[Line, str, bool]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for kind, part, named, place, number, at, here in tx.rows(BESIDE, **given):
        if not part:
            editions[kind] = named
        else:
            line = Line(kind, part, number, named)
            there[kind][at].append((line, place, at == here))
    live = {}
    for kind, places in there.items():
        lines = places[max(places, key=len)]
        ((first, place, own), *_others) = lines
        parts = {line.part: line.number for line, _place, _own in lines}
        live[kind] = Live(parts, first.source, place, own)
    return Beside(editions, live)

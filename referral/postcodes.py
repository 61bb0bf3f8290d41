"""Where a postcode lies, and how deprived its area is: published tables that whoever runs Segue
loads, an edition at a time. Nobody is in them.

A person's postcode is not sent to the database to find out how far away something is, so that no
log of slow statements holds where somebody lives: all postcodes of its sector are asked for, and
theirs is picked out here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Final, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from referral.schema import Base, Serial
from referral.states import listed
from referral.store import Sql, Tx

POSTCODES, DEPRIVATION = "postcodes", "deprivation"
KINDS = (POSTCODES, DEPRIVATION)
LOADING, CURRENT, LEAVING = "loading", "current", "leaving"


class AreaEdition(Base):
    """One edition of a published table. While it loads nobody reads it; one of a kind is current;
    one that leaves is taken out bit by bit. `covers`: which postcodes were loaded, by how they
    begin; nothing: all."""

    __tablename__ = "area_edition"
    id: Mapped[Serial]
    kind: Mapped[str]
    name: Mapped[str]
    covers: Mapped[str | None]
    state: Mapped[str]
    number: Mapped[int]
    loaded_at: Mapped[datetime]
    __table_args__ = (
        CheckConstraint(f"kind IN ({listed(*KINDS)})", name="kind"),
        CheckConstraint(f"state IN ({listed(LOADING, CURRENT, LEAVING)})", name="state"),
        Index(
            "uq_area_edition_current",
            "kind",
            unique=True,
            sqlite_where=text("state = 'current'"),
            postgresql_where=text("state = 'current'"),
        ),
    )


class Postcode(Base):
    """A postcode without its space, where it lies in hundred-thousandths of a degree, and the small
    area (LSOA of 2021) it belongs to."""

    __tablename__ = "postcode"
    edition_id: Mapped[int] = mapped_column(
        Integer(), ForeignKey("area_edition.id"), primary_key=True
    )
    postcode: Mapped[str] = mapped_column(primary_key=True)
    latitude: Mapped[int]
    longitude: Mapped[int]
    area: Mapped[str | None]
    __table_args__ = ({"sqlite_with_rowid": False},)


class AreaTenth(Base):
    """In which tenth of England's small areas one lies: 1 is the most deprived."""

    __tablename__ = "area_tenth"
    edition_id: Mapped[int] = mapped_column(
        Integer(), ForeignKey("area_edition.id"), primary_key=True
    )
    area: Mapped[str] = mapped_column(primary_key=True)
    tenth: Mapped[int]
    __table_args__ = (
        CheckConstraint("tenth BETWEEN 1 AND 10", name="tenth"),
        {"sqlite_with_rowid": False},
    )


# -- loading ------------------------------------------------------------------------------------

TABLE_OF: Mapping[str, tuple[str, tuple[str, ...]]] = {
    POSTCODES: ("postcode", ("postcode", "latitude", "longitude", "area")),
    DEPRIVATION: ("area_tenth", ("area", "tenth")),
}
LEAVE = Sql(
    f"UPDATE area_edition SET state = '{LEAVING}' WHERE kind = :kind AND state = '{LOADING}'"
)
BEGIN = Sql(
    "INSERT INTO area_edition (kind, name, covers, state, number, loaded_at)"
    f" VALUES (:kind, :name, :covers, '{LOADING}', 0, :at) RETURNING id"
)
GROW = Sql(
    "UPDATE area_edition SET number = number + :number WHERE id = :id"
    f" AND state = '{LOADING}'"
)  # fmt: skip
GIVE_WAY = Sql(
    f"UPDATE area_edition SET state = '{LEAVING}' WHERE kind = :kind AND state = '{CURRENT}'"
)
TAKE_OVER = Sql(
    f"UPDATE area_edition SET state = '{CURRENT}', loaded_at = :at WHERE id = :id"
    f" AND state = '{LOADING}'"
)
GIVE_UP = Sql(f"UPDATE area_edition SET state = '{LEAVING}' WHERE id = :id AND state = '{LOADING}'")
LEFT = Sql(f"SELECT id, kind FROM area_edition WHERE state = '{LEAVING}' ORDER BY id")
GONE = Sql("DELETE FROM area_edition WHERE id = :id")


class Overtaken(Exception):
    """Somebody else began to load the same kind of table meanwhile."""


def begin(tx: Tx, kind: str, name: str, covers: str | None, at: datetime) -> int:
    """A new edition, to be filled. One that was begun before and isn't whole gives way."""
    tx.run(LEAVE, kind=kind)
    ((edition,),) = tx.rows(BEGIN, kind=kind, name=name, covers=covers, at=at)
    return int(edition)


def add(tx: Tx, kind: str, edition: int, rows: Sequence[Sequence[object]]) -> int:
    """Some rows of an edition that loads; how many weren't there yet. Raises Overtaken."""
    table, columns = TABLE_OF[kind]
    marks = [f"${n}" if tx.pg else "?" for n in range(1, len(columns) + 2)]
    if tx.run(GROW, id=edition, number=len(rows)) != 1:
        raise Overtaken
    tx.execute_many(
        f"INSERT INTO {table} (edition_id, {', '.join(columns)}) VALUES ({', '.join(marks)})",
        [(edition, *row) for row in rows],
    )
    return len(rows)


def finish(tx: Tx, kind: str, edition: int, at: datetime) -> None:
    """The edition is whole: from here on it is the one that is read. Raises Overtaken."""
    tx.run(GIVE_WAY, kind=kind)
    if tx.run(TAKE_OVER, id=edition, at=at) != 1:
        raise Overtaken


def give_up(tx: Tx, edition: int) -> None:
    """An edition that could not be made whole is to go."""
    tx.run(GIVE_UP, id=edition)


def sweep(tx: Tx, most: int) -> bool:
    """Take out some rows of an edition that leaves; whether there is more to do."""
    for edition, kind in tx.rows(LEFT):
        table, (key, *_others) = TABLE_OF[kind]
        some = Sql(
            f"DELETE FROM {table} WHERE edition_id = :id AND {key} IN"
            f" (SELECT {key} FROM {table} WHERE edition_id = :id LIMIT :most)"
        )
        if tx.run(some, id=edition, most=most) == 0:
            tx.run(GONE, id=edition)
        return True
    return False


# -- looking ------------------------------------------------------------------------------------


class Edition(NamedTuple):
    """What is loaded: its kind, what it calls itself, what it covers, how many rows, since when."""

    kind: str
    name: str
    covers: str | None
    number: int
    loaded_at: datetime

    @property
    def year(self) -> str:
        """The year of the edition, where its name says one; else of the day it was loaded."""
        told = [part for part in self.name.replace("_", " ").split() if part.isdigit()]
        return next((one for one in told if len(one) == 4), str(self.loaded_at.year))


EDITIONS = Sql(
    "SELECT kind, name, covers, number, loaded_at FROM area_edition"
    f" WHERE state = '{CURRENT}' ORDER BY kind DESC",
    times=(4,),
)


def editions(tx: Tx) -> list[Edition]:
    """What is loaded now, the postcodes first."""
    return [Edition._make(row) for row in tx.rows(EDITIONS)]


NO_FIXED_HOME: Final = "ZZ99"
"""How the postcode of somebody without a fixed home begins: it says nothing of where they are."""


def compact(postcode: str | None) -> str:
    """A postcode without its space, or nothing where it says nothing of a place."""
    plain = "".join((postcode or "").upper().split())
    return "" if len(plain) < 5 or plain.startswith(NO_FIXED_HOME) else plain


_START = re.compile(r"[A-Z]{1,2}([0-9]{1,2}|[0-9][A-Z])?")


def compact_start(text: str) -> str:
    """How postcodes begin: an area (`LS`) or a district (`LS6`). Raises ValueError."""
    plain = "".join(text.upper().split())
    if not _START.fullmatch(plain):
        raise ValueError(f"“{text}” is not how postcodes begin: LS, or LS6.")
    return plain


class Spot(NamedTuple):
    """Where a postcode lies, in degrees."""

    latitude: float
    longitude: float


EARTH_MILES = 3958.8


def miles_between(one: Spot, other: Spot) -> float:
    """How far it is as the crow flies."""
    up, along = radians(other.latitude - one.latitude), radians(other.longitude - one.longitude)
    part = sin(up / 2) ** 2 + (
        cos(radians(one.latitude)) * cos(radians(other.latitude)) * sin(along / 2) ** 2
    )
    return 2 * EARTH_MILES * asin(sqrt(part))


@dataclass(frozen=True)
class Distances:
    """How far it is from somebody's home. `home`: where that is, if it is known; `edition`: of the
    table it was looked up in."""

    home: Spot | None = field(default=None, repr=False)
    there: Mapping[str, Spot] = field(default_factory=dict, repr=False)
    edition: Edition | None = None

    def to(self, postcode: str | None) -> float | None:
        """Miles to a postcode in a straight line; None where either place isn't known."""
        spot = self.there.get(compact(postcode))
        if self.home is None or spot is None:
            return None
        return miles_between(self.home, spot)


NOWHERE: Final = Distances()
SPOTS = """
SELECT p.postcode, p.latitude, p.longitude, e.kind, e.name, e.covers, e.number, e.loaded_at
FROM area_edition e JOIN postcode p ON p.edition_id = e.id
WHERE e.kind = 'postcodes' AND e.state = 'current'
  AND (p.postcode BETWEEN :from AND :to OR p.postcode {ids})
"""


def _many(query: str, pg: bool, times: tuple[int, ...] = ()) -> Sql:
    one_of = "= ANY(:ids)" if pg else "IN (SELECT value FROM json_each(:ids))"
    return Sql(query.replace("{ids}", one_of), times=times)


SPOTS_ON = {pg: _many(SPOTS, pg, (7,)) for pg in (False, True)}


def distances(tx: Tx, home: str | None, there: Iterable[str | None]) -> Distances:
    """From a person's postcode to those of activities, in one question: one that is nowhere in the
    table, or says nothing of a place, is far from nothing and near nothing."""
    mine = compact(home)
    asked = sorted({compact(one) for one in there} - {""})
    if not mine or not asked:
        return NOWHERE
    first, last = sector(mine)
    rows = tx.rows(
        SPOTS_ON[tx.pg],
        **{"from": first, "to": last, "ids": asked if tx.pg else json.dumps(asked)},
    )
    found = {row[0]: Spot(row[1] / DEGREE, row[2] / DEGREE) for row in rows}
    if mine not in found:
        return NOWHERE
    return Distances(found[mine], found, Edition._make(rows[0][3:]))


DEGREE: Final = 100_000


def sector(plain: str) -> tuple[str, str]:
    """The first and the last postcode that there could be in the sector of one: some thousand
    homes."""
    return f"{plain[:-2]}AA", f"{plain[:-2]}ZZ"


# The fifth of England's small areas that a person's postcode lies in, as a column of a query that
# knows the person as `pe`: 1 is the most deprived; nothing where the postcode is in no table.
FIFTH = """coalesce((SELECT CAST((t.tenth + 1) / 2 AS text)
  FROM area_edition e JOIN postcode p ON p.edition_id = e.id
    AND p.postcode = upper(replace(pe.postcode, ' ', ''))
  JOIN area_edition d ON d.kind = 'deprivation' AND d.state = 'current'
  JOIN area_tenth t ON t.edition_id = d.id AND t.area = p.area
  WHERE e.kind = 'postcodes' AND e.state = 'current'), '')"""

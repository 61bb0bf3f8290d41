"""How many, counted ahead: where a system has so many referrals that nobody would wait for them to
be counted, each quarter is counted once a day, and the numbers are kept.

A kept number is of a place, a provider and a kind. Nobody is in it, and no record. It is counted by
the texts of `referral.counts`, at one moment that is kept with it, so that whoever reads it can be
told as of when it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from referral.actors import Actor, the_system
from referral.counts import MEASURES, NOT_KNOWN, SAID, Asked, counting_text, given, scope_of
from referral.counts import counted as counted_now
from referral.counts import said as said_now
from referral.schema import Base, Ref, Serial, day, under
from referral.scopes import SCOPES
from referral.states import Noun
from referral.store import Sql, Tx

# What is counted ahead, and the ways of telling it apart beside the place and the provider.
KEPT: Mapping[str, tuple[str, ...]] = {
    "sent": ("state",),
    "who": ("age", "language", "interpreter", "fifth"),
    "declined": ("reason",),
    "started": ("wait",),
    "late": ("kind",),
    "withdrawn": ("purpose",),
    "scored": tuple(MEASURES["scored"].by),
}
PROVIDER = "provider"
WHO = "who"


class Tallied(Base):
    """That a quarter was counted, and when. It begins on `quarter`."""

    __tablename__ = "tallied"
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"), primary_key=True)
    quarter: Mapped[date] = mapped_column(primary_key=True)
    counted_at: Mapped[datetime]


class Tally(Base):
    """One number: so many of one kind (`kind`, told apart by `apart`) in this quarter, of the teams
    of a place, with a provider (none: with nobody in particular)."""

    __tablename__ = "tally"
    id: Mapped[Serial]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    quarter: Mapped[date]
    measure: Mapped[str]
    apart: Mapped[str]
    kind: Mapped[str]
    place_id: Mapped[Ref] = mapped_column(ForeignKey("place.id"))
    provider_id: Mapped[Ref | None] = mapped_column(ForeignKey("provider.id"))
    number: Mapped[int]
    __table_args__ = (Index(None, "system_id", "quarter", "measure"),)


class Cell(NamedTuple):
    """One number, as it is written."""

    measure: str
    apart: str
    kind: str
    place_id: str
    provider_id: str | None
    number: int


# -- counting -----------------------------------------------------------------------------------


@cache
def _text(measure: str, pg: bool) -> Sql:
    return counting_text(measure, KEPT[measure], placed=True, scope="1 = 1", pg=pg)


def count(tx: Tx, system_id: str, asked: Asked) -> list[Cell]:
    """Everything that is kept of a time, counted now, in the whole system."""
    actor = the_system(system_id, "tally")
    added: Counter[tuple[str, str, str, str, str | None]] = Counter()
    for measure, aparts in KEPT.items():
        for place, provider, *kinds, number in tx.rows(
            _text(measure, tx.pg), **given(actor, asked)
        ):
            for apart, kind in zip(aparts, kinds, strict=True):
                whose = str(place), str(provider) if provider else None
                added[measure, apart, str(kind), *whose] += int(number)
    _add_said(tx, actor, asked, added)
    return [Cell(*cell, number) for cell, number in sorted(added.items(), key=str)]


def _add_said(
    tx: Tx, actor: Actor, asked: Asked, added: Counter[tuple[str, str, str, str, str | None]]
) -> None:
    """What people said of themselves, beside what else is told of who was referred. Whoever was
    not asked yet is what is left of all."""
    whole: Counter[tuple[str, str | None]] = Counter()
    for (measure, apart, _kind, *whose), number in added.items():
        if (measure, apart) == (WHO, KEPT[WHO][0]):
            whole[whose[0] or "", whose[1]] += number
    asked_of: Counter[tuple[str, str | None]] = Counter()
    for one in said_now(tx, actor, asked, "1 = 1"):
        whose_one = one.place_id, one.provider_id
        asked_of[whose_one] += 1
        for apart in SAID:
            added[WHO, apart, getattr(one, apart), *whose_one] += 1
    for (place, provider), number in (whole - asked_of).items():
        for apart in SAID:
            added[WHO, apart, NOT_KNOWN, place, provider] += number


# -- keeping ------------------------------------------------------------------------------------

LARGE = Sql(
    "SELECT CAST(system_id AS text) FROM referral WHERE sent_at >= :since"
    " GROUP BY system_id HAVING count(*) >= :many"
    " UNION SELECT CAST(system_id AS text) FROM equality_answer"
    " GROUP BY system_id HAVING count(*) >= :answers"
)
COUNTED = Sql(
    "SELECT quarter, counted_at FROM tallied WHERE system_id = :system_id"
    " AND counted_at >= :since AND quarter >= :first",
    (1,),
)
CLAIM = Sql(
    "INSERT INTO tallied (system_id, quarter, counted_at) VALUES (:system_id, :quarter, :at)"
    " ON CONFLICT (system_id, quarter) DO UPDATE SET counted_at = excluded.counted_at"
    " WHERE tallied.counted_at < :before"
)
FORGET = Sql("DELETE FROM tally WHERE system_id = :system_id AND quarter = :quarter")
FORGET_OLD = Sql("DELETE FROM tally WHERE system_id = :system_id AND quarter < :first")
FORGET_COUNTED = Sql("DELETE FROM tallied WHERE system_id = :system_id AND quarter < :first")
KEEP = Sql(
    "INSERT INTO tally (system_id, quarter, measure, apart, kind, place_id, provider_id, number)"
    " VALUES (:system_id, :quarter, :measure, :apart, :kind, :place_id, :provider_id, :number)"
)


def large(tx: Tx, since: datetime, many: int, answers: int) -> list[str]:
    """The systems in which at least so many referrals were sent since then, or that keep at least
    so many answers, each of which is opened to be counted."""
    return [row[0] for row in tx.rows(LARGE, since=since, many=many, answers=answers)]


def counted(tx: Tx, system_id: str, since: datetime, first: date) -> dict[date, datetime]:
    """Which quarters, from `first` on, were counted since then, and when."""
    rows = tx.rows(COUNTED, system_id=system_id, since=since, first=first)
    return {_day(row[0]): row[1] for row in rows}


def _day(value: date | str) -> date:
    found = day(value)
    if found is None:
        raise ValueError("A quarter begins on a day")
    return found


def keep(
    tx: Tx, system_id: str, quarter: date, at: datetime, before: datetime, cells: Sequence[Cell]
) -> bool:
    """Put these numbers in the place of what was kept of a quarter; not where somebody else has
    counted it meanwhile (not before `before`). Whether they were kept."""
    whose = {"system_id": system_id, "quarter": quarter}
    if not tx.run(CLAIM, **whose, at=at, before=before):
        return False
    tx.run(FORGET, **whose)
    for cell in cells:
        tx.run(KEEP, **whose, **cell._asdict())
    return True


def forget(tx: Tx, system_id: str, first: date) -> None:
    """Let go of what is kept of quarters before this one: nobody may ask for them any more."""
    tx.run(FORGET_OLD, system_id=system_id, first=first)
    tx.run(FORGET_COUNTED, system_id=system_id, first=first)


# -- reading ------------------------------------------------------------------------------------

_OF_A_PLACE = (SCOPES["place"], under())


def may_be_kept(measure: str, actor: Actor) -> bool:
    """Whether what the actor counts of a measure is all of a place: then a kept number says it."""
    return measure in KEPT and scope_of(measure, actor) in _OF_A_PLACE


@dataclass
class Numbers:
    """How many of each kind, by each way of telling apart; and, where they were counted just now,
    by all of these ways at once."""

    whole: int = 0
    each: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    crossed: Mapping[tuple[str, ...], int] = field(default_factory=dict)


# A referral is of the place of its team and of its provider's; consent, of its team's.
READ = Sql(
    f"""SELECT t.measure, t.apart, t.kind, CAST(t.provider_id AS text), sum(t.number)
FROM tally t JOIN place pl ON pl.id = t.place_id
LEFT JOIN provider pr ON pr.id = t.provider_id
LEFT JOIN organisation pog ON pog.id = pr.organisation_id
LEFT JOIN place ppl ON ppl.id = pog.place_id
WHERE t.system_id = :system_id AND t.quarter >= :first AND t.quarter < :after
  AND ({under()} OR (t.measure <> 'withdrawn' AND {under("ppl.path")}))
  AND (:provider = '' OR CAST(t.provider_id AS text) = :provider)
GROUP BY t.measure, t.apart, t.kind, t.provider_id"""
)


def read(
    tx: Tx, actor: Actor, first: date, after: date, path: str | None, provider: str | None
) -> dict[str, Numbers]:
    """The kept numbers of these quarters in the actor's place or one below it, by measure. Whether
    they are all kept, and as of when, `counted` says."""
    found: dict[str, Numbers] = {measure: Numbers() for measure in KEPT}
    rows = tx.rows(
        READ,
        system_id=actor.system_id,
        first=first,
        after=after,
        path=path or actor.place_path or "-",
        provider=provider or "",
    )
    for measure, apart, kind, whose, number in rows:
        one = found[measure]
        one.each[apart][kind] += int(number)
        if apart == KEPT[measure][0]:  # each record stands once under each way of telling apart
            one.whole += int(number)
            if whose is not None and MEASURES[measure].noun == Noun.REFERRAL:
                one.each[PROVIDER][whose] += int(number)
    return found


def now(tx: Tx, actor: Actor, measure: str, by: tuple[str, ...], asked: Asked) -> Numbers:
    """The numbers of a measure, counted at this moment."""
    opened = [dimension for dimension in by if dimension in SAID]
    by = tuple(dimension for dimension in by if dimension not in SAID)
    found = Numbers(crossed=counted_now(tx, actor, measure, by, asked))
    for kinds, number in found.crossed.items():
        found.whole += number
        for dimension, kind in zip(by, kinds, strict=True):
            found.each[dimension][kind] += number
    if opened and found.whole:
        told = list(said_now(tx, actor, asked, scope_of(measure, actor)))
        for dimension in opened:
            each = found.each[dimension]
            each.update(getattr(one, dimension) for one in told)
            each[NOT_KNOWN] += found.whole - len(told)
    return found


def quarters(first: date, after: date) -> Iterable[date]:
    """The first days of the quarters from one day up to another."""
    month = first.year * 12 + first.month - 1
    while (found := date(month // 12, month % 12 + 1, 1)) < after:
        yield found
        month += 3

"""Which quarters are counted ahead, when, and how long what was counted may be told.

A small system is counted when somebody asks: its numbers are of this moment. In a large one that
would take longer than a page may, and so it would where many answers about equality are to be
opened; so its worker counts each quarter once a day, in the early
morning, and the page says when that was. Should the worker stand still, the pages count again
themselves after a day: slower, and right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from referral import tallies
from referral.actors import Actor
from referral.counts import Asked
from referral.store import Tx
from referral.tallies import Cell
from workflows.working_time import LONDON, end_of, local_day

LARGE = 10_000  # referrals sent in the quarters there are: so many are counted in a page's time
MANY_ANSWERS = 2_000  # about equality: so many are opened in a page's time
HOUR = time(6)
STANDS_FOR = timedelta(hours=26)
BACK = 7  # quarters before this one: a year from April and the one before it, from any day of it


class Due(NamedTuple):
    """A quarter of a system that is to be counted."""

    system_id: str
    quarter: date


def quarter(at: datetime, later: int = 0) -> date:
    """The first day of the quarter of this moment, or of one so many later."""
    today = local_day(at)
    number = today.year * 4 + (today.month - 1) // 3 + later
    return date(number // 4, number % 4 * 3 + 1, 1)


def begins(day: date) -> datetime:
    """The first moment of a day."""
    return end_of(day - timedelta(1))


def first(at: datetime) -> date:
    """The first day of the oldest quarter that is counted."""
    return quarter(at, -BACK)


def morning(at: datetime) -> datetime:
    """The newest moment, up to now, at which the day's count was to begin."""
    local = at.astimezone(LONDON)
    today = datetime.combine(local.date(), HOUR, LONDON)
    return today if today <= local else datetime.combine(local.date() - timedelta(1), HOUR, LONDON)


def due(tx: Tx, at: datetime, large: int | None = None) -> Iterator[Due]:
    """What hasn't been counted since this morning, in the systems that are large (of so many
    referrals), or whose answers about equality are many."""
    large = LARGE if large is None else large
    oldest, over = first(at), quarter(at, 1)
    for system_id in tallies.large(tx, begins(oldest), large, MANY_ANSWERS):
        done = tallies.counted(tx, system_id, morning(at), oldest)
        for one in tallies.quarters(oldest, over):
            if one not in done:
                yield Due(system_id, one)


def count(tx: Tx, one: Due, at: datetime) -> list[Cell]:
    """A quarter as it stands in this transaction, which sees one moment."""
    since = begins(one.quarter)
    until = begins(quarter(since, 1))
    return tallies.count(tx, one.system_id, Asked(since, until, at, (at, at, at)))


def keep(tx: Tx, one: Due, at: datetime, cells: list[Cell]) -> bool:
    """Keep what was counted at that moment. Whether it was kept: not where another was first."""
    tallies.forget(tx, one.system_id, first(at))
    return tallies.keep(tx, one.system_id, one.quarter, at, morning(at), cells)


def as_of(tx: Tx, actor: Actor, at: datetime, begin: date, after: date) -> datetime | None:
    """Since when what is kept of these quarters may be told; None where they must be counted."""
    done = tallies.counted(tx, actor.system_id, at - STANDS_FOR, begin)
    asked = list(tallies.quarters(begin, min(after, quarter(at, 1))))
    if not asked or not set(asked) <= set(done):
        return None
    return min(done[one] for one in asked)

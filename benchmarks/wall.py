"""What the database's own wall costs: the same reads in turns, once by the door of a page, as the
program reads for somebody, and once where nothing narrows them but their own words: on PostgreSQL
as a superuser, on SQLite on a connection without the views."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

from benchmarks.databases import Ground
from benchmarks.life import stage
from benchmarks.population import populate
from benchmarks.reading import Read, _reads, _timed
from referral.actors import Actor
from referral.roles import APP, make_roles
from referral.store import Door, Store
from referral.upgrade import set_wall

MOST = 2.0  # as many times the read without it
READS = (
    "worklist, first page",
    "worklist, as shown",
    "referrals of a team, first page",
    "facts of 25",
    "facts of 25, and what can be done",
)


@dataclass
class Cost:
    """A read without the wall and with it, in milliseconds."""

    without: list[float] = field(default_factory=list)
    walled: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return statistics.median(self.walled) / statistics.median(self.without)


def measure(ground: Ground, referrals: int, repeats: int) -> dict[str, Cost]:
    """Fill a database, read in it, and throw it away."""
    url = ground.new("wall")
    free = Store(url, wall=False)
    at = datetime.now(UTC)
    population = populate(free, stage(free, at, 1), referrals)
    make_roles(free)
    program_url = free.url
    if free.pg:
        set_wall(free, True)
        program_url = free.url.set(username=APP)
    program = Store(program_url.render_as_string(hide_password=False), wall=True)
    costs: dict[str, Cost] = {}
    for read in _reads(free, population, at):
        if read.name in READS:
            costs[read.name] = _taken(read, free, program, at, repeats)
    for store in (free, program):
        store.dispose()
    ground.drop(url)
    return costs


def table(kind: str, costs: dict[str, Cost]) -> list[str]:
    """What was measured, in lines."""
    return [
        "",
        f"The database's own wall on {kind}: median ms without it, with it, and the ratio",
        *(
            f"  {name}: {statistics.median(c.without):.2f} {statistics.median(c.walled):.2f}"
            f" x{c.ratio:.2f}"
            for name, c in costs.items()
        ),
    ]


def failures(kind: str, costs: dict[str, Cost], measured: bool) -> list[str]:
    """The worklist and the facts may take twice as long at most."""
    return [
        f"{kind}: {name} behind the wall takes x{costs[name].ratio:.2f}, more than x{MOST}"
        for name in ("worklist, first page", "facts of 25")
        if measured and costs[name].ratio > MOST
    ]


def _taken(read: Read, free: Store, program: Store, at: datetime, repeats: int) -> Cost:
    cost = Cost()
    for number, subject in zip(range(repeats + 3), cycle(read.subjects), strict=False):
        for store, door, took in _both(free, program, cost):
            with store.read(_actor(subject), door, at) as tx:
                seconds, _ = _timed(tx, read, subject)
            if number > 2:  # by then it is prepared
                took.append(seconds * 1e3)
    return cost


def _both(free: Store, program: Store, cost: Cost) -> Iterator[tuple[Store, Door, list[float]]]:
    yield free, Door.COMMAND, cost.without
    yield program, Door.PAGE, cost.walled


def _actor(subject: Any) -> Actor:
    return subject if isinstance(subject, Actor) else subject[0]

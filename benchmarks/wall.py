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

from benchmarks.auditing import _rounds, lived
from benchmarks.commands import Plan
from benchmarks.databases import Ground, plain, processor
from benchmarks.life import NAMES, stage
from benchmarks.people import hands
from benchmarks.population import populate
from benchmarks.reading import Read, _reads, _timed
from referral.actors import Actor
from referral.roles import APP, make_roles
from referral.store import Door, Store
from referral.upgrade import set_wall
from web.edge import Edge

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


WITHOUT, WALLED = "without", "behind it"


@dataclass
class Commands:
    """A life's commands without the wall and behind it: how long each took, and the processor time
    of each turn, in seconds."""

    took: dict[str, list[float]]
    used: dict[str, list[float]]

    def lines(self, kind: str) -> list[str]:
        turns = [
            walled / without
            for walled, without in zip(self.used[WALLED], self.used[WITHOUT], strict=True)
        ]
        ratio = min(self.used[WALLED]) / min(self.used[WITHOUT])
        quiet = {way: _quiet(took) for way, took in self.took.items()}
        return [
            f"  a command on {kind}: {quiet[WITHOUT] * 1e3:.3f} {quiet[WALLED] * 1e3:.3f}"
            f" x{quiet[WALLED] / quiet[WITHOUT]:.2f}; of processor time x{ratio:.2f}"
            f" (by turns x{statistics.median(turns):.2f}, {min(turns):.2f} to {max(turns):.2f})"
        ]


def _quiet(took: list[float]) -> float:
    """One command of a life, neighbours apart: as `commands.Measured.quiet`."""
    nine = [sorted(took[n :: len(NAMES)]) for n in range(len(NAMES))]
    return sum(each[len(each) // 10] for each in nine) / len(NAMES)


def commands(ground: Ground, plan: Plan) -> Commands:
    """The nine commands of a life in turns: as the program works, and where nothing walls it."""
    base = ground.new("walled")
    free = plain(base)
    the_stage = stage(free, datetime.now(UTC), 2)
    populate(free, the_stage, plan.behind)
    people = hands(free, the_stage, the_stage.groups[1], plan.warm + plan.repeats * plan.lives)
    make_roles(free)
    free.dispose()
    urls = {way: ground.copy(base, f"walled_{n}") for n, way in enumerate((WITHOUT, WALLED))}
    stores = {WITHOUT: plain(urls[WITHOUT], pool_size=1)}
    if stores[WITHOUT].pg:
        powerful = Store(urls[WALLED], wall=False)
        make_roles(powerful)
        set_wall(powerful, True)
        program = powerful.url.set(username=APP).render_as_string(hide_password=False)
        powerful.dispose()
    else:
        program = urls[WALLED]
    stores[WALLED] = Store(program, pool_size=1, wall=True)
    stores[WALLED].keys = None
    spent = {way: processor(one) for way, one in stores.items()}
    found = Commands({WITHOUT: [], WALLED: []}, {WITHOUT: [], WALLED: []})
    for number, some in enumerate(_rounds(plan, people)):
        for way in (WITHOUT, WALLED) if number % 2 else (WALLED, WITHOUT):
            began = spent[way]()
            took = lived(Edge(stores[way]), the_stage.cast, some)
            if number:
                found.took[way] += took
                found.used[way].append((spent[way]() - began) / len(took))
    for one in stores.values():
        one.dispose()
    for url in (base, *urls.values()):
        ground.drop(url)
    return found


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

"""Reads among many referrals: worklists, lists, timelines, the sweep's search, facts of a page.

Each is timed in turns with the others, for several people, inside a transaction that is open
already. Then the database is asked how it goes about each statement: one that reads a growing
table from end to end fails the run, however quick it was."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import cycle
from typing import Any, NamedTuple
from unittest import mock

from benchmarks.databases import Ground, plain
from benchmarks.life import stage
from benchmarks.population import Population, populate
from referral import facts, queue, visible
from referral.actors import Actor
from referral.states import Noun
from referral.store import Door, Sql, Store, Tx
from tests.referral.test_plans import GROWS, nodes, tables_of
from workflows import reading
from workflows.engine import options

PAGE = visible.PAGE
ALL = 2**31 - 1


class Read(NamedTuple):
    """Something that is read, and for whom it is read in turn."""

    name: str
    run: Callable[[Tx, Any], object]
    subjects: list[Any]
    writes: bool = False


@dataclass
class Timed:
    """How long a read took each time, in milliseconds; how many rows, if that says something."""

    took: list[float] = field(default_factory=list)
    rows: int = 0

    def percentile(self, part: float) -> float:
        return sorted(self.took)[min(len(self.took) - 1, int(len(self.took) * part))]

    def summary(self) -> dict[str, float]:
        return {
            "p50_ms": self.percentile(0.5),
            "p95_ms": self.percentile(0.95),
            "least_ms": min(self.took),
            "rows": self.rows,
        }


@dataclass
class Readings:
    """What was read, how long it took, and which statements read a growing table whole."""

    kind: str
    referrals: int
    reads: dict[str, Timed]
    scans: dict[str, list[str]]

    def deep(self, name: str) -> float:
        """A deep page to the first of the same list, each at its best."""
        first, deep = self.reads[f"{name}, first page"], self.reads[f"{name}, deep page"]
        return min(deep.took) / min(first.took)


LISTS = ("worklist", "referrals of a team")


def measure(ground: Ground, referrals: int, repeats: int) -> Readings:
    """Fill a database, read in it, and throw it away."""
    url = ground.new("reading")
    store = plain(url)
    at = datetime.now(UTC)
    population = populate(store, stage(store, at, 1), referrals)
    reads = list(_reads(store, population, at))
    timed = {read.name: Timed() for read in reads}
    subjects = {read.name: cycle(read.subjects) for read in reads}
    for number in range(repeats + 1):
        for read in reads:
            subject = next(subjects[read.name])
            took, found = _once(store, read, subject)
            if number:
                timed[read.name].took.append(took * 1e3)
                timed[read.name].rows = found
    scans = {read.name: _scans(store, read) for read in reads}
    store.dispose()
    ground.drop(url)
    whole = {name: tables for name, tables in scans.items() if tables}
    return Readings(ground.kind, population.referrals, timed, whole)


class _Undo(Exception):
    """What was written while measuring is not kept."""


def _once(store: Store, read: Read, subject: Any) -> tuple[float, int]:
    if not read.writes:
        with store.read(door=Door.WHOLE) as tx:
            return _timed(tx, read, subject)
    took = (0.0, 0)
    try:
        with store.begin(door=Door.WHOLE) as tx:
            took = _timed(tx, read, subject)
            raise _Undo
    except _Undo:
        return took


def _timed(tx: Tx, read: Read, subject: Any) -> tuple[float, int]:
    began = time.perf_counter()
    found = read.run(tx, subject)
    took = time.perf_counter() - began
    return took, len(found) if isinstance(found, list) else 1


# -- what is read -------------------------------------------------------------------------------


def _reads(store: Store, population: Population, at: datetime) -> Iterator[Read]:
    workers = population.link_workers
    with store.read(door=Door.WHOLE) as tx:
        first = [(actor, None) for actor in workers]
        far = [(actor, _far_down_the_worklist(at, tx, actor)) for actor in workers]
        further = [(actor, _far_down_the_list(at, tx, actor)) for actor in workers]
        told = [(actor, record) for actor in workers for record in _own(tx, actor, "closed", 5)]
        pages = [(actor, _own(tx, actor, "active", PAGE)) for actor in workers]
        # What has come due since the sweep last looked; and what would have after a long stop.
        few = _nth_due(tx, 150) or at
    leaders = [(actor, None) for actor in population.leaders]
    yield Read("worklist, first page", partial(_worklist, at), first)
    yield Read("worklist, deep page", partial(_worklist, at), far)
    yield Read("worklist of a provider", partial(_worklist, at), leaders)
    yield Read("worklist, as shown", partial(_shown, at), workers)
    yield Read("referrals of a team, first page", partial(_listed, at), first)
    yield Read("referrals of a team, deep page", partial(_listed, at), further)
    yield Read("timeline", partial(_timeline, at), told)
    yield Read("timeline, as shown", partial(_timeline_shown, at), told)
    yield Read("due, 100 of a few", partial(_due, few, 100), [None])
    yield Read("due, 100 claimed of a few", partial(_claimed, few), [None], writes=True)
    yield Read("due, 100 after a long stop", partial(_due, at, 100), [None])
    yield Read("due, all after a long stop", partial(_due, at, ALL), [None])
    yield Read("facts of 25", partial(_facts, at), pages)
    yield Read("facts of 25, and what can be done", partial(_options, at), pages)


def _worklist(at: datetime, tx: Tx, asked: tuple[Actor, Any], limit: int = PAGE) -> list[Any]:
    actor, after = asked
    keys = visible.work_keys(tx, actor, at)
    return visible.worklist(tx, actor, at, reading.horizon(at), keys, after, limit)[0]


def _far_down_the_worklist(at: datetime, tx: Tx, actor: Actor) -> tuple[int, datetime, int]:
    rows = _worklist(at, tx, (actor, None), ALL)
    row = rows[len(rows) * 2 // 3]
    return row.rank, row.due, row.id


def _shown(at: datetime, tx: Tx, actor: Actor) -> list[Any]:
    return reading.worklist(tx, actor, at).items


def _listed(at: datetime, tx: Tx, asked: tuple[Actor, Any]) -> list[Any]:
    actor, after = asked
    return visible.referrals(tx, actor, at, after=after)


NTH = Sql(
    "SELECT since, id FROM referral WHERE organisation_id = :organisation"
    " ORDER BY since DESC, id DESC LIMIT 1 OFFSET :n",
    times=(0,),
)
HOW_MANY = Sql("SELECT count(*) FROM referral WHERE organisation_id = :organisation")
OWN = Sql(
    "SELECT id FROM referral WHERE link_worker_id = :member AND state = :state ORDER BY id LIMIT :n"
)


def _far_down_the_list(at: datetime, tx: Tx, actor: Actor) -> tuple[datetime, str]:
    (count,) = tx.row(HOW_MANY, organisation=actor.organisation_id) or (0,)
    row = tx.row(NTH, organisation=actor.organisation_id, n=count * 2 // 3)
    if row is None:
        raise RuntimeError("a team has referrals")
    return row[0], row[1]


def _own(tx: Tx, actor: Actor, state: str, count: int) -> list[str]:
    return [row[0] for row in tx.rows(OWN, member=actor.membership_id, state=state, n=count)]


def _timeline(at: datetime, tx: Tx, asked: tuple[Actor, str]) -> list[Any]:
    return visible.steps_since(tx, asked[0], at, Noun.REFERRAL, asked[1])


def _timeline_shown(at: datetime, tx: Tx, asked: tuple[Actor, str]) -> list[Any]:
    return reading.timeline(tx, asked[0], at, Noun.REFERRAL, asked[1]).steps


# What the claim looks for, without claiming it.
FOUND = re.search(r"WITH wanted AS \((.*)\) UPDATE", queue.CLOCKS[False].text)
DUE = Sql(FOUND[1] if FOUND else "")


NTH_DUE = Sql(
    "SELECT look_at FROM clock WHERE ended IS NULL ORDER BY look_at, id LIMIT 1 OFFSET :n",
    times=(0,),
)


def _nth_due(tx: Tx, n: int) -> datetime | None:
    row = tx.row(NTH_DUE, n=n)
    return row[0] if row else None


def _due(at: datetime, most: int, tx: Tx, _: None) -> list[Any]:
    return tx.rows(DUE, at=at, n=most)


def _claimed(at: datetime, tx: Tx, _: None) -> list[Any]:
    return queue.claim_clocks(tx, at, at + timedelta(minutes=1), 100)


def _facts(at: datetime, tx: Tx, asked: tuple[Actor, list[str]]) -> list[Any]:
    return list(facts.referrals(tx, asked[1], asked[0], at).values())


def _options(at: datetime, tx: Tx, asked: tuple[Actor, list[str]]) -> list[Any]:
    actor, ids = asked
    found = facts.referrals(tx, ids, actor, at)
    return [options(Noun.REFERRAL, f, actor, at) for f in found.values()]


# -- how the database goes about it -------------------------------------------------------------


def _scans(store: Store, read: Read) -> list[str]:
    """The growing tables that the statements of this read go through from end to end."""
    sent: list[tuple[str, Any]] = []
    execute = Tx.execute

    def noted(tx: Tx, sql: str, values: Any) -> Any:
        sent.append((sql, values))
        return execute(tx, sql, values)

    with store.begin(door=Door.WHOLE) as tx, mock.patch.object(Tx, "execute", noted):
        read.run(tx, read.subjects[0])
        sent, asked = [], sent
        return sorted({table for sql, values in asked for table in _whole(tx, sql, values)})


MANY = 20_000


def _holds_many(tx: Tx, table: str) -> bool:
    """PostgreSQL rightly reads a table of a page or two from end to end."""
    (count,) = tx.raw.execute(f"SELECT count(*) FROM {table}").fetchone()
    return bool(count > MANY)


def _whole(tx: Tx, sql: str, values: Any) -> Iterator[str]:
    names = tables_of(sql)
    if tx.pg:
        found = tx.raw.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {sql}", prepare=False)
        for node in nodes(found.fetchone()[0][0]["Plan"]):
            name = node.get("Relation Name")
            if node["Node Type"] == "Seq Scan" and name in GROWS and _holds_many(tx, name):
                yield name
        return
    for *_, detail in tx.raw.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall():
        read = re.match(r"SCAN (\w+)", detail)
        if read and names.get(read[1]) in GROWS:
            yield names[read[1]]

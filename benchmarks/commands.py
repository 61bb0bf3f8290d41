"""Commands a second: ours, and the raw driver with the same reads and writes, in turns.

Each way of writing has a database of its own, all copied from one, and lives the same people's
referrals; after each round all must hold as many rows in every table, or the run has failed."""

from __future__ import annotations

import gc
import hashlib
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from statistics import median
from typing import Any, NamedTuple

from benchmarks.databases import Ground, durable, plain, raw
from benchmarks.life import NAMES, Cast, Hand, Life, stage
from benchmarks.people import hands
from benchmarks.population import populate
from benchmarks.replay import Script, ready, replay, replay_ready, script
from referral.ledger import TABLES
from web.edge import Edge

OURS, LOOP, READY = "ours", "raw loop", "raw loop, ready made"
WAYS = (OURS, LOOP, READY)


@dataclass(frozen=True)
class Plan:
    """How much is lived: how often the ways take turns, how many lives each has at a time, how
    many are thrown away first, and how many referrals lie behind them."""

    repeats: int = 9
    lives: int = 25
    warm: int = 10
    behind: int = 5_000
    clients: int = 1


QUICK = Plan(repeats=2, lives=2, warm=1, behind=0)


class Turn(NamedTuple):
    """What one client did in one turn. Times are of the machine's one steady clock."""

    began: float
    ended: float
    cpu: float
    took: list[float]


@dataclass
class Measured:
    """One way of writing over all repeats: commands a second, milliseconds of the client's CPU for
    each, and how long each took."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    def add(self, turns: list[Turn]) -> None:
        count = sum(len(turn.took) for turn in turns)
        span = max(turn.ended for turn in turns) - min(turn.began for turn in turns)
        self.rates.append(count / span)
        self.cpu.append(sum(turn.cpu for turn in turns) / count * 1e3)
        for turn in turns:
            self.took.extend(turn.took)

    def percentile(self, part: float) -> float:
        """How long all but the slowest of the commands took, in milliseconds."""
        return sorted(self.took)[min(len(self.took) - 1, int(len(self.took) * part))] * 1e3

    def quiet(self) -> float:
        """How long one command of a life takes on average when the neighbours are quiet, in
        milliseconds: of each of the nine, what a tenth of them stayed within. A command is so
        short that a good part of them goes undisturbed however busy the machine is."""
        nine = [sorted(self.took[n :: len(NAMES)]) for n in range(len(NAMES))]
        return sum(each[len(each) // 10] for each in nine) / len(NAMES) * 1e3

    def summary(self) -> dict[str, float]:
        return {
            "quiet_ms": self.quiet(),
            "median": median(self.rates),
            "least": min(self.rates),
            "best": max(self.rates),
            "p50_ms": self.percentile(0.5),
            "p95_ms": self.percentile(0.95),
            "cpu_ms": median(self.cpu),
            "cpu_ms_best": min(self.cpu),
        }


@dataclass
class Outcome:
    """What was measured, and whether all ways wrote the same."""

    kind: str
    plan: Plan
    settings: dict[str, str]
    ways: dict[str, Measured]
    differing: list[str]

    def quiet(self, other: str) -> float:
        """How much quicker ours is than another way, neighbours apart."""
        return self.ways[other].quiet() / self.ways[OURS].quiet()

    def best(self, other: str) -> float:
        """Ours to another way, each in its best turn."""
        return max(self.ways[OURS].rates) / max(self.ways[other].rates)

    def ratios(self, other: str) -> list[float]:
        """The same, turn by turn."""
        pairs = zip(self.ways[OURS].rates, self.ways[other].rates, strict=True)
        return [ours / theirs for ours, theirs in pairs]


# -- one client ---------------------------------------------------------------------------------


class Client:
    """One client, with a connection for each way of writing."""

    def __init__(self, urls: dict[str, str], cast: Cast, the_script: Script) -> None:
        self.cast = cast
        self.script = the_script
        self.store = plain(urls[OURS], pool_size=1)
        self.edge = Edge(self.store)
        self.pg = self.store.pg
        self.connections = {way: raw(urls[way]) for way in (LOOP, READY)}

    def turn(self, way: str, some: list[Hand]) -> Turn:
        """Live these people's referrals."""
        live = {OURS: self._ours, LOOP: self._loop, READY: self._ready}[way]
        work = [ready(self.script, hand) for hand in some] if way == READY else some
        gc.collect()
        began, cpu = time.perf_counter(), time.process_time()
        took = live(work)
        return Turn(began, time.perf_counter(), time.process_time() - cpu, took)

    def _ours(self, some: list[Any]) -> list[float]:
        took = []
        for hand in some:
            for _, actor, command in Life(self.cast, hand).commands():
                began = time.perf_counter()
                self.edge.perform(actor, command)
                took.append(time.perf_counter() - began)
        return took

    def _loop(self, some: list[Any]) -> list[float]:
        on, now = self.connections[LOOP], time.perf_counter
        return [t for hand in some for t in replay(on, self.pg, self.script, hand, now)]

    def _ready(self, some: list[Any]) -> list[float]:
        on, now = self.connections[READY], time.perf_counter
        return [t for life in some for t in replay_ready(on, self.pg, life, now)]

    def close(self) -> None:
        self.store.dispose()
        for connection in self.connections.values():
            connection.close()


Turns = Callable[[str, list[list[Hand]]], list[Turn]]


@contextmanager
def clients(count: int, urls: dict[str, str], cast: Cast, the_script: Script) -> Iterator[Turns]:
    """So many clients, each a process of its own if there are several. What is given takes a turn
    of all of them at once."""
    if count == 1:
        client = Client(urls, cast, the_script)
        try:
            yield lambda way, each: [client.turn(way, each[0])]
        finally:
            client.close()
        return
    # A script is made of functions, which only a forked process inherits.
    fork = multiprocessing.get_context("fork")
    pipes, processes = [], []
    for _ in range(count):
        ours, theirs = fork.Pipe()
        process = fork.Process(target=_serve, args=(theirs, urls, cast, the_script), daemon=True)
        process.start()
        pipes.append(ours)
        processes.append(process)

    def turns(way: str, each: list[list[Hand]]) -> list[Turn]:
        for pipe, some in zip(pipes, each, strict=True):
            pipe.send((way, some))
        return [pipe.recv() for pipe in pipes]

    try:
        yield turns
    finally:
        for pipe, process in zip(pipes, processes, strict=True):
            pipe.send(None)
            process.join()


def _serve(pipe: Connection, urls: dict[str, str], cast: Cast, the_script: Script) -> None:
    client = Client(urls, cast, the_script)
    for way, some in iter(pipe.recv, None):
        pipe.send(client.turn(way, some))
    client.close()


# -- the run ------------------------------------------------------------------------------------


def measure(ground: Ground, plan: Plan) -> Outcome:
    """Let the ways take turns, compare what they wrote, and throw the databases away."""
    base = ground.new("base")
    store = plain(base)
    at = datetime.now(UTC)
    the_stage = stage(store, at, plan.clients + 1)
    populate(store, the_stage, plan.behind)
    wanted = plan.warm + plan.repeats * plan.lives
    everybody = [hands(store, the_stage, group, wanted) for group in the_stage.groups[1:]]
    noted = tuple(hands(store, the_stage, group, 1)[0] for group in the_stage.groups[:2])
    the_script = script(Edge(store), lambda hand: Life(the_stage.cast, hand), (noted[0], noted[1]))
    settings = durable(ground.kind, store)
    store.dispose()
    urls = {way: ground.copy(base, f"way_{number}") for number, way in enumerate(WAYS)}
    ways = {way: Measured() for way in WAYS}
    differing: list[str] = []
    with clients(plan.clients, urls, the_stage.cast, the_script) as turns:
        for number, (first, last) in enumerate(_rounds(plan)):
            each = [people[first:last] for people in everybody]
            # Whoever goes first finds the caches of another: they take turns at that too.
            for way in WAYS[number % len(WAYS) :] + WAYS[: number % len(WAYS)]:
                done = turns(way, each)
                if number:
                    ways[way].add(done)
            differing = _differing({way: _tally(url) for way, url in urls.items()})
            if differing:
                break
    for url in (base, *urls.values()):
        ground.drop(url)
    return Outcome(ground.kind, plan, settings, ways, differing)


def _rounds(plan: Plan) -> Iterator[tuple[int, int]]:
    """(first, last) of each client's people in each round; the first round is the warm-up."""
    yield 0, plan.warm
    for number in range(plan.repeats):
        first = plan.warm + number * plan.lives
        yield first, first + plan.lives


def _tally(url: str) -> dict[str, int]:
    """How many rows there are in each table, referrals in each state, and leaves whose hash isn't
    theirs."""
    connection = raw(url)
    try:
        found = {}
        for table in sorted(TABLES):
            row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            found[table] = int(row[0])
        states = "SELECT state, count(*), sum(version) FROM referral GROUP BY state"
        for state, count, versions in connection.execute(states).fetchall():
            found[f"referral {state}"] = int(count)
            found[f"referral {state}, versions"] = int(versions)
        leaves = "SELECT leaf, leaf_hash FROM audit ORDER BY seq DESC LIMIT 500"
        found["leaves that aren't their hash"] = sum(
            hashlib.sha256(b"\0" + leaf.encode()).digest() != bytes(held)
            for leaf, held in connection.execute(leaves).fetchall()
        )
        return found
    finally:
        connection.close()


def _differing(tallies: dict[str, dict[str, int]]) -> list[str]:
    """What not all ways have as many of."""
    names = sorted({name for tally in tallies.values() for name in tally})
    return [
        f"{name}: " + ", ".join(f"{way} {tally.get(name, 0)}" for way, tally in tallies.items())
        for name in names
        if len({tally.get(name, 0) for tally in tallies.values()}) > 1
    ]

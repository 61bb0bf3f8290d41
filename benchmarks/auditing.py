"""What the audit log costs: its entry in a command, its place in the tree, checking a million of
them, and proving one. Each against something measured in the same run."""

from __future__ import annotations

import gc
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from statistics import median
from typing import Any
from unittest import mock

from benchmarks.commands import Plan
from benchmarks.databases import Ground, durable, plain, processor, raw
from benchmarks.life import NAMES, Hand, Life, stage
from benchmarks.people import hands
from benchmarks.population import populate
from referral import audit, sequencer, tree
from referral.actors import the_system
from referral.ids import new_id
from referral.leaf import canonical, leaf_hash
from referral.notes import Signer
from referral.proofs import entries_named, proofs_of
from referral.store import Door, Sql, Store
from referral.verify_tree import check_tree
from web.audit_keys import Keys
from web.edge import Edge

WITH, WITHOUT = "with its entry", "without"
KEYS = Keys((Signer.new("benchmark.example/audit"),))
PROOFS = 200
ENTRY = Sql("SELECT system_id, leaf FROM audit WHERE action = 'step' ORDER BY seq DESC LIMIT 1")
FEW = 10_000  # rows written at a time while the log is filled


@dataclass
class Log:
    """What was measured on one kind of database; times in seconds."""

    kind: str
    entries: int
    settings: dict[str, str]
    took: dict[str, list[float]] = field(default_factory=dict)  # commands, by way
    used: dict[str, list[float]] = field(default_factory=dict)  # processor time, by way and turn
    placing: float = 0.0  # of one entry
    checking: float = 0.0  # of them all
    hashing: float = 0.0  # of the same leaves in a bare loop
    proving: list[float] = field(default_factory=list)

    def quiet(self, way: str) -> float:
        """One command of a life, neighbours apart: as `commands.Measured.quiet`."""
        nine = [sorted(self.took[way][n :: len(NAMES)]) for n in range(len(NAMES))]
        return sum(each[len(each) // 10] for each in nine) / len(NAMES)

    @property
    def added(self) -> float:
        """The part that its entry adds to a command."""
        return self.quiet(WITH) / self.quiet(WITHOUT) - 1

    @property
    def added_to_the_processor(self) -> float:
        """The same of processor time, ours and the database's: in each its best turn."""
        return min(self.used[WITH]) / min(self.used[WITHOUT]) - 1

    @property
    def of_a_bare_loop(self) -> float:
        """How fast the check is, the bare loop of hashes being 1."""
        return self.hashing / self.checking

    def summary(self) -> dict[str, Any]:
        """For a program; times in milliseconds."""
        return {
            "entries": self.entries,
            "command_with_ms": self.quiet(WITH) * 1e3,
            "command_without_ms": self.quiet(WITHOUT) * 1e3,
            "entry_adds": self.added,
            "entry_adds_to_the_processor": self.added_to_the_processor,
            "entry_adds_by_turns": [
                each / without - 1
                for each, without in zip(self.used[WITH], self.used[WITHOUT], strict=True)
            ],
            "placing_an_entry_ms": self.placing * 1e3,
            "placing_to_a_command": self.placing / self.quiet(WITH),
            "checking_s": self.checking,
            "of_a_bare_loop": self.of_a_bare_loop,
            "prove_p50_ms": median(self.proving) * 1e3,
            "prove_most_ms": max(self.proving) * 1e3,
        }


def measure(ground: Ground, plan: Plan, entries: int) -> Log:
    """Measure, then throw the databases away."""
    base = ground.new("log")
    store = plain(base)
    at = datetime.now(UTC)
    the_stage = stage(store, at, 2)
    populate(store, the_stage, plan.behind)
    people = hands(store, the_stage, the_stage.groups[1], plan.warm + plan.repeats * plan.lives)
    found = Log(ground.kind, entries, durable(ground.kind, store))
    store.dispose()
    urls = {way: ground.copy(base, f"log_{number}") for number, way in enumerate((WITH, WITHOUT))}
    stores = {way: plain(url, pool_size=1) for way, url in urls.items()}
    found.took, found.used = {WITH: [], WITHOUT: []}, {WITH: [], WITHOUT: []}
    spent = {way: processor(one) for way, one in stores.items()}
    for number, some in enumerate(_rounds(plan, people)):
        for way in (WITH, WITHOUT) if number % 2 else (WITHOUT, WITH):
            began = spent[way]()
            took = _lived(Edge(stores[way]), the_stage.cast, some, way)
            if number:
                found.took[way] += took
                found.used[way].append((spent[way]() - began) / len(took))
    for one in stores.values():
        one.dispose()
    _the_tree(urls[WITH], found)
    for url in (base, *urls.values()):
        ground.drop(url)
    return found


def _rounds(plan: Plan, people: list[Hand]) -> Iterator[list[Hand]]:
    yield people[: plan.warm]
    for number in range(plan.repeats):
        first = plan.warm + number * plan.lives
        yield people[first : first + plan.lives]


def _lived(edge: Edge, cast: Any, some: list[Hand], way: str) -> list[float]:
    """Live these lives; how long each command took. Without: no entry is made nor written."""
    with mock.patch.object(audit, "entry", _none if way == WITHOUT else audit.entry):
        return lived(edge, cast, some)


def lived(edge: Edge, cast: Any, some: list[Hand]) -> list[float]:
    """Live these lives; how long each command took."""
    took = []
    gc.collect()
    for hand in some:
        for _, actor, command in Life(cast, hand).commands():
            began = time.perf_counter()
            edge.perform(actor, command)
            took.append(time.perf_counter() - began)
    return took


def _none(**said: Any) -> list[Any]:
    return []


# -- the tree -----------------------------------------------------------------------------------


def _the_tree(url: str, found: Log) -> None:
    store = plain(url, pool_size=1)
    _fill(store, url, found.entries)
    began = time.perf_counter()
    low = "0"
    placed = count = 0
    while count or not placed:
        with store.begin(door=Door.WHOLE) as tx:
            count, low = sequencer.place(tx, low)
        placed += count
    found.placing = (time.perf_counter() - began) / placed
    with store.begin(door=Door.WHOLE) as tx:
        sequencer.head(tx, KEYS.origin, KEYS.sign, datetime.now(UTC))
    with store.snapshot(door=Door.WHOLE) as tx:
        found.entries = tree.size(tx)
        found.hashing = _timed(_bare_loop([row[0].encode() for row in tx.stream(_LEAVES)]))
        report = _Findings()
        found.checking = _timed(lambda: check_tree(tx, report, KEYS.verifiers))
        if report.found:
            raise RuntimeError(f"The log is not whole: {report.found[0]}")
        chance = random.Random(7)
        head = tree.last_checkpoint(tx)
        if head is None:
            raise RuntimeError("no head was signed")
        for _ in range(PROOFS):
            idx = str(chance.randrange(found.entries))
            began = time.perf_counter()
            ((_, proof),) = proofs_of(tx, entries_named(tx, idx), head)
            found.proving.append(time.perf_counter() - began)
            if str(proof.idx) != idx:
                raise RuntimeError("another entry was proved")
    store.dispose()


_LEAVES = Sql("SELECT leaf FROM audit ORDER BY seq")


class _Findings:
    def __init__(self) -> None:
        self.found: list[Any] = []

    def add(self, findings: Any) -> None:
        self.found += findings


def _timed(run: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _bare_loop(leaves: list[bytes]) -> Callable[[], object]:
    """One digest a leaf, all of them in memory: what no check can be faster than."""

    def run() -> None:
        for leaf in leaves:
            sha256(b"\x00" + leaf).digest()

    return run


def _fill(store: Store, url: str, entries: int) -> None:
    """So many entries like that of a step, beside those there are."""
    with store.read(door=Door.WHOLE) as tx:
        row = tx.row(ENTRY)
    if row is None:
        raise RuntimeError("no command was made")
    system_id, leaf = row
    said = json.loads(leaf)
    at = datetime.now(UTC) - timedelta(days=30)
    actor = the_system(str(system_id), "benchmark")
    columns = "entry_id, system_id, at, action, noun, record_id, version, leaf, leaf_hash"
    connection = raw(url)
    for first in range(0, entries, FEW):
        rows = []
        for number in range(first, min(entries, first + FEW)):
            moment = at + timedelta(milliseconds=number)
            one = {**said, "entry": new_id(moment), "record": new_id(moment), "at": moment}
            text = canonical(one)
            stored = text[text.index('"at":"') + 6 :].partition('"')[0]
            rows.append(
                (
                    one["entry"],
                    actor.system_id,
                    stored,
                    "step",
                    "referral",
                    one["record"],
                    1,
                    text,
                    leaf_hash(text),
                )
            )
        _write(connection, store.pg, columns, rows)
    connection.close()


def _write(connection: Any, pg: bool, columns: str, rows: list[tuple[Any, ...]]) -> None:
    places = ", ".join(["%s" if pg else "?"] * 9)
    connection.execute("BEGIN")
    cursor = connection.cursor()
    cursor.executemany(f"INSERT INTO audit ({columns}) VALUES ({places})", rows)
    connection.execute("COMMIT")

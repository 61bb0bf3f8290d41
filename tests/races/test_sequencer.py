"""Six slow writers, who roll back now and then, against two sequencers: no committed entry is lost,
and none stands out of order within its record."""

from __future__ import annotations

import random
import threading
import time
from contextlib import suppress
from itertools import pairwise

import pytest

from referral import merkle, tree
from referral.audit import log
from referral.sequencer import Refused, head, place, waits
from referral.store import Sql, Store, TryAgain
from tests.races.rounds import rounds
from tests.races.together import LONG
from tests.world import World, build

WRITERS = 6
EACH = rounds(15, 300)
ROLLED_BACK = 0.15

NEXT = Sql("UPDATE person SET gate = gate + 1 WHERE id = :id")
VERSION = Sql("SELECT gate FROM person WHERE id = :id")
TAKE_A_NUMBER = Sql("SELECT pg_current_xact_id()")
LEFT = Sql("SELECT count(*) FROM audit WHERE seq NOT IN (SELECT seq FROM audit_index)")
PLACES = Sql(
    "SELECT i.idx, a.action, a.record_id, a.version FROM audit_index i JOIN audit a"
    " ON a.seq = i.seq ORDER BY i.idx"
)


class Dies(Exception):
    """What makes a writer roll back."""


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def writer(w: World, people: list[str], seed: int, wrote: list[tuple[str, int]]) -> None:
    """Write entries slowly, in the way of a command: the lock of its record, then the entry."""
    chance = random.Random(seed)
    store = Store(w.store.url.render_as_string(hide_password=False), pool_size=1)
    for _ in range(EACH):
        person = chance.choice(people)
        with suppress(Dies, TryAgain):
            with store.begin() as tx:
                if tx.pg and chance.random() < 0.3:
                    tx.rows(TAKE_A_NUMBER)
                    time.sleep(chance.uniform(0, 0.004))
                tx.run(NEXT, id=person)
                version = int(tx.rows(VERSION, id=person)[0][0])
                log(tx, w.system, w.at, "changed", "person", person, version=version)
                time.sleep(chance.uniform(0, 0.004))
                if chance.random() < ROLLED_BACK:
                    raise Dies
            wrote.append((person, version))
    store.dispose()


def sequencer(w: World, stop: threading.Event, refused: list[str]) -> None:
    store = Store(w.store.url.render_as_string(hide_password=False), pool_size=1)
    low = "0"
    while not stop.is_set():
        with suppress(TryAgain):
            with store.read() as tx:
                work = waits(tx)
            if work:
                with store.begin() as tx:
                    _, low = place(tx, low, most=7)
                with store.begin() as tx:
                    head_now(w, tx, refused)
        time.sleep(0.001)
    store.dispose()


def head_now(w: World, tx: object, refused: list[str]) -> None:
    try:
        head(tx, "o", lambda *said: str(said), w.at)  # type: ignore[arg-type]
    except Refused as why:
        refused.append(str(why))


def test_no_entry_is_lost_or_overtaken(w: World) -> None:
    people = [w.person() for _ in range(4)]
    wrote: list[list[tuple[str, int]]] = [[] for _ in range(WRITERS)]
    refused: list[str] = []
    stop = threading.Event()
    writers = [
        threading.Thread(target=writer, args=(w, people, seed, wrote[seed]))
        for seed in range(WRITERS)
    ]
    sequencers = [threading.Thread(target=sequencer, args=(w, stop, refused)) for _ in range(2)]
    for thread in (*writers, *sequencers):
        thread.start()
    for thread in writers:
        thread.join(LONG * 5)
    stop.set()
    for thread in sequencers:
        thread.join(LONG)
    low, count = "0", 1
    while count:
        with w.store.begin() as tx:
            count, low = place(tx, low)
    with w.store.read() as tx:
        assert tx.rows(LEFT) == [(0,)]
        places = tx.rows(PLACES)
        heads = [row[0] for row in tx.rows(Sql("SELECT size FROM audit_checkpoint ORDER BY size"))]
        read = tree.reader(tx)
        roots = {size: merkle.root(size, read) for size in heads}
        kept = dict(tx.rows(Sql("SELECT size, root FROM audit_checkpoint")))
    assert refused == []
    assert [idx for idx, *_ in places] == [*range(len(places))]
    told = [(str(record), version) for _, action, record, version in places if action == "changed"]
    everything = [one for each in wrote for one in each]
    assert sorted((p, v) for p, v in told if p in people and v) == sorted(everything)
    for person in people:
        versions = [v for p, v in told if p == person and v]
        assert all(one < other for one, other in pairwise(versions)), person
    assert {size: bytes(root) for size, root in kept.items()} == roots
    assert len(heads) > 1

"""While entries are written and heads signed by two workers at once, readers take proofs and check
each with the public key; a witness signs every head, and is never shown one that goes back."""

from __future__ import annotations

import json
import random
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from referral import merkle, tree
from referral.audit import log
from referral.notes import Kind, Signer, checkpoint, split
from referral.proof_files import ProofFile
from referral.store import Sql, Store, TryAgain
from tests.keeping import KEYS, ORIGIN
from tests.races.rounds import rounds
from tests.races.together import LONG
from tests.world import World, build
from web.audit_outlets import Address
from web.auditing import LogKeeper
from web.edge import Edge
from web.witness import Heads, Witness
from web.witnessing import WitnessOutlet

ALARMS = Sql("SELECT leaf FROM audit WHERE action LIKE 'audit_%'")
EACH = rounds(15, 300)
WRITERS, KEEPERS, READERS = 3, 2, 2
WITNESS = Signer("witness.example.org", bytes(range(64, 96)), Kind.COSIGNATURE)


@dataclass
class Load:
    """What is going on, and what was found."""

    w: World
    witness: Witness
    stop: threading.Event = field(default_factory=threading.Event)
    shown: list[int] = field(default_factory=list)
    grew: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def store(self) -> Store:
        return Store(self.w.store.url.render_as_string(hide_password=False), pool_size=1)

    def write(self) -> None:
        store = self.store()
        for _ in range(EACH):
            with suppress(TryAgain), store.begin() as tx:
                log(tx, self.w.system, self.w.at, "read", "person", None)
        store.dispose()

    def keep(self) -> None:
        store = self.store()
        place = WitnessOutlet(Address("https://witness.example.org"), WITNESS.verifier)
        keeper = LogKeeper(Edge(store, lambda: self.w.at), KEYS, (place,))
        while not self.stop.is_set():
            with suppress(TryAgain):
                keeper.turn(now=True)
        store.dispose()

    def read(self, seed: int) -> None:
        """Proofs of entries drawn by lot, and that each head begins with the one seen before."""
        chance, store = random.Random(seed), self.store()
        seen = (0, merkle.EMPTY_ROOT)
        while not self.stop.is_set():
            try:
                with suppress(TryAgain), store.read() as tx:
                    seen = self._look(tx, chance, seen)
            except Exception as error:
                self.wrong.append(repr(error))
                break
        store.dispose()

    def _look(self, tx, chance: random.Random, seen: tuple[int, bytes]) -> tuple[int, bytes]:
        head = tree.last_checkpoint(tx)
        if head is None:
            return seen
        idx, read = chance.randrange(head.size), tree.reader(tx)
        ((leaf,),) = tx.rows(tree.TEXTS, begin=idx, end=idx + 1)
        path = merkle.inclusion(idx, head.size, read)
        proof = ProofFile(idx, path, tree.cosigned(tx, head))
        ProofFile.read(proof.text).check(leaf, [*KEYS.verifiers, WITNESS.verifier])
        self.shown.append(idx)
        step = merkle.consistency(seen[0], head.size, read)
        merkle.verify_consistency(seen[0], head.size, step, seen[1], head.root)
        if head.size > seen[0]:
            self.grew.append(head.size)
        return head.size, head.root


@pytest.fixture
def load(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    witness = Witness(
        WITNESS, KEYS.verifiers, Heads(tmp_path / "witness.db"), lambda: 1_800_000_000
    )

    def post(address: Address, body: bytes) -> tuple[int, bytes]:
        answer = witness.add_checkpoint(body)
        return answer.status, answer.text.encode()

    monkeypatch.setattr(Address, "post", post)
    return Load(build(store), witness)


def test_every_proof_holds_while_the_log_grows(load: Load, tmp_path: Path) -> None:
    writers = [threading.Thread(target=load.write) for _ in range(WRITERS)]
    others = [threading.Thread(target=load.keep) for _ in range(KEEPERS)]
    others += [threading.Thread(target=load.read, args=(seed,)) for seed in range(READERS)]
    for thread in (*writers, *others):
        thread.start()
    for thread in writers:
        thread.join(LONG * 5)
    while not (load.wrong or (load.shown and load.grew)):  # a reader had its turn
        load.stop.wait(0.01)
    load.stop.set()
    for thread in others:
        thread.join(LONG)
    assert load.wrong == []
    assert load.shown
    assert load.grew
    store = load.store()
    place = WitnessOutlet(Address("https://witness.example.org"), WITNESS.verifier)
    LogKeeper(Edge(store, lambda: load.w.at), KEYS, (place,)).turn(now=True)
    with store.read() as tx:
        last = tree.last_checkpoint(tx)
        size = tree.size(tx)
        alarms = [json.loads(leaf)["duty"] for (leaf,) in tx.rows(ALARMS)]
    store.dispose()
    assert last is not None
    assert Heads(tmp_path / "witness.db").latest(ORIGIN) == (last.size, last.root)
    assert checkpoint(split(last.note)[0]).size == last.size == size
    assert alarms == []

"""Two heads of one log reach a witness in the same moment: it never goes back."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from referral.merkle import consistency
from referral.notes import Checkpoint, Kind, Signer, note
from tests.races.rounds import rounds
from tests.trees import LEAVES, Grown
from web.witness import Heads, Witness, request

ORIGIN = "audit.example.org/segue/log1"
LOG = Signer(ORIGIN, bytes(range(32)))
KEY = Signer("witness.example.org/w1", bytes(range(32, 64)), Kind.COSIGNATURE)
TREE = Grown(LEAVES[:300])
CONTENDERS = 4


class Together(Heads):
    """All have looked before anybody keeps. Who lost looks a second time, alone."""

    def __init__(self, path: Path, barrier: Barrier) -> None:
        super().__init__(path)
        self._waits = [barrier.wait]

    def latest(self, origin: str) -> tuple[int, bytes]:
        found = super().latest(origin)
        while self._waits:
            self._waits.pop()()
        return found


class Careless(Together):
    """Keeps what it is given, whatever is there."""

    def replace(self, old: tuple[int, bytes], new: Checkpoint, note: str, at: int) -> bool:
        while not super().replace(Heads.latest(self, new.origin), new, note, at):
            pass  # somebody else was at it in this very moment
        return True


def asked(old: int, new: int) -> bytes:
    body = Checkpoint(ORIGIN, new, TREE.root(new)).body
    return request(old, consistency(old, new, TREE.read), note(body, [LOG.sign(body)]))


def raced(kind: type[Together], path: Path, old: int, sizes: list[int]) -> dict[int, int]:
    """The statuses, by the size each contender asked for; each has a file handle of its own."""
    Witness(KEY, [LOG.verifier], Heads(path)).add_checkpoint(asked(0, old))
    barrier = Barrier(len(sizes))

    def one(size: int) -> int:
        witness = Witness(KEY, [LOG.verifier], kind(path, barrier))
        return witness.add_checkpoint(asked(old, size)).status

    with ThreadPoolExecutor(len(sizes)) as pool:
        return dict(zip(sizes, pool.map(one, sizes), strict=True))


@pytest.mark.parametrize("old", [0, 10])
def test_one_wins_and_the_newest_head_is_the_one_that_was_signed(tmp_path, old):
    draw = random.Random(old)
    for number in range(rounds(12)):
        path = tmp_path / f"{number}.db"
        sizes = draw.sample(range(old + 1, 300), CONTENDERS)
        said = raced(Together, path, old, sizes)
        assert sorted(said.values()) == [200, 409, 409, 409]
        (winner,) = [size for size, status in said.items() if status == 200]
        assert Heads(path).latest(ORIGIN) == (winner, TREE.root(winner))


def test_the_race_is_one_that_can_be_lost(tmp_path):
    said = raced(Careless, tmp_path / "careless.db", 10, [20, 30, 40])
    assert list(said.values()) == [200, 200, 200]

"""The tree against pymerkle, which shares nothing with it: every size from 1 to 257, every leaf of
each, and two sizes over 65,536.

pymerkle counts leaves from one, and writes a consistency proof in a shape of its own, so it can't
be given ours: it shows that the roots belong together, and ours is checked over the same roots.
`make verify-foreign` has other people read ours."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from pymerkle import InmemoryTree, InvalidProof
from pymerkle import verify_consistency as theirs_consistent
from pymerkle import verify_inclusion as theirs_included

from referral.merkle import (
    EMPTY_ROOT,
    NotProved,
    consistency,
    inclusion,
    verify_consistency,
    verify_inclusion,
)
from tests.trees import ENTRIES, LEAVES, Grown

SMALL = 257
LARGE = (65_537, 66_571)


@pytest.fixture(scope="module")
def theirs() -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    for entry in ENTRIES:
        tree.append_entry(entry.encode())
    return tree


@pytest.fixture(scope="module")
def ours() -> Grown:
    return Grown(LEAVES)


def refused(check, *arguments, **named) -> bool:
    try:
        check(*arguments, **named)
    except (InvalidProof, NotProved):
        return True
    return False


def spoiled(path: list[bytes]) -> Iterator[list[bytes]]:
    yield [*path, EMPTY_ROOT]
    for at, each in enumerate(path):
        yield [*path[:at], bytes([each[0] ^ 1]) + each[1:], *path[at + 1 :]]
        yield [*path[:at], *path[at + 1 :]]
    for at, (one, two) in enumerate(pairwise(path)):
        yield [*path[:at], two, one, *path[at + 2 :]]


def test_the_roots_are_the_same(theirs, ours):
    for size in [*range(SMALL + 1), *LARGE]:
        assert theirs.get_root(size) == ours.root(size)


def included(theirs: InmemoryTree, ours: Grown, index: int, size: int) -> None:
    """Our path, in their own proof of the same leaf, is accepted by them, and by us."""
    path = inclusion(index, size, ours.read)
    proof = theirs.prove_inclusion(index + 1, size)
    assert proof.path[1:] == path
    proof.path = [LEAVES[index], *path]
    head = ours.root(size)
    theirs_included(LEAVES[index], head, proof, index=index + 1, size=size)
    verify_inclusion(LEAVES[index], index, size, path, head)


def test_every_inclusion_proof_is_accepted(theirs, ours):
    for size in range(1, SMALL + 1):
        for index in range(size):
            included(theirs, ours, index, size)


def some(size: int) -> list[int]:
    return [0, 1, 254, 255, 256, 257, 65_279, 65_280, 65_535, 65_536 % size, size - 2, size - 1]


@pytest.mark.parametrize("size", LARGE)
def test_inclusion_in_a_large_tree_is_accepted(theirs, ours, size):
    for index in some(size):
        included(theirs, ours, index, size)


def consistent(theirs: InmemoryTree, ours: Grown, old: int, new: int) -> None:
    then, now = ours.root(old), ours.root(new)
    proof = theirs.prove_consistency(old, new)
    theirs_consistent(then, now, proof, prior_size=old, later_size=new)
    verify_consistency(old, new, consistency(old, new, ours.read), then, now)


def test_consistency_of_every_size_is_accepted(theirs, ours):
    """Each size as the newer and as the older one; all 33,153 pairs: `make verify-foreign`."""
    for new in range(1, SMALL + 1):
        for old in {1, new // 2, new - 1, new, 1 << (new - 1).bit_length() >> 1} - {0}:
            consistent(theirs, ours, old, new)


@pytest.mark.parametrize("new", LARGE)
def test_consistency_with_a_large_tree_is_accepted(theirs, ours, new):
    for old in [*range(1, SMALL + 1, 16), *some(new)[3:], new]:
        consistent(theirs, ours, old, new)


@pytest.mark.parametrize("size", [2, 3, 70, 256, 257, *LARGE])
def test_they_and_we_refuse_what_is_broken(theirs, ours, size):
    head, index = ours.root(size), size // 3
    path = inclusion(index, size, ours.read)
    proof = theirs.prove_inclusion(index + 1, size)
    for wrong in spoiled(path):
        proof.path = [LEAVES[index], *wrong]
        assert refused(theirs_included, LEAVES[index], head, proof)
        assert refused(verify_inclusion, LEAVES[index], index, size, wrong, head)
    proof.path = [LEAVES[index], *path]
    for leaf, root in ((LEAVES[index + 1], head), (LEAVES[index], ours.root(size - 1))):
        assert refused(theirs_included, leaf, root, proof)
        assert refused(verify_inclusion, leaf, index, size, path, root)
    proof.index += 1
    assert refused(theirs_included, LEAVES[index], head, proof)
    assert refused(verify_inclusion, LEAVES[index], index + 1, size, path, head)

    old = size // 2
    theirs_wrong = theirs.prove_consistency(old, size)
    for then, now in ((ours.root(old + 1), head), (ours.root(old), ours.root(size - 1))):
        ours_right = consistency(old, size, ours.read)
        assert refused(theirs_consistent, then, now, theirs_wrong)
        assert refused(verify_consistency, old, size, ours_right, then, now)

"""The tree: its roots and proofs against the words of RFC 6962 and its published vectors."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral import merkle
from referral.leaf import leaf_hash
from referral.merkle import (
    EMPTY_ROOT,
    HASH_BYTES,
    TILE,
    Edge,
    NotProved,
    Tile,
    consistency,
    inclusion,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
    width,
)
from tests.trees import LEAVES, Grown, mth

# --- what RFC 6962 defines, and the vectors of Certificate Transparency's own tests ---

VECTORS = [
    bytes.fromhex(each)
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
PATHS = {  # (index, size)
    (0, 1): (),
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
    (1, 5): (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
CONSISTENCY = {  # (old, new)
    (1, 1): (),
    (1, 8): PATHS[0, 8],
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}


@pytest.fixture(scope="module")
def published() -> Grown:
    return Grown([sha256(b"\x00" + each).digest() for each in VECTORS])


@pytest.mark.parametrize(("size", "known"), list(enumerate(ROOTS)))
def test_the_roots_are_those_published(published, size, known):
    assert published.root(size).hex() == known


@pytest.mark.parametrize(("asked", "known"), list(PATHS.items()))
def test_the_paths_are_those_published(published, asked, known):
    assert [each.hex() for each in inclusion(*asked, published.read)] == list(known)


@pytest.mark.parametrize(("asked", "known"), list(CONSISTENCY.items()))
def test_the_consistency_proofs_are_those_published(published, asked, known):
    assert [each.hex() for each in consistency(*asked, published.read)] == list(known)


def test_the_empty_tree_has_the_hash_of_nothing():
    assert Edge().root() == EMPTY_ROOT == sha256(b"").digest()
    assert root(0, Grown([]).read) == EMPTY_ROOT


def test_a_lonely_leaf_is_never_doubled():
    first, second, third = LEAVES[:3]
    assert Grown(LEAVES[:3]).root(3) == node_hash(node_hash(first, second), third)


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 512, 513, 65_537])
def test_the_root_is_that_of_the_definition(grown, size):
    assert grown.root(size) == root(size, grown.read) == mth(LEAVES[:size])


@pytest.fixture(scope="module")
def grown() -> Grown:
    return Grown(LEAVES)


# --- growing ---


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 65_792, 66_100])
def test_an_edge_read_back_grows_as_the_one_that_never_stopped(grown, size):
    edge = Edge.at(size, grown.read)
    assert edge.size == size
    made = list(edge.add(LEAVES[size : size + 300]))
    assert edge.root() == grown.root(size + 300)
    for tile in [*made, *edge.partial()]:
        assert tile.hashes == grown.read(tile.level, tile.number, tile.width)


def test_a_tile_is_given_once_and_whole(grown):
    edge = Edge()
    made = list(edge.add(LEAVES[:65_536]))
    assert [(tile.level, tile.number) for tile in made if tile.level] == [(1, 0)]
    assert [tile.number for tile in made if not tile.level] == list(range(256))
    assert {tile.width for tile in made} == {TILE}
    assert edge.partial() == [Tile(2, 0, made[-1].hashes and edge.root())]


def test_a_part_of_a_tile_is_never_hashed_into_the_level_above():
    edge = Edge()
    assert list(edge.add(LEAVES[:255])) == []
    assert [(tile.level, tile.width) for tile in edge.partial()] == [(0, 255)]
    assert [(tile.level, tile.width) for tile in edge.add(LEAVES[255:256])] == [(0, 256)]
    assert [(tile.level, tile.width) for tile in edge.partial()] == [(1, 1)]


@pytest.mark.parametrize("wrong", [b"", b"x" * 31, b"x" * 33, b"x" * 64])
def test_what_is_no_hash_is_not_added(wrong):
    with pytest.raises(ValueError, match="32 bytes"):
        list(Edge().add([wrong]))


@pytest.mark.parametrize("short", [b"", b"x" * 32, b"x" * 95, b"x" * 97])
def test_a_tile_that_is_cut_off_is_refused(short):
    for ask in (
        lambda read: root(3, read),
        lambda read: inclusion(0, 3, read),
        lambda read: consistency(1, 3, read),
    ):
        with pytest.raises(ValueError, match="3 hashes"):
            ask(lambda level, number, wide: short)


def test_a_tile_that_has_grown_since_serves_for_the_smaller_tree(grown):
    def wider(level: int, number: int, wide: int) -> bytes:
        return grown.read(level, number, width(level, number, len(LEAVES)))

    assert root(70, wider) == grown.root(70)
    assert inclusion(3, 70, wider) == inclusion(3, 70, grown.read)


def test_only_tiles_of_that_tree_are_asked_for(grown):
    size, asked = 65_797, []

    def read(level: int, number: int, wide: int) -> bytes:
        asked.append((level, number))
        assert wide == width(level, number, size) > 0
        return grown.read(level, number, wide)

    inclusion(65_600, size, read)
    consistency(300, size, read)
    assert len(asked) <= 12


@pytest.mark.parametrize(
    ("level", "number", "size", "wide"),
    [
        (0, 0, 0, 0),
        (0, 0, 1, 1),
        (0, 0, 256, 256),
        (1, 0, 255, 0),
        (1, 0, 256, 1),
        (0, 272, 70_000, 256),
        (0, 273, 70_000, 112),
        (0, 274, 70_000, 0),
        (1, 1, 70_000, 17),
        (2, 0, 70_000, 1),
    ],
)
def test_the_width_of_a_tile(level, number, size, wide):
    assert width(level, number, size) == wide


# --- proofs ---


def refused(check, *arguments) -> bool:
    try:
        check(*arguments)
    except NotProved:
        return True
    return False


def spoiled(hashes: list[bytes]) -> list[list[bytes]]:
    """The same proof broken in each way: a bit, a swap, too short, too long, a hash cut."""
    ways = [[*hashes, EMPTY_ROOT], [EMPTY_ROOT, *hashes]]
    for at, each in enumerate(hashes):
        ways += [
            [*hashes[:at], bytes([each[0] ^ 1]) + each[1:], *hashes[at + 1 :]],
            [*hashes[:at], *hashes[at + 1 :]],
            [*hashes[:at], each[:31], *hashes[at + 1 :]],
        ]
    ways += [
        [*hashes[:at], two, one, *hashes[at + 2 :]]
        for at, (one, two) in enumerate(pairwise(hashes))
    ]
    return ways


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 70, 256, 257])
def test_every_inclusion_proof_is_accepted_and_nothing_like_it(grown, size):
    head = grown.root(size)
    for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
        path = inclusion(index, size, grown.read)
        verify_inclusion(LEAVES[index], index, size, path, head)
        for wrong in spoiled(path):
            assert refused(verify_inclusion, LEAVES[index], index, size, wrong, head)
        for other in range(-1, size + 1):
            if other != index:
                assert refused(verify_inclusion, LEAVES[index], other, size, path, head)
        assert refused(verify_inclusion, LEAVES[index + 1], index, size, path, head)
        assert refused(verify_inclusion, LEAVES[index], index, size, path, grown.root(size + 1))
        assert refused(verify_inclusion, LEAVES[index][:31], index, size, path, head)
        assert refused(verify_inclusion, LEAVES[index], index, size, path, head + b"x")


@pytest.mark.parametrize("new", [1, 2, 3, 7, 8, 9, 70, 256, 257])
def test_every_consistency_proof_is_accepted_and_nothing_like_it(grown, new):
    for old in range(new + 1):
        then, now = grown.root(old), grown.root(new)
        proof = consistency(old, new, grown.read)
        verify_consistency(old, new, proof, then, now)
        for wrong in spoiled(proof):
            assert refused(verify_consistency, old, new, wrong, then, now)
        assert refused(verify_consistency, old, new, proof, grown.root(old + 1), now)
        assert refused(verify_consistency, new + 1, new, proof, then, now)
        if old not in (0, new):
            assert refused(verify_consistency, old, new, proof, then, grown.root(new + 1))
            assert refused(verify_consistency, old - 1, new, proof, then, now)
            assert refused(verify_consistency, old + 1, new, proof, then, now)


def test_two_roots_of_one_size_are_never_consistent(grown):
    assert refused(verify_consistency, 7, 7, [], grown.root(7), grown.root(8))
    assert refused(verify_consistency, 0, 0, [], grown.root(7), grown.root(7))
    assert refused(verify_consistency, 0, 7, [], grown.root(1), grown.root(7))
    verify_consistency(0, 7, [], EMPTY_ROOT, grown.root(7))
    verify_consistency(0, 0, [], EMPTY_ROOT, EMPTY_ROOT)


def test_a_history_that_was_changed_has_no_proof(grown):
    changed = Grown([*LEAVES[:5], leaf_hash("another"), *LEAVES[6:64]])
    for new in range(10, 64):
        proof = consistency(9, new, changed.read)
        assert refused(verify_consistency, 9, new, proof, grown.root(9), changed.root(new))
        verify_consistency(9, new, proof, changed.root(9), changed.root(new))


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (0, -1), (0, 2**63)])
def test_no_path_is_made_for_a_leaf_that_is_not_there(grown, index, size):
    with pytest.raises(ValueError, match="no leaf"):
        inclusion(index, size, grown.read)


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 1), (0, 2**63)])
def test_no_tree_begins_with_a_longer_one(grown, old, new):
    with pytest.raises(ValueError, match="begin"):
        consistency(old, new, grown.read)


hashes = st.binary(min_size=HASH_BYTES, max_size=HASH_BYTES)
numbers = st.integers(-2, 300)


@given(numbers, numbers, st.lists(hashes, max_size=10), hashes)
def test_no_proof_drawn_at_random_is_accepted_or_falls_over(one, two, proof, head):
    assert refused(verify_inclusion, LEAVES[1], one, two, proof, head)
    assert refused(verify_consistency, one, two, proof, LEAVES[1], head)


# --- the second preimage ---


def test_a_node_passed_off_as_a_leaf_fools_a_tree_without_prefixes(monkeypatch):
    """Two hashes side by side, offered as an entry, hash to their parent unless leaves and nodes
    are told apart. Here they aren't, and our own check lets the forged entry in."""

    def bare(left: bytes, right: bytes) -> bytes:
        return sha256(left + right).digest()

    monkeypatch.setattr(merkle, "node_hash", bare)
    texts = [b"one", b"two", b"three", b"four"]
    leaves = [sha256(text).digest() for text in texts]
    left, right = bare(*leaves[:2]), bare(*leaves[2:])
    head = bare(left, right)
    verify_inclusion(leaves[0], 0, 4, [leaves[1], right], head)
    forged = leaves[0] + leaves[1]
    verify_inclusion(sha256(forged).digest(), 0, 2, [right], head)


def test_a_node_passed_off_as_a_leaf_does_not_fool_ours():
    ours = Grown([leaf_hash(text) for text in ("one", "two", "three", "four")])
    left, right = (node_hash(*ours.leaves[at : at + 2]) for at in (0, 2))
    forged = ours.leaves[0] + ours.leaves[1]
    verify_inclusion(left, 0, 2, [right], ours.root(4))  # so a leaf's own prefix is what stops it
    for size in (2, 3, 4):
        leaf = sha256(b"\x00" + forged).digest()
        assert refused(verify_inclusion, leaf, 0, size, [right], ours.root(4))

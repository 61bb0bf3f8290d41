"""Trees for tests: kept tile by tile, and a root as RFC 6962 defines it, word for word."""

from __future__ import annotations

from collections.abc import Sequence

from referral.leaf import leaf_hash
from referral.merkle import EMPTY_ROOT, Edge, node_hash, root, width

ENTRIES = [f"entry {number}" for number in range(66_600)]
LEAVES = [leaf_hash(text) for text in ENTRIES]


class Grown:
    """A tree over these leaves, of which any smaller size can be asked too."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves
        self._roots: dict[int, bytes] = {}
        edge = Edge()
        self._tiles = {(tile.level, tile.number): tile.hashes for tile in edge.add(leaves)}
        self._tiles |= {(tile.level, tile.number): tile.hashes for tile in edge.partial()}

    def read(self, level: int, number: int, wide: int) -> bytes:
        assert wide <= width(level, number, len(self.leaves))
        return self._tiles[level, number][: wide * 32]

    def root(self, size: int) -> bytes:
        if size not in self._roots:
            self._roots[size] = root(size, self.read)
        return self._roots[size]


def mth(leaves: Sequence[bytes]) -> bytes:
    """Merkle Tree Hash over leaves that are hashed already (RFC 6962, 2.1)."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(mth(leaves[:split]), mth(leaves[split:]))

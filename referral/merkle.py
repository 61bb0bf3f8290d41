"""The tree over the audit log: roots and proofs of RFC 6962, from hashes kept in tiles.

Nothing here reads a database or a file: whoever asks brings a reader of tiles. A tile is a run of
up to 256 neighbouring hashes of one level; a hash of level L is the root of 256**L whole leaves.
The ways of making proofs and of checking them share nothing but the hash of two nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple, Protocol

HASH_BYTES = 32
TILE = 256
"""How many hashes a whole tile holds."""
TILE_BYTES = TILE * HASH_BYTES
_BITS = 8

MOST_LEAVES = 2**63 - 1
EMPTY_ROOT = sha256().digest()


class NotProved(ValueError):
    """The proof doesn't show what it was brought for; the words say why."""


class Read(Protocol):
    """The hashes of a tile, one after the other: the first `width` of them, or more.

    Asked only for tiles that a tree of the size at hand has. It may raise what it likes where one
    is missing."""

    def __call__(self, level: int, number: int, width: int) -> bytes: ...


class Tile(NamedTuple):
    """A tile, whole or as wide as it is so far."""

    level: int
    number: int
    hashes: bytes

    @property
    def width(self) -> int:
        return len(self.hashes) // HASH_BYTES

    @property
    def root(self) -> bytes:
        """The hash that stands for a whole tile one level up."""
        return _whole(self.hashes)


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def width(level: int, number: int, size: int) -> int:
    """How many hashes this tile holds in a tree of this size: 0 to 256, 0 when it isn't there."""
    return max(0, min(TILE, (size >> _BITS * level) - number * TILE))


def root(size: int, read: Read) -> bytes:
    return Edge.at(size, read).root()


def inclusion(index: int, size: int, read: Read) -> list[bytes]:
    """The path from leaf `index` (from 0) to the root: the sibling first, the root's child last.

    ValueError when a tree of this size has no such leaf."""
    if not 0 <= index < size <= MOST_LEAVES:
        raise ValueError(f"A tree of {size} has no leaf {index}")
    tree = _Tree(size, read)
    path = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(tree.hash(middle, end))
            end = middle
        else:
            path.append(tree.hash(begin, middle))
            begin = middle
    return path[::-1]


def consistency(old: int, new: int, read: Read) -> list[bytes]:
    """What shows that the tree of `new` begins with the tree of `old`; nothing for old 0 and for
    equal sizes. ValueError when `old` is the larger."""
    if not 0 <= old <= new <= MOST_LEAVES:
        raise ValueError(f"A tree of {new} can't begin with one of {old}")
    if not old:
        return []
    tree = _Tree(new, read)
    proof = []
    begin, end = 0, new
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            proof.append(tree.hash(middle, end))
            end = middle
        else:
            proof.append(tree.hash(begin, middle))
            begin = middle
    if begin:  # else it is the old root, which the one who checks has
        proof.append(tree.hash(begin, end))
    return proof[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """NotProved unless the path leads from this leaf's hash, at this index, to this root of a tree
    of this size: a path too short or too long, a hash that isn't 32 bytes, an index outside."""
    if not 0 <= index < size <= MOST_LEAVES:
        raise NotProved(f"A tree of {size} has no leaf {index}")
    _refuse_other_lengths([leaf, *path, root])
    here, last, reached = index, size - 1, leaf
    for sibling in path:
        if not last:
            raise NotProved("The path is longer than the tree is high")
        if here & 1 or here == last:
            reached = node_hash(sibling, reached)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            reached = node_hash(reached, sibling)
        here, last = here >> 1, last >> 1
    if last:
        raise NotProved("The path ends below the root")
    if reached != root:
        raise NotProved("The path leads to another root")


def verify_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """NotProved unless the tree of `new` with this root begins with that of `old` with that root.

    Equal sizes want equal roots, and old 0 the root of the empty tree, both with no proof at all:
    a hash too many is refused as one too few is."""
    if not 0 <= old <= new <= MOST_LEAVES:
        raise NotProved(f"A tree of {new} can't begin with one of {old}")
    _refuse_other_lengths([*proof, old_root, new_root])
    if old in (0, new):
        if proof:
            raise NotProved("There is a proof where none is needed")
        if old_root != (new_root if old == new else EMPTY_ROOT):
            raise NotProved("The roots differ at the same size")
        if not new and new_root != EMPTY_ROOT:
            raise NotProved("An empty tree has one root only")
        return
    steps = list(proof) if old & (old - 1) else [old_root, *proof]
    if not steps:
        raise NotProved("The proof is empty")
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    then = now = steps[0]
    for hashed in steps[1:]:
        if not last:
            raise NotProved("The proof is longer than the tree is high")
        if here & 1 or here == last:
            then, now = node_hash(hashed, then), node_hash(hashed, now)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            now = node_hash(now, hashed)
        here, last = here >> 1, last >> 1
    if last:
        raise NotProved("The proof ends below the root")
    if then != old_root:
        raise NotProved("The proof leads to another old root")
    if now != new_root:
        raise NotProved("The proof leads to another new root")


class Edge:
    """The right edge of a tree, to which leaves are added: the tile of each level that isn't whole.

    It grows with the logarithm of the log, and is all that is needed to add to it."""

    def __init__(self) -> None:
        self.size = 0
        self._open: list[bytearray] = []

    @classmethod
    def at(cls, size: int, read: Read) -> Edge:
        """The edge of a tree of this size. ValueError when a tile is shorter than it must be."""
        if not 0 <= size <= MOST_LEAVES:
            raise ValueError(f"No tree has {size} leaves")
        edge = cls()
        edge.size = size
        for level in range(_levels(size)):
            number, wide = divmod(size >> _BITS * level, TILE)
            hashes = _first(read(level, number, wide), wide) if wide else b""
            edge._open.append(bytearray(hashes))
        return edge

    def add(self, leaves: Iterable[bytes]) -> Iterator[Tile]:
        """Adds the hashes of leaves in their order, and yields each tile that has become whole.

        Only what has been taken from the iterator is sure to have been added: run it to its end."""
        for leaf in leaves:
            if len(leaf) != HASH_BYTES:
                raise ValueError(f"The hash of a leaf has {HASH_BYTES} bytes, not {len(leaf)}")
            if not self._open:
                self._open.append(bytearray())
            self._open[0] += leaf
            self.size += 1
            if len(self._open[0]) == TILE_BYTES:
                yield from self._close()

    def _close(self) -> Iterator[Tile]:
        for level in range(len(self._open)):
            hashes = bytes(self._open[level])
            if len(hashes) < TILE_BYTES:
                return
            self._open[level].clear()
            if level + 1 == len(self._open):
                self._open.append(bytearray())
            self._open[level + 1] += _whole(hashes)
            yield Tile(level, (self.size >> _BITS * (level + 1)) - 1, hashes)

    def partial(self) -> list[Tile]:
        """The tiles that aren't whole: 1 to 255 wide, never empty, the lowest level first."""
        return [
            Tile(level, self.size >> _BITS * (level + 1), bytes(hashes))
            for level, hashes in enumerate(self._open)
            if hashes
        ]

    def root(self) -> bytes:
        """The root over all that was added. The edge can go on growing."""
        reached = b""
        for hashes in map(bytes, self._open):  # from the right, so from the lowest level
            wide = len(hashes) // HASH_BYTES
            while wide:
                least = wide & -wide
                wide -= least
                left = _whole(hashes[wide * HASH_BYTES : (wide + least) * HASH_BYTES])
                reached = node_hash(left, reached) if reached else left
        return reached or EMPTY_ROOT


class _Tree:
    """Roots of runs of leaves in a tree of one size; each tile is read once."""

    def __init__(self, size: int, read: Read) -> None:
        self.size, self._read = size, read
        self._kept: dict[tuple[int, int], bytes] = {}

    def hash(self, begin: int, end: int) -> bytes:
        """The root over the leaves of this run, which starts where RFC 6962 splits a tree."""
        if end - begin == 1 or not (end - begin) & (end - begin - 1):
            return self._subtree(begin, (end - begin).bit_length() - 1)
        middle = begin + _split(end - begin)
        return node_hash(self.hash(begin, middle), self.hash(middle, end))

    def _subtree(self, begin: int, height: int) -> bytes:
        level, rest = divmod(height, _BITS)
        number, first = divmod(begin >> _BITS * level, TILE)
        hashes = self._tile(level, number)
        return _whole(hashes[first * HASH_BYTES : (first + (1 << rest)) * HASH_BYTES])

    def _tile(self, level: int, number: int) -> bytes:
        kept = self._kept.get((level, number))
        if kept is None:
            wide = width(level, number, self.size)
            kept = self._kept[level, number] = _first(self._read(level, number, wide), wide)
        return kept


def _whole(hashes: bytes) -> bytes:
    """The root over a power of two of neighbouring hashes."""
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(
            [sha256(b"\x01" + hashes[at : at + 64]).digest() for at in range(0, len(hashes), 64)]
        )
    return hashes


def _split(leaves: int) -> int:
    """The largest power of two below: never the whole of it."""
    return 1 << (leaves - 1).bit_length() - 1


def _levels(size: int) -> int:
    """How many levels of tiles there are, whole ones of 256 leaves making one hash of the next."""
    return -(-size.bit_length() // _BITS)


def _first(hashes: bytes, wide: int) -> bytes:
    if len(hashes) < wide * HASH_BYTES or len(hashes) % HASH_BYTES:
        raise ValueError(f"A tile of {wide} hashes was to be read, not of {len(hashes)} bytes")
    return hashes[: wide * HASH_BYTES]


def _refuse_other_lengths(hashes: Iterable[bytes]) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise NotProved(f"A hash has {HASH_BYTES} bytes")

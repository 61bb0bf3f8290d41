"""How the tree is laid out for the world to read: the static files of C2SP's tlog-tiles.

Paths of tiles, and the bytes of bundles of entries. What the hashes mean is in `merkle`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from referral.leaf import MOST_BYTES
from referral.merkle import HASH_BYTES, TILE, width

CHECKPOINT = "checkpoint"
"""Where the newest signed head stands."""
ENTRIES = -1
"""The level that holds the entries themselves; level 0 holds their hashes."""
_MOST_LEVEL = 63

_PATH = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)


class Place(NamedTuple):
    """Where a tile stands, and how wide it is: 256 when whole."""

    level: int
    number: int
    width: int = TILE

    @property
    def path(self) -> str:
        """`tile/0/x001/x234/067`, and `.p/17` behind it while the tile is 17 wide."""
        if not (ENTRIES <= self.level <= _MOST_LEVEL and self.number >= 0):
            raise ValueError(f"There is no tile {self.number} of level {self.level}")
        if not 1 <= self.width <= TILE:
            raise ValueError(f"A tile is 1 to {TILE} wide, not {self.width}")
        level = "entries" if self.level == ENTRIES else str(self.level)
        rest, last = divmod(self.number, 1000)
        steps = [f"{last:03}"]
        while rest:
            rest, step = divmod(rest, 1000)
            steps.append(f"x{step:03}")
        partial = "" if self.width == TILE else f".p/{self.width}"
        return f"tile/{level}/{'/'.join(reversed(steps))}{partial}"


def place(path: str) -> Place:
    """What stands at this path. ValueError unless it is the one path of a tile: no leading zeros,
    no number written longer than it must be, no width of 0 or of 256."""
    found = _PATH.fullmatch(path) if path.isascii() else None
    if found is None:
        raise ValueError(f"No tile stands at {path!r}")
    level, steps, last, wide = found.groups()
    number = int(steps.replace("x", "").replace("/", "") + last)
    here = Place(ENTRIES if level == "entries" else int(level), number, int(wide) if wide else TILE)
    try:
        same = here.path == path
    except ValueError:
        same = False
    if not same:
        raise ValueError(f"No tile stands at {path!r}")
    return here


def tiles(size: int, since: int = 0) -> Iterator[Place]:
    """Every tile of hashes of a tree of this size, the lowest level first and none of them empty:
    all of it, or what a tree of size `since` didn't have, or had less wide."""
    level = 0
    while size >> 8 * level:
        yield from _of_level(level, size, since)
        level += 1


def bundles(size: int, since: int = 0) -> Iterator[Place]:
    """Every bundle of entries, as `tiles` says it of hashes."""
    for at in _of_level(0, size, since):
        yield at._replace(level=ENTRIES)


def _of_level(level: int, size: int, since: int) -> Iterator[Place]:
    number = (since >> 8 * level) // TILE
    while wide := width(level, number, size):
        if wide > width(level, number, since):
            yield Place(level, number, wide)
        number += 1


def hashes(data: bytes) -> list[bytes]:
    """The hashes of a tile. ValueError unless they are 1 to 256 of 32 bytes each."""
    if len(data) % HASH_BYTES or not 1 <= len(data) // HASH_BYTES <= TILE:
        raise ValueError(f"A tile isn't {len(data)} bytes long")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def bundle(entries: Iterable[bytes]) -> bytes:
    """The bytes of a bundle: each entry behind its length in two bytes, the greater first.

    ValueError for an entry over 65,535 bytes and for a bundle of none or of more than 256."""
    parts = []
    for entry in entries:
        if len(entry) > MOST_BYTES:
            raise ValueError(f"An entry holds {MOST_BYTES} bytes at most, not {len(entry)}")
        parts.append(len(entry).to_bytes(2, "big") + entry)
    if not 1 <= len(parts) <= TILE:
        raise ValueError(f"A bundle holds 1 to {TILE} entries, not {len(parts)}")
    return b"".join(parts)


def entries(data: bytes) -> list[bytes]:
    """The entries of a bundle. ValueError when it is cut off, or has none or more than 256."""
    found = []
    at = 0
    while at < len(data):
        begin = at + 2
        end = begin + int.from_bytes(data[at:begin], "big")
        if end > len(data) or begin > len(data):
            raise ValueError("A bundle of entries is cut off")
        found.append(data[begin:end])
        at = end
    if not 1 <= len(found) <= TILE:
        raise ValueError(f"A bundle holds 1 to {TILE} entries, not {len(found)}")
    return found

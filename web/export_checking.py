"""Checking an export of the log, with its public key and nothing else: no database is opened.

Every entry is hashed anew and the tree built from them; nothing is taken from the folder but the
entries. What is compared is every tile, every head, and those heads that were kept elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from referral import merkle, tiles
from referral.leaf import MOST_BYTES
from referral.merkle import TILE
from referral.notes import (
    Checkpoint,
    NotAKey,
    NotANote,
    NotSigned,
    Verifier,
    open_checkpoint,
)
from referral.tiles import CHECKPOINT, Place
from referral.verify_tree import Known
from web.audit_export import EVERY, HEADS, PUBLIC_KEY, Progress

MOST_FILE = TILE * (MOST_BYTES + 2)
TOLD = 20  # of what is broken, so many are named


def is_export(folder: Path) -> bool:
    """Whether this folder is to be checked as an export, and not for the proofs in it."""
    return (folder / CHECKPOINT).exists() or (folder / "tile").is_dir()


@dataclass
class ExportChecked:
    """What an export holds, and which of its files aren't what was signed, and why."""

    folder: Path
    head: Checkpoint | None = None
    files: int = 0
    heads: int = 0
    kept: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return self.head is not None and not self.broken

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        return {
            "whole": self.whole,
            "folder": str(self.folder),
            "log": self.head.origin if self.head else None,
            "size": self.head.size if self.head else None,
            "root": self.head.root.hex() if self.head else None,
            "files": self.files,
            "heads": self.heads,
            "compared_with_kept": self.kept,
            "broken": [{"file": file, "why": why} for file, why in self.broken],
        }

    def lines(self) -> list[str]:
        """For people, what matters first."""
        if self.broken:
            (file, why), *others = self.broken
            lines = [f"Broken: {file}: {why}."]
            lines += [f"{file}: {why}." for file, why in others[: TOLD - 1]]
            return lines + [f"And {len(others) - TOLD + 1} more."] * (len(others) >= TOLD)
        if self.head is None:
            return []
        return [
            f"Whole: the export holds the {self.head.size} entries that {self.head.origin} signed,"
            f" root {self.head.root.hex()[:16]}...",
            f"Checked: {self.files} files of entries and hashes, {self.heads} signed heads.",
            f"Compared with heads kept elsewhere: {self.kept}."
            if self.kept
            else "No head kept elsewhere was named: a log written anew by who holds its key, or put"
            " back to an earlier day, shows only against one (--since).",
        ]


def check_export(
    folder: Path,
    known: Sequence[Verifier],
    kept: Sequence[Known] = (),
    progress: Progress | None = None,
) -> ExportChecked:
    """Check the export in this folder. `known` are the keys whose signatures count, `kept` the
    heads of the same log that somebody had before."""
    found = ExportChecked(folder)
    head = _head(found, CHECKPOINT, known)
    if head is None:
        return found
    found.head = head
    heads = _heads(found, known)
    sizes = {head.size, *(one.size for _, one in heads), *(one.size for one in kept)}
    roots = _built(found, head.size, sizes, progress)
    for name, one in ((CHECKPOINT, head), *heads):
        _compare(found, name, one.size, one.root, roots)
    for each in kept:
        found.kept += 1
        _compare(found, each.label, each.size, each.root, roots)
    found.broken += _strangers(found, head.size)
    found.broken += _another_key(folder, known)
    return found


# -- heads --------------------------------------------------------------------------------------


def _head(found: ExportChecked, name: str, known: Sequence[Verifier]) -> Checkpoint | None:
    data = _read(found, name)
    if data is None:
        return None
    try:
        head, _ = open_checkpoint(data.decode(), known)
    except (NotANote, NotSigned, UnicodeDecodeError) as error:
        found.broken.append((name, f"it isn't a head that a known key signed ({error})"))
        return None
    return head


def _heads(found: ExportChecked, known: Sequence[Verifier]) -> list[tuple[str, Checkpoint]]:
    """The earlier heads in the folder; each stands under its size."""
    heads = []
    for path in sorted((found.folder / HEADS).glob("*")):
        name = f"{HEADS}/{path.name}"
        head = _head(found, name, known)
        if head is None:
            continue
        found.heads += 1
        if path.name != f"{head.size:012}":
            found.broken.append((name, f"it is the head of {head.size} entries"))
        heads.append((name, head))
    return heads


def _compare(
    found: ExportChecked, name: str, size: int, root: bytes, roots: dict[int, bytes]
) -> None:
    if found.head is not None and size > found.head.size:
        found.broken.append(
            (
                name,
                f"it covers {size} entries and the export {found.head.size}: the end was cut off,"
                " or the log put back to an earlier day",
            )
        )
    elif size in roots and roots[size] != root:
        found.broken.append((name, f"its root isn't that of the first {size} entries"))


def _another_key(folder: Path, known: Sequence[Verifier]) -> Iterator[tuple[str, str]]:
    """The key in the folder is for those who have no other; it should be the one that is known."""
    try:
        lines = (folder / PUBLIC_KEY).read_text(encoding="utf-8").split("\n")
        keys = [Verifier.read(line) for line in lines if line.strip()]
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError, NotAKey) as error:
        yield PUBLIC_KEY, f"it can't be read ({error})"
        return
    if not set(keys) & set(known):
        yield PUBLIC_KEY, "it isn't the key you named"


# -- entries and hashes -------------------------------------------------------------------------


def _built(
    found: ExportChecked, size: int, sizes: Iterable[int], progress: Progress | None
) -> dict[int, bytes]:
    """The roots at these sizes, as far as the entries go; every tile is compared on the way."""
    edge = merkle.Edge()
    roots = {0: merkle.EMPTY_ROOT}
    stops = iter([*sorted(one for one in sizes if 0 < one <= size), merkle.MOST_LEAVES + 1])
    stop = next(stops)
    total = -(-size // TILE)
    for number, place in enumerate(tiles.bundles(size), 1):
        leaves = _leaves(found, place)
        if leaves is None:
            return roots  # what comes behind has no place any more
        while leaves:
            some, leaves = leaves[: stop - edge.size], leaves[stop - edge.size :]
            for tile in edge.add(some):
                _tile(found, tile)
            if edge.size == stop:
                roots[stop] = edge.root()
                stop = next(stops)
        if progress is not None and number % EVERY == 0:
            progress("files", number, total)
    for tile in edge.partial():
        _tile(found, tile)
    return roots


def _leaves(found: ExportChecked, place: Place) -> list[bytes] | None:
    data = _read(found, place.path)
    if data is None:
        return None
    try:
        entries = tiles.entries(data)
    except ValueError as error:
        found.broken.append((place.path, str(error)))
        return None
    if len(entries) != place.width:
        found.broken.append(
            (place.path, f"it holds {len(entries)} entries where {place.width} were signed")
        )
        return None
    found.files += 1
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def _tile(found: ExportChecked, tile: merkle.Tile) -> None:
    path = Place(tile.level, tile.number, tile.width).path
    data = _read(found, path)
    if data is None:
        return
    found.files += 1
    if data != tile.hashes:
        found.broken.append((path, "its hashes aren't those of the entries"))


def _strangers(found: ExportChecked, size: int) -> Iterator[tuple[str, str]]:
    """Files that a log of this size has no place for. How a file was before it was as long as now
    may stay, if it is the beginning of that."""
    wanted = {place.path for place in (*tiles.bundles(size), *tiles.tiles(size))}
    for path in sorted((found.folder / "tile").rglob("*")):
        name = path.relative_to(found.folder).as_posix()
        if path.is_dir() or name in wanted:
            continue
        try:
            before = tiles.place(name)
        except ValueError:
            before = None
        wide = merkle.width(max(before.level, 0), before.number, size) if before else 0
        if before is None or before.width >= wide:
            yield name, f"a log of {size} entries has no such file"
            continue
        now = found.folder / before._replace(width=wide).path
        if now.exists() and not now.read_bytes().startswith(path.read_bytes()):
            yield name, "it isn't the beginning of what stands there now"


def _read(found: ExportChecked, name: str) -> bytes | None:
    try:
        with (found.folder / name).open("rb") as file:
            data = file.read(MOST_FILE + 1)
    except FileNotFoundError:
        found.broken.append((name, "it isn't there"))
        return None
    except OSError as error:
        found.broken.append((name, f"it can't be read: {error.strerror}"))
        return None
    if len(data) > MOST_FILE:
        found.broken.append((name, "it is too large to be one of these"))
        return None
    return data

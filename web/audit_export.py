"""The log as static files that anybody can check: C2SP's tlog-tiles, with a README in them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from referral import merkle, tiles, tree
from referral.merkle import TILE
from referral.notes import NotANote, Verifier
from referral.sequencer import Refused
from referral.store import Tx
from referral.tiles import CHECKPOINT, ENTRIES, Place
from web.audit_outlets import head_of, put

Progress = Callable[[str, int, int | None], None]
PUBLIC_KEY = "public-key"
HEADS = "checkpoints"
EVERY = 50


@dataclass
class Exported:
    """What is in the folder now, and what was added to it."""

    folder: Path
    size: int
    root: bytes
    files: int = 0
    heads: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "size": self.size,
            "root": self.root.hex(),
            "files_written": self.files,
            "checkpoints_written": self.heads,
        }

    def lines(self) -> list[str]:
        return [
            f"{self.folder} holds the log of {self.size} entries, root {self.root.hex()[:16]}...",
            f"Written: {self.files} files of entries and hashes, {self.heads} signed heads.",
            f"{self.folder / 'README.md'} says what is what.",
        ]


def export(
    tx: Tx, folder: Path, verifiers: Sequence[Verifier] = (), progress: Progress | None = None
) -> Exported:
    """Write what the newest signed head covers, or what is missing of it. Raises Refused when there
    is none, or the folder holds another log."""
    head = tree.last_checkpoint(tx)
    if head is None:
        raise Refused(
            "No head of the log is signed yet. Make a key with `segue audit key`, and let `segue"
            " worker` run for five minutes."
        )
    read = tree.reader(tx)
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_another_log(folder, head, read)
    found = Exported(folder, head.size, head.root)
    wanted = [*tiles.bundles(head.size), *tiles.tiles(head.size)]
    for number, place in enumerate(wanted, 1):
        path = folder / place.path
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            put(path, _content(tx, read, place))
            found.files += 1
        if place.width == TILE:
            shutil.rmtree(f"{path}.p", ignore_errors=True)  # how it was while it wasn't whole
        if progress is not None and number % EVERY == 0:
            progress("files", number, len(wanted))
    for size, note in _heads(tx, head.size):
        path = folder / HEADS / f"{size:012}"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            put(path, note.encode())
            found.heads += 1
    put(folder / "README.md", README.format(origin=head.origin).encode())
    if verifiers:
        keys = "".join(f"{one.text}\n" for one in verifiers)
        put(folder / PUBLIC_KEY, keys.encode())
    # Last: it never stands over what isn't there yet.
    put(folder / CHECKPOINT, tree.cosigned(tx, head).encode())
    return found


def _content(tx: Tx, read: merkle.Read, place: Place) -> bytes:
    if place.level != ENTRIES:
        return read(*place)
    begin = place.number * TILE
    rows = tx.rows(tree.TEXTS, begin=begin, end=begin + place.width)
    if len(rows) != place.width:
        raise Refused(
            f"Of the entries from {begin} on, {len(rows)} of {place.width} are there: the log was"
            " changed. Run `segue audit verify`."
        )
    return tiles.bundle(row[0].encode() for row in rows)


def _heads(tx: Tx, most: int) -> Iterator[tuple[int, str]]:
    for size, _, _, note in tree.all_checkpoints(tx):
        if size <= most:
            yield size, note


def _refuse_another_log(folder: Path, head: tree.Checkpoint, read: merkle.Read) -> None:
    """What is in the folder must be the beginning of what will be."""
    path = folder / CHECKPOINT
    if not path.exists():
        if any(folder.glob("tile/*")) or not os.listdir(folder):
            return
        raise Refused(f"{folder} holds other files. Name a new folder, or an export of this log.")
    try:
        old = head_of(path.read_text(encoding="utf-8"))
        proof = merkle.consistency(old.size, head.size, read)
        merkle.verify_consistency(old.size, head.size, proof, old.root, head.root)
    except (NotANote, UnicodeDecodeError, ValueError) as error:
        raise Refused(
            f"The export in {folder} is not the beginning of this log ({error}). Keep it: it may"
            " show that the log was changed. Check with: segue audit verify --since"
            f" {path}"
        ) from error


README = """# An export of an audit log

The log `{origin}`, as static files in the form of C2SP's tlog-tiles (https://c2sp.org/tlog-tiles).
Everything here may be given to anybody: it holds random ids, codes and times, and nothing that says
who a person is.

| file | is |
| --- | --- |
| `checkpoint` | the newest signed head: the log's name, how many entries, the root of their tree |
| `checkpoints/` | each earlier head, by its size |
| `tile/entries/` | the entries, 256 a file: two bytes of length, then one line of JSON |
| `tile/0/`, `tile/1/` ... | the hashes of the tree (SHA-256, RFC 6962), 256 a file |
| `public-key` | what checks the signatures. Trust it only if you had it from somebody else too |

A folder `NNN.p` holds the last file of its kind while it isn't full yet.

To check it with your own tools: hash each entry (a zero byte, then its bytes), build the tree of
RFC 6962 from the hashes, and compare its root with the checkpoint's. Then check the checkpoint's
signature (a signed note with Ed25519, https://c2sp.org/signed-note) with the public key you were
given. Last, keep the checkpoint: a later export must be consistent with it.
"""

"""Proofs that entries stand in the log: files to be checked with the public key alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from referral import merkle, tree
from referral.leaf import leaf_hash
from referral.proof_files import ProofFile
from referral.proofs import entries_named
from referral.store import Tx
from web.audit_outlets import put

Progress = Callable[[str, int, int | None], None]


class NotFound(Exception):
    """There is nothing to prove by this name, or not yet. The sentence says what to do."""


@dataclass
class Proved:
    """What was written: each proof by its place in the log, and what waits for the next head."""

    folder: Path
    size: int
    proofs: list[tuple[int, str]] = field(default_factory=list)
    waiting: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "tree_size": self.size,
            "waiting": self.waiting,
            "proofs": [
                {"index": idx, "entry": entry, "proof": f"{idx}.tlog-proof", "leaf": f"{idx}.json"}
                for idx, entry in self.proofs
            ],
        }

    def lines(self) -> list[str]:
        many = "1 entry" if len(self.proofs) == 1 else f"{len(self.proofs)} entries"
        out = [
            f"Proved {many} under the head of {self.size} entries, in {self.folder}:",
            *(f"  {idx}.tlog-proof proves {idx}.json (entry {one})" for idx, one in self.proofs),
        ]
        if self.waiting:
            out.append(f"{self.waiting} newer ones wait for the next head: within five minutes.")
        return out


def prove(tx: Tx, what: str, out: Path, progress: Progress | None = None) -> Proved:
    """Write a proof for each entry that this names, under the newest head. Raises NotFound."""
    rows = entries_named(tx, what)
    if not rows:
        raise NotFound(
            f"Nothing in the log is called {what!r}. Give the id of an entry, its place (a number),"
            " or the reference of a record, like SG-7K4Q-2M."
        )
    head = tree.last_checkpoint(tx)
    size = head.size if head else 0
    covered = [(row.idx, row.id, row.leaf) for row in rows if row.idx is not None]
    covered = [one for one in covered if one[0] < size]
    if head is None or not covered:
        raise NotFound(
            "No signed head covers this yet: one will within five minutes, while `segue worker`"
            " runs with a key (segue audit key)."
        )
    note, read = tree.cosigned(tx, head), _kept(tree.reader(tx))
    found = Proved(out, head.size, waiting=len(rows) - len(covered))
    out.mkdir(parents=True, exist_ok=True)
    for idx, entry, leaf in covered:
        path = merkle.inclusion(idx, head.size, read)
        try:
            merkle.verify_inclusion(leaf_hash(leaf), idx, head.size, path, head.root)
        except merkle.NotProved as error:
            raise NotFound(
                f"Entry {idx} isn't what the signed head covers ({error}): the log was changed."
                " Keep a copy of the database as it is, and run `segue audit verify`."
            ) from error
        put(out / f"{idx}.json", leaf.encode())
        put(out / f"{idx}.tlog-proof", ProofFile(idx, path, note).text.encode())
        found.proofs.append((idx, entry))
        if progress is not None:
            progress("proofs", len(found.proofs), len(covered))
    return found


def _kept(read: merkle.Read) -> merkle.Read:
    """Each tile is read once, for however many proofs."""
    tiles: dict[tuple[int, int, int], bytes] = {}

    def kept(level: int, number: int, width: int) -> bytes:
        key = (level, number, width)
        if key not in tiles:
            tiles[key] = read(level, number, width)
        return tiles[key]

    return kept

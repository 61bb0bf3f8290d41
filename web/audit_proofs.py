"""Proofs that entries stand in the log: files to be checked with the public key alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from referral import tree
from referral.proof_files import SUFFIX
from referral.proofs import Changed, entries_named, proofs_of
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
                {"index": idx, "entry": entry, "proof": f"{idx}{SUFFIX}", "leaf": f"{idx}.json"}
                for idx, entry in self.proofs
            ],
        }

    def lines(self) -> list[str]:
        many = "1 entry" if len(self.proofs) == 1 else f"{len(self.proofs)} entries"
        out = [
            f"Proved {many} under the head of {self.size} entries, in {self.folder}:",
            *(f"  {idx}{SUFFIX} proves {idx}.json (entry {one})" for idx, one in self.proofs),
        ]
        if self.waiting:
            out.append(f"{self.waiting} newer ones wait for the next head: within five minutes.")
        return out


def prove(tx: Tx, what: str, out: Path, progress: Progress | None = None) -> Proved:
    """Write a proof for each entry that this names, under the newest head. Raises NotFound."""
    entries = entries_named(tx, what)
    if not entries:
        raise NotFound(
            f"Nothing in the log is called {what!r}. Give the id of an entry, its place (a number),"
            " or the reference of a record, like SG-7K4Q-2M."
        )
    head = tree.last_checkpoint(tx)
    found = Proved(out, head.size if head else 0)
    try:
        for entry, proof in proofs_of(tx, entries, head) if head else ():
            out.mkdir(parents=True, exist_ok=True)
            put(out / f"{proof.idx}.json", entry.leaf.encode())
            put(out / f"{proof.idx}{SUFFIX}", proof.text.encode())
            found.proofs.append((proof.idx, entry.id))
            if progress is not None:
                progress("proofs", len(found.proofs), len(entries))
    except Changed as error:
        raise NotFound(
            f"{error} Keep a copy of the database as it is, and run `segue audit verify`."
        ) from error
    found.waiting = len(entries) - len(found.proofs)
    if not found.proofs:
        raise NotFound(
            "No signed head covers this yet: one will within five minutes, while `segue worker`"
            " runs with a key (segue audit key)."
        )
    return found

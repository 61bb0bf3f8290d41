"""A proof that an entry stands in the log, as a file that needs nothing else of ours to be checked:
C2SP's tlog-proof. It holds the entry's place, its path to the root, and the signed head."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from referral.leaf import leaf_hash
from referral.merkle import HASH_BYTES, MOST_LEAVES, verify_inclusion
from referral.notes import Checkpoint, Note, Verifier, open_checkpoint, size_in

KIND = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"
MOST_PATH = 64


class NotAProofFile(ValueError):
    """The text isn't a proof file as it must be written."""


class ProofFile(NamedTuple):
    """What a proof file says; none of it is checked yet."""

    idx: int
    """The entry's place in the log, from 0."""
    path: Sequence[bytes]
    note: str
    """The signed head, as it is."""
    extra: bytes | None = None
    """What came with it. Nobody signed this: it is only what it hashes to."""

    @property
    def text(self) -> str:
        extra = "" if self.extra is None else f"extra {_text(self.extra)}\n"
        path = "".join(f"{_text(each)}\n" for each in self.path)
        return f"{KIND}\n{extra}index {self.idx}\n{path}\n{self.note}"

    @classmethod
    def read(cls, text: str) -> ProofFile:
        """NotAProofFile for another kind or version, a place with leading zeros, more than 64
        hashes, a hash that isn't 32 bytes in the one standard base64, and a missing blank line."""
        head, blank, note = text.partition("\n\n")
        kind, *lines = head.split("\n")
        if kind != KIND or not blank:
            raise NotAProofFile(f"A proof file begins with {KIND}")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = _bytes(lines.pop(0).removeprefix("extra "))
        index = size_in(lines.pop(0).removeprefix("index ")) if _says(lines, "index ") else None
        if index is None or index >= MOST_LEAVES:
            raise NotAProofFile("A proof file says the index of its entry, a plain number")
        path = [_bytes(line) for line in lines]
        if len(path) > MOST_PATH or any(len(each) != HASH_BYTES for each in path):
            raise NotAProofFile(f"A path is at most {MOST_PATH} hashes of {HASH_BYTES} bytes")
        return cls(index, path, note, extra)

    def check(self, entry: str, known: Iterable[Verifier]) -> tuple[Checkpoint, Note]:
        """The signed head under which this entry stands at this place.

        NotANote and NotSigned as `open_checkpoint` says, NotProved when the path doesn't lead from
        this entry, at this index, to the root that was signed."""
        head, opened = open_checkpoint(self.note, known)
        verify_inclusion(leaf_hash(entry), self.idx, head.size, self.path, head.root)
        return head, opened


def _says(lines: list[str], word: str) -> bool:
    return bool(lines) and lines[0].startswith(word)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found or _text(found) != text:
        raise NotAProofFile("What a proof file holds is written in standard base64")
    return found

"""What other people's verifiers are given: signed heads, inclusion and consistency proofs, as they
should be and broken, a line of JSON each. A line says whether it is good, and how it was broken."""

from __future__ import annotations

import base64
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from referral.leaf import canonical, leaf_hash
from referral.merkle import consistency, inclusion
from referral.notes import Checkpoint, Kind, Signer, Verifier, join, note, split
from tests.trees import Grown

ORIGIN = "audit.example.org/segue/log1"
SMALL = range(1, 258)
LARGE = (65_537, 66_571)
SIZES = (*SMALL, *LARGE)
SEED = 6962

LOG = Signer(ORIGIN, bytes(range(32)))
STRANGER = Signer(ORIGIN, bytes(range(32, 64)))
ELSEWHERE = Signer("elsewhere.example.org/log", LOG.seed)
WITNESS = Signer("witness.example.org/w1", bytes(range(64, 96)), Kind.COSIGNATURE)
AT = 1_800_000_000

ENTRIES = [
    canonical(
        {"action": "read", "entry": number, "noun": "referral", "of": "Zo\u00eb"[: number % 4]}
    )
    for number in range(LARGE[-1])
]
TREE = Grown([leaf_hash(text) for text in ENTRIES])
CHANGED = Grown([leaf_hash("another"), *TREE.leaves[1:]])

Line = dict[str, Any]


class Counts(NamedTuple):
    """How many good and how many broken of each kind were written, and of each way of breaking."""

    good: Counter[str]
    bad: Counter[str]
    ways: Counter[tuple[str, str]]


def write(folder: Path) -> Counts:
    """Every size from 1 to 257 with all its proofs, and two over 65,536 with some. Of heads each is
    there as the log signed it, and once more with a witness's line under it."""
    counts = Counts(Counter(), Counter(), Counter())
    for kind, lines in (
        ("heads", heads()),
        ("cosigned", cosigned()),
        ("inclusion", _with_broken(inclusions(), INCLUSION)),
        ("consistency", _with_broken(consistencies(), CONSISTENCY)),
    ):
        write_lines(folder, kind, _counted(kind, lines, counts))
    write_keys(folder, LOG.verifier)
    return counts


def _counted(kind: str, lines: Iterable[Line], counts: Counts) -> Iterator[Line]:
    for line in lines:
        (counts.good if line["how"] is None else counts.bad)[kind] += 1
        counts.ways[kind, line["how"]] += 1
        yield line


def write_keys(folder: Path, key: Verifier) -> None:
    """The key in each form that somebody reads, and the witness's."""
    (folder / "key.txt").write_text(key.text)
    (folder / "key.id").write_text(key.id.hex())
    (folder / "key.der").write_bytes(spki(key))
    (folder / "witness.txt").write_text(WITNESS.verifier.text)
    (folder / "witness.der").write_bytes(spki(WITNESS.verifier))


def write_lines(folder: Path, kind: str, lines: Iterable[Line]) -> None:
    """One file of cases."""
    with (folder / f"{kind}.jsonl").open("w") as file:
        for line in lines:
            file.write(json.dumps(line, default=_text) + "\n")


def spki(key: Verifier) -> bytes:
    public = Ed25519PublicKey.from_public_bytes(key.key)
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


# --- signed heads ---


def heads() -> Iterator[Line]:
    draw = random.Random(SEED)
    for size in SIZES:
        head = Checkpoint(ORIGIN, size, TREE.root(size))
        given = {"size": size, "root": head.root}
        signed = note(head.body, [LOG.sign(head.body)])
        yield {"note": signed.encode(), "how": None, **given}
        # To whoever doesn't know the witness, its line is a stranger's, and left aside.
        more = join(signed, WITNESS.sign(head.body, AT + size))
        yield {"note": more.encode(), "how": None, **given}
        for how, broken in _broken_heads(head, draw):
            yield {"note": broken, "how": how, **given}


def _broken_heads(head: Checkpoint, draw: random.Random) -> Iterator[tuple[str, bytes]]:
    right = LOG.sign(head.body)
    signature = split(note(head.body, [right]))[1][0].signature
    body = head.body.encode()

    def signed(body: bytes, line: str = right) -> bytes:
        return body + b"\n" + line.encode()

    def line(signature: bytes, key: bytes = LOG.verifier.id, name: str = ORIGIN) -> str:
        return f"\u2014 {name} {_text(key + signature)}\n"

    at, bit = draw.randrange(len(body)), 1 << draw.randrange(8)
    yield "a bit of the body", signed(body[:at] + bytes([body[at] ^ bit]) + body[at + 1 :])
    yield "another size", signed(head._replace(size=head.size + 1).body.encode())
    yield "another root", signed(head._replace(root=TREE.leaves[0][::-1]).body.encode())
    yield "another origin", signed(head._replace(origin="audit.example.com").body.encode())
    at = draw.randrange(len(signature))
    spoiled = signature[:at] + bytes([signature[at] ^ bit]) + signature[at + 1 :]
    yield "a bit of the signature", signed(body, line(spoiled))
    yield "a signature cut short", signed(body, line(signature[:-1]))
    yield "another key", signed(body, STRANGER.sign(head.body))
    forged = split(note(head.body, [STRANGER.sign(head.body)]))[1][0].signature
    yield "another key under our key's id", signed(body, line(forged))
    yield "another id", signed(body, line(signature, STRANGER.verifier.id))
    yield "another name", signed(body, line(signature, name=ELSEWHERE.name))
    yield "no signature", body + b"\n"


def cosigned() -> Iterator[Line]:
    """Heads for those who know the witness only."""
    stranger = Signer(WITNESS.name, STRANGER.seed, Kind.COSIGNATURE)
    for size in SIZES:
        head = Checkpoint(ORIGIN, size, TREE.root(size))
        given = {"size": size, "root": head.root}
        right = WITNESS.sign(head.body, AT + size)
        at = split(note(head.body, [right]))[1][0]
        later = at.id + (AT + size + 1).to_bytes(8, "big") + at.signature[8:]
        other = split(note(head.body, [stranger.sign(head.body, AT)]))[1][0].signature
        bodies = {
            None: (head.body, right),
            "another size": (head._replace(size=size + 1).body, right),
            "another root": (head._replace(root=TREE.leaves[0][::-1]).body, right),
            "another time": (head.body, f"\u2014 {at.name} {_text(later)}\n"),
            "another key": (head.body, f"\u2014 {at.name} {_text(at.id + other)}\n"),
            "the note's own signature": (
                head.body,
                f"\u2014 {at.name} {_text(at.id + _plain(WITNESS, head.body))}\n",
            ),
        }
        for how, (body, line) in bodies.items():
            yield {"note": note(body, [line]).encode(), "how": how, **given}


def _plain(signer: Signer, body: str) -> bytes:
    """A signature over the body alone, as the log makes it, behind eight bytes of a time."""
    as_log = Signer(signer.name, signer.seed)
    return AT.to_bytes(8, "big") + split(note(body, [as_log.sign(body)]))[1][0].signature


# --- proofs ---

Break = Callable[[Line], Line | None]


def _bit(of: str) -> Break:
    def broken(line: Line) -> Line | None:
        value = line[of]
        if isinstance(value, bytes):
            return line | {of: bytes([value[0] ^ 1]) + value[1:]}
        at = len(value) // 2
        if not value:
            return None
        return line | {
            of: [*value[:at], bytes([value[at][0] ^ 1]) + value[at][1:], *value[at + 1 :]]
        }

    return broken


def _swapped(line: Line) -> Line | None:
    path = line["path"]
    return line | {"path": [path[1], path[0], *path[2:]]} if len(path) > 1 else None


def _shorter(line: Line) -> Line | None:
    return line | {"path": line["path"][:-1]} if line["path"] else None


def _longer(line: Line) -> Line:
    return line | {"path": [*line["path"], TREE.leaves[0]]}


def _elsewhere(line: Line) -> Line:
    """Another leaf's place in the same tree; where there is only one, a place outside."""
    return line | {"index": (line["index"] + 1) % max(line["size"], 2)}


def _other_leaf(line: Line) -> Line:
    return line | {"leaf": (line["leaf"].decode() + " ").encode()}


def _of_another_history(line: Line) -> Line:
    """A sound proof, from a tree whose first entry was rewritten, against the root we had."""
    old, new = line["old"], line["size"]
    return {
        "old": old,
        "old_root": TREE.root(old),
        "size": new,
        "root": CHANGED.root(new),
        "path": consistency(old, new, CHANGED.read),
    }


INCLUSION: dict[str, Break] = {
    "a bit of the path": _bit("path"),
    "two hashes swapped": _swapped,
    "a hash too few": _shorter,
    "a hash too many": _longer,
    "another index": _elsewhere,
    "another root": _bit("root"),
    "another leaf": _other_leaf,
}
CONSISTENCY: dict[str, Break] = {
    "a bit of the path": _bit("path"),
    "two hashes swapped": _swapped,
    "a hash too few": _shorter,
    "a hash too many": _longer,
    "another old root": _bit("old_root"),
    "another new root": _bit("root"),
    "another history": _of_another_history,
}


def inclusions() -> Iterator[Line]:
    for size, index in _leaves():
        yield {
            "leaf": ENTRIES[index].encode(),
            "index": index,
            "size": size,
            "root": TREE.root(size),
            "path": inclusion(index, size, TREE.read),
        }


def _leaves() -> Iterator[tuple[int, int]]:
    for size in SMALL:
        yield from ((size, index) for index in range(size))
    for size in LARGE:
        yield from ((size, index) for index in _some(size))


def consistencies() -> Iterator[Line]:
    for new in SIZES:
        for old in range(1, new + 1) if new in SMALL else [*SMALL, *_some(new)[1:], new]:
            yield {
                "old": old,
                "old_root": TREE.root(old),
                "size": new,
                "root": TREE.root(new),
                "path": consistency(old, new, TREE.read),
            }


def _some(size: int) -> list[int]:
    draw = random.Random(SEED + size)
    edges = [0, 1, 255, 256, 257, 511, 512, 65_279, 65_280, 65_535, size - 2, size - 1]
    return edges + draw.sample(range(size), 500)


def _with_broken(lines: Iterator[Line], ways: dict[str, Break]) -> Iterator[Line]:
    """Each line as it is, and once broken: the ways take turns."""
    turn = count()
    names = list(ways)
    for line in lines:
        yield line | {"how": None}
        while True:
            how = names[next(turn) % len(names)]
            broken = ways[how](line)
            if broken is not None:
                yield broken | {"how": how}
                break

"""The tree and its signed heads, built again from the entries and compared with what is stored and
with what was kept outside the store.

`check_tree` reads every entry once, in the order of its place; what it keeps grows by a hash for
every 256 of them. It finds any edit, removal, insertion or swap of what a head covers, a head that
no known key signed, and, given a checkpoint kept outside, a tail that was cut off, a store that was
rolled back, and a history written anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from operator import lt
from typing import Any, NamedTuple, Protocol

from referral import merkle, tree
from referral.merkle import TILE
from referral.notes import NotANote, NotSigned, Verifier, open_checkpoint
from referral.replay import Finding
from referral.skew import Skew
from referral.store import Sql, Tx

Progress = Callable[[str, int, int | None], None]
STAGE = "places in the tree"
CHUNK = 16 * TILE


class Report(Protocol):
    """Where findings go."""

    def add(self, findings: Iterable[Finding]) -> None: ...


class Known(NamedTuple):
    """A head that is known from outside the store, and what to call it."""

    label: str
    size: int
    root: bytes


@dataclass
class TreeRead:
    """What was read: entries with a place, entries without, and signed heads."""

    size: int = 0
    unplaced: int = 0
    heads: int = 0
    signed: int = 0
    known: int = 0
    nodes: dict[tuple[int, int], bytes] = field(default_factory=dict, repr=False)
    root: bytes = merkle.EMPTY_ROOT
    late: list[int] = field(default_factory=list, repr=False)
    """Entries that stand behind one with a greater number: few, as transactions overlap."""
    skew: Skew = field(default_factory=Skew)

    def lines(self) -> list[str]:
        """What was read, for people; nothing where there is no tree yet."""
        if not (self.size or self.heads):
            return []
        out = [
            f"The tree: {_many(self.size, 'entry', 'entries')}, root {self.root.hex()[:16]}...,"
            f" {_many(self.heads, 'signed head', 'signed heads')}"
            f" ({_many(self.signed, 'signature', 'signatures')} checked)."
        ]
        if self.known:
            out.append(f"Compared with {_many(self.known, 'head', 'heads')} kept outside.")
        if self.unplaced:
            out.append(f"Newer than the tree: {_many(self.unplaced, 'entry', 'entries')}.")
        return out + self.skew.lines()

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "size": self.size,
            "root": self.root.hex(),
            "unplaced": self.unplaced,
            "checkpoints": self.heads,
            "signatures_checked": self.signed,
            "compared_with_outside": self.known,
            "clocks_apart": self.skew.as_json(),
        }


def _many(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


PLACED = Sql(
    "SELECT i.idx, i.seq, a.leaf, a.leaf_hash FROM audit_index i"
    " LEFT JOIN audit a ON a.seq = i.seq ORDER BY i.idx"
)
NODES = Sql("SELECT level, number, hash FROM audit_node ORDER BY level, number")
ENTRIES = Sql("SELECT count(*) FROM audit")
# Whether the entry with this number, which stands behind one with a greater number, stands behind
# one of its own record.
OVERTAKEN = Sql(
    "SELECT a.record_id FROM audit a JOIN audit_index i ON i.seq = a.seq"
    " JOIN audit b ON b.record_id = a.record_id AND b.seq > a.seq"
    " JOIN audit_index j ON j.seq = b.seq AND j.idx < i.idx WHERE a.seq = :seq LIMIT 1"
)
COSIGNATURES = Sql("SELECT size, witness, line FROM audit_cosignature ORDER BY size, witness")


def check_tree(
    tx: Tx,
    report: Report,
    verifiers: Sequence[Verifier],
    known: Iterable[Known] = (),
    progress: Progress | None = None,
) -> TreeRead:
    """Build the tree again and compare. `verifiers` are the keys whose signatures count; without
    any, signatures aren't looked at."""
    read = TreeRead()
    known = list(known)
    heads = list(tree.all_checkpoints(tx))
    wanted = sorted({head[0] for head in heads} | {one.size for one in known})
    roots = _build(tx, report, read, wanted, tree.size(tx), progress)
    counted = tx.row(ENTRIES)
    read.unplaced = max(0, (int(counted[0]) if counted else 0) - read.size)
    report.add(_nodes(tx, read))
    report.add(_heads(heads, roots, read, verifiers))
    report.add(_cosignatures(tx, {head[0]: head[3] for head in heads}, verifiers))
    report.add(_outside(known, roots, read))
    for seq in read.late:
        row = tx.row(OVERTAKEN, seq=seq)
        if row is not None:
            says = "it stands in the tree behind a younger entry of its record"
            report.add((Finding("audit_index", str(row[0]), seq, says),))
    return read


# -- the entries, in the order of their places --------------------------------------------------


def _build(
    tx: Tx,
    report: Report,
    read: TreeRead,
    wanted: Sequence[int],
    total: int,
    progress: Progress | None,
) -> dict[int, bytes]:
    """The roots at these sizes, as far as the entries go."""
    edge = merkle.Edge()
    roots = {0: merkle.EMPTY_ROOT}
    stops = iter([*(size for size in wanted if size > 0), 2**63])
    stop = next(stops)
    for hashes in _leaves(tx.stream(PLACED), report, read.late):
        begin = 0
        while begin < len(hashes):
            end = min(len(hashes), begin + stop - edge.size)
            for tile in edge.add(hashes[begin:end]):
                _keep(read, tile)
            if edge.size == stop:
                roots[stop] = edge.root()
                stop = next(stops)
            begin = end
        if progress is not None:
            progress(STAGE, edge.size, total)
    for tile in edge.partial():
        _keep(read, tile)
    read.size, read.root = edge.size, edge.root()
    return roots


def _keep(read: TreeRead, tile: merkle.Tile) -> None:
    """What a tile above the leaves holds is what stands in the store one by one."""
    if tile.level:
        first = tile.number * TILE
        for at in range(tile.width):
            read.nodes[tile.level, first + at] = tile.hashes[at * 32 : at * 32 + 32]


def _leaves(
    rows: Iterator[tuple[Any, ...]], report: Report, late: list[int]
) -> Iterator[list[bytes]]:
    """The hashes of the leaves, made anew from their texts."""
    place = newest = 0
    while chunk := list(islice(rows, CHUNK)):
        try:
            hashes = [sha256(b"\x00" + leaf.encode()).digest() for _, _, leaf, _ in chunk]
        except (AttributeError, UnicodeEncodeError):
            hashes = []
        # The rows come in the order of their places, no two in the same.
        whole = chunk[0][0] == place and chunk[-1][0] == place + len(chunk) - 1
        if not whole or hashes != [kept for _, _, _, kept in chunk]:
            hashes = _one_by_one(chunk, place, report)
        place = chunk[-1][0] + 1
        numbers = [seq for _, seq, _, _ in chunk]
        if numbers[0] < newest or not all(map(lt, numbers, numbers[1:])):
            late += _behind(numbers, newest)
        newest = max(newest, max(numbers))
        yield hashes


def _behind(numbers: list[int], newest: int) -> list[int]:
    """Those that stand behind a greater one."""
    found = []
    for number in numbers:
        if number < newest:
            found.append(number)
        newest = max(newest, number)
    return found


def _one_by_one(chunk: list[tuple[Any, ...]], place: int, report: Report) -> list[bytes]:
    """The same, saying what is unlike."""
    hashes = []
    for idx, seq, leaf, kept in chunk:
        if type(leaf) is not str:
            says = "its entry is gone" if leaf is None else "its leaf can't be read"
            report.add((Finding("audit_index", f"place {idx}", seq, says),))
            leaf = ""
        made = sha256(b"\x00" + leaf.encode("utf-8", "replace")).digest()
        if made != kept and kept is not None:
            says = "its leaf doesn't hash to what is kept beside it"
            report.add((Finding("audit", f"place {idx}", seq, says),))
        if idx != place:
            says = f"the place before it is missing, where {place} was to be"
            report.add((Finding("audit_index", f"place {idx}", seq, says),))
        place = idx + 1
        hashes.append(made)
    return hashes


def _nodes(tx: Tx, read: TreeRead) -> Iterator[Finding]:
    left = dict(read.nodes)
    for level, number, hashed in tx.stream(NODES):
        made = left.pop((level, number), None)
        key = f"level {level} number {number}"
        if made is None:
            yield Finding("audit_node", key, None, "the entries below it are not there")
        elif made != bytes(hashed):
            yield Finding("audit_node", key, None, "it is not the hash of the entries below it")
    for level, number in sorted(left):
        key = f"level {level} number {number}"
        yield Finding("audit_node", key, None, "the hash is missing")


# -- heads --------------------------------------------------------------------------------------


def _heads(
    heads: Iterable[tuple[int, str, bytes, str]],
    roots: dict[int, bytes],
    read: TreeRead,
    verifiers: Sequence[Verifier],
) -> Iterator[Finding]:
    for size, origin, root, note in heads:
        read.heads += 1
        key = f"of {size} entries"
        if size not in roots:
            says = f"it covers more than the {read.size} entries there are: the end was cut off"
            yield Finding("audit_checkpoint", key, None, says)
        elif roots[size] != bytes(root):
            says = f"its root is not that of the first {size} entries: they were changed"
            yield Finding("audit_checkpoint", key, None, says)
        if not verifiers:
            continue
        try:
            head, _ = open_checkpoint(note, verifiers)
        except (NotANote, NotSigned, AttributeError, TypeError) as error:
            yield Finding("audit_checkpoint", key, None, _sentence(error))
            continue
        read.signed += 1
        if (head.size, head.origin, head.root) != (size, origin, bytes(root)):
            says = "what was signed is not what stands beside it"
            yield Finding("audit_checkpoint", key, None, says)


def _sentence(error: Exception) -> str:
    if isinstance(error, NotSigned):
        return f"no known key stands behind it ({error})"
    return f"its note can't be read ({error})"


def _cosignatures(
    tx: Tx, notes: dict[int, str], verifiers: Sequence[Verifier]
) -> Iterator[Finding]:
    """Each stands under a head there is; where the witness's key is known, it is right."""
    named = {key.name for key in verifiers}
    for size, witness, line in tx.rows(COSIGNATURES):
        key = f"of {size} entries"
        if size not in notes:
            yield Finding("audit_cosignature", key, None, f"the head {witness} signed is gone")
        elif witness in named:
            try:
                found, opened = open_checkpoint(notes[size] + line, verifiers)
                right = found.size == size and witness in {one.name for one in opened.by}
            except (NotANote, NotSigned):
                right = False
            if not right:
                yield Finding("audit_cosignature", key, None, f"{witness} didn't sign this head")


def _outside(known: Iterable[Known], roots: dict[int, bytes], read: TreeRead) -> Iterator[Finding]:
    for label, size, root in known:
        read.known += 1
        if size not in roots:
            says = (
                f"it covers {size} entries and the store has {read.size}: the store was rolled back"
                " or its end cut off"
            )
            yield Finding("checkpoint", label, None, says)
        elif roots[size] != root:
            says = f"the first {size} entries are not those it was signed over: they were rewritten"
            yield Finding("checkpoint", label, None, says)

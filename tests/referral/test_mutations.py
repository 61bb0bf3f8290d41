"""Thousands of ways to tamper with the store, and with an export of the log, by a seed: each is
found by `audit verify` or `audit check`, or, where whoever tampers holds the signing key too, by a
head that was kept outside, and by a witness."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from referral import merkle, tiles, tree
from referral.audit import log
from referral.ids import new_id
from referral.leaf import canonical, leaf_hash
from referral.notes import Kind, Signer
from referral.replay import Finding
from referral.sequencer import NODE
from referral.store import Door, Sql, Tx
from referral.verify import Report, verify
from referral.verify_tree import Known, check_tree
from tests.counted import Counted
from tests.histories import lived_apart
from tests.keeping import KEYS, Place, keeper_of
from tests.races.rounds import rounds
from tests.tampering import (
    COVERED,
    Row,
    add,
    another,
    mark,
    next_number,
    open_store,
    remove,
    rows_of,
    seen,
    those_to_edit,
    undone,
    write,
)
from tests.trees import Grown
from tests.world import World
from web.audit_export import HEADS, export
from web.audit_keys import Keys
from web.audit_outlets import head_of
from web.export_checking import check_export
from web.witness import Heads, Witness, request
from workflows.rules_for_verify import rules_for_verify

MUTATIONS = {"sqlite": rounds(240, 10_000), "postgresql": rounds(60, 500)}
SEED = 20_260_512
RULES = rules_for_verify()
OTHER = Keys((Signer(KEYS.origin, bytes(32)),))
TAIL = 60  # entries about no record at the end: nothing but the tree knows of them
TREE = ("audit_index", "audit_node", "audit_checkpoint")


class Signed(NamedTuple):
    """A world, and the heads that were published outside as it grew."""

    w: World
    heads: list[Known]


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def signed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Signed]:
    with lived_apart(request, tmp_path_factory) as w:
        place = Place()
        keeper_of(w, place).turn(now=True)
        for _ in range(6):
            with w.store.begin() as tx:
                for _ in range(TAIL // 6):
                    log(tx, w.system, w.later(seconds=1), "read", "person", None)
            keeper_of(w, place).turn(now=True)
        heads = [head_of(note) for note in place.took]
        yield Signed(w, [Known(f"head {one.size}", one.size, one.root) for one in heads])


# -- finding ------------------------------------------------------------------------------------


class Findings:
    """Where the tree's findings go."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def add(self, findings: Any) -> None:
        self.found += findings


def found_by(tx: Tx, heads: list[Known]) -> str | None:
    """What finds it: the tree, the whole check, or only what was kept outside."""
    for way, known in (("tree", []), ("records", None), ("outside", heads)):
        report: Findings | Report = Findings()
        if known is None:
            if verify(tx, RULES, verifiers=KEYS.verifiers).found:
                return way
            continue
        check_tree(tx, report, KEYS.verifiers, known)
        if isinstance(report, Findings) and report.found:
            return way
    return None


# -- tampering ----------------------------------------------------------------------------------


class Hand:
    """What somebody with the database's own shell does, for whom nothing stands in the way."""

    def __init__(self, tx: Tx) -> None:
        self.tx = tx
        self.rows = {table: rows_of(tx, table) for table in (*COVERED, *TREE)}
        self.whole = {table: those_to_edit(tx, table) for table in COVERED}
        self.size = tree.size(tx)
        self.tail = self.size - TAIL
        by_seq = {row.values["seq"]: row for row in self.rows["audit"]}
        self.by_place = {
            row.values["idx"]: by_seq[row.values["seq"]] for row in self.rows["audit_index"]
        }

    def entry(self, chance: random.Random) -> tuple[int, Row]:
        idx = chance.randrange(self.size)
        return idx, self.by_place[idx]

    # one row

    def edits(self, chance: random.Random) -> str:
        table = chance.choice(("audit", "audit", "audit_detail", *TREE))
        row = chance.choice(self.rows[table])
        columns = [c for c in row.values if c != "xid" and c in EDITED.get(table, row.values)]
        column = chance.choice(columns)
        write(self.tx, row, **{column: another(self.tx, row, column, chance)})
        return f"edit of {table}"

    def edits_a_record(self, chance: random.Random) -> str:
        table = chance.choice([t for t in COVERED if t not in ("audit", "audit_detail")])
        row = chance.choice(self.whole[table])
        column = chance.choice([c for c in row.values if seen(table, c)])
        write(self.tx, row, **{column: another(self.tx, row, column, chance)})
        return "edit of a record"

    def deletes(self, chance: random.Random) -> str:
        table = chance.choice(("audit", "audit_index", "audit_node", "audit_index", "audit"))
        remove(self.tx, chance.choice(self.rows[table]))
        return f"delete from {table}"

    def deletes_an_entry_with_its_place(self, chance: random.Random) -> str:
        """With its details, and all that came later one place further on."""
        idx, row = self.entry(chance)
        self._without(idx, row)
        return "delete of an entry, the others moved up"

    def inserts(self, chance: random.Random) -> str:
        """An entry that never was, in the midst of the others, with hashes made anew."""
        idx, row = self.entry(chance)
        entry_id = new_id()
        leaf = canonical({**json.loads(row.values["leaf"]), "entry": entry_id})
        seq = next_number(self.tx, "audit", "seq")
        values = row.values | {"seq": seq, "entry_id": entry_id, "leaf": leaf}
        add(self.tx, "audit", values | {"leaf_hash": leaf_hash(leaf)})
        self._move(idx, 1)
        add(self.tx, "audit_index", {"idx": idx, "seq": seq})
        self._grow_anew()
        return "insert of an entry"

    def swaps(self, chance: random.Random) -> str:
        one, other = chance.sample(range(self.size), 2)
        if chance.random() < 0.5:
            here, there = self.by_place[one].values["seq"], self.by_place[other].values["seq"]
            self._place(one, -1)
            self._place(other, here)
            self._place(one, there)
            self._grow_anew()
            return "swap of two places"
        a, b = self.by_place[one], self.by_place[other]
        write(self.tx, a, leaf=b.values["leaf"], leaf_hash=b.values["leaf_hash"])
        write(self.tx, b, leaf=a.values["leaf"], leaf_hash=a.values["leaf_hash"])
        return "swap of two leaves"

    def rewrites(self, chance: random.Random) -> str:
        """An entry and its step together, with every hash made anew: leaf, tree and heads."""
        self._rewritten(self.entry(chance)[1], chance)
        self._grow_anew()
        return "step and entry rewritten"

    # heads

    def signs_anew_with_another_key(self, chance: random.Random) -> str:
        """The same, and every head signed anew, with a key that isn't the log's."""
        self._rewritten(self.entry(chance)[1], chance)
        self._grow_anew(OTHER)
        return "heads signed with another key"

    def puts_one_head_for_another(self, chance: random.Random) -> str:
        one, other = chance.sample(self.rows["audit_checkpoint"], 2)
        write(self.tx, one, note=other.values["note"])
        return "a head's note in another's place"

    # by who holds the signing key too

    def cuts_the_tail(self, chance: random.Random) -> str:
        self._cut(chance.randrange(self.tail + 1, self.size))
        return "tail cut off"

    def rolls_back(self, chance: random.Random) -> str:
        sizes = [r.values["size"] for r in self.rows["audit_checkpoint"]]
        self._cut(chance.choice(sorted(sizes)[:-1]))
        return "rolled back"

    def rewrites_with_the_key(self, chance: random.Random) -> str:
        """What nobody can see from within: an entry about nothing rewritten throughout, and every
        head signed anew with the log's own key."""
        idx = chance.randrange(self.tail, self.size)
        row = self.by_place[idx]
        if chance.random() < 0.5:
            self._without(idx, row)
        else:
            self._rewritten(row, chance)
        self._grow_anew(KEYS)
        return "rewritten by who holds the key"

    # how

    def _run(self, sql: str, *values: Any) -> None:
        self.tx.raw.execute(sql.replace("?", mark(self.tx)), values)

    def _place(self, idx: int, seq: int) -> None:
        self._run("UPDATE audit_index SET seq = ? WHERE idx = ?", seq, idx)

    def _move(self, begin: int, by: int) -> None:
        """Move the places from here on; first out of each other's way."""
        self._run("UPDATE audit_index SET idx = -1 - idx WHERE idx >= ?", begin)
        self._run("UPDATE audit_index SET idx = -1 - idx + ? WHERE idx < 0", by)

    def _without(self, idx: int, row: Row) -> None:
        self._run("DELETE FROM audit_index WHERE idx = ?", idx)
        self._move(idx, -1)
        self._run("DELETE FROM audit_detail WHERE entry_id = ?", row.values["entry_id"])
        remove(self.tx, row)
        if not self.tx.pg:
            # The numbers run without a gap: those after it move up too.
            seq = row.values["seq"]
            self._run("UPDATE audit SET seq = -seq WHERE seq > ?", seq)
            self._run("UPDATE audit SET seq = -seq - 1 WHERE seq < 0")
            self._run("UPDATE audit_index SET seq = -seq WHERE seq > ?", seq)
            self._run("UPDATE audit_index SET seq = -seq - 1 WHERE seq < 0")
            self._counted(-1)
        self._grow_anew()

    def _counted(self, by: int) -> None:
        self._run("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'audit'", by)

    def _cut(self, size: int) -> None:
        gone = [row for idx, row in self.by_place.items() if idx >= size]
        self._run("DELETE FROM audit_index WHERE idx >= ?", size)
        for row in gone:
            self._run("DELETE FROM audit_detail WHERE entry_id = ?", row.values["entry_id"])
            remove(self.tx, row)
        if not self.tx.pg:
            self._counted(-len(gone))
        self._run("DELETE FROM audit_checkpoint WHERE size > ?", size)
        self._grow_anew()

    def _rewritten(self, row: Row, chance: random.Random) -> None:
        said = json.loads(row.values["leaf"])
        if said["action"] == "step" and chance.random() < 0.5:
            said["subject" if chance.random() < 0.5 else "consent"] = new_id()
        elif said["action"] == "step":
            said["reason"] = "changed"
            self._run(
                "UPDATE step SET reason = 'changed' WHERE record_id = ? AND version = ?",
                row.values["record_id"],
                row.values["version"],
            )
        else:
            said["role"] = "auditor" if said["role"] != "auditor" else "system"
        leaf = canonical(said)
        write(self.tx, row, leaf=leaf, leaf_hash=leaf_hash(leaf))

    def _grow_anew(self, keys: Keys | None = None) -> None:
        """Make every hash of the tree anew, and with `keys` every head."""
        self._run("DELETE FROM audit_node")
        edge = merkle.Edge()
        leaves = [bytes(r[0]) for r in self.tx.rows(tree.LEAVES, begin=0, end=2**40)]
        for tile in edge.add(leaves):
            self.tx.run(NODE, level=tile.level + 1, number=tile.number, hash=tile.root)
        if keys is None:
            return
        read = tree.reader(self.tx)
        for size, origin in self.tx.rows(Sql("SELECT size, origin FROM audit_checkpoint")):
            end = min(size, len(leaves))
            root = merkle.root(end, read)
            note = keys.sign(origin, end, root)
            self._run("DELETE FROM audit_checkpoint WHERE size = ?", size)
            self._run("DELETE FROM audit_checkpoint WHERE size = ?", end)
            add(
                self.tx,
                "audit_checkpoint",
                {
                    "size": end,
                    "origin": origin,
                    "root": root,
                    "note": note,
                    "at": self.rows["audit_checkpoint"][0].values["at"],
                },
            )


# Of these tables, the columns something is said of.
EDITED = {
    "audit_index": ("idx", "seq"),
    "audit_checkpoint": ("size", "origin", "root", "note"),
    "audit_node": ("level", "number", "hash"),
}
# How often each; and those that only something outside can show.
WAYS: dict[str, int] = {
    "edits": 22,
    "edits_a_record": 3,
    "deletes": 14,
    "deletes_an_entry_with_its_place": 10,
    "inserts": 10,
    "swaps": 12,
    "rewrites": 10,
    "signs_anew_with_another_key": 6,
    "puts_one_head_for_another": 4,
    "cuts_the_tail": 3,
    "rolls_back": 3,
    "rewrites_with_the_key": 3,
}
ONLY_OUTSIDE = {"tail cut off", "rolled back", "rewritten by who holds the key"}


def test_every_tampering_is_found(
    signed: Signed, request: pytest.FixtureRequest, counted: Counted
) -> None:
    wanted = MUTATIONS[request.node.callspec.params["signed"]]
    chance = random.Random(SEED)
    found: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    missed, from_within = [], []
    with open_store(signed.w.store) as tx:
        hand = Hand(tx)
        assert found_by(tx, signed.heads) is None
        names = list(WAYS)
        for number in range(wanted):
            # Each way at least once, then by chance.
            way = names[number] if number < len(names) else None
            way = way or chance.choices(names, list(WAYS.values()))[0]
            with undone(tx):
                what = getattr(hand, way)(chance)
                by = found_by(tx, signed.heads)
            kinds[what] += 1
            found[by or "nothing"] += 1
            if by is None:
                missed.append((number, what))
            if by == "outside" and what not in ONLY_OUTSIDE:
                from_within.append((number, what))
        assert found_by(tx, signed.heads) is None
    ways = ", ".join(f"{count} by {by}" for by, count in sorted(found.items()))
    counted(f"{wanted} mutations, seed {SEED}: {wanted - len(missed)} found ({ways})")
    assert missed == []
    assert from_within == []
    assert kinds.total() == wanted


def test_what_only_the_outside_shows_a_witness_never_signs(signed: Signed, tmp_path: Path) -> None:
    """Whoever holds the database and the key can sign another history. A witness that signed what
    was there before signs none of it, whatever size it is told."""
    chance = random.Random(SEED)
    log_key, witness_key = KEYS.verifiers, Signer("w", bytes(32), Kind.COSIGNATURE)
    witness = Witness(witness_key, log_key, Heads(tmp_path / "w.db"))
    with open_store(signed.w.store) as tx:
        hand, read = Hand(tx), tree.reader(tx)
        old = 0
        for one in signed.heads:
            note = KEYS.sign(KEYS.origin, one.size, one.root)
            proof = merkle.consistency(old, one.size, read)
            assert witness.add_checkpoint(request(old, proof, note)).status == HTTPStatus.OK
            old = one.size
        refused: Counter[int] = Counter()
        for _ in range(rounds(10, 100)):
            for way in ("cuts_the_tail", "rolls_back", "rewrites_with_the_key"):
                with undone(tx):
                    getattr(hand, way)(chance)
                    size = tree.size(tx)
                    note = KEYS.sign(KEYS.origin, size, merkle.root(size, read))
                    for said in {0, min(old, size), size}:
                        proof = merkle.consistency(said, size, read)
                        answer = witness.add_checkpoint(request(said, proof, note))
                        refused[answer.status] += 1
    assert HTTPStatus.OK not in refused
    assert set(refused) == {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}


# -- an export ----------------------------------------------------------------------------------

EXPORTS = {"sqlite": rounds(160, 10_000), "postgresql": rounds(40, 500)}


class Copy:
    """An export, in the hands of somebody who changes it before it is given on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.there = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != "README.md"
        }
        self.heads = {
            name: head_of(data.decode()) for name, data in self.there.items() if HEADS in name
        }
        self.size = max(head.size for head in self.heads.values())
        names = [place.path for place in tiles.bundles(self.size)]
        self.entries = [entry for name in names for entry in tiles.entries(self.there[name])]

    @contextmanager
    def changed(self, changes: dict[str, bytes | None]) -> Iterator[None]:
        """While this lasts these files say something else; None: they are gone."""
        self._put(changes)
        yield
        self._put({name: self.there.get(name) for name in changes})

    def _put(self, files: Mapping[str, bytes | None]) -> None:
        for name, data in files.items():
            path = self.folder / name
            if data is None:
                path.unlink(missing_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def grown(self, entries: list[bytes], keys: Keys | None = None) -> dict[str, bytes | None]:
        """The files of these entries instead, every hash made anew; with `keys`, every head too."""
        tree = Grown([sha256(b"\0" + entry).digest() for entry in entries])
        size = len(entries)
        made: dict[str, bytes | None] = {
            name: None for name in self.there if name.startswith("tile/")
        }
        for place in tiles.bundles(size):
            begin = place.number * merkle.TILE
            made[place.path] = tiles.bundle(entries[begin : begin + place.width])
        for place in tiles.tiles(size):
            made[place.path] = tree.read(*place)
        if keys is not None:
            for name, head in self.heads.items():
                if head.size > size:
                    made[name] = None
                else:
                    made[name] = keys.sign(head.origin, head.size, tree.root(head.size)).encode()
            made["checkpoint"] = keys.sign(KEYS.origin, size, tree.root(size)).encode()
        return made

    # what is done to it

    def edits(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        name = chance.choice(list(self.there))
        data = bytearray(self.there[name])
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return f"a bit of {name.split('/')[0]}", {name: bytes(data)}

    def shortens(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        name = chance.choice(list(self.there))
        data = self.there[name]
        return "a file cut short", {name: data[: chance.randrange(len(data))]}

    def takes_a_file(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        names = [name for name in self.there if name.startswith("tile/") or name == "checkpoint"]
        return "a file taken out", {chance.choice(names): None}

    def adds_a_file(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        level = chance.choice(("entries", "0", "7"))
        data = chance.choice(list(self.there.values()))
        return "a file put in", {f"tile/{level}/{chance.randrange(10, 999):03}": data}

    def swaps_files(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        kind = chance.choice(("tile/", HEADS))
        one, other = chance.sample([name for name in self.there if name.startswith(kind)], 2)
        return f"two of {kind} swapped", {one: self.there[other], other: self.there[one]}

    def edits_an_entry(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        """Its own file alone: the hashes stay as they were."""
        entries = self._rewritten(chance)
        name = next(p.path for p in tiles.bundles(self.size) if self._differs(p, entries))
        begin = tiles.place(name).number * merkle.TILE
        return "an entry edited", {
            name: tiles.bundle(entries[begin : begin + tiles.place(name).width])
        }

    def deletes(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        entries = list(self.entries)
        del entries[chance.randrange(self.size)]
        return "an entry taken out", self.grown(entries)

    def inserts(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        entries = list(self.entries)
        entries.insert(chance.randrange(self.size), chance.choice(entries))
        return "an entry put in", self.grown(entries)

    def swaps(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        entries = list(self.entries)
        one, other = chance.sample(range(self.size), 2)
        entries[one], entries[other] = entries[other], entries[one]
        return "two entries swapped", self.grown(entries)

    def rewrites(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        return "a step rewritten, hashes made anew", self.grown(self._rewritten(chance))

    def signs_with_another_key(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        return "heads signed with another key", self.grown(self._rewritten(chance), OTHER)

    def cuts_the_tail(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        return "tail cut off", self.grown(self.entries[: chance.randrange(1, self.size)])

    def rolls_back(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        """To an earlier head, just as it was that day."""
        name = chance.choice(sorted(n for n, h in self.heads.items() if h.size < self.size))
        size = self.heads[name].size
        later: dict[str, bytes | None] = {n: None for n, h in self.heads.items() if h.size > size}
        now = {"checkpoint": self.there[name]}
        return "rolled back", {**self.grown(self.entries[:size]), **later, **now}

    def rewrites_with_the_key(self, chance: random.Random) -> tuple[str, dict[str, bytes | None]]:
        return "rewritten by who holds the key", self.grown(self._rewritten(chance), KEYS)

    def _rewritten(self, chance: random.Random) -> list[bytes]:
        entries = list(self.entries)
        steps = [i for i, entry in enumerate(entries) if b'"action":"step"' in entry]
        idx = chance.choice(steps)
        said = json.loads(entries[idx])
        said["state"]["to"] = "changed"
        entries[idx] = canonical(said).encode()
        return entries

    def _differs(self, place: tiles.Place, entries: list[bytes]) -> bool:
        begin = place.number * merkle.TILE
        end = begin + place.width
        return entries[begin:end] != self.entries[begin:end]


OF_EXPORTS = {
    "edits": 20,
    "shortens": 6,
    "takes_a_file": 6,
    "adds_a_file": 4,
    "swaps_files": 6,
    "edits_an_entry": 12,
    "deletes": 10,
    "inserts": 8,
    "swaps": 8,
    "rewrites": 8,
    "signs_with_another_key": 4,
    "cuts_the_tail": 4,
    "rolls_back": 2,
    "rewrites_with_the_key": 2,
}
ONLY_KEPT = {"rolled back", "rewritten by who holds the key"}


def test_every_tampering_with_an_export_is_found(
    signed: Signed,
    request: pytest.FixtureRequest,
    counted: Counted,
    tmp_path: Path,
) -> None:
    wanted = EXPORTS[request.node.callspec.params["signed"]]
    with signed.w.store.read(door=Door.WHOLE) as tx:
        export(tx, tmp_path / "export", KEYS.verifiers)
    copy = Copy(tmp_path / "export")
    chance = random.Random(SEED)
    found: Counter[str] = Counter()
    missed, from_within = [], []
    assert check_export(copy.folder, KEYS.verifiers, signed.heads).whole
    names = list(OF_EXPORTS)
    for number in range(wanted):
        way = names[number] if number < len(names) else None
        way = way or chance.choices(names, list(OF_EXPORTS.values()))[0]
        what, changes = getattr(copy, way)(chance)
        if all(copy.there.get(name) == data for name, data in changes.items()):
            raise AssertionError(f"{what} changed nothing")
        with copy.changed(changes):
            by = "the check"
            if check_export(copy.folder, KEYS.verifiers).whole:
                kept = check_export(copy.folder, KEYS.verifiers, signed.heads)
                by = "nothing" if kept.whole else "a head kept elsewhere"
        found[by] += 1
        if by == "nothing":
            missed.append((number, what))
        if by == "a head kept elsewhere" and what not in ONLY_KEPT:
            from_within.append((number, what))
    assert check_export(copy.folder, KEYS.verifiers, signed.heads).whole
    ways = ", ".join(f"{count} by {by}" for by, count in sorted(found.items()))
    where = f"{wanted} mutations of an export of {copy.size} entries, seed {SEED}"
    counted(f"{where}: {wanted - len(missed)} found ({ways})")
    assert missed == []
    assert from_within == []

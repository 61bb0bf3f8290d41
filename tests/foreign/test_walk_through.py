"""A stranger follows "Check it yourself" in docs/audit.md, letter by letter, with an export and a
public key: other people's programs tell them whether a referral's history is whole."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from referral import tiles
from referral.audit import log
from referral.leaf import leaf_hash
from referral.merkle import consistency
from referral.notes import Checkpoint, Kind, Signer, Verifier, checkpoint, note, split
from referral.store import Sql, Store
from referral.upgrade import upgrade
from tests.foreign import material
from tests.foreign.test_foreign import (
    GO_PACKAGES,
    go,
    sigstore_python,
    sigstore_verify,
    wants_go,
)
from tests.world import START, build
from web.audit_cli import keeper_of
from web.cli import main
from web.edge import Edge
from workflows.engine import move_tables

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
STEPS = Sql('SELECT "trigger", at FROM step WHERE record_id = :record ORDER BY version', times=(1,))

Run = Callable[[str], tuple[int, str]]


def written() -> dict[int, str]:
    """What the paper tells to type, by the number of the step."""
    paper = (DOCS / "audit.md").read_text()
    section = re.search(r"^## Check it yourself$(.*?)^## ", paper, re.M | re.S)
    assert section
    found = re.findall(r"^\*\*(\d)\.(?:(?!^\*\*\d).)*?^```sh\n(.*?)^```", section[1], re.M | re.S)
    return {int(number): typed for number, typed in found}


def test_the_paper_tells_what_to_type_at_each_step():
    typed = written()
    assert list(typed) == [1, 3, 4, 5]
    assert "apt-get install golang-go golang-golang-x-mod-dev openssl" in typed[1]


def segue(*words: str) -> str:
    done = CliRunner().invoke(main, ["audit", *words])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def given(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, str, list[tuple[str, object]]]:
    """A folder as step 2 tells to put together, the referral's id, and its steps as we keep them.

    The older head was signed when the referral had half of its history."""
    folder = tmp_path_factory.mktemp("stranger")
    url = f"sqlite:///{folder / 'segue.db'}"
    store = Store(url)
    upgrade(store, START, move_tables())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGUE_DATABASE_URL", url)
        patch.chdir(folder)
        world = build(store)
        for _ in range(20):
            world.sent()
        record = world.active()
        segue("key", "--origin", "audit.example.org/segue")
        public = segue("key").split("Signs: ")[1].split("\n")[0]
        keeper_of(Edge(store)).turn(now=True)
        segue("export", "before")
        world.referral(record, "pause", "sol", given={"paused_until": world.at.date()})
        for _ in range(20):
            world.completed()
        keeper_of(Edge(store)).turn(now=True)
        segue("export", "export")
        segue("prove", record, "--out", "proofs")
    with store.read() as tx:
        steps = [tuple(row) for row in tx.rows(STEPS, record=record)]
    (folder / "key.txt").write_text(public + "\n")
    shutil.copy(folder / "before/checkpoint", folder / "older")
    shutil.copy(DOCS / "check-the-log.go", folder)
    store.dispose()
    return folder, record, steps


@pytest.fixture
def folder(given, tmp_path: Path) -> Path:
    wants_go()
    wanted = tmp_path / "stranger"
    wanted.mkdir()
    for name in ("export", "key.txt", "older", "check-the-log.go"):
        source = given[0] / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, wanted / name)
    return wanted


@pytest.fixture
def typed(folder: Path, given, tmp_path_factory) -> Run:
    """Types what the paper says at a step, with the referral's id in place of RECORD."""
    home = tmp_path_factory.getbasetemp() / "home"

    def run(step: int, record: str = given[1]) -> tuple[int, str]:
        done = subprocess.run(
            ["sh", "-c", written()[step].replace("RECORD", record)],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(home), "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    return run


def test_a_stranger_sees_the_whole_history(typed, given):
    _, record, steps = given
    code, said = typed(3)
    *lines, last = said.splitlines()
    assert code == 0
    assert last.startswith("WHOLE: ")
    assert f"{len(steps)} steps of this record, none missing" in last
    assert len(lines) == len(steps) > 4
    for version, (line, (trigger, at)) in enumerate(zip(lines, steps, strict=True), 1):
        assert f"version {version}: {trigger}, from " in line
        assert f"{at:%Y-%m-%dT%H:%M:%S}" in line
    assert typed(4)[1].endswith(last + "\n")
    code, said = typed(5)
    assert (code, said.splitlines()[-1]) == (0, "Signature Verified Successfully")
    code, said = typed(3, record[:-1] + ("0" if record[-1] != "0" else "1"))
    assert (code, "BROKEN: no step of" in said) == (1, True)


@pytest.mark.parametrize(
    "sizes",
    [
        (255, 256, 257, 300, 511, 512, 1_000),
        pytest.param((65_535, 65_536, 65_537), id="over 65,536"),
    ],
)
def test_an_export_that_goes_on_is_whole_at_each_size(tmp_path, monkeypatch, sizes):
    """The same folder, written again as the log grows over the edges of tiles, against each head
    that was there before."""
    wants_go()
    store = Store(f"sqlite:///{tmp_path / 'segue.db'}")
    upgrade(store, START, move_tables())
    monkeypatch.setenv("SEGUE_DATABASE_URL", str(store.url))
    monkeypatch.chdir(tmp_path)
    world = build(store)
    record = world.active()
    segue("key", "--origin", "audit.example.org/segue")
    (tmp_path / "key.txt").write_text(segue("key").split("Signs: ")[1].split("\n")[0])
    keeper, kept = keeper_of(Edge(store)), []
    for size in sizes:
        with store.begin() as tx:
            (count,) = tx.row(Sql("SELECT count(*) FROM audit")) or (0,)
            for _ in range(size - count):
                log(tx, world.system, world.at, "read", "person", None)
        while keeper.turn(now=True):
            pass
        segue("export", "export")
        done = subprocess.run(
            ["go", "run", DOCS / "check-the-log.go", "export", "key.txt", record, *kept],
            env={**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_PACKAGES)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.splitlines()[-1].startswith(f"WHOLE: {size} entries, as "), done.stdout
        kept.append(f"older-{size}")
        shutil.copy("export/checkpoint", kept[-1])
    store.dispose()


def test_a_stranger_with_the_older_of_two_keys_sees_it_too(typed, folder, given):
    """After a key was turned over both sign, the newer one first; witnesses' lines come last."""
    body = (folder / "export/checkpoint").read_text().partition("\n\n")[0] + "\n"
    old = Signer.read((given[0] / "var/audit.key").read_text())
    new = Signer(old.name, bytes(32))
    witness = Signer("witness.example.org", bytes(range(32)), Kind.COSIGNATURE)
    lines = [new.sign(body), old.sign(body), witness.sign(body, 1_800_000_000)]
    (folder / "export/checkpoint").write_text(note(body, lines))
    for keys in (old.verifier.text, new.verifier.text):
        (folder / "key.txt").write_text(f"{keys}\n")
        (folder / "older").write_text((folder / "export/checkpoint").read_text())
        assert "WHOLE: " in typed(4)[1]
        code, said = typed(5)
        assert (code, said.splitlines()[-1]) == (0, "Signature Verified Successfully")


def bundle(folder: Path) -> Path:
    return sorted((folder / "export/tile/entries").rglob("*"))[0]


def edited(folder: Path, record: str) -> None:
    path = bundle(folder)
    path.write_bytes(path.read_bytes().replace(b'"role":"link_worker"', b'"role":"team_member"', 1))


def swapped_hashes(folder: Path, record: str) -> None:
    path = folder / "export/tile/0/000"
    data = path.read_bytes()
    path.write_bytes(data[32:64] + data[:32] + data[64:])


def entry_and_hash(folder: Path, record: str) -> None:
    """Somebody changes an entry and hashes again what lies above it in its own tile."""
    path = bundle(folder)
    found = tiles.entries(path.read_bytes())
    found[7] = found[7].replace(b'"action"', b'"Action"')
    path.write_bytes(tiles.bundle(found))
    tile = folder / "export/tile/0/000"
    data = bytearray(tile.read_bytes())
    data[7 * 32 : 8 * 32] = leaf_hash(found[7].decode())
    tile.write_bytes(data)


def taken_out(folder: Path, record: str) -> None:
    path = bundle(folder)
    path.write_bytes(tiles.bundle(tiles.entries(path.read_bytes())[1:]))


def other_key(folder: Path, record: str) -> None:
    stranger = Signer("audit.example.org/segue", bytes(32))
    (folder / "key.txt").write_text(stranger.verifier.text + "\n")


def bigger(folder: Path, record: str) -> None:
    path = folder / "export/checkpoint"
    lines = path.read_text().split("\n")
    lines[1] = str(int(lines[1]) - 1)
    path.write_text("\n".join(lines))


def signed_by_another(folder: Path, record: str) -> None:
    path = folder / "export/checkpoint"
    body = path.read_text().partition("\n\n")[0] + "\n"
    path.write_text(note(body, [Signer("audit.example.org/segue", bytes(32)).sign(body)]))


@pytest.mark.parametrize(
    "spoil",
    [edited, swapped_hashes, entry_and_hash, taken_out, other_key, bigger, signed_by_another],
)
def test_a_stranger_sees_that_something_was_done_to_it(typed, folder, given, spoil):
    spoil(folder, given[1])
    code, said = typed(3)
    assert code == 1
    assert said.splitlines()[-2 if "exit status" in said else -1].startswith("BROKEN: ")
    assert "WHOLE" not in said


@pytest.mark.parametrize("spoil", [other_key, bigger, signed_by_another])
def test_openssl_sees_a_head_that_was_touched(typed, folder, given, spoil):
    spoil(folder, given[1])
    code, said = typed(5)
    assert code == 1
    assert "Signature Verified Successfully" not in said


def test_a_log_written_anew_with_the_right_key_contradicts_an_older_head(typed, folder, given):
    """Whoever holds both database and key can write another log: only what was kept shows it."""
    key = Signer.read((given[0] / "var/audit.key").read_text())
    body = Checkpoint(key.name, 40, bytes(32)).body
    (folder / "older").write_text(note(body, [key.sign(body)]))
    assert typed(3)[0] == 0
    code, said = typed(4)
    assert (code, "BROKEN: the log of older, of 40 entries, is not the beginning" in said) == (
        1,
        True,
    )


# --- what the commands write, before the same verifiers as the proofs of tests ---


def of_the_product(folder: Path, cases: Path) -> dict[str, int]:
    """The heads and tiles of the export and the proofs of the referral, as cases; how many."""
    key = Verifier.read((folder / "key.txt").read_text())
    material.write_keys(cases, key)

    def read(level: int, number: int, wide: int) -> bytes:
        place = tiles.Place(level, number, wide)
        return (folder / "export" / place.path).read_bytes()

    notes = [path.read_text() for path in sorted((folder / "export/checkpoints").iterdir())]
    heads = [checkpoint(split(text)[0]) for text in notes]
    newest = heads[-1]
    proofs = []
    for path in sorted((folder / "proofs").glob("*.tlog-proof")):
        kind, index, *hashes = path.read_text().partition("\n\n")[0].split("\n")
        leaf = path.with_suffix(".json").read_bytes()
        hashed = [b64decode(each) for each in hashes]
        given = {"size": newest.size, "root": newest.root, "path": hashed, "how": None}
        proofs.append({"leaf": leaf, "index": int(index.removeprefix("index ")), **given})
        assert path.read_text().endswith("\n\n" + notes[-1])
    lines = {
        "heads": [
            {"note": text.encode(), "size": head.size, "root": head.root, "how": None}
            for text, head in zip(notes, heads, strict=True)
        ],
        "inclusion": proofs,
        "consistency": [
            {
                "old": head.size,
                "old_root": head.root,
                "size": newest.size,
                "root": newest.root,
                "path": consistency(head.size, newest.size, read),
                "how": None,
            }
            for head in heads
        ],
        "cosigned": [],
    }
    for kind, these in lines.items():
        material.write_lines(cases, kind, these)
    return {kind: len(these) for kind, these in lines.items()}


@pytest.mark.parametrize("verifier", [go, sigstore_python, sigstore_verify])
def test_what_the_commands_write_is_accepted_by_everybody(given, tmp_path, verifier):
    written = of_the_product(given[0], tmp_path)
    assert written["heads"] == written["consistency"] == 2
    assert written["inclusion"] == len(given[2])
    for kind, found in verifier(tmp_path).items():
        assert (found["accepted"], found["lost"] or []) == (written[kind], [])

"""`segue audit check`: proof files are checked with a public key, and no database is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from referral.leaf import canonical, leaf_hash
from referral.merkle import inclusion
from referral.notes import Checkpoint, Kind, Signer, join, note
from referral.proof_files import ProofFile
from tests.trees import Grown
from web.cli import main

LOG = Signer("audit.example.org/segue", bytes(range(32)))
WITNESS = Signer("witness.example.org", bytes(range(32, 64)), Kind.COSIGNATURE)
RECORD = "0198c0de-0000-7000-8000-000000000001"
ENTRIES = [
    canonical(
        {
            "action": "step" if number % 2 else "read",
            "at": f"2026-05-18T09:{number:02}:00.000000Z",
            "noun": "referral",
            "record": RECORD,
            "role": "link_worker",
            "trigger": "update" if number % 2 else None,
            "version": number // 2 + 1 if number % 2 else None,
        }
    )
    for number in range(20)
]
TREE = Grown([leaf_hash(text) for text in ENTRIES])
BODY = Checkpoint(LOG.name, 20, TREE.root(20)).body
NOTE = join(note(BODY, [LOG.sign(BODY)]), WITNESS.sign(BODY, 1_795_000_000))


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGUE_DATABASE_URL", "postgresql://nobody@nowhere.invalid/nothing")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in (1, 3, 5, 8):
        proof = ProofFile(index, inclusion(index, 20, TREE.read), NOTE)
        (tmp_path / f"{index}.tlog-proof").write_text(proof.text)
        (tmp_path / f"{index}.json").write_text(ENTRIES[index])
    (tmp_path / "key.txt").write_text(LOG.verifier.text + "\n")
    return tmp_path


def check(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["audit", "check", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.output


def test_a_proof_that_holds_says_what_stands_where(folder):
    code, said = check(folder / "3.tlog-proof", "--key", folder / "key.txt")
    lines = said.splitlines()
    assert code == 0
    assert lines[0] == "Whole: 1 entry stands in the log audit.example.org/segue, as it was signed."
    assert f"3  2026-05-18T09:03:00.000000Z  update of referral {RECORD}, version 2" in lines[1]
    assert "Signed: audit.example.org/segue, 20 entries." in lines
    assert "Witnessed" not in said  # by nobody whose key was named


def test_a_folder_is_checked_as_one_and_what_is_not_in_it_is_named(folder):
    keys = ("--key", LOG.verifier.text, "--key", WITNESS.verifier.text)
    code, said = check(folder, *keys)
    assert code == 0
    assert said.splitlines()[0].startswith("Whole: 4 entries stand")
    assert "Not among these" not in said
    assert "Witnessed: witness.example.org, 2026-11-18 11:06:40 UTC." in said
    (folder / "3.tlog-proof").unlink()
    code, said = check(folder, *keys)
    assert code == 0
    assert f"Not among these: version 2 of {RECORD}." in said


def test_the_entry_may_be_named_or_come_in_the_file(folder):
    key = ("--key", folder / "key.txt")
    proof = folder / "3.tlog-proof"
    (folder / "3.json").rename(folder / "entry")
    code, said = check(proof, *key)
    assert (code, "--entry" in said.splitlines()[0]) == (1, True)
    assert check(proof, *key, "--entry", folder / "entry")[0] == 0
    assert check(proof, *key, "--entry", folder / "1.json")[0] == 1
    inside = ProofFile.read(proof.read_text())._replace(extra=ENTRIES[3].encode())
    proof.write_text(inside.text)
    assert check(proof, *key)[0] == 0
    proof.write_text(inside._replace(extra=ENTRIES[5].encode()).text)
    assert check(proof, *key)[0] == 1


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("3.json", lambda text: text.replace("link_worker", "team_lead")),
        ("3.json", lambda text: text + "\n"),
        ("3.json", lambda text: "\udcff"),
        ("3.tlog-proof", lambda text: text.replace("index 3", "index 4")),
        ("3.tlog-proof", lambda text: text.replace("\n20\n", "\n21\n")),
        ("3.tlog-proof", lambda text: text.replace("@v1", "@v2")),
        ("3.tlog-proof", lambda text: text[:-1]),
        ("3.tlog-proof", lambda text: "x" * 1_000_001),
    ],
)
def test_what_was_touched_is_broken_and_named_first(folder, name, change):
    path = folder / name
    path.write_text(change(path.read_text()), errors="surrogateescape")
    code, said = check(folder, "--key", folder / "key.txt")
    assert code == 1
    assert said.splitlines()[0].startswith(f"Broken: {folder / '3.tlog-proof'}: ")
    assert "Of the others, 3 entries stand" in said


def test_another_key_shows_nothing(folder):
    other = Signer(LOG.name, bytes(32)).verifier.text
    code, said = check(folder / "3.tlog-proof", "--key", other)
    assert (code, "Broken" in said.splitlines()[0]) == (1, True)
    code, said = check(folder / "3.tlog-proof", "--key", WITNESS.verifier.text)
    assert (code, "No known key of audit.example.org/segue" in said) == (1, True)


def test_without_a_proof_or_a_key_it_says_what_to_do(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    code, said = check(tmp_path / "empty", "--key", LOG.verifier.text)
    assert (code, ".tlog-proof" in said) == (1, True)
    assert check(folder)[0] == 2
    code, said = check(folder, "--key", "not a key")
    assert (code, "not a key" in said) == (2, True)


def test_as_json_for_a_program(folder):
    code, said = check(folder, "--key", folder / "key.txt", "--json")
    found = json.loads(said)
    assert (code, found["whole"], found["broken"]) == (0, True, [])
    assert [one["index"] for one in found["proofs"]] == [1, 3, 5, 8]
    assert found["proofs"][0]["entry"] == ENTRIES[1]

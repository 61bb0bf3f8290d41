"""`segue audit ...` as somebody meets it: keys made and turned over, the log checked, proved and
written out, and each error with what to do."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from referral import merkle, tiles
from referral.leaf import leaf_hash
from referral.notes import Signer, Verifier, open_checkpoint
from tests.trees import mth
from web.cli import main

Run = Callable[..., Result]


def call(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a system that was set up and signed once."""
    folder = tmp_path_factory.mktemp("signed")
    with pytest.MonkeyPatch.context() as patch, _in(folder, patch):
        said(call, "setup", "Saltmarsh", "--admin", "ada@example.org")
        shutil.copytree(folder, folder / "unsigned")
        said(call, "worker", "--once")
    return folder


@contextmanager
def _in(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[None]:
    patch.chdir(folder)
    patch.setenv("SEGUE_DATABASE_URL", "sqlite:///segue.db")
    for name in [name for name in os.environ if name.startswith("SEGUE_AUDIT_")]:
        patch.delenv(name)
    yield


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """The command line in a folder of its own, with nothing there."""
    with _in(tmp_path, monkeypatch):
        yield call


@pytest.fixture
def set_up(bare: Run, signed: Path, tmp_path: Path) -> Run:
    """The same, set up."""
    shutil.copytree(signed / "unsigned", tmp_path, dirs_exist_ok=True)
    return bare


@pytest.fixture
def run(bare: Run, signed: Path, tmp_path: Path) -> Run:
    """The same, set up and signed once."""
    shutil.copytree(signed, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("unsigned"))
    return bare


def said(run: Run, *words: str, status: int = 0) -> str:
    found = run(*words)
    assert found.exit_code == status, (words, found.output, found.exception)
    return found.output


def told(run: Run, *words: str, status: int = 0) -> dict[str, object]:
    return json.loads(said(run, *words, "--json", status=status))  # type: ignore[no-any-return]


def more(run: Run) -> None:
    """An entry more: a program's token is added."""
    said(run, "token", "add", "ada@example.org", "--name", "reports")


def sign_again(run: Run) -> None:
    """As a worker would four minutes later."""
    with sqlite3.connect("segue.db") as db:
        db.execute("DROP TRIGGER IF EXISTS audit_checkpoint_no_update")
        db.execute("UPDATE audit_checkpoint SET at = '2026-01-01T00:00:00.000000Z'")
        db.execute("UPDATE audit_duty SET tried_at = '2026-01-01T00:00:00.000000Z'")
    said(run, "worker", "--once")


def the_key(run: Run) -> str:
    (key,) = told(run, "audit", "key")["signing"]  # type: ignore[misc]
    return str(key)


# -- keys ---------------------------------------------------------------------------------------


def test_a_set_up_makes_the_key_and_shows_the_public_half(bare: Run) -> None:
    output = said(bare, "setup", "Saltmarsh", "--admin", "ada@example.org")
    found = re.search(r"segue\.local/audit\+[0-9a-f]{8}\+\S+", output)
    assert found
    Verifier.read(found[0])
    assert "PRIVATE" not in output
    path = Path("var/audit.key")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "PRIVATE" in path.read_text()
    stored = b"".join(one.read_bytes() for one in Path().glob("segue.db*"))
    assert path.read_text().split("+", 4)[4].strip().encode() not in stored


def test_a_key_that_is_there_is_left_alone(run: Run) -> None:
    before = Path("var/audit.key").read_text()
    assert the_key(run) in said(run, "audit", "key")
    assert Path("var/audit.key").read_text() == before
    assert "add --rotate" in said(run, "audit", "key", "--origin", "other.example", status=2)


def test_keys_turn_over_and_every_head_stays_verifiable(run: Run) -> None:
    first = the_key(run)
    said(run, "audit", "key", "--rotate")
    sign_again(run)
    found = told(run, "audit", "key")
    assert found["past"] == []
    second, old = found["signing"]  # type: ignore[misc]
    assert old == first
    said(run, "audit", "key", "--retire")
    sign_again(run)
    assert told(run, "audit", "key") == found | {"signing": [second], "past": [first]}
    assert told(run, "audit", "verify")["tree"]["checkpoints"] == 3  # type: ignore[index]
    # Who knows the old key only can't follow the last head: it was retired.
    assert "No known key" in said(run, "audit", "verify", "--key", first, status=1)
    with sqlite3.connect("segue.db") as db:
        leaves = [json.loads(x[0]) for x in db.execute("SELECT leaf FROM audit ORDER BY seq")]
    changes = [leaf["keys"] for leaf in leaves if leaf["action"] == "audit_key"]
    assert changes == [[first], [second, first], [second]]


def test_the_log_goes_on_under_another_name(run: Run) -> None:
    said(run, "audit", "key", "--rotate", "--origin", "audit.example.org/segue")
    sign_again(run)
    assert told(run, "audit", "key")["origin"] == "audit.example.org/segue"
    assert told(run, "audit", "verify")["tree"]["checkpoints"] == 2  # type: ignore[index]


def test_a_key_that_was_lost_is_replaced_if_the_public_half_is_known(run: Run) -> None:
    old = the_key(run)
    Path("var/audit.key").unlink()
    assert "Which key signed" in said(run, "audit", "verify", status=2)
    assert told(run, "audit", "verify", "--key", old)["whole"]
    said(run, "audit", "key")
    sign_again(run)
    assert "no known key" in said(run, "audit", "verify", status=1)
    said(run, "audit", "key", "--past", old)
    sign_again(run)
    assert told(run, "audit", "verify")["tree"]["checkpoints"] == 2  # type: ignore[index]


def test_a_key_file_that_others_may_read_is_refused(run: Run) -> None:
    Path("var/audit.key").chmod(0o640)
    output = said(run, "worker", "--once", status=2)
    assert "chmod 600" in output
    assert "--rotate" in output


def test_a_key_file_that_is_no_key_file_is_refused_without_showing_it(run: Run) -> None:
    path = Path("var/audit.key")
    secret = path.read_text()
    path.write_text(secret.replace("segue.local", "other.local"))
    output = said(run, "audit", "key", status=2)
    assert "Line 1" in output
    assert secret.split("+", 4)[4].strip() not in output
    path.write_text("")
    assert "no private key" in said(run, "audit", "key", status=2)


def test_a_name_that_can_not_be_one_is_refused(bare: Run) -> None:
    said(bare, "db", "upgrade")
    assert "can't name a log" in said(bare, "audit", "key", "--origin", "a b", status=2)
    assert "no key file" in said(bare, "audit", "key", "--rotate", status=2)
    assert not Path("var/audit.key").exists()


def test_a_worker_without_a_key_says_so(set_up: Run) -> None:
    Path("var/audit.key").unlink()
    output = said(set_up, "worker", "--once")
    assert "segue audit key" in output
    assert "wait unsigned" in output


# -- verify -------------------------------------------------------------------------------------


def test_a_whole_log_says_so_first(run: Run) -> None:
    lines = said(run, "audit", "verify").splitlines()
    assert lines[0].startswith("Whole: ")
    assert "1 signed head (" in lines[1]
    assert said(run, "audit", "verify", "--tree").startswith("Whole: ")
    assert told(run, "audit", "verify", "--key", the_key(run))["whole"] is True


def test_only_a_head_kept_outside_shows_that_the_end_was_cut_off(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGUE_AUDIT_FOLDER", "outside")
    Path("old.db").write_bytes(b"")
    with sqlite3.connect("segue.db") as db, sqlite3.connect("old.db") as copy:
        db.backup(copy)
    more(run)
    sign_again(run)
    for one in Path().glob("segue.db*"):
        one.unlink()
    Path("old.db").rename("segue.db")
    assert told(run, "audit", "verify")["whole"]
    for since in ("outside/checkpoint", "outside"):
        lines = said(run, "audit", "verify", "--since", since, status=1).splitlines()
        assert lines[0].startswith("Broken")
        assert "rolled back" in lines[0]
    # The worker doesn't sign over it either.
    more(run)
    sign_again(run)
    assert len(list(Path("outside/checkpoints").rglob("0*"))) == 1


def test_a_head_that_is_kept_must_be_one(run: Run) -> None:
    said(run, "audit", "export", "ex")
    forged = Path("forged")
    forged.write_text(Path("ex/checkpoint").read_text().replace("\n4\n", "\n9\n"))
    assert "forged" in said(run, "audit", "verify", "--since", "forged", status=2)
    forged.write_text("hello")
    assert "isn't a signed head" in said(run, "audit", "verify", "--since", "forged", status=2)
    assert "neither a public key" in said(run, "audit", "verify", "--key", "x", status=2)


def test_a_broken_log_says_where_first(run: Run) -> None:
    with sqlite3.connect("segue.db") as db:
        db.execute("DROP TRIGGER audit_no_update")
        db.execute("UPDATE audit SET action = 'red' WHERE seq = 2")
    found = run("audit", "verify")
    assert found.exit_code == 1
    assert found.output.startswith("Broken in 1 place, the first: audit ")


# -- prove, export, replay ----------------------------------------------------------------------


@pytest.mark.parametrize("form", ["place", "entry", "record"])
def test_a_proof_is_whole_by_itself(run: Run, form: str) -> None:
    with sqlite3.connect("segue.db") as db:
        entry, record = db.execute("SELECT entry_id, record_id FROM audit").fetchone()
    what = {"place": "0", "entry": entry, "record": record}[form]
    found = told(run, "audit", "prove", what, "--out", "p")
    key = Verifier.read(the_key(run))
    assert found["proofs"]
    for one in found["proofs"]:  # type: ignore[attr-defined]
        kind, index, rest = (Path("p") / one["proof"]).read_text().split("\n", 2)
        assert (kind, index) == ("c2sp.org/tlog-proof@v1", f"index {one['index']}")
        path, _, note = rest.partition("\n\n")
        head, _ = open_checkpoint(note, [key])
        hashes = [base64.b64decode(line) for line in path.split("\n") if line]
        leaf = (Path("p") / one["leaf"]).read_text()
        merkle.verify_inclusion(leaf_hash(leaf), one["index"], head.size, hashes, head.root)


def test_what_is_not_there_or_not_signed_yet_is_said(run: Run) -> None:
    assert "is called 'SG-0000-00'" in said(run, "audit", "prove", "SG-0000-00", status=1)
    more(run)
    with sqlite3.connect("segue.db") as db:
        (newest,) = db.execute("SELECT entry_id FROM audit ORDER BY seq DESC").fetchone()
    assert "within five minutes" in said(run, "audit", "prove", newest, status=1)


def test_no_proof_is_written_of_what_was_changed(run: Run) -> None:
    with sqlite3.connect("segue.db") as db:
        db.execute("DROP TRIGGER audit_no_update")
        db.execute("UPDATE audit SET leaf = replace(leaf, 'setup', 'set-up') WHERE seq = 1")
    assert "the log was changed" in said(run, "audit", "prove", "0", "--out", "p", status=1)
    assert not list(Path("p").glob("*"))


def test_an_export_is_read_with_nothing_else(run: Run) -> None:
    found = told(run, "audit", "export", "ex")
    folder = Path("ex")
    key = Verifier.read((folder / "public-key").read_text())
    head, _ = open_checkpoint((folder / "checkpoint").read_text(), [key])
    assert (head.size, head.root.hex()) == (found["size"], found["root"])
    entries = [
        entry
        for place in tiles.bundles(head.size)
        for entry in tiles.entries((folder / place.path).read_bytes())
    ]
    hashes = [leaf_hash(entry.decode()) for entry in entries]
    assert mth(hashes) == head.root
    for place in tiles.tiles(head.size):
        assert tiles.hashes((folder / place.path).read_bytes()) == hashes
    assert (folder / "README.md").read_text().startswith("# An export of an audit log")
    everything = b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file())
    assert b"ada@" not in everything
    assert b"Saltmarsh" not in everything


def test_an_export_goes_on_where_it_was(run: Run) -> None:
    said(run, "audit", "export", "ex")
    for _ in range(3):
        more(run)
    sign_again(run)
    first = told(run, "audit", "export", "ex")
    assert first["files_written"] == 2
    assert told(run, "audit", "export", "ex")["files_written"] == 0
    # One that broke off before its end is as if nothing had been there.
    for one in list(Path("ex").rglob("tile/0/*")):
        one.rename(Path("gone"))
    assert told(run, "audit", "export", "ex")["files_written"] == 1


def test_an_export_is_checked_with_its_key_alone(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(run, "audit", "export", "ex")
    key = the_key(run)
    shutil.copy("ex/checkpoint", "kept")
    more(run)
    sign_again(run)
    said(run, "audit", "export", "ex")  # what was shorter stays beside it, and is no fault
    shutil.copytree("ex", "older")
    monkeypatch.setenv("SEGUE_DATABASE_URL", "postgresql://nobody@nowhere.invalid/nothing")
    lines = said(run, "audit", "check", "ex", "--key", key).splitlines()
    assert lines[0].startswith("Whole: the export holds the ")
    assert "--since" in lines[2]
    found = told(run, "audit", "check", "ex", "--key", key, "--since", "kept")
    assert (found["whole"], found["compared_with_kept"], found["heads"]) == (True, 1, 2)
    # Put back to the earlier day, it agrees with itself, and not with what somebody has kept.
    shutil.copy("ex/checkpoint", "newer")
    back = Path(shutil.copytree("ex", "back"))
    shutil.copy("kept", back / "checkpoint")
    newest = max((back / "checkpoints").iterdir())
    newest.unlink()
    for one in back.rglob("*.p"):
        max(one.iterdir(), key=lambda path: int(path.name)).unlink()
    assert said(run, "audit", "check", "back", "--key", key).startswith("Whole")
    says = said(run, "audit", "check", "back", "--key", key, "--since", "newer", status=1)
    assert "put back to an earlier day" in says.splitlines()[0]
    # A file that was changed is named, and so is a key that isn't the log's.
    (entries,) = Path("ex/tile/entries/000.p").glob(str(found["size"]))
    entries.write_bytes(entries.read_bytes().replace(b"setup", b"steup"))
    assert "Broken: " in said(run, "audit", "check", "ex", "--key", key, status=1)
    other = Signer("audit.example.org/segue", bytes(32)).verifier.text
    says = said(run, "audit", "check", "older", "--key", other, status=1)
    assert says.startswith("Broken: checkpoint: it isn't a head that a known key signed")
    assert "one folder" in said(
        run, "audit", "check", "older", "back", "--key", key, "--since", "kept", status=2
    )


def test_an_export_of_another_log_is_left_alone(run: Run) -> None:
    Path("mine").mkdir()
    (Path("mine") / "letter.txt").write_text("Hello")
    assert "holds other files" in said(run, "audit", "export", "mine", status=1)
    said(run, "audit", "export", "ex")
    path = Path("ex/checkpoint")
    path.write_text(re.sub(r"\n\d+\n", "\n2\n", path.read_text()))
    assert "is not the beginning" in said(run, "audit", "export", "ex", status=1)


def test_an_export_before_the_first_head_says_what_to_do(set_up: Run) -> None:
    assert "segue worker" in said(set_up, "audit", "export", "ex", status=1)


def test_a_replay_of_an_empty_log_is_whole_and_an_unknown_reference_named(run: Run) -> None:
    assert said(run, "audit", "replay").startswith("Whole: 0 records")
    assert "No record has the reference" in said(run, "audit", "replay", "SG-1", status=2)


def test_settling_places_what_has_no_place(set_up: Run) -> None:
    assert told(set_up, "audit", "settle")["settled"] == 4
    assert "Every entry had one" in said(set_up, "audit", "settle")

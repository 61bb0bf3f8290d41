"""`segue witness`: a process of its own, with its own key and its own file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from click.testing import CliRunner

from referral.merkle import consistency
from referral.notes import Checkpoint, Kind, Signer, Verifier, note, open_note
from tests.servers import free_port
from tests.trees import LEAVES, Grown
from web.cli import main
from web.witness import request

ROOT = Path(__file__).parents[2]
SEGUE = "from web.cli import main; main()"
LOG = Signer("audit.example.org/segue", bytes(range(32)))
TREE = Grown(LEAVES[:300])


def segue(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["witness", *map(str, arguments)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.output


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "keys/witness.key"
    assert segue("key", "--name", "witness.example.org/w1", "--key", path)[0] == 0
    return path


# --- the key ---


def test_a_key_is_made_once_for_its_owners_eyes(key):
    assert key.stat().st_mode & 0o777 == 0o600
    code, said = segue("key", "--key", key, "--json")
    told = json.loads(said)
    public = Verifier.read(told["public_key"])
    assert (code, told["made"], public.kind) == (0, False, Kind.COSIGNATURE)
    assert public.name == "witness.example.org/w1"
    assert Signer.read(key.read_text()).verifier == public
    assert "PRIVATE" not in said


def test_a_key_is_never_replaced_and_never_the_one_of_a_log(key, tmp_path):
    before = key.read_text()
    code, said = segue("key", "--name", "another", "--key", key)
    assert (code, "already" in said, key.read_text()) == (2, True, before)
    log = tmp_path / "log.key"
    log.write_text(LOG.text)
    log.chmod(0o600)
    code, said = segue("key", "--key", log)
    assert (code, "key of its own" in said, LOG.text in said) == (2, True, False)


@pytest.mark.parametrize("name", [(), ("--name", "two words"), ("--name", "a+b")])
def test_without_a_name_it_says_what_to_do(tmp_path, name):
    code, said = segue("key", "--key", tmp_path / "none", *name)
    assert (code, "name" in said) == (2, True)
    assert not (tmp_path / "none").exists()


def test_what_it_cannot_serve_with_is_told_before_it_starts(key, tmp_path):
    store = ("--store", tmp_path / "heads.db")
    for arguments in (
        ("--log", LOG.verifier.text, "--key", tmp_path / "none"),
        ("--log", "nonsense", "--key", key),
        ("--log", Signer.read(key.read_text()).verifier.text, "--key", key),
    ):
        assert segue("serve", *arguments, *store)[0] == 2
    assert segue("show", *store)[0] == 2


# --- a process of its own ---


@contextmanager
def running(key: Path, store: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    port = free_port()
    arguments = ("--log", LOG.verifier.text, "--key", key, "--store", store, "--port", port)
    process = subprocess.Popen(
        [sys.executable, "-c", SEGUE, "witness", "serve", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "SEGUE_DATABASE_URL": "postgresql://nobody@nowhere.invalid/nothing"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:  # says when it is about to listen
            if "add-checkpoint" in line:
                break
        else:
            raise AssertionError("the witness ended before it answered")
        yield port, process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate()


def asked(port: int, process: subprocess.Popen[str], old: int, new: int) -> tuple[int, str]:
    body = Checkpoint(LOG.name, new, TREE.root(new)).body
    ask = request(old, consistency(old, new, TREE.read), note(body, [LOG.sign(body)]))
    while process.poll() is None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            try:
                connection.request("POST", "/add-checkpoint", ask)
            except ConnectionRefusedError:  # not yet
                continue
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
    raise AssertionError("the witness ended before it answered")


def test_what_it_signed_outlives_its_death(key, tmp_path):
    store = tmp_path / "heads.db"
    with running(key, store) as (port, process):
        status, line = asked(port, process, 0, 70)
        assert status == 200
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    body = Checkpoint(LOG.name, 70, TREE.root(70)).body
    assert open_note(note(body, [line]), [Signer.read(key.read_text()).verifier]).by
    with running(key, store) as (port, process):
        assert asked(port, process, 0, 90) == (409, "70\n")
        assert asked(port, process, 70, 90)[0] == 200
    code, said = segue("show", "--store", store)
    assert (code, said.startswith("audit.example.org/segue: 90 entries, signed ")) == (0, True)
    (shown,) = json.loads(segue("show", "--store", store, "--json")[1])
    assert (shown["size"], shown["root"]) == (90, TREE.root(90).hex())

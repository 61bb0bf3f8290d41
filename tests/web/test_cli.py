"""The command line as a newcomer meets it: what it says, and with which exit status."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from referral.store import CannotWrite, OutcomeUnknown
from web.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEGUE_DATABASE_URL", f"sqlite:///{tmp_path / 'segue.db'}")
    monkeypatch.delenv("SEGUE_SECRET_KEY", raising=False)

    def call(*words: str) -> Result:
        return CliRunner().invoke(main, list(words))

    return call


def set_up(run: Run) -> None:
    assert run("setup", "Saltmarsh", "--admin", "ada@example.org").exit_code == 0


def test_setup_makes_a_system_and_an_administrator_once(run: Run) -> None:
    first = run("setup", "Saltmarsh", "--admin", "ada@example.org", "--json")
    assert first.exit_code == 0
    assert json.loads(first.output)["email"] == "ada@example.org"
    again = run("setup", "Saltmarsh", "--admin", "ada@example.org")
    assert again.exit_code == 2
    assert "Nothing was changed" in again.output


def test_a_database_that_is_empty_older_or_newer_is_refused_with_what_to_do(run: Run) -> None:
    empty = run("health")
    assert empty.exit_code == 2
    assert "segue db upgrade" in empty.output
    assert run("db", "upgrade").exit_code == 0
    assert run("db", "check").exit_code == 0
    with sqlite3.connect("segue.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    newer = run("db", "check")
    assert newer.exit_code == 1
    assert "newer Segue" in newer.output


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (CannotWrite("database or disk is full"), "can't be written to: database or disk is full"),
        (OutcomeUnknown("lost"), "The connection was lost while saving."),
    ],
)
def test_what_can_not_be_saved_is_said_plainly(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    set_up(run)

    def fails(tx: object) -> None:
        raise error

    monkeypatch.setattr("referral.store._commit", fails)
    bo = ("bo@example.org", "--name", "Bo", "--organisation", "Saltmarsh", "--role", "auditor")
    said = run("user", "add", *bo)
    assert said.exit_code == 1
    assert words in said.output
    assert "Traceback" not in said.output


def test_a_locked_database_is_said_plainly(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(run)
    monkeypatch.setattr("referral.store.BUSY_SECONDS", 0.05)
    other = sqlite3.connect("segue.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        said = run(
            "user",
            "add",
            "bo@example.org",
            "--name",
            "Bo",
            "--organisation",
            "Saltmarsh",
            "--role",
            "auditor",
        )
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert said.exit_code == 1
    assert "locked" in said.output
    assert "Nothing was changed" in said.output


def test_a_user_is_added_with_a_password_shown_once_and_a_wrong_role_is_named(run: Run) -> None:
    set_up(run)
    bad = run(
        "user",
        "add",
        "bo@example.org",
        "--name",
        "Bo",
        "--organisation",
        "Saltmarsh",
        "--role",
        "wizard",
    )
    assert bad.exit_code == 2
    assert "link_worker" in bad.output
    good = run(
        "user",
        "add",
        "bo@example.org",
        "--name",
        "Bo",
        "--organisation",
        "Saltmarsh",
        "--role",
        "auditor",
        "--json",
    )
    assert good.exit_code == 0
    assert len(json.loads(good.output)["password"]) >= 12
    twice = run(
        "user",
        "add",
        "bo@example.org",
        "--name",
        "Bo",
        "--organisation",
        "Saltmarsh",
        "--role",
        "auditor",
    )
    assert twice.exit_code == 2
    assert "already an account" in twice.output


def test_a_user_is_invited_instead_and_no_password_is_made(run: Run) -> None:
    set_up(run)
    bo = ("bo@example.org", "--name", "Bo", "--organisation", "Saltmarsh", "--role", "auditor")
    said = run("user", "add", *bo, "--invite", "--json")
    assert json.loads(said.output)["password"] is None
    with sqlite3.connect("segue.db") as store:
        (row,) = store.execute(
            "SELECT password_hash, invited_at IS NOT NULL FROM app_user WHERE email = ?", bo[:1]
        )
        assert row == (None, 1)
        ((planned,),) = store.execute("SELECT count(*) FROM dispatch WHERE what = 'invitation'")
    assert planned == 1


def test_a_token_is_made_for_an_account_and_not_for_nobody(run: Run) -> None:
    set_up(run)
    made = run("token", "add", "ada@example.org", "--name", "reports", "--json")
    assert made.exit_code == 0
    assert len(json.loads(made.output)["token"]) > 30
    nobody = run("token", "add", "nobody@example.org", "--name", "reports")
    assert nobody.exit_code == 2


def test_verify_finds_a_row_changed_behind_its_back(run: Run) -> None:
    set_up(run)
    whole = run("audit", "verify")
    assert whole.exit_code == 0
    assert whole.output.startswith("Whole")
    with sqlite3.connect("segue.db") as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET action = 'nothing' WHERE seq = 1")
    broken = run("audit", "verify", "--json")
    assert broken.exit_code == 1
    assert json.loads(broken.output)["whole"] is False


def test_importing_into_an_empty_store_makes_a_system_called_local(run: Run) -> None:
    feed = Path(__file__).parent.parent / "data" / "directory" / "services.json"
    done = run("import", "directory", str(feed), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["added"] > 0
    with sqlite3.connect("segue.db") as connection:
        assert connection.execute("SELECT name FROM system").fetchall() == [("Local",)]


def test_states_are_printed(run: Run) -> None:
    printed = run("states")
    assert printed.exit_code == 0
    assert "waiting list" in printed.output


def test_serve_refuses_to_start_without_a_secret(run: Run) -> None:
    set_up(run)
    said = run("serve")
    assert said.exit_code == 2
    assert "SEGUE_SECRET_KEY" in said.output


def test_the_demo_refuses_any_other_store(run: Run) -> None:
    said = run("demo")
    assert said.exit_code == 2
    assert "SEGUE_DATABASE_URL" in said.output
    assert not Path("var/demo.db").exists()


def test_health_names_what_is_missing(run: Run) -> None:
    set_up(run)
    found = run("health", "--json")
    assert found.exit_code in (0, 1)
    assert isinstance(json.loads(found.output), dict)


def test_health_asks_for_a_policy_document_where_equality_is_asked_about(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(run)
    says = "Set SEGUE_EQUALITY_POLICY to its address or date"
    assert says in run("health").output
    for name, value in (("EQUALITY_POLICY", "23 March 2026"), ("ASK_EQUALITY", "no")):
        with monkeypatch.context() as patch:
            patch.setenv(f"SEGUE_{name}", value)
            assert says not in run("health").output


def test_whether_the_wall_is_on_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(run)
    assert json.loads(run("health", "--json").output)["wall"] is False
    assert "wall is off" in run("health").output
    assert "wall is off" in run("db", "wall").output
    monkeypatch.setenv("SEGUE_WALL", "on")
    assert json.loads(run("health", "--json").output)["wall"] is True
    assert "wall is on" in run("health").output
    assert "SEGUE_WALL=on" in run("db", "wall", "on").output  # on SQLite it is all there is to do
    monkeypatch.setenv("SEGUE_WALL", "perhaps")
    wrong = run("health")
    assert (wrong.exit_code, wrong.output) == (2, "SEGUE_WALL must be on or off.\n")


def test_what_the_wall_would_tell_postgresql_can_be_read_first(run: Run) -> None:
    said = run("db", "wall", "--print").output
    assert "CREATE POLICY segue_sees ON person FOR SELECT TO segue_app" in said
    assert "FORCE ROW LEVEL SECURITY" in said


def test_the_worker_does_what_is_due_once(run: Run) -> None:
    set_up(run)
    assert run("worker", "--once").exit_code == 0


def test_help_answers_without_loading_the_database_or_the_web() -> None:
    code = (
        "import sys, web.cli\n"
        "heavy = {'flask', 'sqlalchemy', 'psycopg', 'alembic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_setup_with_a_shape_makes_its_places_and_says_what_is_missing(run: Run) -> None:
    listed = run("shape", "list", "--json")
    assert [s["name"] for s in json.loads(listed.output)] == [
        "combined_authority", "nation", "practice", "system",
    ]  # fmt: skip
    made = run("setup", "Saltmarsh", "--admin", "ada@example.org", "--shape", "system")
    assert made.exit_code == 0
    assert "Added: 5 places, 10 organisations, 4 levels of review." in made.output
    assert "nobody answers for yet" in made.output


def test_a_shape_from_a_file_is_loaded_and_a_wrong_one_refused(run: Run, tmp_path: Path) -> None:
    set_up(run)
    mine = tmp_path / "mine.toml"
    mine.write_text(run("shape", "show", "practice").output)
    assert "1 organisations, 3 levels" in run("shape", "load", str(mine)).output
    mine.write_text("[[rungs]]\nlevel = 9\nrole = 'team_lead'\nstands = 'root'\n")
    wrong = run("shape", "load", str(mine))
    assert wrong.exit_code == 2
    assert "from 1 to 4" in wrong.output
    assert run("shape", "load", "nothing").exit_code == 2


def test_who_lives_in_a_place_is_loaded_shown_and_taken_out(run: Run, tmp_path: Path) -> None:
    set_up(run)
    file = tmp_path / "here.csv"
    file.write_text("kind,group,number,source\nlanguage,english,90,Census 2021\n")
    assert run("population", "show").output == "Nothing is loaded.\n"
    wrong = run("population", "load", str(file), "--place", "Saltmarsh")
    assert (wrong.exit_code, "there is no line for other" in wrong.output) == (2, True)
    file.write_text(file.read_text() + "language,other,10,Census 2021\n")
    run("population", "load", str(file), "--place", "Saltmarsh")
    shown = run("population", "show").output
    assert "Saltmarsh, language: 100 people. Census 2021. Loaded on" in shown
    assert run("population", "remove", "saltmarsh").output == "Taken out.\n"
    assert run("population", "show").output == "Nothing is loaded.\n"

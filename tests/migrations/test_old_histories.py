"""What an older version recorded is replayed under this one: its database is brought here by the
migrations, its log is whole, each of its steps is still a move of today's tables or has a line
that says what became of it, and the commands go on from there."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from referral import facts
from referral.actors import the_system
from referral.members import actor_of
from referral.states import ConcernState, Noun, Role
from referral.store import Sql, Store
from referral.upgrade import head
from referral.verify import verify
from tests.recorded import files, load, read, record
from tests.world import START
from workflows.engine import TABLES, available, step
from workflows.moves import Table
from workflows.prove.faults import rebuilt
from workflows.rules_for_verify import rules_for_verify

# A move that was recorded and is no more in today's tables: (noun, trigger, from, to) and what
# brings its records on, a migration or a sentence.
GONE: Mapping[tuple[str, str, str | None, str], str] = {}
STEPS = Sql("SELECT noun, trigger, from_state, to_state, role FROM step ORDER BY id")
RECORDS = {noun: Sql(f"SELECT id, state, system_id FROM {noun}") for noun in Noun}


@pytest.fixture(
    scope="module", params=files(), ids=lambda path: path.name.removesuffix(".jsonl.gz")
)
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of one recorded history, as this program has it."""
    database: Path = tmp_path_factory.mktemp("recorded") / "segue.db"
    load(request.param, database).dispose()
    return database


@pytest.fixture
def store(kept: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copy(kept, tmp_path / "segue.db")
    made = Store(f"sqlite:///{tmp_path / 'segue.db'}")
    yield made
    made.dispose()


def unknown(
    store: Store, tables: Mapping[Noun, Table] = TABLES, gone: Mapping[object, str] = GONE
) -> list[str]:
    """What was recorded and can't be replayed by these tables: steps that are no moves of them,
    and records in states they don't have."""
    found = []
    with store.read() as tx:
        for noun, trigger, came, went, role in tx.rows(STEPS):
            moves = tables[Noun(noun)].moves_from(trigger, came)
            fits = [m for m in moves if m.to is None or m.to == went]
            by = {str(r) for m in fits for r, _ in m.by}
            if not (fits and role in by) and (noun, trigger, came, went) not in gone:
                found.append(f"{noun}.{trigger} from {came} to {went} by {role}")
        for noun, query in RECORDS.items():
            states = {str(state) for state in tables[noun].states}
            found += [f"{noun} {i} is {s}" for i, s, _ in tx.rows(query) if s not in states]
    return found


@pytest.mark.invariant("I32")
def test_an_older_history_replays_whole_under_this_version(store: Store) -> None:
    with store.snapshot() as tx:
        report = verify(tx, rules_for_verify())
    assert report.whole, report.lines()[:5]
    assert report.records > 100
    assert report.entries > 400
    assert unknown(store) == []


@pytest.mark.invariant("I32")
def test_every_record_of_an_older_history_says_what_can_be_done_with_it(store: Store) -> None:
    asked = 0
    with store.read() as tx:
        for noun, query in RECORDS.items():
            for record_id, state, system_id in tx.rows(query):
                actor = the_system(system_id, "replay")
                f = facts.LOADERS[noun](tx, record_id, actor, START)
                assert f is not None
                assert f.state == state
                available(tx, noun, record_id, actor, START)
                asked += 1
    assert asked > 100


SOL = Sql("SELECT id FROM membership WHERE role = 'provider_leader' ORDER BY id LIMIT 1")
SENT = Sql(
    "SELECT r.id FROM referral r JOIN provider v ON v.id = r.provider_id"
    " JOIN membership m ON m.organisation_id = v.organisation_id"
    " WHERE m.id = :member AND r.state = 'sent' ORDER BY r.id"
)
LAST = Sql("SELECT max(at) FROM step", times=(0,))


def test_commands_go_on_from_an_older_history(store: Store) -> None:
    with store.begin() as tx:
        (member,), (last,) = tx.rows(SOL)[0], tx.rows(LAST)[0]
        actor = actor_of(tx, member, last)
        assert actor is not None
        assert actor.role is Role.PROVIDER_LEADER
        (referral,) = tx.rows(SENT, member=member)[0]
        assert step(tx, Noun.REFERRAL, referral, "ask", actor, last, {"note": "?"}).state == (
            "queried"
        )
    with store.snapshot() as tx:
        assert verify(tx, rules_for_verify()).whole


# -- it can fail --------------------------------------------------------------------------------


def test_a_move_that_is_taken_away_is_told_unless_a_line_says_what_became_of_it(
    store: Store,
) -> None:
    table = TABLES[Noun.REFERRAL]
    less = rebuilt(table, (m for m in table.moves if m.trigger != "give_back"))
    changed = {**TABLES, Noun.REFERRAL: less}
    told = ["referral.give_back from active to returned by provider_leader"]
    assert unknown(store, changed) == told
    gone = {("referral", "give_back", "active", "returned"): "the provider declines instead"}
    assert unknown(store, changed, gone) == []


def test_a_role_that_is_taken_away_is_told(store: Store) -> None:
    table = TABLES[Noun.REFERRAL]
    moves = [
        replace(m, by=frozenset(hat for hat in m.by if hat[0] is not Role.PROVIDER_LEADER))
        if m.trigger == "ask"
        else m
        for m in table.moves
    ]
    found = unknown(store, {**TABLES, Noun.REFERRAL: rebuilt(table, moves)})
    assert set(found) == {"referral.ask from sent to queried by provider_leader"}


def test_a_state_that_is_taken_away_is_told(store: Store) -> None:
    table = TABLES[Noun.CONCERN]
    states = [state for name, state in table.states.items() if name != ConcernState.REPORTED]
    moves = [
        replace(m, sources=m.sources - {ConcernState.REPORTED})
        for m in table.moves
        if m.to != ConcernState.REPORTED
    ]
    found = unknown(store, {**TABLES, Noun.CONCERN: rebuilt(table, moves, states)})
    assert "concern.authority_decides from reported to enquiry by safeguarding_lead" in found


def test_a_history_that_lost_the_text_of_its_table_is_not_whole(kept: Path, tmp_path: Path) -> None:
    shutil.copy(kept, tmp_path / "segue.db")
    with closing(sqlite3.connect(tmp_path / "segue.db")) as raw:
        used = raw.execute("SELECT table_version FROM step WHERE noun = 'referral'").fetchone()
        raw.execute("PRAGMA recursive_triggers = OFF")
        for (name,) in raw.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'move_table'"
        ).fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute("DELETE FROM move_table WHERE noun = 'referral' AND version = ?", used)
        raw.commit()
    store = Store(f"sqlite:///{tmp_path / 'segue.db'}")
    with store.snapshot() as tx:
        assert not verify(tx, rules_for_verify()).whole
    store.dispose()


# -- the corpus ---------------------------------------------------------------------------------


def test_the_history_of_this_version_is_recorded() -> None:
    """A release without one: `make record`, and add what it writes."""
    assert [path for path in files() if read(path)[0]["segue"] == version("segue")]


def test_a_recorded_history_has_every_move_of_every_table_of_its_time() -> None:
    for path in files():
        steps, texts = set(), {}
        for table, row in read(path)[1]:
            if table == "step":
                steps.add((row["noun"], row["trigger"]))
            elif table == "move_table":
                texts[row["noun"]] = row["body"]
        moves = {
            (noun, line.split(" | ")[0].removeprefix("move "))
            for noun, body in texts.items()
            for line in body.splitlines()
            if line.startswith("move ")
        }
        assert len(moves) > 60
        assert moves - steps == set()


def test_recording_writes_what_loading_reads(tmp_path: Path) -> None:
    path = record(tmp_path)
    assert read(path)[0] == {"segue": version("segue"), "revision": head()}
    store = load(path, tmp_path / "again.db")
    with store.snapshot() as tx:
        assert verify(tx, rules_for_verify()).whole
    store.dispose()

"""The benchmark compares like with like, and says so when it doesn't. Nothing here is timed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import auditing, commands, databases, reading, report
from benchmarks.__main__ import main
from benchmarks.commands import LOOP, OURS, QUICK, READY, WAYS, Measured, Outcome, Turn
from benchmarks.databases import Ground, NotDurable, PostgresqlGround, SqliteGround, durable
from benchmarks.replay import Script
from referral.store import Store


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def ground(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Ground:
    if request.param == "sqlite":
        return SqliteGround(tmp_path)
    # The server of the tests waits for no disk: good enough where nothing is timed.
    monkeypatch.setitem(databases.DURABLE, "postgresql", ("off", "off", "off"))
    return PostgresqlGround(str(request.getfixturevalue("postgresql_server")))


def test_all_ways_write_the_same_rows(ground: Ground) -> None:
    outcome = commands.measure(ground, QUICK)
    assert outcome.differing == []
    assert [len(outcome.ways[way].took) for way in WAYS] == [9 * 2 * 2] * 3
    assert report.failures_of_commands(outcome, timings=False) == []
    assert all(way in "\n".join(report.commands_table(outcome)) for way in WAYS)


def test_a_way_that_writes_less_fails_the_run(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lazy(connection: Any, pg: bool, script: Script, hand: Any, now: Any) -> list[float]:
        parts = tuple(
            part._replace(statements=tuple(s for s in part.statements if "outbox" not in s.sql))
            for part in script.parts
        )
        monkeypatch.setattr(script, "parts", parts)
        return real(connection, pg, script, hand, now)

    real = commands.replay
    monkeypatch.setattr(commands, "replay", lazy)
    outcome = commands.measure(ground, QUICK)
    assert any(said.startswith("outbox: ") for said in outcome.differing)
    assert report.failures_of_commands(outcome, timings=False)


def test_a_leaf_that_is_not_its_hash_fails_the_run(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Script, "_hash", lambda self, x: None)
    outcome = commands.measure(ground, QUICK)
    assert any(said.startswith("leaves that aren't their hash") for said in outcome.differing)


def _outcome(ours: float, theirs: float, cpu: float = 0.5) -> Outcome:
    def measured(rate: float) -> Measured:
        return Measured([rate], [cpu], [1 / rate] * 90)

    ways = {OURS: measured(ours), LOOP: measured(theirs), READY: measured(theirs)}
    return Outcome("postgresql", QUICK, {"fsync": "on"}, ways, [])


def test_a_rate_below_the_floor_fails_the_run() -> None:
    floor = report.FLOORS["postgresql"]
    assert report.failures_of_commands(_outcome(floor * 101, 100)) == []
    assert report.failures_of_commands(_outcome(floor * 99, 100))


def test_too_much_cpu_fails_the_run() -> None:
    assert report.failures_of_commands(_outcome(200, 100, cpu=report.MOST_CPU_MS * 1.01))


def test_rates_count_from_the_first_start_to_the_last_end() -> None:
    measured = Measured()
    measured.add([Turn(0.0, 1.0, 0.2, [0.5, 0.5]), Turn(1.0, 2.0, 0.2, [0.5, 0.5])])
    assert measured.rates == [2.0]
    assert measured.cpu == [100.0]


def test_reads_are_asked_how_they_go_about_it(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = reading.measure(ground, 100, 1)
    assert readings.reads["worklist, first page"].rows > 0
    assert readings.reads["timeline"].rows > 5
    assert report.failures_of_reads(readings, timings=False) == []
    whole = "SELECT id FROM note n WHERE n.audience = 'both'"
    monkeypatch.setattr(
        reading, "_timeline", lambda at, tx, asked: tx.execute(whole, ()).fetchall()
    )
    monkeypatch.setattr(reading, "MANY", 0)
    found = reading.measure(ground, 100, 1)
    assert found.scans["timeline"] == ["note"]
    assert any("timeline" in said for said in report.failures_of_reads(found, timings=False))


def test_the_log_is_filled_placed_checked_and_proved(ground: Ground) -> None:
    log = auditing.measure(ground, QUICK, 700)
    assert log.entries > 700
    assert {way: len(took) for way, took in log.took.items()} == {
        auditing.WITH: 9 * 2 * 2,
        auditing.WITHOUT: 9 * 2 * 2,
    }
    assert len(log.proving) == auditing.PROOFS
    assert report.failures_of_log(log, timings=False) == []
    assert any("bare loop" in line for line in report.log_table(log))


def test_a_log_that_costs_too_much_fails_the_run() -> None:
    log = auditing.Log("sqlite", 10, {}, {auditing.WITH: [1.0] * 9, auditing.WITHOUT: [0.8] * 9})
    log.used = {auditing.WITH: [0.6, 0.55], auditing.WITHOUT: [0.5, 0.7]}
    assert log.added == pytest.approx(0.25)
    assert log.added_to_the_processor == pytest.approx(0.1)
    log.placing, log.checking, log.hashing, log.proving = 0.1, 1.0, 0.2, [0.01]
    assert report.failures_of_log(log) == []
    log.placing, log.hashing, log.proving = 0.2, 0.1, [0.06]
    assert len(report.failures_of_log(log)) == 3
    log.kind = "postgresql"
    assert len(report.failures_of_log(log)) == 3
    log.used[auditing.WITH] = [0.6, 0.6]
    assert "its entry adds 20%" in report.failures_of_log(log)[1]


def test_settings_that_risk_a_commit_stop_it(tmp_path: Path) -> None:
    store = Store(SqliteGround(tmp_path).new("unsafe"))
    assert durable("sqlite", store) == {"journal_mode": "wal", "synchronous": "2"}
    with store.read() as tx:
        raw = tx.raw
    raw.execute("PRAGMA synchronous=OFF")
    with pytest.raises(NotDurable):
        durable("sqlite", store)
    store.dispose()


def test_it_can_be_asked_for_json(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--quick", "--json", "--only", "sqlite", "--part", "commands", "--clients", "1"]
    assert main(given) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["commands"][0]["not_alike"] == []
    assert said["failures"] == []

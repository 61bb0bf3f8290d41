"""After an erasure nothing of the person is in anything PostgreSQL keeps: the database's own files,
its write-ahead log, its archive, its own log and ours, once what docs/backup.md says was done."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from referral.backup import scrub
from referral.store import Store
from tests.databases import EMPTY, PostgresqlGround, beyond, build_template, server_of_our_own
from tests.referral.test_backup import erase, hits
from tests.workflows.test_erasing import zephyrine
from tests.world import build


class Server(NamedTuple):
    """A server as somebody runs one: durable, its write-ahead log archived, all it does logged."""

    store: Store
    data: Path

    @property
    def archive(self) -> Path:
        return self.data / "archive"

    @property
    def log(self) -> Path:
        return self.data / "log"

    def segments(self) -> list[Path]:
        return sorted(path for path in (self.data / "pg_wal").iterdir() if path.is_file())

    def archived(self) -> list[Path]:
        return sorted(self.archive.iterdir())

    def files(self) -> list[Path]:
        """Those of the server but for the write-ahead log, written out."""
        with beyond(self.store) as powerful, powerful.engine.connect() as connection:
            connection.exec_driver_sql("CHECKPOINT")
        within = (self.data / "pg_wal", self.archive)
        return [
            path
            for path in sorted(self.data.rglob("*"))
            if path.is_file() and not any(path.is_relative_to(one) for one in within)
        ]


@pytest.fixture
def server() -> Iterator[Server]:
    settings = {
        "wal_level": "replica",
        "archive_mode": "on",
        "archive_command": "'mkdir -p archive && cp %p archive/%f'",
        "log_statement": "'all'",
        "log_parameter_max_length": "0",
        "log_error_verbosity": "terse",
    }
    with server_of_our_own(settings) as (uri, data):
        build_template(uri)
        ground = PostgresqlGround(uri)
        url = ground.reserve()
        ground.copy(EMPTY, url.rsplit("/", 1)[1].partition("?")[0])
        store = Store(url)
        yield Server(store, data)
        store.dispose()


def test_nothing_postgresql_keeps_tells_of_somebody_erased(
    server: Server, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    w = build(server.store)
    p = zephyrine(w)
    assert len(hits(server.files())) >= 6
    assert len(hits(server.segments())) >= 6
    erase(w, p)
    # Emptying the rows is not enough, nor is a checkpoint with another segment begun.
    with beyond(server.store) as powerful, powerful.engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_switch_wal()")
        connection.exec_driver_sql("CHECKPOINT")
    assert hits(server.segments())
    said = scrubbed(server.store)
    assert "VACUUM" in said[0]
    assert "all" in said[1]
    assert hits(server.files()) == []
    assert hits(server.segments()) == []
    # The archive is whose it is: up to the segment that is named, it tells; behind it, nothing.
    last = said[2].split("up to ")[1].split(" ")[0]
    before = [path for path in server.archived() if path.name <= last]
    assert hits(before)
    for path in before:
        path.unlink()
    assert server.archived()
    assert hits(server.archived()) == []
    # What the server and the program wrote of their work, every statement, never told.
    assert b"INSERT INTO person" in server.log.read_bytes()
    assert hits([server.log]) == []
    ours = tmp_path / "ours"
    ours.write_text(caplog.text)
    assert hits([ours]) == []


def scrubbed(store: Store) -> list[str]:
    with beyond(store) as powerful:
        return list(scrub(powerful))


def test_whoever_may_not_write_the_log_anew_is_told(server: Server) -> None:
    with beyond(server.store) as powerful, powerful.engine.connect() as connection:
        connection.exec_driver_sql("ALTER ROLE segue_owner LOGIN")
    owner = Store(server.store.url.set(username="segue_owner").render_as_string(False))
    said = list(scrub(owner))
    owner.dispose()
    assert "as a superuser" in said[1]


def test_what_a_slot_keeps_is_told(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("referral.backup.ROUNDS", 2)
    with beyond(server.store) as powerful, powerful.engine.connect() as connection:
        slot = "SELECT pg_create_physical_replication_slot('standby', true)"
        connection.exec_driver_sql(slot)
    assert "are kept, for a standby" in scrubbed(server.store)[1]

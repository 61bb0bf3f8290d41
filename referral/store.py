"""The database: connecting, and the one transaction a command lives in.

SQLite (WAL, synchronous FULL, BEGIN IMMEDIATE) and PostgreSQL give the same promises. SQLAlchemy
holds the pool; commands speak through the driver's own connection (docs/decisions/0007)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from referral.actors import Actor
from referral.schema import instant, instant_text

BUSY_SECONDS = 10.0  # how long a command waits for a lock, on either database
STREAM_ROWS = 2_000


class TryAgain(Exception):
    """Another transaction was in the way: nothing was written, and the command may be run again."""


class StoreBusy(TryAgain):
    """The database stayed locked by somebody else for longer than we wait."""


class OutcomeUnknown(Exception):
    """The connection was lost during the commit: it may have been written or not. Asking again
    with the same idempotency key is safe, and tells."""


class Sql:
    """One fixed statement with `:names`, put together once for each database.

    `times` are the result columns that hold instants, by position."""

    _name = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")

    def __init__(self, text: str, times: tuple[int, ...] = ()) -> None:
        self.text = text
        self.times = times
        self.names: tuple[str, ...] = tuple(self._name.findall(text))
        self.sqlite = self._name.sub("?", text)
        self.postgresql = self._name.sub("%s", text.replace("%", "%%"))

    def values(self, params: Mapping[str, Any]) -> list[Any]:
        return [params[name] for name in self.names]


def for_sqlite(values: Sequence[Any]) -> list[Any]:
    """Values as SQLite keeps them: instants and days as text."""
    return [
        instant_text(v) if type(v) is datetime else v.isoformat() if type(v) is date else v
        for v in values
    ]


class Tx:
    """One transaction. The edge opened it and will commit it; nobody inside does."""

    def __init__(self, connection: Connection, pg: bool) -> None:
        self.sa = connection
        self.pg = pg
        self.raw: Any = connection.connection.driver_connection
        # What a command found out about the transaction's own system, kept for its length.
        self.memo: dict[str, Any] = {}

    @property
    def open(self) -> bool:
        """Whether the transaction is still there, and hasn't failed."""
        if self.pg:
            return bool(self.raw.info.transaction_status.name == "INTRANS")
        return bool(self.raw.in_transaction)

    def execute(self, sql: str, values: Sequence[Any]) -> Any:
        """Run text made for this database. Driver errors that mean "try again" become TryAgain."""
        if self.pg:
            return _pg_execute(self.raw, sql, values)
        try:
            return self.raw.execute(sql, for_sqlite(values))
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise StoreBusy(str(error)) from error
            raise
        except sqlite3.IntegrityError as error:
            if "UNIQUE" in str(error):
                raise TryAgain(str(error)) from error
            raise

    def rows(self, sql: Sql, **params: Any) -> list[tuple[Any, ...]]:
        """All rows of a query, instants as aware datetimes."""
        found: list[tuple[Any, ...]] = self.execute(
            sql.postgresql if self.pg else sql.sqlite, sql.values(params)
        ).fetchall()
        if not self.pg and sql.times and found:
            return [with_times(row, sql.times) for row in found]
        return found

    def row(self, sql: Sql, **params: Any) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        found = self.rows(sql, **params)
        return found[0] if found else None

    def stream(self, sql: Sql, **params: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a query one by one, as the driver gives them, never all in memory."""
        values = sql.values(params)
        if not self.pg:
            with closing(self.raw.execute(sql.sqlite, for_sqlite(values))) as rows:
                yield from rows
            return
        self.memo["streams"] = number = self.memo.get("streams", 0) + 1
        with self.raw.cursor(name=f"stream_{number}") as rows:
            rows.itersize = STREAM_ROWS
            rows.execute(sql.postgresql, values)
            yield from rows

    def run(self, sql: Sql, **params: Any) -> int:
        """Run a statement; how many rows it touched."""
        done = self.execute(sql.postgresql if self.pg else sql.sqlite, sql.values(params))
        return int(done.rowcount)


def with_times(row: tuple[Any, ...], times: tuple[int, ...]) -> tuple[Any, ...]:
    values = list(row)
    for i in times:
        values[i] = instant(values[i])
    return tuple(values)


_pg_execute: Callable[[Any, str, Sequence[Any]], Any]
_pg_control: Callable[[Any, str], Any]


def _unloaded(raw: Any, sql: str, values: Sequence[Any] = ()) -> Any:
    raise RuntimeError("no PostgreSQL store has been opened")


_pg_execute = _pg_control = _unloaded


def _load_psycopg() -> None:
    """psycopg is imported only where the store is PostgreSQL: it costs 0.16 s."""
    global _pg_execute, _pg_control
    import psycopg
    from psycopg import errors

    again = (
        errors.UniqueViolation,
        errors.SerializationFailure,
        errors.DeadlockDetected,
    )

    def run(raw: Any, sql: str, values: Sequence[Any]) -> Any:
        try:
            return raw.execute(sql, values)
        except again as error:
            raise TryAgain(str(error)) from error
        except psycopg.OperationalError as error:
            raise StoreBusy(str(error)) from error

    def control(raw: Any, sql: str) -> Any:
        try:
            return raw.execute(sql, prepare=False)
        except psycopg.OperationalError as error:
            raise StoreBusy(str(error)) from error

    _pg_execute, _pg_control = run, control


class Store:
    """A database by its URL: `sqlite:///file` or `postgresql+psycopg://...`."""

    def __init__(self, url: str, pool_size: int = 5) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql" and parsed.drivername != "postgresql+psycopg":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.url = parsed
        self.pg = parsed.get_backend_name() == "postgresql"
        if self.pg:
            _load_psycopg()
            self.engine: Engine = create_engine(
                parsed,
                isolation_level="AUTOCOMMIT",
                pool_size=pool_size,
                connect_args={
                    "prepare_threshold": 0,
                    # Planning the facts costs more than everything else: prepared and generic
                    # from the first use (LEDGER 2). Times come back in UTC.
                    "options": "-c plan_cache_mode=force_generic_plan -c timezone=UTC"
                    f" -c lock_timeout={int(BUSY_SECONDS * 1000)}",
                },
            )
            event.listen(self.engine, "connect", _pg_connected)
        else:
            self.engine = create_engine(
                parsed,
                isolation_level="AUTOCOMMIT",
                connect_args={"timeout": BUSY_SECONDS, "cached_statements": 256},
            )
            event.listen(self.engine, "connect", _sqlite_connected)

    @contextmanager
    def begin(self, actor: Actor | None = None) -> Iterator[Tx]:
        """A transaction that writes. It commits when the block ends and undoes everything when the
        block raises."""
        yield from self._transaction(actor, "BEGIN" if self.pg else "BEGIN IMMEDIATE")

    @contextmanager
    def read(self, actor: Actor | None = None) -> Iterator[Tx]:
        """A transaction that only reads; on SQLite it doesn't wait for the one writer."""
        yield from self._transaction(actor, "BEGIN READ ONLY" if self.pg else "BEGIN")

    @contextmanager
    def snapshot(self, actor: Actor | None = None) -> Iterator[Tx]:
        """A transaction that only reads, and reads everything as it was at one moment, however
        long it takes."""
        yield from self._transaction(
            actor, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if self.pg else "BEGIN"
        )

    def _transaction(self, actor: Actor | None, opening: str) -> Iterator[Tx]:
        with self._connect() as connection:
            tx = Tx(connection, self.pg)
            try:
                if self.pg:
                    # The actor's settings go first in the transaction, for row-level security.
                    _pg_control(tx.raw, opening + _settings(actor))
                else:
                    tx.execute(opening, ())
                yield tx
                _commit(tx)
            except BaseException:
                self._undo(tx)
                raise

    def _connect(self) -> Connection:
        try:
            return self.engine.connect()
        except (OperationalError, PoolTimeout) as error:
            if self.pg or "locked" in str(error):
                raise StoreBusy(str(error)) from error
            raise

    def _undo(self, tx: Tx) -> None:
        if not tx.pg:
            if tx.raw.in_transaction:
                tx.raw.execute("ROLLBACK")
            return
        try:
            _pg_control(tx.raw, "ROLLBACK")
        except StoreBusy:
            # The connection is lost, and what it had written with it. The others of the pool are
            # as old: after a restart of the database they would fail one by one.
            tx.sa.invalidate()
            self.engine.dispose()

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _commit(tx: Tx) -> None:
    if tx.pg and tx.raw.closed:
        raise StoreBusy("The connection was lost before the commit.")
    # A command that went on after an error, or ended its own transaction: both databases would
    # answer the commit as if all were well.
    if not tx.open:
        raise RuntimeError("The transaction had failed or ended before its commit.")
    if not tx.pg:
        tx.execute("COMMIT", ())
        return
    try:
        _pg_control(tx.raw, "COMMIT")
    except StoreBusy as error:
        if tx.raw.closed:
            raise OutcomeUnknown(str(error)) from error
        raise


_SAFE = re.compile(r"[0-9a-z_-]+\Z")


def _settings(actor: Actor | None) -> str:
    if actor is None:
        return ""
    settings = {
        "segue.system": actor.system_id,
        "segue.organisation": actor.organisation_id,
        "segue.membership": actor.membership_id,
        "segue.role": str(actor.role),
    }
    for value in settings.values():
        if not _SAFE.match(value):
            raise ValueError("An actor's ids and role are lower-case letters, digits and dashes.")
    return "; SELECT " + ", ".join(
        f"set_config('{name}', '{value}', true)" for name, value in settings.items()
    )


def _sqlite_connected(dbapi: Any, record: Any) -> None:
    dbapi.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        # Without it, REPLACE removes a row that must be kept and no trigger hears of it.
        "recursive_triggers=ON",
        f"busy_timeout={int(BUSY_SECONDS * 1000)}",
        "secure_delete=ON",
    ):
        dbapi.execute(f"PRAGMA {pragma}").close()


def _pg_connected(dbapi: Any, record: Any) -> None:
    from psycopg.adapt import Loader

    class TextUuid(Loader):
        def load(self, data: Any) -> str:
            return bytes(data).decode()

    dbapi.adapters.register_loader("uuid", TextUuid)

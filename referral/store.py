"""The database: connecting, and the one transaction a command lives in.

SQLite (WAL, synchronous FULL, BEGIN IMMEDIATE) and PostgreSQL give the same promises. SQLAlchemy
holds the pool; commands speak through the driver's own connection (docs/decisions/0007)."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, datetime
from enum import StrEnum
from functools import cache, cached_property, lru_cache
from itertools import count, islice
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import TimeoutError as PoolTimeout

from referral.actors import Actor
from referral.schema import instant, instant_text

if TYPE_CHECKING:
    from types import ModuleType

    from referral.keys import Keys, Ring, WrappingKeys

BUSY_SECONDS = 10.0  # how long a command waits for a lock, on either database
STREAM_ROWS = 2_000
SEALED_ROWS = 500
PREPARED = 1_000  # statements a connection keeps prepared: all of ours; the driver's limit is 100


class TryAgain(Exception):
    """Another transaction was in the way: nothing was written, and the command may be run again."""


class StoreBusy(TryAgain):
    """The database stayed locked by somebody else for longer than we wait."""


class OutcomeUnknown(Exception):
    """The connection was lost during the commit: it may have been written or not. Asking again
    with the same idempotency key is safe, and tells."""


class CannotWrite(Exception):
    """The database can't be written to: its disk is full or broken, or it may only be read. Nothing
    was written. It helps to ask again only once whoever looks after the machine has helped."""


class Door(StrEnum):
    """By which door a transaction came, which is how much it may see of tables about people."""

    PAGE = "page"  # reads for its actor: their own scope (`referral.wall`)
    COMMAND = "command"  # decides and writes for its actor: their own system
    WHOLE = "whole"  # the machine's own work, over every system
    SHUT = "shut"  # nobody is known yet: nothing


class Sql:
    """One fixed statement with `:names`, put together once for each database.

    `times` are the result columns that hold instants, by position; `sealed` those that hold free
    text under a person's key: they come as they were written, or as `referral.keys.Gone`. `keyed`:
    the last columns are that person's key (`referral.keys.COLUMNS`), for the transaction alone. A
    table named through `guard.` is read past the wall, where there is one."""

    def __init__(
        self,
        text: str,
        times: tuple[int, ...] = (),
        sealed: tuple[int, ...] = (),
        keyed: bool = False,
    ) -> None:
        self.text = text
        self.keyed = keyed
        self.times = times
        self.sealed = sealed
        self.names: tuple[str, ...] = tuple(_NAME.findall(text))
        plain = text.replace("guard.", "")
        self.sqlite = _NAME.sub("?", plain)
        self.postgresql = _counted(plain)
        # The same where the wall is on.
        past = plain != text
        self.walled_sqlite = (
            _NAME.sub("?", text.replace("guard.", "main.")) if past else self.sqlite
        )
        self.walled_postgresql = _counted(text) if past else self.postgresql
        self.values = picker(self.names)


_NAME = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


def numbered(text: str, place: Callable[[str], int]) -> str:
    """The text as PostgreSQL takes it: for each `:name` the number of its place."""
    return _NAME.sub(lambda found: f"${place(found[1])}", text)


def _counted(text: str) -> str:
    places = count(1)
    return numbered(text, lambda name: next(places))


def picker(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    """What takes the values of these names, in their order, out of a mapping."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda params: [params[name] for name in names]


# How SQLite keeps instants and days: as text.
sqlite3.register_adapter(datetime, instant_text)
sqlite3.register_adapter(date, date.isoformat)


_TEXT_OF: dict[tuple[bool, bool], Callable[[Sql], str]] = {
    (False, False): attrgetter("sqlite"),
    (True, False): attrgetter("postgresql"),
    (False, True): attrgetter("walled_sqlite"),
    (True, True): attrgetter("walled_postgresql"),
}


class Tx:
    """One transaction. The edge opened it and will commit it; nobody inside does."""

    def __init__(
        self,
        pooled: PoolProxiedConnection,
        engine: Engine,
        keys: Keys | None = None,
        wall: bool = False,
    ) -> None:
        self.pooled = pooled
        self.keys = keys
        self.engine = engine
        self.pg = engine.name == "postgresql"
        # Which text of a statement is meant for this database.
        self.text_of = _TEXT_OF[self.pg, wall]
        self.raw: Any = pooled.driver_connection
        # What a command found out about the transaction's own system, kept for its length.
        self.memo: dict[str, Any] = {}

    @cached_property
    def sa(self) -> Connection:
        """The same connection for SQLAlchemy's own tools."""
        return Connection(self.engine, connection=self.pooled)

    @cached_property
    def ring(self) -> Ring:
        """The keys that free text lies under, as this transaction may use them."""
        ring: Ring = _keys().Ring(self, self.keys)
        return ring

    @property
    def open(self) -> bool:
        """Whether the transaction is still there, and hasn't failed."""
        if self.pg:
            return bool(self.raw.pgconn.transaction_status == _psycopg().in_transaction)
        return bool(self.raw.in_transaction)

    def execute(self, sql: str, values: Sequence[Any]) -> Any:
        """Run text made for this database. Driver errors that mean "try again" become TryAgain."""
        return self._sent(sql, values, "execute")

    def execute_many(self, sql: str, each: Sequence[Sequence[Any]]) -> None:
        """Run one text with each of these values: one way to the database and back."""
        self._sent(sql, each, "executemany")

    def _sent(self, sql: str, values: Sequence[Any], how: str) -> Any:
        if self.pg:
            return _psycopg().execute(self.raw, sql, values, how)
        try:
            return getattr(self.raw, how)(sql, values)
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise StoreBusy(str(error)) from error
            if _cannot_write(error):
                raise CannotWrite(str(error)) from error
            raise
        except sqlite3.IntegrityError as error:
            if "UNIQUE" in str(error):
                raise TryAgain(str(error)) from error
            raise

    def control(self, sql: str) -> None:
        """Begin or end the transaction: for the store alone. Raises StoreBusy or CannotWrite."""
        if self.pg:
            _psycopg().control(self.raw, sql)
        else:
            self.execute(sql, ())

    def rows(self, sql: Sql, **params: Any) -> list[tuple[Any, ...]]:
        """All rows of a query, instants as aware datetimes."""
        found: list[tuple[Any, ...]] = self.execute(
            self.text_of(sql), sql.values(params)
        ).fetchall()
        if sql.keyed and found:
            found = self.ring.taught(found)
        if sql.sealed and found:
            found = self.ring.open_rows(found, sql.sealed)
        if not self.pg and sql.times and found:
            return [with_times(row, sql.times) for row in found]
        return found

    def row(self, sql: Sql, **params: Any) -> tuple[Any, ...] | None:
        """The first row of a query, or None."""
        found = self.rows(sql, **params)
        return found[0] if found else None

    def stream(self, sql: Sql, **params: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a query one by one, as the driver gives them, never all in memory; sealed
        text is opened a page at a time."""
        rows = self._streamed(sql, **params)
        if not sql.sealed:
            yield from rows
            return
        while page := list(islice(rows, SEALED_ROWS)):
            yield from self.ring.open_rows(page, sql.sealed)

    def _streamed(self, sql: Sql, **params: Any) -> Iterator[tuple[Any, ...]]:
        values = sql.values(params)
        if not self.pg:
            with closing(self.raw.execute(self.text_of(sql), values)) as rows:
                yield from rows
            return
        self.memo["streams"] = number = self.memo.get("streams", 0) + 1
        with _psycopg().server_cursor(self.raw, f"stream_{number}") as rows:
            rows.itersize = STREAM_ROWS
            rows.execute(self.text_of(sql), values)
            yield from rows

    def run(self, sql: Sql, **params: Any) -> int:
        """Run a statement; how many rows it touched."""
        done = self.execute(self.text_of(sql), sql.values(params))
        return int(done.rowcount)


# Full, may only be read, a disk that fails; the low byte is the error, the others say more of it.
_CANNOT_WRITE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR)


def _cannot_write(error: BaseException) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _CANNOT_WRITE


def with_times(row: tuple[Any, ...], times: tuple[int, ...]) -> tuple[Any, ...]:
    values = list(row)
    for i in times:
        values[i] = instant(values[i])
    return tuple(values)


class _Psycopg:
    """How PostgreSQL is spoken to. Imported only where the store is one: it costs 0.16 s."""

    def __init__(self) -> None:
        import psycopg
        from psycopg import errors, pq
        from psycopg.types.string import TextLoader

        self.text_loader = TextLoader
        self.cursor = psycopg.RawCursor
        self.server_cursor = psycopg.RawServerCursor
        self.in_transaction = pq.TransactionStatus.INTRANS
        self.good = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
        self.error_of = errors.error_from_result
        self.failed = psycopg.DatabaseError
        self.lost = psycopg.OperationalError
        self.cannot_write = (errors.DiskFull, errors.ReadOnlySqlTransaction)
        self.again = (
            errors.UniqueViolation,
            errors.SerializationFailure,
            errors.DeadlockDetected,
        )

    def execute(self, raw: Any, sql: str, values: Sequence[Any], how: str = "execute") -> Any:
        # A raw cursor takes the text as it stands. The usual one looks for the places to fill in,
        # and in statements as long as ours it would do so each time anew.
        try:
            return getattr(self.cursor(raw), how)(sql, values)
        except self.again as error:
            raise TryAgain(str(error)) from error
        except self.cannot_write as error:
            raise CannotWrite(str(error)) from error
        except self.lost as error:
            raise StoreBusy(str(error)) from error

    def control(self, raw: Any, sql: str) -> None:
        """Begin or end a transaction, past the driver's own bookkeeping: a roll-back it sees makes
        it forget all that is prepared, and the next facts would have to be planned anew."""
        try:
            result = raw.pgconn.exec_(sql.encode())
            if result.status not in self.good:
                raise self.error_of(result)
        except self.cannot_write as error:
            raise CannotWrite(str(error)) from error
        except self.failed as error:
            if raw.closed or isinstance(error, self.lost):
                raise StoreBusy(str(error)) from error
            raise


@cache
def _psycopg() -> _Psycopg:
    return _Psycopg()


@cache
def _keys() -> ModuleType:
    from referral import keys  # its queries are made of ours

    return keys


class Store:
    """A database by its URL: `sqlite:///file` or `postgresql+psycopg://...`. `wrapping` are the
    keys outside it that wrap the keys inside; without them free text is stored plain, and what
    lies under a key can't be read. `wall`: whether the database itself is told who asks, and
    holds every query to what they may see (`referral.wall`); unless told, PostgreSQL is."""

    wrapping: WrappingKeys | None = None
    # The door of a transaction that names neither an actor nor a door.
    unnamed = Door.SHUT

    def __init__(
        self,
        url: str,
        pool_size: int = 5,
        wrapping: WrappingKeys | None = None,
        wall: bool | None = None,
    ) -> None:
        if wrapping is not None:
            self.wrapping = wrapping
        self.keys: Keys | None = None
        if self.wrapping is not None:
            self.keys = _keys().Keys(self.wrapping)
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql" and parsed.drivername != "postgresql+psycopg":
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.url = parsed
        self.pg = parsed.get_backend_name() == "postgresql"
        self.wall = wall = self.pg if wall is None else wall
        # Between transactions a connection stays here: taking it from the pool and putting it back
        # would cost more than all else that a transaction does by itself.
        self._free: deque[PoolProxiedConnection] = deque(maxlen=pool_size)
        if self.pg:
            self.engine: Engine = create_engine(
                parsed,
                isolation_level="AUTOCOMMIT",
                pool_size=pool_size,
                pool_reset_on_return=None,
                connect_args={
                    "prepare_threshold": 0,
                    # Planning the facts costs more than everything else: prepared and generic
                    # from the first use. Times come back in UTC.
                    "options": "-c plan_cache_mode=force_generic_plan -c timezone=UTC"
                    f" -c lock_timeout={int(BUSY_SECONDS * 1000)}" + " -c jit=off" * wall,
                },
            )
            event.listen(self.engine, "connect", _pg_connected)
        else:
            self.engine = self._sqlite(pool_size)
        # On SQLite the wall stands on connections of its own; on PostgreSQL in the database.
        self.behind = self
        if wall and not self.pg:
            self.behind = _Walled(url, pool_size)
            self.behind.wall, self.behind.keys = True, self.keys

    def _sqlite(self, pool_size: int) -> Engine:
        engine = create_engine(
            self.url,
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            pool_reset_on_return=None,
            connect_args={"timeout": BUSY_SECONDS, "cached_statements": 256},
        )
        event.listen(engine, "connect", _sqlite_connected)
        return engine

    def begin(
        self,
        actor: Actor | None = None,
        door: Door | None = None,
        at: datetime | None = None,
    ) -> Transaction:
        """A transaction that writes. It commits when the block ends and undoes everything when the
        block raises. Its door is that of a command, unless told; without an actor, shut."""
        opening = "BEGIN" if self.pg else "BEGIN IMMEDIATE"
        return self._open(opening, actor, door or (Door.COMMAND if actor else self.unnamed), at)

    def read(
        self, actor: Actor | None = None, door: Door | None = None, at: datetime | None = None
    ) -> Transaction:
        """A transaction that only reads; on SQLite it doesn't wait for the one writer. It sees what
        its actor may, unless told; without an actor, nothing about people."""
        opening = "BEGIN READ ONLY" if self.pg else "BEGIN"
        return self._open(opening, actor, door or (Door.PAGE if actor else self.unnamed), at)

    def snapshot(
        self, actor: Actor | None = None, door: Door | None = None, at: datetime | None = None
    ) -> Transaction:
        """A transaction that only reads, and reads everything as it was at one moment, however
        long it takes."""
        opening = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if self.pg else "BEGIN"
        return self._open(opening, actor, door or (Door.PAGE if actor else self.unnamed), at)

    def _open(
        self, opening: str, actor: Actor | None, door: Door, at: datetime | None
    ) -> Transaction:
        # To the views that stand for the tables nothing can be written, and what sees all of a
        # system needs none.
        store = self.behind if door in (Door.PAGE, Door.SHUT) else self
        return Transaction(store, opening, actor, door, at)

    def take(self) -> PoolProxiedConnection:
        """A connection for one transaction. Raises StoreBusy when there is none to be had, and
        CannotWrite when the database can't even be opened as ours must be."""
        try:
            return self._free.pop()
        except IndexError:
            pass
        try:
            return self.engine.raw_connection()
        except (self.engine.dialect.loaded_dbapi.OperationalError, PoolTimeout) as error:
            if self.pg or "locked" in str(error):
                raise StoreBusy(str(error)) from error
            if _cannot_write(getattr(error, "orig", None) or error):
                raise CannotWrite(str(error)) from error
            raise

    def give_back(self, pooled: PoolProxiedConnection) -> None:
        """The connection has ended its transaction."""
        if len(self._free) < (self._free.maxlen or 0):
            self._free.append(pooled)
        else:
            pooled.close()

    def drop(self, pooled: PoolProxiedConnection) -> None:
        """The connection is lost. The others are as old: after a restart of the database they
        would fail one by one."""
        pooled.invalidate()
        if self.pg:
            self.dispose()

    def dispose(self) -> None:
        """Close every connection that is free."""
        while self._free:
            self._free.pop().close()
        self.engine.dispose()
        if self.behind is not self:
            self.behind.dispose()


class _Walled(Store):
    """The connections of SQLite on which views stand in place of the tables about people."""

    def _sqlite(self, pool_size: int) -> Engine:
        engine = super()._sqlite(pool_size)
        event.listen(engine, "connect", _sqlite_walled)
        return engine


class Transaction:
    """`with store.begin() as tx`: what is done with `tx` is committed when the block ends, and
    undone when it raises."""

    __slots__ = ("_asking", "_opening", "_store", "_tx")

    def __init__(
        self, store: Store, opening: str, actor: Actor | None, door: Door, at: datetime | None
    ) -> None:
        # Who asks goes first in the transaction, for row-level security; and lasts as long as it.
        self._asking: Asking = _asking(actor, door, at) if store.wall else ()
        self._opening = opening
        if store.pg:
            self._opening += _settings(self._asking) if store.wall else _settings_for(actor)
        self._store = store
        self._tx: Tx

    def __enter__(self) -> Tx:
        self._tx = Tx(self._store.take(), self._store.engine, self._store.keys, self._store.wall)
        if self._asking and not self._tx.pg:
            self._tx.pooled.info["asking"] = dict(self._asking)
        try:
            self._tx.control(self._opening)
        except BaseException:
            self._undo()
            raise
        return self._tx

    def __exit__(self, raised: object, error: object, trace: object) -> None:
        if raised is None:
            try:
                _commit(self._tx)
            except BaseException:
                self._undo()
                raise
            self._store.give_back(self._tx.pooled)
        else:
            self._undo()

    def _undo(self) -> None:
        tx = self._tx
        try:
            if tx.pg or tx.raw.in_transaction:
                tx.control("ROLLBACK")
        except StoreBusy:
            # What it had written is gone with the connection.
            self._store.drop(tx.pooled)
        else:
            self._store.give_back(tx.pooled)


def _commit(tx: Tx) -> None:
    if tx.pg and tx.raw.closed:
        raise StoreBusy("The connection was lost before the commit.")
    # A command that went on after an error, or ended its own transaction: both databases would
    # answer the commit as if all were well.
    if not tx.open:
        raise RuntimeError("The transaction had failed or ended before its commit.")
    try:
        tx.control("COMMIT")
    except StoreBusy as error:
        if tx.pg and tx.raw.closed:
            raise OutcomeUnknown(str(error)) from error
        raise
    except CannotWrite as error:
        # A disk that fails in the middle of the last write may have taken it, or not.
        if getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR:
            raise OutcomeUnknown(str(error)) from error
        raise


_PLAIN = re.compile(r"[0-9a-z_-]+\Z")
_SAFE = re.compile(r"[0-9A-Za-z_@:./ +\[\]\",-]*\Z")
Asking = tuple[tuple[str, str], ...]


def _settings_for(actor: Actor | None) -> str:
    """Where the wall is off."""
    if actor is None:
        return ""
    return _settings_of(
        actor.system_id, actor.organisation_id, actor.membership_id, str(actor.role)
    )


@lru_cache(maxsize=256)
def _settings_of(system: str, organisation: str, membership: str, role: str) -> str:
    asking = (
        ("segue.system", system),
        ("segue.organisation", organisation),
        ("segue.membership", membership),
        ("segue.role", role),
    )
    for _, value in asking:
        if not _PLAIN.match(value):
            raise ValueError("An actor's ids and role are lower-case letters, digits and dashes.")
    return _settings(asking)


def _asking(actor: Actor | None, door: Door, at: datetime | None) -> Asking:
    if actor is None:
        return _asking_of(door, None)
    found = _asking_of(door, actor)
    return (*found, ("segue.at", instant_text(at))) if at is not None else found


@lru_cache(maxsize=256)
def _asking_of(door: Door, actor: Actor | None) -> Asking:
    if actor is None:
        return (("segue.door", str(door)),)
    asking = (
        ("segue.door", str(door)),
        ("segue.system", actor.system_id),
        ("segue.organisation", actor.organisation_id),
        ("segue.membership", actor.membership_id),
        ("segue.user", actor.user_id),
        ("segue.person", actor.person_id),
        ("segue.role", str(actor.role)),
        ("segue.path", actor.place_path or "-"),
        ("segue.keys", json.dumps(sorted(actor.keys))),
    )
    for _, value in asking:
        if not _SAFE.match(value):
            raise ValueError("What stands for an actor has no quotes in it.")
    return asking


@lru_cache(maxsize=256)
def _settings(asking: Asking) -> str:
    return "; SELECT " + ", ".join(
        f"set_config('{name}', '{value}', true)" for name, value in asking
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


def _sqlite_walled(dbapi: Any, record: Any) -> None:
    from referral.wall import views

    # The same for the whole of a statement, so that SQLite asks once and not for every row.
    dbapi.create_function(
        "segue_setting", 1, lambda name: record.info["asking"].get(name), deterministic=True
    )
    for view in views():
        dbapi.execute(view).close()


def _pg_connected(dbapi: Any, record: Any) -> None:
    dbapi.adapters.register_loader("uuid", _psycopg().text_loader)
    dbapi.prepared_max = PREPARED

"""A backup of the whole store in one file, the same for both databases, and what a restore needs.

The file is a ZIP: one member of JSON lines for each table, and a manifest with how many rows each
has, their SHA-256, the revision of the shape, and the newest signed head of the log. It is read at
one moment while everybody works on. The wrapping keys and the signing key are in no table, so they
are in no backup."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import Boolean, Connection, LargeBinary, Table

from referral import roles, wall
from referral.ids import new_id
from referral.ledger import TABLES
from referral.schema import Base, instant_text
from referral.store import Door, Sql, Store, Tx
from referral.upgrade import config_for, current, head

FORMAT = 1
MANIFEST = "manifest.json"
PAGE = 500
Progress = Callable[[str, int, int | None], None]


class WrongBackup(Exception):
    """The backup can't be made or restored. The sentence says why, and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself."""

    format: int
    made_at: str
    revision: str
    database: str
    rows: dict[str, int] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)
    head: str | None = None  # the newest signed head, as it was published

    @property
    def total(self) -> int:
        return sum(self.rows.values())


# -- making one ---------------------------------------------------------------------------------

NEWEST_HEAD = Sql("SELECT note FROM audit_checkpoint ORDER BY size DESC LIMIT 1")


def write(store: Store, path: Path, at: datetime, progress: Progress) -> Manifest:
    """Write the whole store into a new file. Raises WrongBackup when the file is there, or when the
    database wouldn't show all rows to whoever asks."""
    if path.exists():
        raise WrongBackup(f"{path} is there already. Name a new file.")
    revision = current(store)
    if revision != head():
        raise WrongBackup("The database has another shape than this program: segue db upgrade")
    beside = path.with_name(f".{path.name}.part")
    try:
        with (
            store.snapshot(door=Door.WHOLE) as tx,
            zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as file,
        ):
            _see_everything(tx)
            made = Manifest(FORMAT, instant_text(at), revision, "postgresql" if tx.pg else "sqlite")
            for table in Base.metadata.sorted_tables:
                _write_table(tx, file, table, made, progress)
            row = tx.row(NEWEST_HEAD)
            made = Manifest(**{**asdict(made), "head": None if row is None else str(row[0])})
            file.writestr(MANIFEST, json.dumps(asdict(made), indent=1, sort_keys=True))
        beside.chmod(0o600)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return made


def _see_everything(tx: Tx) -> None:
    """Row-level security would leave rows out without a word: for a role that the wall doesn't let
    see every row by the machine's own door, from here on it is an error."""
    if tx.pg and not wall.shows_everything(tx):
        tx.execute("SET LOCAL row_security = off", ())


def _write_table(
    tx: Tx, file: zipfile.ZipFile, table: Table, made: Manifest, progress: Progress
) -> None:
    hashed, count = hashlib.sha256(), 0
    columns = [c.name for c in table.columns]
    kinds = [_kind(c.type) for c in table.columns]
    key = ", ".join(c.name for c in table.primary_key.columns)
    query = Sql(f"SELECT {', '.join(columns)} FROM {table.name} ORDER BY {key}")
    with file.open(f"tables/{table.name}.jsonl", "w") as out:

        def line(value: Any) -> None:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            hashed.update(text)
            out.write(text)

        line([[name, kind] for name, kind in zip(columns, kinds, strict=True)])
        for row in tx.stream(query):
            line([_told(value, kind) for value, kind in zip(row, kinds, strict=True)])
            count += 1
            if count % PAGE == 0:
                progress(f"rows of {table.name}", count, None)
    made.rows[table.name], made.sha256[table.name] = count, hashed.hexdigest()


def _kind(type_: Any) -> str:
    for python, name in ((LargeBinary, "bytes"), (Boolean, "boolean")):
        if isinstance(type_, python):
            return name
    return "plain"


def _told(value: Any, kind: str) -> Any:
    if value is None:
        return None
    if kind == "bytes":
        return base64.b64encode(bytes(value)).decode()
    if kind == "boolean":
        return bool(value)
    if isinstance(value, datetime):
        return instant_text(value)
    return value.isoformat() if isinstance(value, date) else value


# -- reading one --------------------------------------------------------------------------------


def read_manifest(path: Path) -> Manifest:
    """What the backup says of itself. Raises WrongBackup."""
    try:
        with zipfile.ZipFile(path) as file:
            made = Manifest(**json.loads(file.read(MANIFEST)))
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise WrongBackup(f"{path} isn't a whole backup of Segue: {error}") from error
    if made.format != FORMAT:
        raise WrongBackup(f"{path} is a backup of another format ({made.format}).")
    if made.revision != head():
        raise WrongBackup(
            f"{path} was made at revision {made.revision}, and this program is at {head()}."
            " Restore it with the program that made it, then upgrade: segue db upgrade"
        )
    return made


PENDING = Sql("SELECT count(*) FROM restored WHERE done_at IS NULL")
BEGUN = Sql("INSERT INTO restored (id, at, made_at) VALUES (:id, :at, :made_at)")
DONE = Sql("UPDATE restored SET done_at = :at WHERE done_at IS NULL")
TABLES_THERE = Sql("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
TABLES_THERE_SQLITE = Sql("SELECT count(*) FROM sqlite_master WHERE type = 'table'")


def load(store: Store, path: Path, at: datetime, progress: Progress) -> Manifest:
    """Bring a backup into an empty database, whole or not at all; it counts as not done until
    `done`. Raises WrongBackup."""
    made = read_manifest(path)
    with store.read(door=Door.WHOLE) as tx:
        row = tx.row(TABLES_THERE if tx.pg else TABLES_THERE_SQLITE)
    if row is None or row[0]:
        raise WrongBackup(
            "The database isn't empty. Restore into a new one, and change over to it."
        )
    with zipfile.ZipFile(path) as file, store.begin(door=Door.WHOLE) as tx:
        if tx.pg:
            roles.become_owner(tx)
        else:
            tx.execute("PRAGMA defer_foreign_keys = ON", ())
        config = config_for(tx)
        command.upgrade(config, made.revision)
        _empty(tx)
        with _without_foreign_keys(tx):
            done = 0
            for table in Base.metadata.sorted_tables:
                done = _load_table(tx, file, table.name, made, progress, done)
        _count_on(tx)
        if store.wall:
            wall.build(tx)
        roles.grant(tx)
        tx.run(BEGUN, id=new_id(at), at=at, made_at=made.made_at)
    return made


def _empty(tx: Tx) -> None:
    """What the migrations themselves put into a new database comes from the backup."""
    for table in ("bank_holiday",):
        tx.execute(f"DELETE FROM {table}", ())


def _load_table(
    tx: Tx, file: zipfile.ZipFile, name: str, made: Manifest, progress: Progress, done: int
) -> int:
    hashed, count = hashlib.sha256(), 0
    with file.open(f"tables/{name}.jsonl") as lines:
        first = next(lines, b"")
        hashed.update(first)
        columns = json.loads(first or "[]")
        if {c for c, _ in columns} != {c.name for c in TABLES[name].columns}:
            raise WrongBackup(f"The table {name} in the backup has other columns.")
        marks = [f"${i}" if tx.pg else "?" for i in range(1, len(columns) + 1)]
        into = (
            f"INSERT INTO {name} ({', '.join(c for c, _ in columns)}) VALUES ({', '.join(marks)})"
        )
        for text in lines:
            hashed.update(text)
            row = json.loads(text)
            values = [_value(v, kind) for v, (_, kind) in zip(row, columns, strict=True)]
            tx.execute(into, values)
            count += 1
            if count % PAGE == 0:
                progress("rows", done + count, made.total)
    if count != made.rows.get(name, 0) or hashed.hexdigest() != made.sha256.get(name):
        raise WrongBackup(f"The backup is damaged: {name} isn't as the manifest says.")
    return done + count


def _value(value: Any, kind: str) -> Any:
    return base64.b64decode(value) if kind == "bytes" and value is not None else value


FOREIGN = Sql(
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY 1, 2"
)


class _without_foreign_keys:  # noqa: N801 - reads as a statement
    """Rows name rows that come later: the keys are taken off and put back, which checks them all.
    SQLite checks them at the end of the transaction."""

    def __init__(self, tx: Tx) -> None:
        self.tx = tx
        self.keys: list[tuple[Any, ...]] = []

    def __enter__(self) -> None:
        if self.tx.pg:
            self.keys = self.tx.rows(FOREIGN)
            for table, name, _ in self.keys:
                self.tx.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"', ())

    def __exit__(self, raised: object, error: object, trace: object) -> None:
        if raised is None:
            for table, name, words in self.keys:
                self.tx.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {words}', ())


def _count_on(tx: Tx) -> None:
    """On PostgreSQL the next number of each counted key comes after the last; SQLite knows."""
    if not tx.pg:
        return
    for table in Base.metadata.sorted_tables:
        for column in table.primary_key.columns:
            found = tx.row(Sql(f"SELECT pg_get_serial_sequence('{table.name}', '{column.name}')"))
            if found and found[0]:
                tx.execute(
                    f"SELECT setval('{found[0]}', coalesce(max({column.name}), 1),"
                    f" count(*) > 0) FROM {table.name}",
                    (),
                )


def done(tx: Tx, at: datetime) -> None:
    """The erasures were played again and everything was found whole: people may be let in."""
    tx.run(DONE, at=at)


def is_pending(tx: Tx) -> bool:
    """Whether a backup was brought in, and what must follow hasn't been done."""
    row = tx.row(PENDING)
    return bool(row and row[0])


class NotDone(Exception):
    """The store was restored, and isn't ready. The sentence says what to do."""


def refuse_half_restored(store: Store) -> None:
    """Raises NotDone while a restore hasn't been finished."""
    with store.read(door=Door.WHOLE) as tx:
        if is_pending(tx):
            raise NotDone(
                "A backup was brought into this database, and the erasures since haven't been"
                " played again. Finish it with: segue restore --finish --erasures FILE"
            )


# -- scrubbing ----------------------------------------------------------------------------------


def scrub(store: Store) -> Iterator[str]:
    """Write the files of the database anew, so that what was deleted is in no free page of them;
    what was done, and what is left to be done by hand, in sentences."""
    if store.pg:
        with store.engine.connect() as connection:
            for table in sorted(TABLES):
                connection.exec_driver_sql(f"VACUUM (FULL) {table}")
            yield "The tables were written anew (VACUUM FULL)."
            yield from _journal_anew(connection)
        return
    with store.engine.connect() as connection:
        connection.exec_driver_sql("VACUUM")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    yield "The file was written anew (VACUUM), and its journal emptied."
    yield "Still to do: remove copies of the file from before; they hold what was erased."


MAY = (
    "SELECT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
    " OR has_function_privilege('pg_switch_wal()', 'execute')"
    " AND has_function_privilege('pg_ls_waldir()', 'execute')"
    " AND EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = 'pg_checkpoint'"
    " AND pg_has_role(r.oid, 'usage'))"
)
BEFORE = "SELECT count(*), count(*) FILTER (WHERE modification <= %(since)s) FROM pg_ls_waldir()"
WRITTEN = "SELECT modification FROM pg_ls_waldir() WHERE name = %(name)s"
ROUNDS = 20


def _journal_anew(connection: Connection) -> Iterator[str]:
    """Write every segment of the write-ahead log anew. A segment that is done with keeps what it
    said, under the name of one to come, until it is written again: to switch alone isn't enough."""
    if not connection.exec_driver_sql(MAY).scalar_one():
        yield (
            "Still to do: the write-ahead log. Run this again as a superuser, or as a role that may"
            " make checkpoints, switch the log and list its files (docs/backup.md)."
        )
        return
    first = _switched(connection)
    since = connection.exec_driver_sql(WRITTEN, {"name": first}).scalar_one()
    for _ in range(ROUNDS):
        connection.exec_driver_sql("CHECKPOINT")
        segments, before = connection.exec_driver_sql(BEFORE, {"since": since}).one()
        if not before:
            yield f"The write-ahead log was written anew, all {segments} segments of it."
            break
        for _ in range(segments):
            _switched(connection)
        connection.exec_driver_sql("SELECT pg_sleep(0.2)")  # what archives them follows
    else:
        yield (
            f"Still to do: {before} segments of the write-ahead log from before are kept, for a"
            " standby, a replication slot or the archive. Run this again once they are taken."
        )
    yield (
        f"Still to do by whoever runs the server: let standbys follow, and remove the archived"
        f" segments up to {first} and the base backups from before; they hold what was erased."
    )


def _switched(connection: Connection) -> str:
    """End the segment that is being written, with a transaction in it; its name."""
    connection.exec_driver_sql("SELECT pg_current_xact_id()")  # an empty one isn't ended
    found = connection.exec_driver_sql("SELECT pg_walfile_name(pg_switch_wal())")
    return str(found.scalar_one())

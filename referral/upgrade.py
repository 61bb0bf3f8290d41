"""Bringing a database to the shape this program knows, and saying when it has another."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import migrations
from referral import bank_holidays, roles, wall
from referral.store import Door, Sql, Store, Tx

FOLDER = Path(migrations.__file__).parent


class WrongShape(Exception):
    """The database is older or newer than the program. The sentence says what to do."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    return config


@cache
def _revisions(folder: Path) -> tuple[str, ...]:
    """The revisions in a folder, the newest first. Found once: alembic runs each file to know."""
    return tuple(s.revision for s in ScriptDirectory(folder).walk_revisions())


def head() -> str:
    """The newest revision this program knows."""
    found = _revisions(FOLDER)
    if not found:
        raise WrongShape("This program has no migrations: install it again.")
    return found[0]


def current(store: Store) -> str | None:
    """The revision the database is at; None for an empty one."""
    with store.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(store: Store, at: datetime, tables: Iterable[tuple[str, str, str]] = ()) -> None:
    """Bring the database to the newest revision in one transaction, fill the table of bank
    holidays, and keep the text of the `tables` of moves in force. Where the store is behind its
    wall, that is built, or built again. Raises WrongShape for a
    database that a newer program made, and for one that belongs to somebody else."""
    found = _refuse_newer(store)
    with store.begin(door=Door.WHOLE) as tx:
        walled = False
        if tx.pg:
            _refuse_others(tx)
            roles.become_owner(tx)
            # A revision may change tables on which the wall stands.
            walled = wall.stands(tx)
            if walled and found != head():
                wall.lift(tx)
        command.upgrade(config_for(tx), "head")
        for day, name in bank_holidays.ENGLAND.items():
            tx.run(HOLIDAY, day=day, name=name)
        for noun, version, body in tables:
            tx.run(KEEP_TABLE, noun=noun, version=version, body=body, at=at)
        if walled or store.wall:
            wall.build(tx)
        roles.grant(tx)


def config_for(tx: Tx) -> Config:
    """What alembic works by inside this transaction."""
    config = _config()
    # Without a transaction that it knows of, alembic would begin and commit its own.
    tx.sa.begin()
    config.attributes["connection"] = tx.sa
    return config


HOLIDAY = Sql(
    "INSERT INTO bank_holiday (day, name) VALUES (:day, :name) ON CONFLICT (day) DO NOTHING"
)
KEEP_TABLE = Sql(
    "INSERT INTO move_table (noun, version, body, from_at) VALUES (:noun, :version, :body, :at)"
    " ON CONFLICT (noun, version) DO NOTHING"
)


def _refuse_others(tx: Tx) -> None:
    me, _, _, database, makes = tx.rows(roles.MYSELF)[0]
    if not makes:
        raise WrongShape(
            f"{me} may not change the shape of the database {database}. Run this as"
            f" {roles.OWNER}: put it into SEGUE_DATABASE_URL for this one command."
        )


def _refuse_newer(store: Store) -> str | None:
    found = current(store)
    if found is not None and found not in _revisions(FOLDER):
        raise WrongShape(
            f"This database was made by a newer Segue (revision {found}). Install that version,"
            " or restore a backup made before it."
        )
    return found


def set_wall(store: Store, on: bool) -> None:
    """Build the wall in this PostgreSQL database, or take it away. Raises WrongShape for a database
    that isn't at this program's revision, or that belongs to somebody else."""
    _refuse_other_revision(store)
    with store.begin(door=Door.WHOLE) as tx:
        _refuse_others(tx)
        roles.become_owner(tx)
        if on:
            wall.build(tx)
        else:
            wall.lift(tx)
        roles.grant(tx)


SWITCHED = {
    True: f"This database has no wall. Run `segue db wall on` as {roles.OWNER}; or, to work without"
    " it, put SEGUE_WALL=off into the environment (docs/database.md says what that risks).",
    False: "This database has a wall, but SEGUE_WALL is off: nobody would see a record. Unset"
    f" SEGUE_WALL, or run `segue db wall off` as {roles.OWNER}.",
}
OTHER_WALL = (
    "This database's wall was built by another version of Segue, or changed by hand. Run `segue db"
    f" upgrade` as {roles.OWNER}, which builds it again."
)


def check(store: Store) -> None:
    """Raises WrongShape unless the database is exactly at this program's newest revision, and has
    a wall just where the program was told so."""
    _refuse_other_revision(store)
    if store.pg:
        with store.read(door=Door.SHUT) as tx:
            stands = wall.stands(tx)
            ours = not stands or wall.is_ours(tx)
        if stands is not store.wall:
            raise WrongShape(SWITCHED[store.wall])
        if not ours:
            raise WrongShape(OTHER_WALL)


def _refuse_other_revision(store: Store) -> None:
    _refuse_newer(store)
    found = current(store)
    if found is None:
        raise WrongShape("This database is empty. Run `segue db upgrade` first.")
    if found != head():
        raise WrongShape(
            f"This database is older than the program (revision {found}, not {head()})."
            " Make a backup, then run `segue db upgrade`."
        )

"""The migrations build what the tables say, the same on both databases; and a program refuses a
database of another shape, saying what to do."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Index, inspect

from referral import bank_holidays, upgrade
from referral.ids import new_id
from referral.models import Base
from referral.store import Sql, Store
from referral.upgrade import WrongShape, check, head
from tests import counting
from tests.databases import BUILT, _named, _sql, beyond
from workflows.engine import move_tables

VERSIONS = upgrade.FOLDER / "versions"
# What stands on PostgreSQL alone: the sequencer's horizon, which SQLite doesn't need.
ONLY_ON_POSTGRESQL = {("remove_column", "audit", "xid"), ("remove_index", "ix_audit_xid")}
pytestmark = pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A database with nothing in it."""
    if request.param == "sqlite":
        url, drop = f"sqlite:///{tmp_path / 'empty.db'}", None
    else:
        server, name = request.getfixturevalue("postgresql_server"), "e" + new_id().replace("-", "")
        _sql(server, f"CREATE DATABASE {name}")
        url, drop = _named(server, name), (server, f"DROP DATABASE {name} WITH (FORCE)")
    store = Store(url)
    yield store
    store.dispose()
    if drop:
        _sql(*drop)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations that the program of this test knows instead of its own."""
    copy = tmp_path / "migrations"
    shutil.copytree(upgrade.FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(upgrade, "FOLDER", copy)
    return copy


def upgraded(store: Store, *told: Any) -> None:
    """Upgraded by whoever may."""
    with beyond(store) as powerful:
        upgrade.upgrade(powerful, *told)


def next_revision(folder: Path, then: str = "") -> str:
    """One more revision, that makes a table; `then` is what it does after that."""
    number = f"{int(head()) + 1:04}"
    (folder / "versions" / f"{number}_one_more.py").write_text(
        f'''"""One more"""
import sqlalchemy as sa
from alembic import op
revision = "{number}"
down_revision = "{head()}"
def upgrade():
    op.create_table("one_more", sa.Column("id", sa.Integer(), primary_key=True))
    {then or "pass"}
'''
    )
    upgrade._revisions.cache_clear()  # the folder has grown under the program
    return number


def tables(store: Store) -> set[str]:
    return set(inspect(store.engine).get_table_names())


# -- the revisions ------------------------------------------------------------------------------


def test_the_revisions_are_numbered_in_one_line() -> None:
    found = list(ScriptDirectory.from_config(upgrade._config()).walk_revisions())
    numbers = [script.revision for script in reversed(found)]
    assert numbers == [f"{n:04}" for n in range(1, len(numbers) + 1)]
    assert [script.down_revision for script in reversed(found)] == [None, *numbers[:-1]]
    assert head() == numbers[-1]
    for script in found:
        assert re.fullmatch(rf"{script.revision}_[a-z_]+\.py", Path(script.path).name)


# -- what they build ----------------------------------------------------------------------------


def test_they_build_what_the_tables_say(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        found = {_difference(d) for d in compare_metadata(context, Base.metadata)}
    assert found == (ONLY_ON_POSTGRESQL if store.pg else set())


def _difference(found: Any) -> tuple[Any, ...]:
    if found[0] == "remove_column":
        return "remove_column", found[2], found[3].name
    if found[0] == "remove_index":
        return "remove_index", found[1].name
    return tuple(str(part) for part in found) if isinstance(found, tuple) else (str(found),)


def shape(store: Store) -> dict[str, dict[str, Any]]:
    """Each table, said in words that don't depend on the database."""
    seen = inspect(store.engine)
    found = {}
    for table in sorted(set(seen.get_table_names()) - {"alembic_version"}):
        found[table] = {
            "columns": {
                c["name"]: bool(c["nullable"])
                for c in seen.get_columns(table)
                if (table, c["name"]) != ("audit", "xid")
            },
            "key": seen.get_pk_constraint(table)["constrained_columns"],
            "foreign": {
                (f["name"], *f["constrained_columns"], f["referred_table"], *f["referred_columns"])
                for f in seen.get_foreign_keys(table)
            },
            "unique": {(u["name"], *u["column_names"]) for u in seen.get_unique_constraints(table)},
            "indexes": {
                (i["name"], bool(i["unique"]), *i["column_names"], *_where(i))
                for i in seen.get_indexes(table)
                if i["name"] != "ix_audit_xid" and not i.get("duplicates_constraint")
            },
            "checks": {
                (c["name"], *sorted(literals(c["sqltext"])))
                for c in seen.get_check_constraints(table)
            },
        }
    return found


def _where(index: Any) -> list[str]:
    options = index.get("dialect_options") or {}
    text = str(options.get("sqlite_where", options.get("postgresql_where", "")))
    return [
        *sorted(literals(text)),
        *sorted(set(re.findall(r"state|ended|sent_at|closed_at", text))),
    ]


def literals(text: str) -> set[str]:
    return set(re.findall(r"'([a-z_]+)'", text))


def said(store: Store) -> dict[str, dict[str, Any]]:
    """The shape that the tables of the program ask for."""
    kind = "postgresql" if store.pg else "sqlite"
    found = {}
    for name, table in Base.metadata.tables.items():
        unique = {i for i in table.constraints if type(i).__name__ == "UniqueConstraint"}
        found[name] = {
            "columns": {c.name: bool(c.nullable) for c in table.columns},
            "key": [c.name for c in table.primary_key.columns],
            "foreign": {
                (f.constraint.name, f.parent.name, f.column.table.name, f.column.name)
                for f in table.foreign_keys
            },
            "unique": {(u.name, *(c.name for c in u.columns)) for u in unique},
            "indexes": {_said_index(i, kind) for i in table.indexes},
            "checks": {
                (c.name, *sorted(literals(str(c.sqltext))))
                for c in table.constraints
                if isinstance(c, CheckConstraint)
            },
        }
    return found


def _said_index(index: Index, kind: str) -> tuple[Any, ...]:
    where = index.dialect_options[kind]["where"]
    return (
        index.name,
        bool(index.unique),
        *(c.name for c in index.columns),
        *_where({"dialect_options": {f"{kind}_where": "" if where is None else where}}),
    )


def test_both_databases_have_this_shape(store: Store) -> None:
    # Constraints, names and predicates too, which the comparison above doesn't look at.
    assert shape(store) == said(store)


def test_the_predicates_of_sqlite_stand_as_the_program_writes_them(sqlite_url: str) -> None:
    # SQLite uses a partial index only for a query that repeats its words.
    store = Store(sqlite_url)
    with store.read() as tx:
        found = dict(tx.rows(Sql("SELECT name, sql FROM sqlite_master WHERE type = 'index'")))
    for table in Base.metadata.tables.values():
        for index in table.indexes:
            where = index.dialect_options["sqlite"]["where"]
            if where is not None:
                assert found[index.name].endswith(f"WHERE {where}")
    store.dispose()


def test_text_is_text_and_ids_are_native_on_postgresql(store: Store) -> None:
    seen = inspect(store.engine)
    types = {c["name"]: str(c["type"]) for c in seen.get_columns("referral")}
    wanted = {"id": "UUID", "since": "TIMESTAMP", "state": "TEXT", "urgent": "BOOLEAN"}
    if not store.pg:
        wanted |= {"id": "TEXT", "since": "TEXT"}
    assert {name: types[name] for name in wanted} == wanted


# -- upgrading ----------------------------------------------------------------------------------


def test_an_upgrade_fills_what_the_program_needs_and_passes_the_check(empty: Store) -> None:
    upgrade.upgrade(empty, BUILT, move_tables())
    check(empty)
    with empty.read() as tx:
        days = tx.rows(Sql("SELECT count(*) FROM bank_holiday"))
        kept = tx.rows(Sql("SELECT noun, version, body FROM move_table"))
    assert days == [(len(bank_holidays.ENGLAND),)]
    assert sorted(kept) == sorted(move_tables())


def test_upgrading_twice_is_harmless(store: Store) -> None:
    before = (shape(store), counting.rows(store))
    upgraded(store, BUILT + timedelta(days=1), move_tables())
    check(store)
    assert (shape(store), counting.rows(store)) == before
    with store.read() as tx:
        since = tx.rows(Sql("SELECT DISTINCT from_at FROM move_table", times=(0,)))
    assert since == [(BUILT,)]


def test_a_new_version_of_a_table_of_moves_is_kept_beside_the_old(store: Store) -> None:
    upgraded(store, BUILT, [("referral", "another", "state draft\n")])
    with store.read() as tx:
        found = tx.rows(Sql("SELECT count(*) FROM move_table WHERE noun = 'referral'"))
    assert found == [(2,)]


def test_an_upgrade_that_fails_leaves_an_empty_database_empty(empty: Store, folder: Path) -> None:
    next_revision(folder, then='raise RuntimeError("half-way")')
    with pytest.raises(RuntimeError, match="half-way"):
        upgrade.upgrade(empty, BUILT, move_tables())
    assert tables(empty) == set()


def test_an_upgrade_that_fails_leaves_the_revision_before(store: Store, folder: Path) -> None:
    was = (shape(store), counting.rows(store), head())
    next_revision(folder, then='raise RuntimeError("half-way")')
    with pytest.raises(RuntimeError, match="half-way"):
        upgraded(store, BUILT, move_tables())
    assert (shape(store), counting.rows(store), upgrade.current(store)) == was


# -- a database of another shape ----------------------------------------------------------------


def test_a_database_at_the_newest_revision_passes(store: Store) -> None:
    check(store)


def test_an_empty_database_is_refused_with_what_to_do(empty: Store) -> None:
    with pytest.raises(WrongShape, match=r"^This database is empty\. Run `segue db upgrade` first"):
        check(empty)
    assert tables(empty) == set()


def test_an_older_database_is_refused_with_what_to_do(store: Store, folder: Path) -> None:
    old, new = head(), next_revision(folder)
    with pytest.raises(WrongShape, match="older") as refused:
        check(store)
    assert str(refused.value) == (
        f"This database is older than the program (revision {old}, not {new})."
        " Make a backup, then run `segue db upgrade`."
    )
    upgraded(store, BUILT, move_tables())
    check(store)
    assert "one_more" in tables(store)


def test_a_newer_database_is_refused_with_what_to_do(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = next_revision(folder)
    upgraded(store, BUILT, move_tables())
    monkeypatch.undo()
    before = counting.rows(store)
    for refuse in (check, lambda s: upgraded(s, BUILT, move_tables())):
        with pytest.raises(WrongShape) as refused:
            refuse(store)
        assert str(refused.value) == (
            f"This database was made by a newer Segue (revision {new}). Install that version,"
            " or restore a backup made before it."
        )
    assert counting.rows(store) == before


def test_every_revision_before_leads_to_the_same_shape(empty: Store) -> None:
    """One step at a time, each in a transaction of its own, comes to what all at once comes to."""
    config = upgrade._config()
    for revision in sorted(path.stem[:4] for path in VERSIONS.glob("0*.py"))[:-1]:
        with empty.begin() as tx:
            tx.sa.begin()
            config.attributes["connection"] = tx.sa
            command.upgrade(config, revision)
        with pytest.raises(WrongShape, match="older"):
            check(empty)
    upgrade.upgrade(empty, BUILT, move_tables())
    check(empty)
    assert shape(empty) == said(empty)

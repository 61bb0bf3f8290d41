"""The database's own wall: with no condition in a query nobody gets a row that isn't theirs, on
PostgreSQL by its policies and on SQLite by the views that stand for the tables."""

from __future__ import annotations

import os
import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import Date, inspect, select

from referral import roles, wall
from referral.actors import Actor, the_system
from referral.ids import new_id
from referral.ledger import TABLES
from referral.schema import day
from referral.states import Role
from referral.store import Door, Sql, Store, TryAgain, Tx
from referral.upgrade import WrongShape, check, set_wall, upgrade
from tests.counted import Counted
from tests.databases import BUILT, already, beyond
from tests.histories import lived
from tests.wall import ByHand, as_stored, behind_its_wall, everything, key_of, without_its_wall
from tests.web.client import sign_in
from tests.world import World
from workflows.engine import move_tables

PAIRS = 100_000 if os.environ.get("SEGUE_DRILLS") else 400
AT_ONCE = 10  # queries of one transaction
SHAPES = (
    "SELECT {keys} FROM {table} w",
    "SELECT {keys} FROM {table} w ORDER BY {column} DESC",
    "SELECT {keys} FROM {table} w WHERE {column} IS NOT NULL OR 1 = 1",
    "SELECT {keys} FROM {table} w LEFT JOIN system y ON y.id = w.system_id",
    "SELECT {keys} FROM (SELECT * FROM {table}) w WHERE EXISTS (SELECT 1 FROM {table} z)",
    "WITH w AS (SELECT * FROM {table}) SELECT {keys} FROM w",
)


@pytest.fixture
def w(store: Store) -> Iterator[World]:
    made = already(store, "lived", lived) or lived(store)
    made.store = behind_its_wall(store)
    yield made
    made.store.dispose()


def actors(w: World) -> list[Actor]:
    """Everybody of the world, each also without their place; two people, and two who belong to
    nothing here."""
    found = []
    for actor in w.actor.values():
        found.append(actor)
        if actor.place_path is not None:
            found.append(replace(actor, place_id=None, place_path=None))
    with w.store.read(door=Door.WHOLE) as tx:
        people = tx.rows(Sql("SELECT CAST(id AS text) FROM person ORDER BY id LIMIT 2"))
    found += [Actor(Role.PERSON, w.system_id, person_id=row[0]) for row in people]
    elsewhere = new_id()
    found.append(replace(w.actor["gwen"], system_id=elsewhere))
    found.append(the_system(w.system_id, "test"))
    return found


def keys_seen(tx: Tx, table: str, shape: str, column: str) -> set[tuple[object, ...]]:
    kept = [TABLES[table].c[name].type for name in key_of(table)]
    keys = ", ".join(f"w.{name}" for name in key_of(table))
    text = shape.format(keys=keys, table=table, column=f"w.{column}")
    found = tx.raw.execute(text).fetchall()
    return {tuple(map(_as_kept, row, kept)) for row in found}


def _as_kept(value: object, kind: object) -> object:
    return day(value) if isinstance(kind, Date) else value


# -- nobody's rows ------------------------------------------------------------------------------


def test_a_query_that_asks_for_everything_gets_what_is_the_actor_s_and_all_of_it(
    w: World, counted: Counted
) -> None:
    """Random pairs of an actor and a query that narrows nothing, against what is theirs by hand."""
    rows = everything(w.store)
    draw = random.Random(7)
    everybody = [ByHand(rows, actor, w.at) for actor in actors(w)]
    tables = sorted(wall.conditions())
    foreign = theirs = 0
    for _ in range(PAIRS // AT_ONCE):
        one = draw.choice(everybody)
        with w.store.read(one.actor, at=w.at) as tx:
            for table in draw.choices(tables, k=AT_ONCE):
                column = draw.choice([column.name for column in TABLES[table].columns])
                found = keys_seen(tx, table, draw.choice(SHAPES), column)
                foreign += len(found - one.seen[table])
                assert found == one.seen[table], (table, one.actor.role, one.actor.place_path)
                theirs += len(found)
    kind = "PostgreSQL" if w.store.pg else "SQLite"
    counted(f"{PAIRS} pairs on {kind}, {foreign} foreign rows")
    assert theirs > PAIRS  # of which table, the next test says


def test_by_hand_somebody_sees_something_of_each_table_and_nobody_everything(w: World) -> None:
    """Else the comparison above would compare nothing."""
    rows = everything(w.store)
    for table in wall.conditions():
        counts = {len(ByHand(rows, actor, w.at).seen[table]) for actor in actors(w)}
        assert min(counts) == 0
        if rows[table]:
            assert max(counts) > 0, table


def test_both_databases_answer_alike_on_the_same_rows(
    w: World, request: pytest.FixtureRequest
) -> None:
    if w.store.pg:
        return  # once is enough: from SQLite to PostgreSQL
    other = behind_its_wall(Store(request.getfixturevalue("postgresql_url")))
    _carry_over(w.store, other)
    for actor in actors(w):
        for table in wall.conditions():
            column = key_of(table)[0]
            with w.store.read(actor, at=w.at) as here, other.read(actor, at=w.at) as there:
                ours = keys_seen(here, table, SHAPES[0], column)
                assert ours == keys_seen(there, table, SHAPES[0], column), (table, actor.role)
    other.dispose()


def _carry_over(source: Store, target: Store) -> None:
    """Every row, as it is, into a database that has none."""
    with (
        beyond(target) as powerful,
        powerful.begin() as into,
        source.read(door=Door.WHOLE) as out,
    ):
        into.execute("SET LOCAL session_replication_role = replica", ())
        there = set(inspect(into.sa).get_table_names())
        for table in map(as_stored, TABLES):
            rows = [dict(row._mapping) for row in out.sa.execute(select(table))]
            if rows and table.name in there - {"bank_holiday", "move_table"}:
                into.sa.execute(table.insert(), rows)


# -- by which door ------------------------------------------------------------------------------


def count(tx: Tx, table: str) -> int:
    return int(tx.rows(Sql(f"SELECT count(*) FROM {table}"))[0][0])


def test_without_an_actor_there_are_no_rows(w: World) -> None:
    with w.store.read(door=Door.SHUT) as tx:
        assert {table: count(tx, table) for table in wall.conditions()} == dict.fromkeys(
            wall.conditions(), 0
        )


def test_what_one_transaction_was_told_is_gone_in_the_next(w: World) -> None:
    """On the same connection: what was set for one leaves nothing behind for another."""
    store = Store(w.store.url.render_as_string(hide_password=False), pool_size=1, wall=True)
    for _ in range(2):
        with store.read(w.actor["priya"]) as tx:
            assert count(tx, "person") > 0
        with store.read(door=Door.SHUT) as tx:
            assert count(tx, "person") == 0
        with pytest.raises(KeyError), store.read(w.actor["priya"]) as tx:
            raise KeyError
        with store.read(w.actor["ada"]) as tx:
            assert count(tx, "person") == 0
    store.dispose()


def test_a_page_can_write_nothing_about_people(w: World) -> None:
    before = everything(w.store)
    with suppress(sqlite3.OperationalError), w.store.begin(w.actor["priya"], Door.PAGE) as tx:
        assert tx.run(Sql("UPDATE person SET family_name = 'x'")) == 0
    assert everything(w.store) == before
    with w.store.begin(w.actor["priya"], Door.PAGE) as tx:
        tx.run(Sql("UPDATE system SET name = name"))  # what isn't about people it may


def test_a_command_sees_its_own_system_and_no_other(w: World) -> None:
    stranger = replace(w.actor["priya"], system_id=new_id())
    if not w.store.pg:
        return  # commands of SQLite are the program's own: one file, one door (docs/database.md)
    with w.store.begin(w.actor["priya"]) as tx:
        assert count(tx, "concern") == len(everything(w.store)["concern"])
    with w.store.begin(stranger) as tx:
        assert {count(tx, table) for table in wall.conditions()} == {0}
        assert count(tx, "guard.person") == 0
        assert tx.run(Sql("UPDATE person SET family_name = 'x'")) == 0
        assert tx.run(Sql("DELETE FROM attendance")) == 0


def test_past_the_wall_a_guard_knows_of_a_concern_that_its_actor_may_not_see(w: World) -> None:
    rows = everything(w.store)
    for who in ("priya", "sol", "ada"):
        actor = w.actor[who]
        with w.store.read(actor) as tx:
            assert count(tx, "guard.concern") == len(rows["concern"])
            assert count(tx, "concern") == len(ByHand(rows, actor, w.at).seen["concern"])


def test_a_collision_with_a_row_out_of_sight_tells_nothing_of_it(w: World) -> None:
    """It is refused, or existence couldn't be kept unique; but not a word of the row is said."""
    person = everything(w.store)["person"][0]
    columns = ", ".join(f'"{name}"' for name in person)
    again = Sql(f"INSERT INTO person ({columns}) SELECT {columns} FROM guard.person WHERE id = :id")
    with pytest.raises(TryAgain) as told, w.store.begin(w.actor["olu"]) as tx:
        tx.run(again, id=person["id"])
    for value in (person["id"], person["reference"], person["family_name"]):
        assert str(value) not in str(told.value)


# -- that it stands -----------------------------------------------------------------------------


@pytest.fixture
def pg(postgresql_url: str) -> Iterator[Store]:
    store = Store(postgresql_url)
    yield store
    store.dispose()


@pytest.mark.postgresql
def test_every_table_about_people_is_walled_and_forced_and_the_text_is_the_program_s(
    pg: Store,
) -> None:
    with pg.read() as tx:
        assert wall.gaps(tx) == []
        assert wall.is_ours(tx)
        said = {(row[0], row[1]) for row in tx.rows(wall.OURS)}
    names = ("segue_owner", "segue_works", "segue_sees")
    assert said == {(table, name) for table in wall.conditions() for name in names}


@pytest.mark.postgresql
def test_a_wall_that_says_something_else_is_built_again(
    pg: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after an upgrade to a version in which a scope is another."""
    monkeypatch.setattr(wall, "conditions", lambda: {"person": "1 = 0"})
    with beyond(pg) as powerful, powerful.begin() as tx:
        assert roles.become_owner(tx)
        assert not wall.is_ours(tx)
        wall.build(tx)
        assert wall.is_ours(tx)
        assert {row[0] for row in tx.rows(wall.OURS)} == {"person"}


@pytest.mark.postgresql
def test_a_table_without_its_wall_is_noticed(pg: Store) -> None:
    for statement in (
        "ALTER TABLE note NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE note DISABLE ROW LEVEL SECURITY",
        "DROP POLICY segue_sees ON note",
    ):
        with beyond(pg) as powerful, powerful.begin() as tx:
            tx.execute(statement, ())
            assert wall.gaps(tx) == ["note"]
            wall.lift(tx)
            tx.execute("DROP SCHEMA IF EXISTS guard CASCADE", ())
            wall.build(tx)
            assert wall.gaps(tx) == []


# -- the switch ---------------------------------------------------------------------------------

SECURED = Sql("SELECT count(*) FROM pg_class WHERE relrowsecurity OR relforcerowsecurity")


def test_without_the_switch_the_text_of_a_statement_is_as_if_there_were_no_wall() -> None:
    plain, past = Sql("SELECT id FROM person p"), Sql("SELECT id FROM guard.person p")
    assert (past.sqlite, past.postgresql) == (plain.sqlite, plain.postgresql)
    assert past.walled_sqlite == "SELECT id FROM main.person p"
    assert past.walled_postgresql == "SELECT id FROM guard.person p"


def test_without_the_switch_no_table_is_shadowed_and_no_row_hidden(store: Store) -> None:
    w = already(store, "lived", lived) or lived(store)
    store = without_its_wall(store)
    rows = everything(store)
    with store.read(w.actor["olu"], at=w.at) as tx:
        assert {table: count(tx, table) for table in wall.conditions()} == {
            table: len(rows[table]) for table in wall.conditions()
        }
        if not store.pg:
            assert tx.rows(Sql("SELECT name FROM sqlite_temp_master")) == []
    store.dispose()


@pytest.mark.postgresql
def test_switched_off_again_nothing_of_it_is_left(postgresql_url: str) -> None:
    store = Store(postgresql_url, wall=False)
    with beyond(store) as powerful:
        with powerful.read() as tx:
            assert tx.rows(SECURED) == [(len(wall.conditions()),)]
        set_wall(powerful, False)
    with beyond(store, wall=False) as powerful, powerful.read() as tx:
        assert tx.rows(SECURED) == [(0,)]
        assert tx.rows(wall.OURS) == []
        assert not wall.stands(tx)
    check(store)
    store.dispose()


@pytest.mark.postgresql
def test_where_the_setting_and_the_database_differ_the_program_says_what_to_do(
    postgresql_url: str,
) -> None:
    off, on = Store(postgresql_url, wall=False), Store(postgresql_url)
    check(on)
    roles.refuse_to_serve(on)
    with pytest.raises(WrongShape, match="SEGUE_WALL is off"):
        check(off)
    with beyond(off) as powerful:
        set_wall(powerful, False)
    check(off)
    with pytest.raises(WrongShape, match="segue db wall on"):
        check(on)
    for store in (off, on):
        store.dispose()


@pytest.mark.postgresql
def test_only_who_may_change_the_tables_may_switch_it(pg: Store) -> None:
    for switch in (True, False):
        with pytest.raises(WrongShape, match="segue_owner"):
            set_wall(pg, switch)
    with pg.read() as tx:
        assert wall.stands(tx)


@pytest.mark.postgresql
def test_an_upgrade_builds_it_unless_it_was_switched_off(postgresql_url: str) -> None:
    store = Store(postgresql_url)
    for told, stood, stands in (
        (None, False, True),  # a database from before there was a wall
        (False, False, False),
        (False, True, True),
    ):
        with beyond(store) as powerful:
            set_wall(powerful, stood)
        with beyond(store, wall=told) as powerful:
            upgrade(powerful, BUILT, move_tables())
            with powerful.read() as tx:
                assert wall.stands(tx) is stands
                assert bool(wall.gaps(tx)) is not stands
    store.dispose()


@pytest.mark.postgresql
def test_a_wall_of_another_version_is_not_worked_behind(pg: Store) -> None:
    """Its rules of who sees what are others than the program's, and it shows too much or too
    little without a word."""
    with beyond(pg) as powerful, powerful.begin() as tx:
        tx.execute("COMMENT ON SCHEMA guard IS 'another'", ())
    with pytest.raises(WrongShape, match="another version of Segue"):
        check(pg)
    with beyond(pg) as powerful:
        upgrade(powerful, BUILT, move_tables())
    check(pg)


def test_pages_say_the_same_behind_it(store: Store) -> None:
    w = already(store, "lived", lived) or lived(store)
    paths = ("/", "/referrals", "/people", "/concerns", "/escalations")
    w.store = behind = behind_its_wall(store)
    said = _told(w, paths)
    w.store = without_its_wall(store)
    assert _told(w, paths) == said
    for one in (behind, w.store):
        one.dispose()


def _told(w: World, paths: tuple[str, ...]) -> dict[tuple[str, str], str]:
    told = {}
    for who in ("priya", "sol", "olu", "gwen", "ada"):
        visitor = sign_in(w, who)
        for path in paths:
            # How many entries the log has grows with each visit, also of this test.
            words = visitor.get(path).words
            told[who, path] = re.sub(r"\d+ (entries of the audit log)", r"\1", words)
    return told

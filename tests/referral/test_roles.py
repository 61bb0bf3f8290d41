"""The roles on PostgreSQL: what each may do, and as whom the program refuses to work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy.exc import ProgrammingError

from referral.ids import new_id
from referral.roles import APP, AUDIT, LOG, OWNER, REFUSED, WrongRole, make_roles, refuse_to_serve
from referral.store import Sql, Store
from referral.upgrade import WrongShape, check, upgrade
from tests.databases import BUILT, _named, _sql, as_role, beyond
from workflows.engine import move_tables

pytestmark = pytest.mark.postgresql
MAY = Sql("SELECT has_table_privilege(CAST(:role AS text), CAST(:name AS text), :what)")


@pytest.fixture
def app(postgresql_url: str) -> Iterator[Store]:
    store = Store(postgresql_url)
    yield store
    store.dispose()


@pytest.fixture
def role(postgresql_server: str) -> Iterator[Callable[[str], str]]:
    """A role of the test's own, made with these words; gone afterwards."""
    made: list[str] = []

    def make(words: str) -> str:
        name = f"r{new_id().replace('-', '')}"
        _sql(postgresql_server, f"CREATE ROLE {name} LOGIN {words}")
        made.append(name)
        return name

    yield make
    for name in made:
        with suppress(Exception):
            _sql(postgresql_server, f"REASSIGN OWNED BY {name} TO CURRENT_USER")
        _sql(postgresql_server, f"DROP OWNED BY {name}")
        _sql(postgresql_server, f"DROP ROLE {name}")


# -- who may work -------------------------------------------------------------------------------


def test_the_program_works_as_its_own_role(app: Store) -> None:
    refuse_to_serve(app)


def test_it_refuses_to_work_as_who_no_rule_binds(app: Store, role: Callable[[str], str]) -> None:
    for name, why in (
        ("postgres", "superuser"),
        (role("BYPASSRLS"), "bypasses row-level security"),
        (OWNER, "owns its tables"),
        (role(f"IN ROLE {OWNER}"), "owns its tables"),
        (role(f"NOINHERIT IN ROLE {role('BYPASSRLS')}"), "may become a role"),
    ):
        store = as_role(app, name)
        with pytest.raises(WrongRole, match=why) as refused:
            refuse_to_serve(store)
        store.dispose()
        assert "Run `segue db roles`" in str(refused.value)


def test_sqlite_has_no_roles(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    refuse_to_serve(store)
    assert "SQLite has no roles" in make_roles(store)[0]
    store.dispose()


# -- what each may do ---------------------------------------------------------------------------


def granted(store: Store, role: str, table: str) -> set[str]:
    kinds = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
    with store.read() as tx:
        return {k for k in kinds if tx.rows(MAY, role=role, name=table, what=k) == [(True,)]}


def test_the_program_may_not_change_what_is_only_ever_added_to(app: Store) -> None:
    with app.read() as tx:
        refused = {row[0]: row[1:] for row in tx.rows(REFUSED)}
    kept = {table for table, (update, delete) in refused.items() if update and delete}
    assert kept >= {"step", "audit", "audit_index", "move_table", "wording", "policy_rule"}
    for table in kept:
        assert granted(app, APP, table) == {"SELECT", "INSERT"}
    assert granted(app, APP, "audit_detail") == {"SELECT", "INSERT", "DELETE"}
    assert granted(app, APP, "alembic_version") == {"SELECT"}
    assert granted(app, APP, "referral") == {"SELECT", "INSERT", "UPDATE", "DELETE"}


def test_the_role_of_the_log_may_add_to_the_log_and_nothing_else(app: Store) -> None:
    tables = {row[0]: granted(app, AUDIT, row[0]) for row in all_tables(app)}
    assert {name: may for name, may in tables.items() if may} == {name: {"INSERT"} for name in LOG}


def test_the_program_adds_to_the_log_by_that_role_alone(app: Store) -> None:
    with beyond(app) as powerful:
        with powerful.begin() as tx:
            tx.execute("REVOKE INSERT ON audit FROM segue_audit", ())
        assert granted(app, APP, "audit") == {"SELECT"}
        with powerful.begin() as tx:
            tx.execute("GRANT INSERT ON audit TO segue_audit", ())
    assert granted(app, APP, "audit") == {"SELECT", "INSERT"}


def all_tables(store: Store) -> list[tuple[str]]:
    with store.read() as tx:
        return tx.rows(Sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))


def test_the_program_may_make_and_lift_nothing(app: Store) -> None:
    for statement in (
        "CREATE TABLE mine (id integer)",
        "DROP TRIGGER step_append_only ON step",
        "ALTER TABLE person DISABLE ROW LEVEL SECURITY",
        f"SET ROLE {OWNER}",
        "SET session_replication_role = replica",
    ):
        with pytest.raises((InsufficientPrivilege, ProgrammingError)), app.begin() as tx:
            tx.execute(statement, ())


def test_a_table_of_a_later_revision_can_be_read_and_added_to_at_once(app: Store) -> None:
    owner = as_role(app, OWNER)
    with owner.begin() as tx:
        tx.execute("CREATE TABLE later (id integer)", ())
    owner.dispose()
    assert granted(app, APP, "later") == {"SELECT", "INSERT"}


# -- making them --------------------------------------------------------------------------------


@pytest.fixture
def empty(postgresql_server: str, postgresql_template: str) -> Iterator[Store]:
    name = "e" + new_id().replace("-", "")
    _sql(postgresql_server, f"CREATE DATABASE {name}")
    store = Store(_named(postgresql_server, name))
    yield store
    store.dispose()
    _sql(postgresql_server, f"DROP DATABASE {name} WITH (FORCE)")


OWNERS = Sql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")


def test_a_database_made_before_is_handed_over_and_twice_is_as_once(
    role: Callable[[str], str], empty: Store, postgresql_server: str
) -> None:
    """One that a user of its own made, as a plain `createdb` and `segue setup` come to."""
    before = role("NOSUPERUSER")
    _sql(postgresql_server, f"ALTER DATABASE {empty.url.database} OWNER TO {before}")
    made = as_role(empty, before)
    upgrade(made, BUILT, move_tables())
    with pytest.raises(WrongRole, match="owns its tables"):
        refuse_to_serve(made)
    made.dispose()
    assert any("Handed to" in line for line in make_roles(empty))
    said = make_roles(empty)
    assert said == ["The program works as segue_app, which owns nothing."]
    with empty.read() as tx:
        assert tx.rows(OWNERS) == [(OWNER,)]
    upgrade(empty, BUILT, move_tables())
    app = as_role(empty, APP)
    check(app)
    refuse_to_serve(app)
    app.dispose()


def test_who_may_not_make_roles_is_told_what_to_ask_for(
    empty: Store, role: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = as_role(empty, role("NOSUPERUSER"))
    with pytest.raises(WrongRole, match="belongs to postgres"):
        make_roles(nobody)
    monkeypatch.setattr("referral.roles.ROLES", Sql("SELECT 'segue_app' WHERE 1 = 0"))
    with pytest.raises(WrongRole, match=r"may not make roles.*CREATE ROLE segue_owner"):
        make_roles(nobody)
    nobody.dispose()


def test_the_program_may_not_upgrade_and_is_told_who_may(app: Store) -> None:
    with pytest.raises(WrongShape, match=f"Run this as {OWNER}"):
        upgrade(app, BUILT, move_tables())

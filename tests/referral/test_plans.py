"""No query of the hot path reads a growing table from end to end.

A partial index serves only a query that repeats its words: this is where it shows. SQLite says
SCAN. PostgreSQL, with its sequential scans priced out, takes one only where no index serves, or
reads an index from end to end, which is no better: each must be entered by its first column. Nor
is "all of this system" an answer: a system is nearly the whole table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Boolean, Date, Integer, LargeBinary

from referral import facts, ladder, members, picks, queue
from referral.ledger import TABLES
from referral.schema import Id, Instant
from referral.states import STATES, Purpose
from referral.store import Sql, Store
from tests.databases import beyond

# What is set up once and stays small; everything else grows with the people served.
SMALL = {
    "activity",
    "activity_group",
    "agreement",
    "agreement_party",
    "api_token",
    "app_user",
    "assurance",
    "bank_holiday",
    "membership",
    "move_table",
    "organisation",
    "place",
    "policy_change",
    "policy_comment",
    "policy_rule",
    "provider",
    "system",
    "wording",
    "ladder_rung",
    "theme",
}
GROWS = set(TABLES) - SMALL
MODULES = (facts, picks, ladder, members, queue)
NAMED = re.compile(r"(?:FROM|JOIN|UPDATE)\s+(?:guard\.)?([a-z_]+)\s+(?:AS\s+)?([a-z]\w*)?")


def queries(pg: bool) -> Iterator[tuple[str, Sql]]:
    """Every query of these modules, by its name, but for those made for the other database."""
    other = "_SQLITE" if pg else "_PG"
    for module in MODULES:
        for name, held in vars(module).items():
            if name.endswith(other):
                continue
            for number, query in enumerate(_each(held, pg)):
                yield f"{module.__name__}.{name}.{number}", query
    for new in (True, False):
        yield f"referral.facts.assurance.{new}", facts._assurance_sql(pg, new)
    # The claims are pairs: one text for each database.
    for name in ("CLOCKS", "LETTERS"):
        yield f"referral.queue.{name}", getattr(queue, name)[pg]


def _each(held: object, pg: bool) -> Iterator[Sql]:
    if isinstance(held, Sql):
        yield held
    elif isinstance(held, dict):
        for inner in held.values():
            if isinstance(inner, Sql):
                yield inner


ROWS = 3_000
STATE_OF = {str(noun): tuple(map(str, states)) for noun, states in STATES.items()}


def fill(store: Store) -> None:
    """Rows of no meaning in every table, so that PostgreSQL plans as it would with people in it."""
    with beyond(store) as powerful, powerful.begin() as tx:
        tx.raw.execute("SET LOCAL session_replication_role = replica")
        found = tx.raw.execute(
            "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'c'"
            " AND connamespace = 'public'::regnamespace"
        )
        for table, name in found.fetchall():
            tx.raw.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for name, table in TABLES.items():
            if name in ("alembic_version", "bank_holiday", "move_table"):
                continue
            values = {
                c.name: _made_up(name, c) for c in table.columns if c.autoincrement is not True
            }
            tx.raw.execute(
                f"INSERT INTO {name} ({', '.join(values)}) SELECT {', '.join(values.values())}"
                f" FROM generate_series(1, {ROWS if name in GROWS else ROWS // 20}) n"
                " ON CONFLICT DO NOTHING"
            )
    with beyond(store) as powerful, powerful.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")


def _made_up(table: str, column: Any) -> str:
    kind = column.type
    if column.name == "system_id":
        return "'00000000-0000-7000-8000-000000000001'::uuid"
    if isinstance(kind, Id):
        return "gen_random_uuid()"
    if isinstance(kind, Instant):
        made = "now() - random() * interval '300 days'"
        # Most of what ends has ended.
        return f"CASE WHEN random() < 0.9 THEN {made} END" if column.nullable else made
    if isinstance(kind, Date):
        return "current_date - n % 30000"
    if isinstance(kind, Boolean):
        return "n % 2 = 0"
    if isinstance(kind, Integer):
        return "n"
    if isinstance(kind, LargeBinary):
        return "sha256(n::text::bytea)"
    if column.name == "recipient":
        return "CASE n % 2 WHEN 0 THEN 'practice' ELSE gen_random_uuid()::text END"
    if column.name == "purpose":
        return f"(ARRAY{list(map(str, Purpose))})[1 + n % {len(Purpose)}]"
    states = STATE_OF.get(table) if column.name == "state" else None
    if states:
        return f"(ARRAY{list(states)})[1 + n % {len(states)}]"
    return "CASE WHEN n % 2 = 0 THEN md5(n::text) END" if column.nullable else "md5(n::text)"


def tables_of(text: str) -> dict[str, str]:
    """The tables a query names, by the name it calls them."""
    return {alias or table: table for table, alias in NAMED.findall(text)} | {
        table: table for table, _ in NAMED.findall(text)
    }


def scanned_on_sqlite(store: Store, query: Sql) -> set[str]:
    with store.read() as tx:
        plan = tx.raw.execute(
            f"EXPLAIN QUERY PLAN {query.sqlite}", [None] * len(query.names)
        ).fetchall()
    names = tables_of(query.text)
    found = set()
    for *_, detail in plan:
        read = re.match(r"(SCAN|SEARCH) (\w+)", detail)
        whole = detail.startswith("SCAN") or "(ANY(" in detail or "(system_id=?)" in detail
        if read and whole and read[2] in names:
            found.add(names[read[2]])
    return found


INDEXES = """SELECT c.relname, t.relname, a.attname FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
  WHERE t.relnamespace = 'public'::regnamespace"""


def scanned_on_postgresql(store: Store, query: Sql) -> set[str]:
    with store.begin() as tx:
        tx.raw.execute("SET LOCAL enable_seqscan = off")
        explain = f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {query.postgresql}"
        (plan,) = tx.raw.execute(explain, prepare=False).fetchone()
        first = {index: (table, column) for index, table, column in tx.raw.execute(INDEXES)}
    found = set()
    for node in nodes(plan[0]["Plan"]):
        if node["Node Type"] == "Seq Scan":
            found.add(node["Relation Name"])
        elif "Index Name" in node:
            table, column = first[node["Index Name"]]
            columns = set(re.findall(r"[a-z_]+(?=\)? (?:=|<|>|IS))", node.get("Index Cond", "")))
            if column not in columns or columns == {"system_id"}:
                found.add(table)
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def test_no_query_of_the_hot_path_scans_a_table_that_grows(store: Store) -> None:
    if store.pg:
        fill(store)
    scanned = scanned_on_postgresql if store.pg else scanned_on_sqlite
    found = {}
    count = 0
    for name, query in queries(store.pg):
        count += 1
        grown = scanned(store, query) & GROWS
        if grown:
            found[name] = sorted(grown)
    assert not found, found
    assert count > 40


@pytest.mark.parametrize(
    "text",
    [
        "SELECT id FROM note WHERE audience = :a",
        "SELECT c.id FROM consent c WHERE c.state = 'given' AND c.recipient = :r",
        "SELECT k.id FROM person p JOIN clock k ON k.kind = p.practice WHERE p.id = :id",
        "SELECT t.id FROM outbox t WHERE t.run_at <= :at",
        "SELECT p.id FROM person p WHERE p.system_id = :system_id AND p.practice = :p",
    ],
)
def test_a_query_without_an_index_is_noticed(store: Store, text: str) -> None:
    scanned = scanned_on_postgresql if store.pg else scanned_on_sqlite
    assert scanned(store, Sql(text)) & GROWS


def test_every_growing_table_is_known() -> None:
    assert set(TABLES) >= SMALL

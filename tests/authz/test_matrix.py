"""Every route, every role, every record: each cell is asked for real, on both databases, and
answers as `matrix.txt` says, which is kept by hand. What isn't there for somebody answers with the
same bytes as what never was."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import make_url
from werkzeug.test import TestResponse

from referral.store import Sql, Store
from tests.authz.asking import Asking, Cell, Route, noun_of, routes
from tests.authz.ground import RELATIONS, settle
from tests.authz.reading import (
    LET_IN,
    NO_SUCH,
    NOT_FOUND,
    REFUSED,
    MisreadError,
    matrix,
    read,
)
from tests.counted import Counted
from tests.databases import EMPTY

DRILL = bool(os.environ.get("SEGUE_DRILLS"))
# Of the cells on PostgreSQL one in so many is asked whenever the tests run; all in the drills.
ONE_IN = 1 if DRILL else 10


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def asking(request: pytest.FixtureRequest) -> Iterator[Asking]:
    """Everybody who asks, over a world that never changes."""
    ground = request.getfixturevalue(f"{request.param}_ground")
    url = ground.reserve()
    ground.copy(EMPTY, str(make_url(url).database))
    store = Store(url)
    made = Asking(settle(store), matrix(), full=DRILL)
    yield made
    made.close()
    store.dispose()
    ground.drop(url)


def chosen(asking: Asking, api: bool) -> Iterator[Cell]:
    for cell in asking.cells():
        asked = not asking.g.w.store.pg or zlib.crc32(str(cell).encode()) % ONE_IN == 0
        if asked and cell.route.api is api:
            yield cell


@pytest.mark.parametrize("api", [False, True], ids=["pages", "api"])
def test_every_cell_answers_as_it_is_kept_by_hand(
    asking: Asking, api: bool, counted: Counted
) -> None:
    asked, wrong = 0, []
    for cell in chosen(asking, api):
        asked += 1
        fault = asking.wrong(cell)
        if fault is not None:
            wrong.append(fault)
    where = "PostgreSQL" if asking.g.w.store.pg else "SQLite"
    door = "the API" if api else "pages"
    counted(f"{asked:,} cells of {door} on {where}")
    assert asked > (300 if asking.g.w.store.pg else 3_000)
    assert wrong == []


# -- the asking can fail ------------------------------------------------------------------------


def some(asking: Asking, expected: str, method: str = "GET", path: str = "") -> Cell:
    """The first cell with this answer."""
    return next(
        cell
        for cell in asking.cells()
        if cell.expected == expected and cell.route.method == method and path in cell.route.path
    )


# Of a form that is let in, it isn't said here whether the record's state refuses it.
ALIKE = {("another role", REFUSED), (REFUSED, LET_IN)}


@pytest.mark.parametrize("expected", [LET_IN, NOT_FOUND, REFUSED, "another role", "sign in"])
def test_a_cell_with_another_answer_is_told(asking: Asking, expected: str) -> None:
    cell = some(asking, expected, "POST" if expected == REFUSED else "GET", "/<")
    assert asking.wrong(cell) is None
    others = {LET_IN, NOT_FOUND, REFUSED, "another role", "sign in"} - {expected}
    for other in others:
        if (expected, other) in ALIKE:
            continue
        assert asking.wrong(replace(cell, expected=other)), other


def test_what_answers_otherwise_than_what_never_was_is_told(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = some(asking, NOT_FOUND)
    assert asking.wrong(cell) is None
    record = cell.address.rsplit("/", 1)[-1]
    plainly = asking.ask

    def tells(route: Route, who: str, address: str) -> TestResponse:
        answer = plainly(route, who, address)
        if record in address:
            answer.headers["X-Seen"] = "yes"
        return answer

    monkeypatch.setattr(asking, "ask", tells)
    assert "headers tell" in str(asking.wrong(cell))


def test_whatever_is_asked_nothing_changes(asking: Asking) -> None:
    counted = Sql("SELECT count(*) FROM audit")
    with asking.g.w.store.read() as tx:
        before = tx.rows(counted)
    cell = some(asking, LET_IN, "POST", "/moves/withdraw")
    assert asking.ask(cell.route, cell.who, cell.address).status_code == 200
    with asking.g.w.store.read() as tx:
        assert tx.rows(counted) == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rule a\n  lw | + + + + + +\n  lw | - - - - - -", "twice"),
        ("rule a\n  lw | + + +", "6 answers"),
        ("rule a\n  xx | + + + + + +", "xx"),
        ("GET /a | lw | b", "no rule b"),
        ("GET /a | lw | -\nGET /a | tl | -", "twice"),
        ("GET /a | lw", "GET /a"),
    ],
)
def test_a_slip_of_the_hand_is_refused_with_its_line(text: str, told: str) -> None:
    with pytest.raises(MisreadError, match=r"line \d") as slip:
        read(text)
    assert told in str(slip.value)


def test_every_route_with_a_record_is_asked_for_one(asking: Asking) -> None:
    """A noun that the ground has none of would make its rows say nothing."""
    for route in routes(asking.app, matrix())[0]:
        nouns = [noun_of(route.path, name) for name in route.ids]
        if nouns and not route.endpoint.startswith("sample."):
            there = [r for r in RELATIONS if all(asking.g.find(r, noun) for noun in nouns)]
            assert "own" in there, (
                f"{route.path}: no {' and '.join(nouns)} in tests/authz/ground.py"
            )


def test_every_rule_is_used_and_speaks_of_somebody() -> None:
    table = matrix()
    used = {name for row in table.rows.values() for name in row.rules}
    assert used == set(table.rules)
    assert all(table.rules.values())
    assert len(RELATIONS) == 6
    assert {NO_SUCH, LET_IN, NOT_FOUND} <= {
        a for r in table.rules.values() for a in "".join(r.values())
    }

"""A route is let stand only once it is said, by hand, who is let in: tests/authz/matrix.txt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from referral.store import Store
from tests.authz.asking import routes
from tests.authz.reading import matrix
from tests.web.client import HTTP, SAMPLE
from web.app import MODULES, App, create_app
from web.edge import Edge

TOLD = (
    "These routes have no row in tests/authz/matrix.txt. Its head says how a row is written: the"
    " route, who uses it, and the rule of the record in its address (`-`: none)."
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('matrix') / 'none.db'}")
    yield create_app(Edge(store), HTTP)
    store.dispose()


def test_every_route_has_a_row_of_the_matrix(app: App) -> None:
    found, missing = routes(app, matrix())
    assert len(found) > 250
    assert missing == [], TOLD


def test_every_row_of_the_matrix_has_a_route(app: App) -> None:
    used = {id(route.row) for route in routes(app, matrix())[0]}
    assert [key for key, row in matrix().rows.items() if id(row) not in used] == []


def test_a_new_route_without_a_row_is_noticed(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'none.db'}")
    more = create_app(Edge(store), HTTP, modules=(*MODULES, SAMPLE))
    assert ("POST", "/sample/anything") in routes(more, matrix())[1]
    store.dispose()

"""Who walks the hard stories: people in Chromium over SQLite, and page by page over PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.screens import SignIn
from tests.journeys.ways import WAYS


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(request: pytest.FixtureRequest, way: str) -> str:
    """Where the store is."""
    kind = "sqlite_url" if way == "browser" else "postgresql_url"
    return str(request.getfixturevalue(kind))


@pytest.fixture
def sign_in(request: pytest.FixtureRequest, way: str) -> Iterator[SignIn]:
    """Signs a member of the world in."""
    asked = ("chromium", "serve") if way == "browser" else ()
    door = SignIn(*(request.getfixturevalue(name) for name in asked))
    yield door
    door.leave()

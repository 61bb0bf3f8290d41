"""What tests of pages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.races.rounds import rounds
from tests.robot import Robot
from tests.tour import Tour, Visit
from web.passwords import hash_password


@pytest.fixture(scope="session")
def hashed() -> str:
    """The hash of "correct horse battery", which takes its time to make."""
    return hash_password("correct horse battery")


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("story")


@pytest.fixture(scope="session")
def tour(story: Path) -> Iterator[Tour]:
    """The demo's story, where people's words would do harm if a page let them."""
    made = Tour(story, hostile=True)
    yield made
    made.close()


@pytest.fixture(scope="session")
def visits(tour: Tour) -> list[Visit]:
    return list(tour.walk(each=rounds(1, 20), all_forms=bool(rounds(0, 1))))


@pytest.fixture(scope="session")
def robot(tour: Tour, story: Path) -> Robot:
    return Robot(tour, story)

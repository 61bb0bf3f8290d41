"""The demo's whole story with the database's own wall and without: everybody is led to the same
pages, and each says the same. What a page rests on may stand behind the wall unnoticed, and then it
doesn't fail but says too little."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from referral.store import Store
from tests.databases import Ground, _reserve, already
from tests.tour import Tour, tell_story
from tests.wall import behind_its_wall, without_its_wall

EACH = 6  # pages of one rule for each member
RANDOM = re.compile(r"[0-9a-f]{6,}|[\w+/=-]{30,}")
RANDOM_PLACE = re.compile(r"(?<=after=)[^&]+")
MARKUP = re.compile(r"<(script|style|svg)\b.*?</\1>|<[^>]+>", re.S)


def words(text: str) -> str:
    return " ".join(RANDOM.sub("*", MARKUP.sub(" ", text)).split())


def walked(tour: Tour) -> dict[tuple[str, str], tuple[int, str]]:
    return {
        (visit.email, visit.role, RANDOM_PLACE.sub("*", visit.path)): (
            visit.status,
            words(visit.body),
        )
        for visit in tour.walk(EACH)
        if not visit.rule.startswith("/audit")  # the log: each visit is another entry
    }


@contextmanager
def told(ground: Ground, folder: Path, walled: bool) -> Iterator[Tour]:
    store = Store(_reserve(ground))
    already(store, "story", tell_story)
    tour = Tour(folder, behind_its_wall(store) if walled else without_its_wall(store))
    try:
        yield tour
    finally:
        tour.close()
        ground.drop(store.url.render_as_string(hide_password=False))


@pytest.mark.parametrize(
    "kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def test_every_page_says_the_same_behind_the_wall(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    ground = request.getfixturevalue(f"{kind}_ground")
    found = []
    for walled in (True, False):
        with told(ground, tmp_path, walled) as tour:
            found.append(walked(tour))
    behind, without = found
    assert len(without) > 1_000
    assert behind.keys() == without.keys()
    other = {key: (behind[key], said) for key, said in without.items() if behind[key] != said}
    assert other == {}

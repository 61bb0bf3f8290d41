"""The files whose tests take longest are begun first: what begins last is what everybody waits for.
Those that share the story stand together, so that one worker tells it for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LONG = (
    "web/test_every_page.py",
    "web/test_every_form.py",
    "web/test_every_state.py",
    "prove/test_prove.py",
    "referral/test_verify.py",
    "journeys/test_saturday_night.py",
    "web/test_worker_kill.py",
    "journeys/test_from_an_empty_store.py",
    "journeys/test_bruises.py",
    "authz/test_matrix.py",
)
RANK = {TESTS / name: place for place, name in enumerate(LONG)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: RANK.get(item.path, len(LONG)))

"""Every journey keeps to its measures."""

import pytest

from referral.store import Store
from tests.measures.table import Measure, gathered, printed
from tests.world import build


@pytest.mark.parametrize("what", gathered())
def test_it_keeps_to_its_measure(sqlite_url: str, what: str) -> None:
    store = Store(sqlite_url)
    missed = [row for row in gathered()[what](build(store)) if not row.met]
    store.dispose()
    assert missed == []


def test_what_is_missed_is_marked() -> None:
    kept, missed = list(printed([Measure("kept", 2, 2), Measure("missed", 2, 2.5)]))[1:]
    assert kept.split() == ["kept", "2", "2"]
    assert missed.split() == ["missed", "2", "2.5", "MISSED"]

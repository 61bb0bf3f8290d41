"""The pages of a review ask the store no more than fifteen times."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from referral.states import Noun
from referral.store import Store
from tests.counting import statements
from tests.web.client import sign_in
from tests.world import World, build


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


def test_no_page_of_a_review_asks_the_store_more_than_fifteen_times(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = w.sent()
    given = {"kind": "disagreement", "note": "Look.", "about": "referral", "about_id": record}
    matter = w.step(Noun.ESCALATION, None, "raise", "priya", given=given).id
    w.step(Noun.ESCALATION, matter, "acknowledge", "tess")
    asked = statements(monkeypatch)
    path = f"/escalations/{matter}"
    found = {}
    for who, page in (
        ("tess", path),
        ("priya", path),
        ("grace", path),
        ("tess", f"{path}/ask"),
        ("tess", f"{path}/decide"),
        ("tess", f"{path}/themes"),
        ("priya", f"/referrals/{record}/escalate"),
        ("grace", "/accountability"),
        ("grace", "/announcements/write"),
        ("grace", "/themes"),
        ("grace", "/escalations"),
        ("grace", "/"),
        ("priya", "/"),
    ):
        visitor = sign_in(w, who)
        asked.clear()
        assert visitor.get(page).status == 200
        found[who, page.replace(matter, "1").replace(record, "2")] = len(asked)
    assert {at: n for at, n in found.items() if n > 15} == {}

"""Each page that is offered as a PDF is laid out with its whole style sheet."""

from __future__ import annotations

import pytest

from referral.store import Store
from tests.web.client import sign_in
from tests.world import World, build


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


def test_the_pages_on_paper_are_laid_out(w: World) -> None:
    record = w.sent()
    for who, path, pages in (
        ("grace", "/agenda", 2),
        ("priya", f"/referrals/{record}", 1),
        ("priya", "/wording/share_with_provider/cy/sheet", 1),
    ):
        made = sign_in(w, who).client.get(f"{path}?as=pdf").data
        assert made.startswith(b"%PDF-"), path
        assert 1 <= made.count(b"/Type /Page\n") <= pages, path

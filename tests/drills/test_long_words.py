"""Ten thousand characters behind everything people wrote: no page breaks its width by them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser

from tests import hostile
from tests.browser import scrolls_sideways
from tests.robot import LONG
from tests.tour import Tour, by_person
from workflows import people, relationships

pytestmark = pytest.mark.browser


def test_no_page_scrolls_sideways_however_much_is_written(
    tmp_path: Path,
    chromium: Browser,
    serve: Callable[[Flask], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hostile, "HARM", " " + LONG)
    # Whom to call is made of names read back from the record, longer here than anybody may write.
    for room in (people, relationships):
        monkeypatch.setattr(room, "MOST_TEXT", 10 * len(LONG))
    tour = Tour(tmp_path, hostile=True)
    try:
        address = serve(tour.app)
        first = {v.rule: v for v in tour.walk(each=1) if v.html}
        assert sum(LONG[-200:] in v.body for v in first.values()) > 60  # it was there to be shown
        wide = []
        for email, pages in by_person(first.values()):
            context = chromium.new_context(viewport={"width": 320, "height": 800})
            context.add_cookies([tour.cookie(email, address)])
            page = context.new_page()
            for visit in pages:
                page.goto(address + visit.path)
                if scrolls_sideways(page):
                    wide.append((email, visit.path))
            context.close()
        assert wide == []
    finally:
        tour.close()

"""What is printed fits one sheet of paper: a referral however full, a sheet about an activity, and
the words somebody is asked with."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Browser

from referral.store import Store
from tests.web.client import HTTP, app_of
from tests.web.test_link_worker_in_a_browser import signed_in
from tests.world import World, build

pytestmark = pytest.mark.browser
MARGIN = "10mm"


@pytest.fixture
def w(sqlite_url: str) -> World:
    return build(Store(sqlite_url))


def test_a_referral_and_the_sheets_for_a_person_are_one_sheet_of_paper(
    w: World, chromium: Browser, serve: Callable[[Flask], str]
) -> None:
    full = w.person(family_name="Okoro", emergency_contact="Her daughter Ann, 07700 900982")
    paths = (
        f"/referrals/{w.completed(full)}",
        f"/referrals/{w.sent()}",
        f"/activities/{w.activity['choir']}/sheet",
        "/wording/share_with_provider/en/sheet",
    )
    app = app_of(w, HTTP)
    base = serve(app)
    context = chromium.new_context()
    signed_in(context, w, "priya", app, base)
    page = context.new_page()
    for path in paths:
        answer = page.goto(base + path)
        assert answer is not None
        assert answer.ok, path
        margins = {"top": MARGIN, "bottom": MARGIN, "left": MARGIN, "right": MARGIN}
        paper = page.pdf(format="A4", margin=margins)  # type: ignore[arg-type]
        assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1, path
        page.emulate_media(media="print")
        assert page.get_by_text("Other things you can do").count() == 0 or not (
            page.get_by_text("Other things you can do").is_visible()
        )
    page.goto(base + paths[1])
    assert page.get_by_role("link", name=re.compile("^01632")).first.is_visible()
    assert page.get_by_text("Printed by Priya Shah").is_visible()
    context.close()

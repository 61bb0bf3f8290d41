"""A link worker's pages can be reached and read at any width. Each time the tests run the first
pages are looked at so (tests/web/test_pages_in_a_browser.py), and every page on a phone
(tests/web/test_every_page.py)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Browser

from referral.states import Noun
from referral.store import Store
from tests.browser import faults_at_any_width
from tests.web.client import HTTP, app_of, sign_in
from tests.web.test_link_worker_in_a_browser import signed_in
from tests.world import World, build

pytestmark = pytest.mark.browser


@pytest.fixture
def w(sqlite_url: str) -> World:
    return build(Store(sqlite_url))


def test_pages_can_be_reached_and_read_at_any_width(
    w: World, chromium: Browser, serve: Callable[[Flask], str]
) -> None:
    person = w.person(family_name="A" * 60)
    rid, draft, done = w.active(person), w.draft(), w.completed()
    seen = {"person_id": w.person(), "seen": "word " * 40, "danger": True}
    concern = w.step(Noun.CONCERN, None, "raise", "sam", given=seen).id
    found = re.search(r"/consents/[0-9a-f-]{36}", sign_in(w, "priya").get(f"/people/{person}").text)
    assert found
    app = app_of(w, HTTP)
    base = serve(app)
    pages = {
        "priya": (
            "/referrals/new",
            f"/referrals/{rid}",
            f"/referrals/{rid}/history",
            f"/referrals/{rid}/concern",
            f"/referrals/{done}/confirm",
            f"/referrals/{draft}",
            *(
                f"/referrals/{draft}/write{slug}"
                for slug in ("", "/activity", "/consent", "/check")
            ),
            f"/referrals/{draft}/write/compare?group={w.group['choir']}&group={w.group['pottery']}",
            "/activities",
            f"/activities/{w.activity['choir']}/sheet",
            "/people",
            f"/people/{person}",
            f"/people/{person}/change",
            found[0],
            f"{found[0]}/withdraw",
        ),
        "sam": (f"/concerns/{concern}", "/concerns"),
        "gwen": (f"/concerns/{concern}", f"/concerns/{concern}/acknowledge", "/concerns"),
    }
    for who, paths in pages.items():
        context = chromium.new_context()
        signed_in(context, w, who, app, base)
        page = context.new_page()
        for path in paths:
            page.goto(base + path)
            assert faults_at_any_width(page) == [], path
        context.close()

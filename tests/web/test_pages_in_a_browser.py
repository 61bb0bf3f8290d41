"""The core pages as people meet them: at any width, by keyboard, without a script."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect

from referral.rows import change
from referral.states import Noun
from referral.store import Store
from tests.browser import accessibility_faults, faults_at_any_width, scrolls_sideways
from tests.counting import BUDGET, UNSEEN, statements
from tests.races.rounds import rounds
from tests.web.client import HTTP, app_of, sign_in, visit
from tests.web.test_home import give_notice
from tests.world import World, build
from web.demo.clock import WoundClock
from web.demo.pages import make_app
from web.edge import Edge


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    w = build(store)
    long = {"given_name": "Dorothy", "family_name": "Pemberton-Smythe-Whittington-Featherstone"}
    w.draft(w.person(**long))
    w.later(days=8)
    record = w.sent(w.person(access_needs="A chair with arms, near the door"))
    w.referral(record, "ask", "sol", given={"note": "Can she climb stairs?"})
    w.sent(w.person(), call_before=True, urgent=True)
    w.active()
    held = w.person()
    w.sent(held)
    seen = {"person_id": held, "seen": "Bruises.", "danger": False, "sources": []}
    w.step(Noun.CONCERN, None, "raise", "priya", given=seen)
    w.step(Noun.ESCALATION, None, "raise", "priya",
           given={"kind": "capacity", "note": "More places.", "about": "referral",
                  "about_id": record, "level": 2, "severity": "high"})  # fmt: skip
    give_notice(w, "priya")
    yield w
    store.dispose()


# The first few whenever the tests run, all of them in the drills.
PAGES = [
    ("priya", "/"),
    ("priya", "/nothing-here"),
    ("sol", "/"),
    (None, "/sign-in"),
    ("priya", "/?show=open"),
    ("priya", "/referrals?state=draft"),
    ("priya", "/notices"),
    ("priya", "/search"),
    ("olu", "/"),
    ("sol", "/taking-part"),
    ("gwen", "/"),
    ("grace", "/"),
    ("gail", "/?show=others"),
    ("ada", "/"),
    (None, "/help"),
    (None, "/accessibility"),
    (None, "/privacy"),
]
PAGES = PAGES[: rounds(4, len(PAGES))]


def opened(
    chromium: Browser, w: World, address: str, who: str | None, **more: Any
) -> BrowserContext:
    context = chromium.new_context(**more)
    if who:
        visitor = sign_in(w, who)
        visitor.get("/help")
        cookie = visitor.client.get_cookie("segue")
        assert cookie is not None
        context.add_cookies([{"name": "segue", "value": cookie.value, "url": address}])
    return context


@pytest.mark.browser
def test_the_pages_can_be_reached_and_read_at_any_width(
    chromium: Browser, serve: Callable[[Flask], str], w: World
) -> None:
    address = serve(app_of(w))
    contexts = {who: opened(chromium, w, address, who) for who, _ in PAGES}
    for who, path in PAGES:
        page = contexts[who].new_page()
        complaints = listening(page)
        page.goto(address + path)
        where = f"{path} of {who}"
        assert faults_at_any_width(page) == [], where
        # A page that isn't there is the one thing a browser grumbles about.
        assert [c for c in complaints if "404" not in c] == [], where
        page.close()
    for context in contexts.values():
        context.close()


def listening(page: Page) -> list[str]:
    """What the browser complains about, as it comes."""
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


@pytest.mark.browser
def test_the_demos_first_page_is_as_good(
    chromium: Browser, serve: Callable[[Flask], str], sqlite_url: str, tmp_path: Path
) -> None:
    store, clock = Store(sqlite_url), WoundClock(tmp_path / "demo.clock")
    page = chromium.new_page()
    page.goto(serve(make_app(Edge(store, clock), HTTP, clock)) + "/demo")
    assert "segue audit verify" in page.inner_text("main")
    assert faults_at_any_width(page) == []
    page.close()
    store.dispose()


@pytest.mark.browser
def test_a_page_with_errors_is_as_good(
    chromium: Browser, serve: Callable[[Flask], str], w: World
) -> None:
    address = serve(app_of(w))
    context = opened(chromium, w, address, None, viewport={"width": 320, "height": 800})
    page = context.new_page()
    page.goto(address + "/sign-in")
    press(page, "Sign in")
    page.wait_for_function("document.activeElement.classList.contains('nhsuk-error-summary')")
    assert page.title().startswith("Error: ")
    assert accessibility_faults(page) == []
    assert not scrolls_sideways(page)
    context.close()


def press(page: Page, words: str) -> None:
    page.get_by_role("main").get_by_role("button", name=words, exact=True).click()


@pytest.mark.browser
def test_without_a_script_one_signs_in_works_and_signs_out(
    chromium: Browser, serve: Callable[[Flask], str], w: World, hashed: str
) -> None:
    with w.store.begin() as tx:
        change(tx, "app_user", w.actor["priya"].user_id, {"password_hash": hashed})
    address = serve(app_of(w))
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + "/notices")
    page.fill("#email", "priya@example.org")
    page.fill("#password", "correct horse battery")
    press(page, "Sign in")
    expect(page).to_have_url(address + "/notices")
    press(page, "Mark all as read")
    expect(page.get_by_role("heading", name="Notices")).to_be_visible()
    page.goto(address + "/search")
    page.fill("#q", "Dorothy")
    press(page, "Search")
    expect(page).to_have_url(address + "/search")
    expect(page.get_by_role("heading", name="People")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(address + "/signed-out")
    page.goto(address + "/")
    expect(page).to_have_url(re.compile(re.escape(address) + r"/sign-in"))
    context.close()


@pytest.mark.browser
def test_two_minutes_before_the_end_one_may_stay_and_nothing_typed_goes(
    chromium: Browser, serve: Callable[[Flask], str], w: World
) -> None:
    address = serve(app_of(w))
    context = opened(chromium, w, address, "priya")
    page = context.new_page()
    page.clock.install()
    page.goto(address + "/search")
    page.fill("#q", "half a na")
    expect(page.get_by_text("You will be signed out in 2 minutes.")).to_be_hidden()
    page.clock.run_for(13 * 60_000 + 1_000)
    expect(page.get_by_text("You will be signed out in 2 minutes.")).to_be_visible()
    assert accessibility_faults(page) == []
    with page.expect_response("**/stay-signed-in"):
        page.get_by_role("button", name="Stay signed in").click()
    page.wait_for_function("document.querySelector('.app-stay').hidden")
    assert page.input_value("#q") == "half a na"
    # On a phone it comes to where one types; who presses it too late isn't told that they stayed.
    page.set_viewport_size({"width": 320, "height": 480})
    page.goto(address + "/help")
    page.focus("main input[name=q]")
    page.clock.run_for(13 * 60_000 + 1_000)
    expect(page.get_by_role("button", name="Stay signed in")).to_be_in_viewport()
    w.at += timedelta(minutes=16)
    page.get_by_role("button", name="Stay signed in").click()
    expect(page.get_by_text("You are signed out. What you typed is kept")).to_be_visible()
    expect(page.get_by_role("button", name="Stay signed in")).to_be_hidden()
    context.close()


@pytest.mark.browser
def test_once_the_sign_in_has_ended_nobody_is_told_that_it_will(
    chromium: Browser, serve: Callable[[Flask], str], w: World
) -> None:
    context = opened(chromium, w, address := serve(app_of(w)), "priya")
    page = context.new_page()
    page.clock.install()
    page.goto(address + "/search")
    page.clock.run_for(15 * 60_000 + 1_000)
    expect(page.get_by_text("You are signed out. What you typed is kept")).to_be_visible()
    expect(page.get_by_text("You will be signed out in 2 minutes.")).to_be_hidden()
    context.close()


def test_a_page_is_small_and_asks_little_of_the_store(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = statements(monkeypatch)
    for who, path in PAGES:
        visitor = sign_in(w, who) if who else visit(w)
        asked.clear()
        page = visitor.get(path)
        red = UNSEEN if "app-unseen" in page.text else 0
        assert len(asked) <= BUDGET + red, (who, path, len(asked))
        assert len(gzip.compress(page.text.encode())) <= 15_000, (who, path)

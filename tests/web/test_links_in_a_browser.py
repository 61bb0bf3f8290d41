"""The pages without an account as people meet them on a phone: readable at any width, without a
script, and pressed from a page that tells nobody where one came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from referral.store import Store
from tests.browser import faults_at_any_width
from tests.races.rounds import rounds
from tests.web.client import HTTP, app_of
from tests.web.test_links import Links, make, path_of
from tests.world import World, build


@pytest.fixture
def w(sqlite_url: str) -> Iterator[World]:
    store = Store(sqlite_url)
    yield build(store)
    store.dispose()


@pytest.mark.browser
def test_a_leader_and_the_person_get_through_their_links_on_a_phone(
    w: World, chromium: Browser, serve: Callable[[Flask], str]
) -> None:
    k = Links(w)
    person = w.person()
    w.active(person, "pottery")
    answer = k.make(w.sent(person))
    make(k, person)
    at = serve(app_of(w))
    with chromium.new_context(viewport={"width": 320, "height": 800}) as axe:
        page = axe.new_page()
        for path in (answer, path_of(k, person), f"{path_of(k, person)}/not-safe", "/code"):
            page.goto(at + path)
            assert faults_at_any_width(page) == [], path
    with chromium.new_context(
        viewport={"width": 320, "height": 800}, java_script_enabled=False
    ) as phone:
        page = phone.new_page()
        posted: list[tuple[str | None, str | None]] = []
        page.on(
            "request",
            lambda r: (
                posted.append((r.headers.get("origin"), r.headers.get("referer")))
                if r.method == "POST"
                else None
            ),
        )
        page.goto(at + answer)
        page.click("text=Accept")
        assert "Accepted" in page.inner_text("main")
        assert k.state() == "accepted"
        page.goto(at + path_of(k, person))
        for language, code in (("Cymraeg", "cy"), ("English", "en")):
            page.click(f"text={language}")
            expect(page.locator("html")).to_have_attribute("lang", code)
        page.click("text=Larger words")
        page.fill("#word", "robin red")
        page.click("text=Open my page")
        assert "Hello Margaret" in page.inner_text("main")
        how_to_print = page.locator(".app-ways-out .app-quiet")
        expect(how_to_print).to_have_css("color", "rgb(255, 255, 255)")  # on the dark header
        page.click("text=I do not want this any more >> nth=0")
        page.click("text=Yes, stop")
        assert "Stopped" in page.inner_text("main")
    assert posted == [("null", None)] * 6


def small_numbers(page: Page) -> list[str]:
    """Numbers to ring that a shaking thumb would miss, or that stick out of their button."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('main a[href^="tel:"]')]
        .filter(a => a.offsetHeight < 44 || a.scrollWidth > a.clientWidth).map(a => a.outerHTML)"""
    )
    return found


# One of each in the tests, all of them in the drills.
OWN = (
    "/mine",
    "/mine/about-me",
    "/mine/complain",
    "/mine/contact",
    "/mine/stop",
    "/mine/asked",
    "/mine/ask",
)


@pytest.mark.browser
def test_the_way_out_leaves_no_page_of_theirs_behind(
    w: World, chromium: Browser, serve: Callable[[Flask], str]
) -> None:
    k = Links(w)
    person = w.person()
    w.active(person, "pottery")
    w.sent(person)
    make(k, person)
    at = serve(app_of(w))
    with chromium.new_context(viewport={"width": 320, "height": 800}) as context:
        context.route(f"{HTTP.exit_url}**", lambda route: route.fulfill(body="Rain."))
        page = context.new_page()
        page.goto(at + path_of(k, person))
        page.fill("#word", "robin red")
        page.click("text=Open my page")
        for path in OWN[: rounds(1, len(OWN))]:
            page.goto(at + path)
            assert faults_at_any_width(page) == [], path
            assert small_numbers(page) == [], path
        page.goto(f"{at}/code")
        page.goto(f"{at}{path_of(k, person)}")
        page.click("text=Exit this page")
        expect(page.locator("body")).to_have_text("Rain.")
        page.go_back()
        expect(page.locator("h1")).to_have_text("Your code")

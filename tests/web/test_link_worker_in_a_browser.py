"""The link worker's pages as they are met: on a small phone, without a script, with a reader."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from playwright.sync_api import Browser, BrowserContext, expect

from referral.store import Store
from tests.browser import scrolls_sideways
from tests.web.client import HTTP, app_of
from tests.world import World, build
from web.signed_in import start_session

pytestmark = pytest.mark.browser

PHONE = {"width": 320, "height": 800}
# The row of a task list is its link's target, not the words alone.


@pytest.fixture
def w(sqlite_url: str) -> World:
    return build(Store(sqlite_url))


def signed_in(context: BrowserContext, w: World, who: str, app: Flask, base: str) -> None:
    with w.store.begin(w.actor[who]) as tx:
        token = start_session(tx, w.actor[who], w.at)
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None
    value = signer.dumps({"_user_id": token, "_fresh": True})
    context.add_cookies([{"name": "segue", "value": str(value), "url": base}])


def test_a_new_person_is_referred_on_a_phone_without_a_script(
    w: World, chromium: Browser, serve: Callable[[Flask], str]
) -> None:
    app = app_of(w, HTTP)
    base = serve(app)
    context = chromium.new_context(java_script_enabled=False, viewport=PHONE)  # type: ignore[arg-type]
    signed_in(context, w, "priya", app, base)
    page = context.new_page()

    def go_on() -> None:
        assert not scrolls_sideways(page)
        with page.expect_navigation():
            page.locator("main button").filter(has_text=re.compile("Continue|Send the")).click()

    page.goto(f"{base}/referrals/new")
    with page.expect_navigation():
        page.get_by_role("link", name="I do not have their NHS number").click()
    page.get_by_label("First name").fill("Margaret")
    page.get_by_label("Last name").fill("Okoro")
    page.get_by_label("Day").fill("15")
    page.get_by_label("Month").fill("March")
    page.get_by_label("Year").fill("1951")
    page.get_by_label("They do not know it").check()
    go_on()
    expect(page.get_by_label("Ash Lane practice")).to_be_checked()
    page.get_by_label("Phone", exact=True).fill("07700 900982")
    go_on()
    page.get_by_label("Phone", exact=True).check()
    go_on()
    page.get_by_label("In their own words").fill("To sing again")
    go_on()
    page.get_by_label("Company").check()
    go_on()
    go_on()
    page.get_by_label("No known risks").check()
    go_on()
    page.get_by_label("Singing for breathing").check()
    go_on()
    page.locator("input[name=share][value=yes]").check()
    page.get_by_label("In person").check()
    go_on()
    go_on()
    expect(page.locator("main")).to_contain_text("Sent to Riverside Singers")
    context.close()

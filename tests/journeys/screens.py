"""The visitor of `tests.web.client` once more, at a real browser without a script: they read what
Chromium shows, and can fill in only what is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Locator
from playwright.sync_api import Page as Tab

from tests.browser import scrolls_sideways
from tests.web.client import FRAME, app_of, sign_in
from tests.world import World

OTHERS = "".join(f':not([action="{action}"])' for action in sorted(FRAME))
FORMS = f'form[method="post"]{OTHERS}'
WIDTHS = (1280, 320)


@dataclass(frozen=True)
class Screen:
    """What somebody sees, as it was when they came."""

    status: int
    path: str
    text: str
    words: str
    banner: str


class OnScreen:
    """One person in one browser of their own."""

    def __init__(self, tab: Tab, base: str) -> None:
        self.tab, self.base = tab, base

    def get(self, path: str) -> Screen:
        answer = self.tab.goto(self.base + path, wait_until="domcontentloaded")
        assert answer is not None, path
        return self._seen(answer.status)

    def fill(self, path: str, form: int = 0, **answers: Any) -> Screen:
        """Go to a page, fill in its form, press its button. `born__day` fills `born-day`."""
        page = self.get(path)
        assert page.status == 200, f"{path} answers {page.status}"
        return self.send(page, form=form, **answers)

    def send(self, page: Screen, form: int = 0, **answers: Any) -> Screen:
        """Fill in a form of the page one is at, and press its button."""
        if self._path() != page.path:
            self.get(page.path)
        found = self.tab.locator(FORMS).nth(form)
        button = found.locator("button").last
        for name, value in answers.items():
            named = found.locator(f'button[name="{name}"][value="{value}"]')
            if named.count():
                button = named
            else:
                _put(found, name.replace("__", "-"), value)
        with self.tab.expect_navigation(wait_until="domcontentloaded") as coming:
            button.click()
        assert coming.value is not None
        return self._seen(coming.value.status)

    def _path(self) -> str:
        return self.tab.url.removeprefix(self.base).partition("?")[0]

    def _seen(self, status: int) -> Screen:
        assert not scrolls_sideways(self.tab), self.tab.url
        banner = self.tab.locator(".nhsuk-notification-banner__content")
        return Screen(
            status,
            self._path(),
            self.tab.content(),
            " ".join(self.tab.locator("body").inner_text().split()),
            " ".join(banner.first.inner_text().split()) if banner.count() else "",
        )


def _put(form: Locator, name: str, value: Any) -> None:
    field = form.locator(f'[name="{name}"]')
    folded = field.first.locator("xpath=ancestor::details[not(@open)]")
    while folded.count():
        folded.first.locator("summary").first.click()
    kind = field.first.get_attribute("type") or field.first.evaluate("e => e.tagName")
    if kind in ("radio", "checkbox"):
        for code in value if isinstance(value, list) else [value]:
            # The library draws its own circle over the control.
            form.locator(f'[name="{name}"][value="{code}"]').check(force=True)
    elif kind == "SELECT":
        field.first.select_option(value)
    else:
        field.first.fill(value.isoformat() if isinstance(value, date) else str(value))


class SignIn:
    """Signs members of the world in: each into a browser of their own, on screens of either width
    in turn; without a browser, as the other tests do."""

    def __init__(
        self, chromium: Browser | None = None, serve: Callable[[Flask], str] | None = None
    ) -> None:
        self.chromium, self.serve = chromium, serve
        self.base = ""
        self.contexts: list[BrowserContext] = []

    def __call__(self, w: World, who: str) -> Any:
        visitor = sign_in(w, who)
        if self.chromium is None or self.serve is None:
            return visitor
        self.base = self.base or self.serve(app_of(w))
        visitor.get("/help")  # which gives the cookie its name
        cookie = visitor.client.get_cookie("segue")
        assert cookie is not None
        width = WIDTHS[len(self.contexts) % 2]
        context = self.chromium.new_context(
            java_script_enabled=False, viewport={"width": width, "height": 900}
        )
        context.set_default_timeout(15_000)
        context.add_cookies([{"name": "segue", "value": cookie.value, "url": self.base}])
        self.contexts.append(context)
        return OnScreen(context.new_page(), self.base)

    def leave(self) -> None:
        for context in self.contexts:
            context.close()

"""Somebody at a browser with JavaScript off: they fill in fields and press what they see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from playwright.sync_api import Browser, Page


@dataclass
class Walker:
    """One person in one browser of their own."""

    page: Page
    base: str

    @classmethod
    def at(cls, chromium: Browser, base: str, width: int = 1280) -> Walker:
        context = chromium.new_context(
            java_script_enabled=False, viewport={"width": width, "height": 900}
        )
        context.set_default_timeout(15_000)
        return cls(context.new_page(), base)

    def leave(self) -> None:
        self.page.context.close()

    def go(self, path: str) -> Walker:
        self.page.goto(self.base + path)
        return self

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.base).partition("?")[0]

    @property
    def record(self) -> str:
        """The id in the address."""
        found = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", self.page.url)
        assert found is not None, self.page.url
        return found.group()

    @property
    def words(self) -> str:
        """All that the page says, spaces made plain."""
        return " ".join(self.page.locator("body").inner_text().split())

    @property
    def banner(self) -> str:
        found = self.page.locator(".nhsuk-notification-banner__content")
        return " ".join(found.first.inner_text().split()) if found.count() else ""

    @property
    def problems(self) -> str:
        found = self.page.locator(".nhsuk-error-summary")
        return " ".join(found.first.inner_text().split()) if found.count() else ""

    def fill(self, **fields: Any) -> Walker:
        """Put values into fields by name: text, a code for radios or a select, a list for
        checkboxes, True for a single box, a date for three boxes."""
        for name, value in fields.items():
            self._fill(name, value)
        return self

    def _fill(self, name: str, value: Any) -> None:
        if isinstance(value, date):
            for part in ("day", "month", "year"):
                self.page.fill(f'[name="{name}-{part}"]', str(getattr(value, part)))
            return
        field = self.page.locator(f'main [name="{name}"]')
        kind = field.first.get_attribute("type") or field.first.evaluate("e => e.tagName")
        if kind in ("radio", "checkbox"):
            for code in value if isinstance(value, list) else [value]:
                one = (
                    field
                    if code is True
                    else self.page.locator(f'main [name="{name}"][value="{code}"]')
                )
                one.first.check(force=True)
        elif kind == "SELECT":
            field.first.select_option(value)
        elif kind == "file":
            field.first.set_input_files(value)
        else:
            field.first.fill(str(value), force=True)

    def press(self, words: str) -> Walker:
        """Press a button, or a link that looks like one, in the page's main part."""
        pattern = re.compile(f"^\\s*{re.escape(words)}\\s*$")
        main = self.page.locator("main")
        button = main.get_by_role("button", name=pattern)
        target = button if button.count() else main.get_by_role("link", name=pattern)
        if not target.count():
            there = main.locator("button, a").all_inner_texts()
            raise AssertionError(f"no {words!r} on {self.page.url}, only {there}: {self.words}")
        target.first.click()
        return self

    def press_the_button(self) -> Walker:
        """Press the last button of the page's own form."""
        own = "main form:not([action='/stay-signed-in']):not([action='/search']) button"
        found = self.page.locator(own)
        assert found.count(), f"no button on {self.page.url}: {self.words}"
        found.last.click()
        return self

    def follow(self, words: str) -> Walker:
        """Follow a link anywhere on the page."""
        self.page.get_by_role("link", name=words).first.click()
        return self

    def sign_in(self, email: str, password: str) -> Walker:
        self.go("/sign-in")
        self.page.fill('[name="email"]', email)
        self.page.fill('[name="password"]', password)
        return self.press("Sign in")

    def must_say(self, *words: str) -> Walker:
        said = self.words
        for each in words:
            assert each in said, f"{each!r} isn't on {self.page.url}:\n{said}"
        return self

    def must_not_say(self, *words: str) -> Walker:
        said = self.words
        for each in words:
            assert each not in said, f"{each!r} is on {self.page.url}:\n{said}"
        return self

"""Somebody at a browser with JavaScript off: they fill in fields and press what they see."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from playwright.sync_api import Browser, Locator, Page

from tests.browser import scrolls_sideways


class Walk(ABC):
    """What somebody does on pages, whatever they look at them with."""

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def go(self, path: str) -> Self: ...

    @abstractmethod
    def press(self, words: str) -> Self:
        """Press a button, or a link that looks like one, in the page's main part."""

    @abstractmethod
    def press_the_button(self) -> Self:
        """Press the last button of the page's own form."""

    @abstractmethod
    def leave(self) -> None: ...

    @property
    @abstractmethod
    def path(self) -> str: ...

    @property
    @abstractmethod
    def words(self) -> str:
        """All that the page says, spaces made plain."""

    @property
    @abstractmethod
    def banner(self) -> str: ...

    @property
    @abstractmethod
    def problems(self) -> str: ...

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether there is a field of this name."""

    @abstractmethod
    def codes(self, name: str) -> list[str]:
        """What may be chosen in a field."""

    @abstractmethod
    def kind(self, name: str) -> str:
        """The type of a field."""

    @abstractmethod
    def beside(self, label: str) -> str:
        """What stands beside a label in a list of facts."""

    @abstractmethod
    def fits(self) -> bool:
        """Whether nothing has to be scrolled sideways."""

    @abstractmethod
    def _fill(self, name: str, value: Any) -> None: ...

    @property
    def record(self) -> str:
        """The id in the address."""
        found = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", self.url)
        assert found is not None, self.url
        return found.group()

    def fill(self, **fields: Any) -> Self:
        """Put values into fields by name: text, a code for radios or a select, a list for
        checkboxes, True for a single box, a date for three boxes."""
        for name, value in fields.items():
            self._fill(name, value)
        return self

    def check_first(self, name: str) -> Self:
        """Choose the first of a field's boxes."""
        return self.fill(**{name: [self.codes(name)[0]]})

    def sign_in(self, email: str, password: str) -> Self:
        return self.go("/sign-in").fill(email=email, password=password).press("Sign in")

    def must_say(self, *words: str) -> Self:
        said = self.words
        for each in words:
            assert each in said, f"{each!r} isn't on {self.url}:\n{said}"
        return self

    def must_not_say(self, *words: str) -> Self:
        said = self.words
        for each in words:
            assert each not in said, f"{each!r} is on {self.url}:\n{said}"
        return self


@dataclass
class Walker(Walk):
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

    def _field(self, name: str) -> Locator:
        return self.page.locator(f'main [name="{name}"]')

    @property
    def url(self) -> str:
        return self.page.url

    def go(self, path: str) -> Walker:
        self.page.goto(self.base + path)
        return self

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.base).partition("?")[0]

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

    def _fill(self, name: str, value: Any) -> None:
        if isinstance(value, date):
            for part in ("day", "month", "year"):
                self.page.fill(f'[name="{name}-{part}"]', str(getattr(value, part)))
            return
        field = self._field(name)
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
        pattern = re.compile(f"^\\s*{re.escape(words)}\\s*$")
        main = self.page.locator("main")
        button = main.get_by_role("button", name=pattern)
        target = button if button.count() else main.get_by_role("link", name=pattern)
        if not target.count():
            there = main.locator("button, a").all_inner_texts()
            raise AssertionError(f"no {words!r} on {self.page.url}, only {there}: {self.words}")
        return self._follow(target.first)

    def press_the_button(self) -> Walker:
        own = "main form:not([action='/stay-signed-in']):not([action='/search']) button"
        found = self.page.locator(own)
        assert found.count(), f"no button on {self.page.url}: {self.words}"
        return self._follow(found.last)

    def _follow(self, target: Locator) -> Walker:
        """Clicks, and waits for the page that comes: a click alone may return before it does."""
        with self.page.expect_navigation(wait_until="domcontentloaded"):
            target.click()
        return self

    def has(self, name: str) -> bool:
        return bool(self._field(name).count())

    def codes(self, name: str) -> list[str]:
        field = self._field(name)
        if field.first.evaluate("e => e.tagName") == "SELECT":
            field = field.locator("option")
        return [str(one.get_attribute("value")) for one in field.all()]

    def kind(self, name: str) -> str:
        return str(self._field(name).first.get_attribute("type"))

    def beside(self, label: str) -> str:
        row = self.page.locator(".nhsuk-summary-list__row", has_text=label)
        return str(row.locator("dd").first.inner_text()).strip()

    def fits(self) -> bool:
        return not scrolls_sideways(self.page)

"""The two ways a journey is walked: in a browser over SQLite, and page by page over PostgreSQL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Browser

from tests.browser import accessibility_faults
from tests.journeys.plain import PlainWalker
from tests.journeys.walking import Walk, Walker
from tests.web.client import HTTP, SECRET
from web.settings import Settings

WAYS = (
    pytest.param("browser", marks=pytest.mark.browser),
    pytest.param("plain", marks=pytest.mark.postgresql),
)


class Way(ABC):
    """Where the store is, and how somebody comes to its pages."""

    url: str
    settings: Settings

    @abstractmethod
    def opened(self, app: Flask) -> Callable[[int], Walk]:
        """Somebody new at the application, on a screen so many pixels wide."""

    @abstractmethod
    def accessibility_faults(self, email: str, password: str, path: str) -> list[tuple[str, str]]:
        """What a tool finds wrong with a page, where a tool can look at it."""


class InABrowser(Way):
    settings = Settings(secret_key=SECRET, public_url="http://127.0.0.1:1")

    def __init__(self, url: str, chromium: Browser, serve: Callable[[Flask], str]) -> None:
        self.url, self.chromium, self.serve = url, chromium, serve
        self.base = ""

    def opened(self, app: Flask) -> Callable[[int], Walk]:
        self.base = self.serve(app)
        return lambda width: Walker.at(self.chromium, self.base, width)

    def accessibility_faults(self, email: str, password: str, path: str) -> list[tuple[str, str]]:
        # axe needs a script to look with; the pages themselves had none.
        context = self.chromium.new_context()
        walker = Walker(context.new_page(), self.base)
        walker.sign_in(email, password)
        walker.go(path)
        found = accessibility_faults(walker.page)
        context.close()
        return found


class PageByPage(Way):
    settings = HTTP

    def __init__(self, url: str) -> None:
        self.url = url

    def opened(self, app: Flask) -> Callable[[int], Walk]:
        return lambda width: PlainWalker.at(app)

    def accessibility_faults(self, email: str, password: str, path: str) -> list[tuple[str, str]]:
        return []


def ways(request: pytest.FixtureRequest) -> Way:
    """The way that a test's parameter names."""
    if request.param == "plain":
        return PageByPage(request.getfixturevalue("postgresql_url"))
    return InABrowser(
        request.getfixturevalue("sqlite_url"),
        request.getfixturevalue("chromium"),
        request.getfixturevalue("serve"),
    )

"""Pages looked at in a real Chromium as they were answered: each is kept once, by whichever client
it was asked of, and shown at every width, with JavaScript and without."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Route
from werkzeug.test import TestResponse

from tests.browser import AXE, accessibility_faults, scrolls_sideways, small_targets
from tests.keyboard import keyboard_faults, order_faults
from tests.tour import Visit

STATIC = Path(__file__).parents[1] / "web" / "static"
ADDRESS = "http://segue.example"
PHONE, HALF, DESK = 320, 640, 1280
# What differs from one answer to the next and is not seen.
UNSEEN = re.compile(
    r'nonce-[^\']+|nonce="[^"]*"|name="(?:csrf_token|key|up_to|next|back)" value="[^"]*"'
    r'|(?:href|action)="[^"]*"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
)
SCRIPT = re.compile(r"<script\b.*?</script>", re.S)


@dataclass(frozen=True)
class Screen:
    """A page as it was answered: in which state, to whom, at which address."""

    state: str
    rule: str
    role: str
    path: str
    status: int
    body: str = field(repr=False)
    headers: dict[str, str] = field(repr=False, compare=False)

    @property
    def title(self) -> str:
        found = re.search(r"<title>(.*?)</title>", self.body, re.S)
        return " ".join(found[1].split()) if found else ""

    @property
    def main(self) -> str:
        """The markup of its main part."""
        found = re.search(r"<main\b.*?</main>", self.body, re.S)
        return found[0] if found else ""

    @property
    def seen(self) -> tuple[int, str, str]:
        """What is seen of it, the frame around it aside."""
        return self.status, self.title, UNSEEN.sub("", self.main)

    @property
    def without_scripts(self) -> Screen:
        """The same in a browser that runs none."""
        return replace(self, body=SCRIPT.sub("", self.body))

    def __str__(self) -> str:
        return f"{self.state}: {self.path} by {self.role}"


def screen(state: str, rule: str, role: str, answer: TestResponse) -> Screen:
    """An answer of the test client, kept."""
    return Screen(
        state, rule, role, answer.request.full_path.removesuffix("?"), answer.status_code,
        answer.get_data(as_text=True), dict(answer.headers),
    )  # fmt: skip


def visited(visit: Visit) -> Screen:
    """A page of a tour, kept."""
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": visit.policy}
    return Screen(
        "in the story", visit.rule, visit.role, visit.path, visit.status, visit.body, headers
    )


def different(screens: Iterable[Screen]) -> list[Screen]:
    """Those that look different, and one more of each role: what stands around a page is the same
    on all of them."""
    first: dict[object, Screen] = {}
    for one in screens:
        first.setdefault(one.seen, one)
        first.setdefault(one.role, one)
    return list(dict.fromkeys(first.values()))


class Looker:
    """A browser in which any screen can be shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._shown: Screen | None = None
        page.context.route("**/*", self._answer)

    def show(self, one: Screen) -> Page:
        self._shown = one
        self.page.goto(ADDRESS + one.path)
        return self.page

    def _answer(self, route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path.startswith("/static/"):
            file = STATIC / path.removeprefix("/static/")
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            route.fulfill(status=200, body=file.read_bytes(), content_type=kind)
        elif self._shown is None or route.request.resource_type != "document":
            route.abort()
        else:
            kept = {k: v for k, v in self._shown.headers.items() if k != "Content-Length"}
            route.fulfill(status=self._shown.status, headers=kept, body=self._shown.body)

    def faults(self, one: Screen) -> list[str]:
        """What is wrong with a page at every width, with JavaScript and without: in the drills."""
        found = []
        page = self.show(one)
        for width in (PHONE, HALF, DESK):
            page.set_viewport_size({"width": width, "height": 800})
            found += [f"{width}: {fault}" for fault in faults_of(page, thorough=width != HALF)]
        page = self.show(one.without_scripts)
        for width in (DESK, HALF, PHONE):
            page.set_viewport_size({"width": width, "height": 800})
            told = faults_of(page, thorough=width == PHONE)
            found += [f"{width}, no scripts: {fault}" for fault in told]
        return [f"{one} at {fault}" for fault in found]

    def faults_on_a_phone(self, one: Screen) -> list[str]:
        """The same at one width, with JavaScript, and no key pressed: whenever the tests run."""
        page = self.show(one)
        found = faults_of(page, thorough=False) + order_faults(page)
        found += [f"{rule} {html}" for rule, html in accessibility_faults(page)]
        return [f"{one}: {fault}" for fault in found]


def faults_of(page: Page, *, thorough: bool) -> list[str]:
    """What is wrong with a page as it stands: between a phone and a desk nothing else is drawn, so
    axe and the Tab key look at those two."""
    found = ["scrolls sideways"] if scrolls_sideways(page) else []
    found += [f"too low: {target}" for target in small_targets(page)]
    if thorough:
        found += [f"{rule} {html}" for rule, html in accessibility_faults(page)]
        found += keyboard_faults(page)
    return found


@contextmanager
def looker(chromium: Browser, width: int = PHONE) -> Iterator[Looker]:
    """A new browser."""
    context = chromium.new_context(viewport={"width": width, "height": 800})
    context.add_init_script(AXE)
    try:
        yield Looker(context.new_page())
    finally:
        context.close()

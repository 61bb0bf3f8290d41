"""Pages looked at in a real Chromium as they were answered: each is kept once, by whichever client
it was asked of, and shown at every width, with JavaScript and without."""

from __future__ import annotations

import mimetypes
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request, Response

from tests.browser import AXE, accessibility_faults, scrolls_sideways, small_targets
from tests.keyboard import keyboard_faults, order_faults
from tests.tour import Visit

STATIC = Path(__file__).parents[1] / "web" / "static"
PHONE, HALF, DESK = 320, 640, 1280
# What differs from one answer to the next and is not seen.
UNSEEN = re.compile(
    r'nonce-[^\']+|nonce="[^"]*"|name="(?:csrf_token|key|up_to|next|back)" value="[^"]*"'
    r'|(?:href|action)="[^"]*"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
)
# What contrast is made of: the colour of each text, its size, and all that is painted behind it.
COLOURS = """() => {
  const behind = new Map([[null, '']]), found = new Set()
  const painted = e => {
    if (!behind.has(e)) { const s = getComputedStyle(e)
      behind.set(e, [painted(e.parentElement), s.backgroundColor, s.backgroundImage, s.opacity]
        .filter(part => part && part !== 'rgba(0, 0, 0, 0)' && part !== 'none' && part !== '1')
        .join()) }
    return behind.get(e) }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) { const e = texts.currentNode.parentElement
    if (texts.currentNode.data.trim() && e.checkVisibility()) { const s = getComputedStyle(e)
      found.add([s.color, s.fontSize, s.fontWeight, s.textShadow, painted(e)].join()) } }
  return [...found]
}"""
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
    """A browser in which any screen can be shown, and the server it asks."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._shown: Screen | None = None
        self._colours: set[str] = set()
        answered = Request.application(self._answer)
        self._server = make_server("127.0.0.1", 0, answered, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def show(self, one: Screen) -> Page:
        self._shown = one
        self.page.goto(f"http://127.0.0.1:{self._server.server_port}{one.path}")
        return self.page

    def _answer(self, request: Request) -> Response:
        if request.path.startswith("/static/"):
            file = STATIC / request.path.removeprefix("/static/")
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            return Response(
                file.read_bytes(), mimetype=kind, headers={"Cache-Control": "max-age=3600"}
            )
        one = self._shown
        if one is None or request.headers.get("Sec-Fetch-Dest") != "document":
            return Response(status=404)
        kept = {k: v for k, v in one.headers.items() if k != "Content-Length"}
        return Response(one.body, one.status, kept)

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
        """The same at one width, with JavaScript, and no key pressed: whenever the tests run. Half
        of axe's time goes into contrast: that is looked at where colours meet that no page before
        had together."""
        page = self.show(one)
        found = faults_of(page, thorough=False) + order_faults(page)
        colours = set(page.evaluate(COLOURS))
        broken = accessibility_faults(page, contrast=not colours <= self._colours)
        self._colours |= colours
        found += [f"{rule} {html}" for rule, html in broken]
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
    eyes = Looker(context.new_page())
    try:
        yield eyes
    finally:
        context.close()
        eyes.close()

"""A real Chromium, where there is one, and an address where it can visit an application."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from tests.races.rounds import rounds

# No request to anywhere but the page, and no sandbox, which a container may not give.
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The library marks a radio that reveals a question as expanded or not, which ARIA does not know for
# radios and readers announce all the same.
REVEALING_RADIOS = 'input[type="radio"][aria-expanded]'

# A browser that gets it as a script of every page need not be sent it for each.
AXE = Axe().axe_script
# What is well is not sent back: it is long. What axe would load by itself is for sound and film.
BROKEN = """([context, contrast]) => axe.run(context, {resultTypes: ['violations'], preload: false,
  rules: {'color-contrast': {enabled: contrast}}}).then(found =>
  found.violations.flatMap(rule => rule.nodes.map(node => [rule.id, node.html])))"""

# The same engine without windows, where there is one, works a third less for the same pages.
CHROMIUMS = ("chromium-headless-shell", "chromium")


def chromium_path() -> str | None:
    """The Chromium of this machine, if there is one."""
    named = os.environ.get("SEGUE_TEST_CHROMIUM")
    found = map(shutil.which, [named] if named else CHROMIUMS)
    return next((path for path in found if path), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium on the path, nor named by SEGUE_TEST_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


def _whole(app: Flask) -> Callable[[Any, Any], list[bytes]]:
    """The application with each answer read and closed before it is sent: this server, unlike those
    for production, leaves a file open when the browser goes away in the middle of it."""

    def answered(environ: Any, start: Any) -> list[bytes]:
        parts = app(environ, start)
        try:
            return list(parts)
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()

    return answered


@pytest.fixture
def serve() -> Iterator[Callable[[Flask], str]]:
    """Serves an application on a free port for one test, and says at what address."""
    servers = []

    def start(app: Flask) -> str:
        server = make_server("127.0.0.1", 0, _whole(app), threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def accessibility_faults(page: Page, *, contrast: bool = True) -> list[tuple[str, str]]:
    """The rules of axe which the page breaks, each with the element that breaks it."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    broken = page.evaluate(BROKEN, [{"exclude": [[REVEALING_RADIOS]]}, contrast])
    return [(rule, html) for rule, html in broken]


def scrolls_sideways(page: Page) -> bool:
    page.wait_for_load_state("domcontentloaded")  # a page that has only begun has no width yet
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def small_targets(page: Page) -> list[str]:
    """Links and controls outside a sentence that a finger would miss: lower than 24 pixels. A task
    list's whole row is its link, and what no key comes to is for no finger either."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('a, button, input, select, summary')]
        .filter(e => !e.closest('p') && !e.matches('.nhsuk-task-list__link, [tabindex="-1"]'))
        .map(e => [e, e.getBoundingClientRect()])
        .filter(([e, box]) => box.width > 1 && box.height > 1 && box.height < 24)
        .map(([e]) => e.outerHTML)"""
    )
    return found


def faults_at(page: Page) -> list[str]:
    """What is wrong with a page at the width it has now."""
    found = ["scrolls sideways"] if scrolls_sideways(page) else []
    found += [f"too low: {target}" for target in small_targets(page)]
    return found + [f"{rule} {html}" for rule, html in accessibility_faults(page)]


# A phone is the hardest; half a screen and a desk are looked at in the drills.
WIDTHS = (320, 640, 1280) if rounds(0, 1) else (320,)


def faults_at_any_width(page: Page) -> list[str]:
    """What is wrong with a page, loaded once, on a phone; in the drills at every width. Between a
    phone and a desk nothing else is drawn, so axe looks at those two."""
    found: list[str] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        faults = faults_at(page) if width != 640 else small_targets(page)
        if width == 640 and scrolls_sideways(page):
            faults.append("scrolls sideways")
        found += [f"{width}: {fault}" for fault in faults]
    return found

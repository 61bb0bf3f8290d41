"""What is seen without scrolling, on a small phone."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from tests.browser import OPTIONS, chromium_path
from tests.measures.table import Measure
from tests.web.client import app_of, sign_in
from tests.world import World

WIDTH, HEIGHT = 360, 640


def rows(w: World) -> Iterator[Measure]:
    """The rows of the table."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app_of(w), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=OPTIONS)
            yield who_is_accountable(browser, w, f"http://127.0.0.1:{server.server_port}")
            browser.close()
    finally:
        server.shutdown()


def who_is_accountable(browser: Browser, w: World, address: str) -> Measure:
    """How far down a referral's page, in pixels, the words go that say who has it and until when:
    for the link worker and for the provider, the farther of the two."""
    record = w.sent()
    farthest = 0.0
    for who in ("priya", "sol"):
        visitor = sign_in(w, who)
        visitor.get("/help")  # which gives the cookie its name
        cookie = visitor.client.get_cookie("segue")
        assert cookie is not None
        context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
        context.add_cookies([{"name": "segue", "value": cookie.value, "url": address}])
        page = context.new_page()
        page.goto(f"{address}/referrals/{record}")
        said = [page.get_by_text(re.compile("^With .* now$")).first]
        said.append(page.locator("main .app-deadline").first)
        boxes = [one.bounding_box() for one in said]
        assert all(boxes), boxes
        farthest = max(farthest, *(box["y"] + box["height"] for box in boxes if box))
        context.close()
    return Measure(f"Who is accountable: pixels down at {WIDTH} by {HEIGHT}", HEIGHT, farthest)

"""The picture book: every page of the demo's story at a desk and on a phone, `make pictures`.

One page of each rule, as the first of each role who is led to it sees it, with a page that shows
them all."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import threading
from html import escape
from pathlib import Path

import click
from playwright.sync_api import sync_playwright
from werkzeug.serving import make_server

from tests.browser import OPTIONS, chromium_path
from tests.tour import Tour, Visit, by_person

WIDTHS = (1280, 320)
BOOK = Path("docs/pictures/book")


def named(visit: Visit) -> str:
    """The file's name: who, and which page."""
    page = re.sub(r"<[^>]*?(\w+)>", r"\1", visit.rule).strip("/").replace("/", "-")
    return f"{visit.role}-{page or 'home'}"


def main(folder: Path = BOOK) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        tour = Tour(Path(scratch))
        seen: dict[tuple[str, str], Visit] = {}
        for visit in tour.walk(each=1):
            if visit.html:
                seen.setdefault((visit.role, visit.rule), visit)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        server = make_server("127.0.0.1", 0, tour.app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            draw(tour, list(seen.values()), f"http://127.0.0.1:{server.server_port}", folder)
        finally:
            server.shutdown()
            tour.close()
    click.echo(f"{len(seen)} pages at {len(WIDTHS)} widths: {folder / 'index.html'}")


def draw(tour: Tour, visits: list[Visit], address: str, folder: Path) -> None:
    """A picture of each page at each width, and the page that shows them all."""
    bar = click.progressbar(length=len(visits) * len(WIDTHS), label="Pictures", file=sys.stderr)
    with bar, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=OPTIONS)
        for email, pages in by_person(visits):
            for width in WIDTHS:
                context = browser.new_context(viewport={"width": width, "height": 800})
                context.add_cookies([tour.cookie(email, address)])
                page = context.new_page()
                for visit in pages:
                    page.goto(address + visit.path)
                    to = folder / f"{named(visit)}-{width}.png"
                    page.screenshot(path=str(to), full_page=True)
                    bar.update(1)
                context.close()
        browser.close()
    shown = "\n".join(
        f"<h2>{escape(v.role)}: {escape(v.rule)}</h2>"
        + "".join(f'<img loading="lazy" src="{named(v)}-{w}.png" width="{w // 2}">' for w in WIDTHS)
        for v in sorted(visits, key=named)
    )
    (folder / "index.html").write_text(
        f'<!doctype html><html lang="en"><title>Picture book</title>{shown}</html>'
    )


if __name__ == "__main__":
    main()

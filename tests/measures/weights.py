"""What each page weighs, and what it asks of the store: counted as the tour of the demo's story
goes by, in `tests/web/test_every_page.py` and in `make measures`."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.counting import BUDGET, UNSEEN
from tests.measures.table import Measure
from tests.tour import Visit
from tests.web.pages import pages

STATIC = Path(__file__).parents[2] / "web" / "static"
KB = 1024
PAGE, A_LIST = 15 * KB, 25 * KB
STYLES, SCRIPTS = 35 * KB, 20 * KB
FIRST, LATER = 75 * KB, 30 * KB


def look() -> dict[str, int]:
    """How many bytes each file of the look has, compressed."""
    module = pages().jinja_env.get_template("look.jinja").make_module()
    return {
        name: len(gzip.compress((STATIC / str(getattr(module, name))).read_bytes()))
        for name in ("stylesheet", "script", "library", "icon")
    }


def heavy(visits: Iterable[Visit], most: int = PAGE) -> list[Visit]:
    """The pages of more than so many bytes."""
    return [visit for visit in visits if visit.size > most]


def asking_much(visits: Iterable[Visit]) -> list[Visit]:
    """The pages that send more statements than one may. What is taken away as a file isn't one."""
    return [v for v in visits if v.html and v.statements > BUDGET + red(v)]


def red(visit: Visit) -> int:
    """What a page may send besides, while one's own concern is unread."""
    return UNSEEN if visit.red else 0


def rows(visits: list[Visit]) -> Iterator[Measure]:
    """The rows of the table."""
    shown = [visit for visit in visits if visit.html]
    files = look()
    heaviest = max(visit.size for visit in shown)
    yield Measure("Every page: KB of HTML, compressed, the heaviest", PAGE / KB, heaviest / KB)
    most = max(v.statements - red(v) for v in shown)
    yield Measure("Every page: statements", BUDGET, most)
    yield Measure("Styles: KB, compressed", STYLES / KB, files["stylesheet"] / KB)
    scripts = files["script"] + files["library"]
    yield Measure("Scripts: KB, compressed", SCRIPTS / KB, scripts / KB)
    first = sum(files.values()) + heaviest
    yield Measure("First view: KB over the wire, compressed", FIRST / KB, first / KB)
    yield Measure("Later view: KB over the wire, compressed", LATER / KB, heaviest / KB)

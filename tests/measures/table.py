"""The measures there are, and the table of them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import NamedTuple

from tests.measures.walking import Counting
from tests.world import World


class Measure(NamedTuple):
    """What was counted, and the most it may come to."""

    what: str
    target: float
    counted: float

    @property
    def met(self) -> bool:
        return self.counted <= self.target


Counts = Callable[[World], Iterable[Measure]]
# By the words of what is measured.
MEASURED: dict[str, Counts] = {}


def journey(
    what: str, *, writing: int = 0, **limits: float
) -> Callable[[Callable[[World], Counting]], Counts]:
    """A scripted journey; each limit is of something that a `Counting` counts. `writing` is how
    many seconds it takes to write in sentences."""

    def made(script: Callable[[World], Counting]) -> Counts:
        @wraps(script)
        def count(w: World) -> Iterator[Measure]:
            walk = script(w).ended()
            walk.writing = writing
            for name, limit in limits.items():
                yield Measure(f"{what}: {name}", limit, getattr(walk, name))

        return counted(what)(count)

    return made


def counted(what: str) -> Callable[[Counts], Counts]:
    """A measure that is no journey: the function yields the rows."""

    def made(count: Counts) -> Counts:
        assert what not in MEASURED, what
        MEASURED[what] = count
        return count

    return made


def gathered() -> dict[str, Counts]:
    """Every measure of every module of this folder that is called `of_<something>`."""
    import tests.measures as here

    for module in pkgutil.iter_modules(here.__path__):
        if module.name.startswith("of_"):
            importlib.import_module(f"tests.measures.{module.name}")
    return MEASURED


def printed(rows: Iterable[Measure]) -> Iterator[str]:
    """The table, a line at a time."""
    yield f"{'measure':<62} {'target':>8} {'counted':>8}"
    for row in rows:
        mark = "" if row.met else "  MISSED"
        yield f"{row.what:<62} {plain(row.target):>8} {plain(row.counted):>8}{mark}"


def plain(number: float) -> str:
    return f"{number:.0f}" if number == int(number) else f"{number:.1f}"

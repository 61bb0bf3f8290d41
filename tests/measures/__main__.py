"""`make measures`: every measure, counted and printed; fails when one is missed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from referral.store import Store
from referral.upgrade import upgrade
from tests.databases import BUILT
from tests.measures import weights
from tests.measures.table import Measure, gathered, printed
from tests.tour import Tour
from tests.world import build
from workflows.engine import move_tables


def rows() -> Iterator[Measure]:
    for number, count in enumerate(gathered().values()):
        with tempfile.TemporaryDirectory() as folder:
            store = Store(f"sqlite:///{Path(folder) / f'{number}.db'}")
            upgrade(store, BUILT, move_tables())
            yield from count(build(store))
            store.dispose()
    with tempfile.TemporaryDirectory() as folder:
        tour = Tour(Path(folder))
        yield from weights.rows(list(tour.walk(each=1)))
        tour.close()
    if importlib.util.find_spec("tests.measures.reading"):
        yield from importlib.import_module("tests.measures.reading").rows()


def main() -> int:
    missed = 0

    def each() -> Iterator[Measure]:
        nonlocal missed
        for row in rows():
            missed += not row.met
            yield row

    for line in printed(each()):
        click.echo(line)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""`make measures`: every measure, counted and printed; fails when one is missed.

`make measures ARGS="--referrals 0"` leaves out the server's time, which wants a store with a
hundred thousand referrals to be filled first."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from referral.store import Store
from referral.upgrade import upgrade
from tests.browser import chromium_path
from tests.databases import BUILT
from tests.measures import reading, screens, speed, weights
from tests.measures.table import Measure, gathered, printed
from tests.tour import Tour
from tests.world import World, build
from workflows.engine import move_tables


def rows(folder: Path, referrals: int) -> Iterator[Measure]:
    for number, count in enumerate(gathered().values()):
        yield from count(_world(folder / f"{number}.db"))
    if chromium_path():
        yield from screens.rows(_world(folder / "screens.db"))
    else:
        click.echo("No Chromium: what is seen without scrolling is not counted.", err=True)
    tour = Tour(folder)
    yield from weights.rows(list(tour.walk(each=1)))
    tour.close()
    yield from reading.rows()
    if referrals:
        click.echo(f"Filling a store with {referrals:,} referrals ...", err=True)
        yield from speed.rows(folder, referrals)


def _world(path: Path) -> World:
    store = Store(f"sqlite:///{path}")
    upgrade(store, BUILT, move_tables())
    return build(store)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.measures", description=__doc__)
    parser.add_argument("--referrals", type=int, default=100_000, help="to time the server among")
    asked = parser.parse_args()
    missed = 0

    def each() -> Iterator[Measure]:
        nonlocal missed
        with tempfile.TemporaryDirectory() as folder:
            for row in rows(Path(folder), asked.referrals):
                missed += not row.met
                yield row

    for line in printed(each()):
        click.echo(line)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

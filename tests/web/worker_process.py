"""A real worker in a process of its own, for tests that end it in the middle.

Takes the store's URL, how many seconds its clock is ahead, and how long (in seconds) it waits in
the middle of each clock: after everything was written, before it is committed."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from referral.store import Store
from tests import databases  # noqa: F401 - the keys of the tests
from web import worker
from web.edge import Edge
from workflows import sweep

LEASE = timedelta(seconds=2)


def main(url: str, ahead: str, pause: str) -> None:
    look = sweep.look

    def slowly(tx: Any, *rest: Any) -> str:
        done = look(tx, *rest)
        time.sleep(float(pause))
        return done

    sweep.look = slowly  # type: ignore[assignment]
    offset = timedelta(seconds=float(ahead))
    store = Store(url)
    done = worker.run(Edge(store, lambda: datetime.now(UTC) + offset), every=0.05, lease=LEASE)
    store.dispose()
    sys.stdout.write(f"{sum(done.values())}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

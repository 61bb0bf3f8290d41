"""Winding the world's clock and letting a worker do what is due, for tests about clocks."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from referral.store import Sql, Store
from tests.world import World
from web.edge import Edge
from web.worker import sweep_all
from workflows.working_time import ENGLAND, add

RUNNING = Sql(
    "SELECT id, kind, owner, started, due, fired, look_at, missed FROM clock"
    " WHERE record_id = :id AND ended IS NULL ORDER BY id",
    times=(3, 4, 6, 7),
)
NAMES = ("id", "kind", "owner", "started", "due", "fired", "look_at", "missed")


def sweep(w: World, at: datetime | None = None) -> Counter[str]:
    """Everything due at this time is done by one worker, the world's time being that from now."""
    w.at = at or w.at
    return sweep_all(Edge(w.store, lambda: w.at))


def after(at: datetime, days: int) -> datetime:
    """So many working days later."""
    return add(at, days, ENGLAND)


def clocks(store: Store, record: str) -> list[dict[str, Any]]:
    """The running clocks of a record."""
    with store.read() as tx:
        return [dict(zip(NAMES, row, strict=True)) for row in tx.rows(RUNNING, id=record)]


def clock(store: Store, record: str, kind: str | None = None) -> dict[str, Any]:
    """The one running clock of a record, or its one of this kind; the long one aside."""
    found = [
        c
        for c in clocks(store, record)
        if (c["kind"] == kind if kind else c["kind"] != "referral.not_started")
    ]
    assert len(found) == 1, found
    return found[0]


def rows(store: Store, text: str, **params: Any) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with store.read() as tx:
        return tx.rows(Sql(text), **params)


def state(store: Store, noun: str, record: str) -> str:
    return str(rows(store, f"SELECT state FROM {noun} WHERE id = :id", id=record)[0][0])


def told(store: Store, record: str, what: str = "reminder") -> list[str]:
    """To whom letters with this code were written about a record, in their order."""
    found = rows(
        store,
        "SELECT to_owner FROM outbox WHERE record_id = :id AND what = :what ORDER BY id",
        id=record,
        what=what,
    )
    return [row[0] for row in found]


def alarms(store: Store, record: str) -> list[tuple[Any, ...]]:
    """(kind, level, state, clock_period) of the escalations the system raised about a record."""
    return rows(
        store,
        "SELECT kind, level, state, clock_period FROM escalation WHERE about_id = :id"
        " AND raised_by IS NULL ORDER BY created_at, id",
        id=record,
    )


def alarm(store: Store, record: str) -> str:
    """The id of the newest escalation the system raised about a record."""
    found = rows(
        store,
        "SELECT id FROM escalation WHERE about_id = :id AND raised_by IS NULL"
        " ORDER BY created_at DESC, id DESC",
        id=record,
    )
    return str(found[0][0])

"""What is counted ahead against what is counted now."""

from __future__ import annotations

from datetime import datetime

from referral import tallies
from referral.actors import Actor
from referral.counts import MEASURES, SAID, Asked
from referral.store import Tx
from workflows import tallies as ahead


def count_ahead(tx: Tx, at: datetime) -> int:
    """Count every quarter of every system, however small, as the worker does of large ones. How
    many were counted."""
    return sum(ahead.keep(tx, one, at, ahead.count(tx, one, at)) for one in ahead.due(tx, at, 0))


def differing(
    tx: Tx, actor: Actor, at: datetime, path: str | None = None, provider: str | None = None
) -> list[str]:
    """The measures of which the kept numbers aren't those that are counted now."""
    first, after = ahead.first(at), ahead.quarter(at, 1)
    asked = Asked(ahead.begins(first), ahead.begins(after), at, (at, at, at), path, provider)
    kept = tallies.read(tx, actor, first, after, path, provider)
    found = []
    for measure in tallies.KEPT:
        by = tuple(d for d in MEASURES[measure].by if d in (*tallies.KEPT[measure], "provider"))
        by += SAID if measure == tallies.WHO else ()
        now = tallies.now(tx, actor, measure, by, asked)
        told, said = ({d: +one.each[d] for d in by} for one in (kept[measure], now))
        if not tallies.may_be_kept(measure, actor):
            continue
        if (kept[measure].whole, told) != (now.whole, said):
            found.append(f"{measure}: {kept[measure].whole} {told} kept, {now.whole} {said} now")
    return found

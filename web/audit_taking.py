"""Taking entries out of the log by the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import IO

from referral import entries
from referral.actors import the_system
from referral.audit import EXPORTED, log
from referral.entries import Filters
from referral.ids import check_reference
from referral.store import Door, Tx
from web.audit_events import written
from web.edge import Edge
from workflows.organisations import the_only_system
from workflows.working_time import LONDON

EVERY = 500
Progress = Callable[[str, int, int | None], None]


class CannotTake(Exception):
    """What was asked for can't be told. The sentence says what to do."""


def asked_for(
    tx: Tx, system_id: str, reference: str | None, since: str | None, until: str | None
) -> Filters:
    """The filters that these words mean. Raises CannotTake."""
    named = None
    if reference:
        try:
            found = check_reference(reference.strip().upper())
        except ValueError as error:
            raise CannotTake(f"{reference} isn't a reference, like SG-7K4Q-2M.") from error
        named = entries.by_reference(tx, the_system(system_id, "command"), found)
        if named is None:
            raise CannotTake(f"Nothing has the reference {found}.")
    begin, end = _day(since), _day(until)
    return Filters(
        subject=named.subject if named else None,
        record_id=named.id if named and named.noun != entries.PERSON else None,
        since=_midnight(begin) if begin else None,
        until=_midnight(end + timedelta(1)) if end else None,
    )


def _day(text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CannotTake(f"{text} isn't a day: write it like 2026-05-12.") from error


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), LONDON)


def take(
    edge: Edge,
    out: IO[str],
    form: str,
    *,
    reference: str | None,
    since: str | None,
    until: str | None,
    system_id: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Write the entries of the log, oldest first, one line each; how many were written. That it was
    done is in the log before the first line. Raises CannotTake."""
    with edge.store.read(door=Door.WHOLE) as tx:
        system = system_id or the_only_system(tx)
        if system is None:
            raise CannotTake("Name the system with --system: there is none yet, or several.")
        filters = asked_for(tx, system, reference, since, until)
    actor = the_system(system, "segue audit events")
    said = {"format": form, "asked": {"reference": reference, "from": since, "to": until}}
    edge.perform(actor, lambda tx, at: log(tx, actor, at, EXPORTED, "audit", None, said))
    site, number, read = os.environ.get("SEGUE_PUBLIC_URL", "segue"), 0, 0
    with edge.store.snapshot(actor, Door.COMMAND) as tx:
        for row in entries.all_of(tx, actor, filters):
            read += 1
            if progress is not None and read % EVERY == 0:
                progress("entries", read, None)
            for text in written((row,), form, site):
                out.write(text)
                number += 1
    return number

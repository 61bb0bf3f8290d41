"""What `segue policy` does: the rules of a place as a file, compared, and taken in elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from referral import policies
from referral.actors import the_system
from referral.policy import Rules, rules_in
from referral.store import Door, Tx
from web.edge import Edge
from web.policy import min_end, start_of
from web.policy_words import title_words, value_words
from workflows.organisations import the_only_system
from workflows.policy_files import (
    Difference,
    WrongFile,
    against_place,
    differences,
    in_force,
    read,
    take_in,
    written,
)

CAUSE = "segue policy import"


def _wrong(text: str) -> None:
    click.echo(text)
    sys.exit(2)


def _place(tx: Tx, name: str | None) -> tuple[str, policies.PlaceSeen]:
    """(system, place) by the place's name or id; the root of the system without one."""
    system_id = the_only_system(tx)
    if system_id is None:
        _wrong("There is no system in this database yet. Run `segue setup` first.")
    found = policies.places(tx, str(system_id))
    fitting = [p for p in found if name in (p.id, p.name)] if name else found[:1]
    if len(fitting) != 1:
        how = "There is no place" if not fitting else "There is more than one place"
        known = ", ".join(p.name for p in found)
        _wrong(f"{how} called {name!r}. The places are: {known}.")
    return str(system_id), fitting[0]


def _rules(tx: Tx, at: datetime, place_name: str | None) -> tuple[Rules, str]:
    system_id, place = _place(tx, place_name)
    rules = rules_in(tx, system_id, place.id, at)
    if rules is None:
        raise LookupError(f"place {place.id} is gone")
    return rules, place.name


def day_of(text: str | None) -> date | None:
    """A day as it is written on the command line."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        _wrong(f"{text!r} isn't a day. Write it as year-month-day, for example 2026-03-15.")
    return None


def values_in(path: str) -> dict[tuple[str, str], Any]:
    """The values of a file; exit 2 with everything that is wrong with it."""
    try:
        return read(Path(path).read_text(encoding="utf-8"), toml=path.endswith(".toml"))
    except (OSError, UnicodeDecodeError) as error:
        _wrong(f"{path} can't be read: {error}.")
    except WrongFile as wrong:
        _wrong("\n".join(f"{path}: {fault}" for fault in wrong.faults))
    return {}


def exported(edge: Edge, place_name: str | None, on: date | None, everything: bool) -> str:
    """The file of what is in force in a place, now or on a day."""
    with edge.reading(None, Door.WHOLE) as (tx, now):
        at = now if on is None else min_end(on)
        rules, place = _rules(tx, at, place_name)
        return written(in_force(rules, everything), place, at)


def lines_of(found: Sequence[Difference], here: str, there: str) -> list[str]:
    """Each difference in three lines: the rule, and what either side says."""
    lines = []
    for d in found:
        lines.append(title_words(d.kind, d.name))
        for side, value in ((here, d.here), (there, d.there)):
            words = "says nothing" if value is None else value_words(d.kind, d.name, value)
            lines.append(f"    {side}: {words}")
    return lines


def told(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """The same for a program."""
    return [{"kind": d.kind, "name": d.name, "here": d.here, "there": d.there} for d in found]


def compared_with_place(
    edge: Edge, file: str, place_name: str | None
) -> tuple[list[Difference], str]:
    """What a file says otherwise than a place works by, and what the place is called."""
    values = values_in(file)
    with edge.reading(None, Door.WHOLE) as (tx, at):
        rules, place = _rules(tx, at, place_name)
        return against_place(rules, values), place


def compared(file: str, other: str) -> list[Difference]:
    """What two files say differently."""
    return differences(values_in(file), values_in(other))


class _OnlyTried(Exception):
    """Carries what would be made out of a transaction that is to be undone."""

    def __init__(self, found: list[Difference]) -> None:
        super().__init__("only tried")
        self.found = found


def taken_in(
    edge: Edge,
    file: str,
    place_name: str | None,
    on: date | None,
    because: str | None,
    apply: bool,
) -> tuple[list[Difference], str]:
    """Make rules of what a file says otherwise, all or none; without `apply` it is tried and
    undone. Returns what was made, or would be, and what the place is called."""
    values = values_in(file)
    with edge.reading(None, Door.WHOLE) as (tx, _now):
        system_id, place = _place(tx, place_name)
    actor = the_system(system_id, CAUSE)

    def take(tx: Tx, at: datetime) -> list[Difference]:
        found = take_in(
            tx,
            actor,
            at,
            place_id=place.id,
            values=values,
            from_at=None if on is None else start_of(on),
            because=because,
        )
        if not apply:
            raise _OnlyTried(found)
        return found

    try:
        return edge.perform(actor, take), place.name
    except _OnlyTried as tried:
        return tried.found, place.name

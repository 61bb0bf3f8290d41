"""Policy as a file: taken out of one place, compared, and taken into another, all or nothing."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from referral.actors import Actor
from referral.policy import Rules, shipped
from referral.store import Tx
from workflows.engine import Refused
from workflows.policy import checked, names, over, set_rule

FORMAT = 1
Values = Mapping[tuple[str, str], Any]


class WrongFile(Exception):
    """A file that is no policy. The sentences say what is wrong, each with where."""

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__(" ".join(faults))


def in_force(rules: Rules, everything: bool = False) -> dict[tuple[str, str], Any]:
    """The values in force in a place: those somebody made, or the shipped examples too."""
    found = {}
    for kind, name in names(rules):
        rule = rules.rule(kind, name)
        if rule is not None:
            found[kind, name] = rule.value
        elif everything:
            found[kind, name] = shipped()[kind].get(name, False)
    return found


def written(values: Values, place: str, on: datetime) -> str:
    """The file: kinds, then names, each with its value. Nothing in it says who made a rule."""
    rules: dict[str, dict[str, Any]] = {}
    for (kind, name), value in sorted(values.items()):
        rules.setdefault(kind, {})[name] = _brief(value)
    said = {"segue_policy": FORMAT, "place": place, "on": on.isoformat(), "rules": rules}
    return json.dumps(said, ensure_ascii=False, indent=2) + "\n"


def _brief(value: Any) -> Any:
    """A list with each code alone, where it has no words of its own."""
    if not isinstance(value, list):
        return value
    return [item if item.get("says") else item["code"] for item in value]


def read(text: str, toml: bool = False) -> dict[tuple[str, str], Any]:
    """The values of a file. Raises WrongFile with everything that is wrong with it."""
    try:
        said = tomllib.loads(text) if toml else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongFile(f"This isn't {'TOML' if toml else 'JSON'}: {error}.") from None
    if not isinstance(said, dict) or said.get("segue_policy") != FORMAT:
        raise WrongFile(f"This is no policy of Segue's: it doesn't say segue_policy = {FORMAT}.")
    rules = said.get("rules")
    if not isinstance(rules, dict) or not all(isinstance(of, dict) for of in rules.values()):
        raise WrongFile("There are no rules in it.")
    found, faults = {}, []
    for kind, of in rules.items():
        for name, value in of.items():
            try:
                # A kind of evidence that a place made up is known once its list is: not here.
                own = kind == "blocks" and name not in shipped()["blocks"]
                found[kind, name] = value if own else checked(kind, name, value)
            except ValueError as why:
                faults.append(f"{kind} {name}: {why}")
    if faults:
        raise WrongFile(*faults)
    return found


@dataclass(frozen=True)
class Difference:
    """One rule that two sides say differently; `None` where a side says nothing of it."""

    kind: str
    name: str
    here: Any
    there: Any


def differences(here: Values, there: Values) -> list[Difference]:
    """What differs, in the order of kind and name."""
    return [
        Difference(kind, name, here.get((kind, name)), there.get((kind, name)))
        for kind, name in sorted({*here, *there})
        if here.get((kind, name)) != there.get((kind, name))
    ]


def against_place(rules: Rules, file: Values) -> list[Difference]:
    """What a file says otherwise than what is in force; of the rest it says nothing."""
    now = in_force(rules, everything=True)
    return [d for d in differences(now, file) if (d.kind, d.name) in file]


def take_in(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    place_id: str,
    values: Values,
    from_at: datetime | None = None,
    because: str | None = None,
) -> list[Difference]:
    """Make rules of everything the file says otherwise, or of nothing. Returns what was made.

    Raises Refused with every rule that can't be; the transaction must then be undone."""
    rules = over(tx, actor, place_id, at, "import")
    start = from_at or at
    wanted = against_place(Rules(rules.book, rules.path, start), values)
    # Lists before what speaks of them, longer times before the shorter that lean on them.
    wanted.sort(key=lambda d: (d.kind != "evidence", d.kind == "blocks", d.name.count(".")))
    faults = []
    for one in _in_step(wanted):
        try:
            set_rule(
                tx,
                actor,
                at,
                place_id=place_id,
                kind=one.kind,
                name=one.name,
                value=one.there,
                from_at=from_at,
                because=because,
            )
        except Refused as refused:
            faults += list(refused.refusals)
    if faults:
        raise Refused(faults, noun="policy", trigger="import", record_id=None)
    return wanted


def _in_step(wanted: list[Difference]) -> list[Difference]:
    """Of two times that must keep in step, whichever may go first: both down, the shorter; both
    up, the longer."""
    lower = [d for d in wanted if d.kind == "days" and isinstance(d.here, int) and d.there < d.here]
    first = [d for d in lower if d.name in ("referral.sent.urgent", "referral.paused")]
    last = [
        d
        for d in wanted
        if d not in first and d.name in ("referral.sent.urgent", "referral.paused")
    ]
    return [*first, *(d for d in wanted if d not in first and d not in last), *last]

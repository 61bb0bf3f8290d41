"""Changing policy: a rule of one place, from a day on, never back; and what it would touch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from referral import policies
from referral.actors import Actor
from referral.audit import log
from referral.ids import new_id
from referral.policy import (
    CEILINGS,
    CHOSEN,
    DAYS,
    EVIDENCE,
    KEPT,
    NO_GRACE,
    NOUN,
    Rule,
    Rules,
    codes_of,
    rules_in,
    shipped,
)
from referral.rows import put
from referral.states import Role
from referral.store import Sql, Tx
from workflows.moves import N_
from workflows.rules import field, missing, require, wrong

SETTERS = (Role.ADMINISTRATOR, Role.GOVERNANCE_LEAD)
FARTHEST = timedelta(days=731)
NEXT_NUMBER = Sql(
    "SELECT coalesce(max(number), 0) + 1 FROM policy_rule WHERE system_id = :system_id"
)
MARK = Sql("UPDATE place SET policy = :id WHERE system_id = :system_id")

# -- what a value may be ------------------------------------------------------------------------

USUAL = (1, 60)
# Where the usual bounds would be no bounds, or too tight: examples of sense, not of law.
BOUNDS: Mapping[str, tuple[int, int]] = {
    "referral.sent": (1, 20),
    "referral.sent.urgent": (1, 5),
    "referral.queried": (1, 20),
    "referral.returned": (1, 20),
    "referral.active": (5, 90),
    "referral.paused.most": (20, 260),
    "referral.not_started": (20, 120),
    "hold.most": (1, 20),
    "override.proposed": (1, 2),
    "override.proposed.danger_hours": (1, 4),
    "override.approved": (1, 10),
    "emergency.opened_minutes": (15, 240),
    "emergency.under_review": (1, 5),
    "access.unused_calendar_days": (30, 366),
    "concern.raised": (1, 2),
    "concern.raised.danger_hours": (1, 4),
    "concern.under_review": (1, 5),
    "concern.reported": (1, 10),
    "concern.reported.child": (1, 3),
    "escalation.raised": (1, 10),
    "escalation.in_review": (1, 20),
    "escalation.information_requested": (1, 10),
    "escalation.decided": (1, 20),
    "assurance.grace": (1, 20),
}
MONTHS = (1, 24)
YEARS = (1, 100)
# One level above where an escalation begins, at least; there are four.
LEVELS = (2, 4)
MOST_CODES, LONGEST_CODE, LONGEST_WORDS = 20, 40, 80
CODE = re.compile(r"[a-z][a-z0-9_]*\Z")
# Of these, being out of date always stops new referrals.
ALWAYS_BLOCK = frozenset(NO_GRACE)


def bounds(kind: str, name: str) -> tuple[int, int] | None:
    """The least and the most a number may be; None for what is no number."""
    if kind == "days":
        return BOUNDS.get(name, USUAL)
    return {"months": MONTHS, "years": YEARS, "ceiling": LEVELS}.get(kind)


def _number(kind: str, name: str, value: Any) -> int:
    least, most = bounds(kind, name) or USUAL
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"Enter a whole number from {least} to {most}.")
    return value


def _list(kind: str, name: str, value: Any) -> list[dict[str, str]]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError("List at least one, each on a line of its own.")
    if len(value) > MOST_CODES:
        raise ValueError(f"List {MOST_CODES} at most: a long list is chosen from badly.")
    found: dict[str, dict[str, str]] = {}
    for item in value:
        item = {"code": item} if isinstance(item, str) else item
        if not isinstance(item, Mapping) or not set(item) <= {"code", "says"}:
            raise ValueError("Give each as its code, or as its code and what it says.")
        code, says = item.get("code"), item.get("says")
        if not isinstance(code, str) or len(code) > LONGEST_CODE or not CODE.match(code):
            raise ValueError("A code is small letters, digits and _, and begins with a letter.")
        if says is not None and not (isinstance(says, str) and 0 < len(says) <= LONGEST_WORDS):
            raise ValueError(f"Say each in {LONGEST_WORDS} characters or fewer.")
        if code in found:
            raise ValueError("The same stands there twice.")
        found[code] = {"code": code} | ({"says": says} if says else {})
    return list(found.values())


def _reasons(kind: str, name: str, value: Any) -> list[dict[str, str]]:
    found = _list(kind, name, value)
    gone = KEPT.get(name, frozenset()) - {item["code"] for item in found}
    chosen = CHOSEN.get(name)
    if chosen is not None and not {item["code"] for item in found} <= chosen:
        raise ValueError("Choose from: " + _said(chosen) + ".")
    if gone:
        raise ValueError("Segue itself gives some of these reasons. Keep: " + _said(gone) + ".")
    return found


def _said(codes: frozenset[str]) -> str:
    return ", ".join(sorted(code.replace("_", " ") for code in codes))


def _truth(kind: str, name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Choose yes or no.")
    if name in ALWAYS_BLOCK and not value:
        raise ValueError("Criminal records checks and insurance always stop new referrals.")
    return value


CHECKS: Mapping[str, Callable[[str, str, Any], Any]] = {
    "days": _number,
    "months": _number,
    "years": _number,
    "ceiling": _number,
    "reasons": _reasons,
    "evidence": _list,
    "blocks": _truth,
}


def checked(kind: str, name: str, value: Any, rules: Rules | None = None) -> Any:
    """The value as it is kept. Raises ValueError, in a sentence for people, for an item there
    isn't or a value that can't be. `rules`, where known, are those it would stand among."""
    examples = shipped().get(kind)
    if examples is None or (name not in examples and kind != "blocks"):
        raise ValueError("There is no such rule.")
    known = EVIDENCE if rules is None else rules.evidence_kinds()
    if kind == "blocks" and name not in known:
        raise ValueError("There is no such kind of evidence here.")
    if value is None:
        return None
    found = CHECKS[kind](kind, name, value)
    if rules is not None and kind == "days":
        _in_step(name, found, rules)
    return found


# (shorter, longer): the second is never less than the first.
IN_STEP = (
    ("referral.sent.urgent", "referral.sent", "Urgent can't take longer than usual."),
    (
        "referral.paused",
        "referral.paused.most",
        "The longest break can't be shorter than the days allowed after it.",
    ),
)


def _in_step(name: str, value: int, rules: Rules) -> None:
    for shorter, longer, why in IN_STEP:
        if (name == shorter and value > rules.days(longer)) or (
            name == longer and value < rules.days(shorter)
        ):
            raise ValueError(why)


# -- the commands -------------------------------------------------------------------------------


def over(tx: Tx, actor: Actor, place_id: str, at: datetime, what: str = "change") -> Rules:
    """What is in force in a place the actor answers for. Raises Refused (not_your_role), or
    (not_found) for a place elsewhere."""
    require(actor, SETTERS, NOUN, what)
    rules = rules_in(tx, actor.system_id, place_id, at)
    if rules is None:
        raise missing("place", what)
    mine = actor.role is Role.SYSTEM or (
        actor.place_path is not None and f"{rules.path}/".startswith(f"{actor.place_path}/")
    )
    if not mine:
        raise missing("place", what)
    return rules


def set_rule(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    place_id: str,
    kind: str,
    name: str,
    value: Any,
    from_at: datetime | None = None,
    because: str | None = None,
    change_id: str | None = None,
) -> str:
    """A rule of a place, from `from_at` on (or from now). `value` None: from then on the place goes
    by what holds above it. What runs keeps what it started with. Raises Refused for a value that
    can't be, a time that has passed, and what is so already."""
    rules = over(tx, actor, place_id, at)
    start = from_at or at
    faults = []
    if start < at:
        faults.append(
            field("from_at", N_("Choose today or a day to come: a rule never reaches back."))
        )
    elif start - at > FARTHEST:
        faults.append(field("from_at", N_("Choose a day within the next 2 years.")))
    then = rules.on(start)
    then = Rules(then.book, rules.path, start)
    kept = None
    try:
        kept = checked(kind, name, value, then)
    except ValueError as why:
        faults.append(field("value", str(why)))
    if not faults and not _changes(then, place_id, kind, name, kept):
        faults.append(
            field(
                "value",
                N_("That is the rule already."),
                N_("Enter something else, or leave it as it is."),
                code="no_change",
            )
        )
    if faults:
        raise wrong(NOUN, "set", *faults)
    rule_id = _put(
        tx,
        actor,
        at,
        place_id=place_id,
        kind=kind,
        name=name,
        value=kept,
        from_at=start,
        because=because,
        change_id=change_id,
    )
    said = {"kind": kind, "name": name, "value": kept, "place": place_id, "change": change_id}
    log(tx, actor, at, "policy_set", NOUN, rule_id, {**said, "from": start.isoformat()})
    return rule_id


def _changes(rules: Rules, place_id: str, kind: str, name: str, value: Any) -> bool:
    """Whether the rule would be another one than the place has itself at that time."""
    for own in rules.book.at_place(kind, name, place_id):
        if own.from_at <= rules.at:
            return bool(own.value != value)
    return value is not None


def _put(tx: Tx, actor: Actor, at: datetime, **values: Any) -> str:
    rule_id = new_id(at)
    number = tx.rows(NEXT_NUMBER, system_id=actor.system_id)[0][0]
    by = actor.membership_id if actor.role is not Role.SYSTEM else None
    row = {"takes_back_id": None, "change_id": None, "because": None, **values}
    put(
        tx,
        "policy_rule",
        {
            "id": rule_id,
            "system_id": actor.system_id,
            "number": number,
            "set_at": at,
            "set_by": by,
            **row,
        },
    )
    tx.run(MARK, id=rule_id, system_id=actor.system_id)
    return rule_id


def take_back(
    tx: Tx, actor: Actor, at: datetime, *, rule_id: str, because: str | None = None
) -> str:
    """A planned rule is not to come into force. Raises Refused once its day has come: then only
    another rule can follow it."""
    require(actor, SETTERS, NOUN, "take_back")
    found = policies.rule(tx, actor.system_id, rule_id)
    if found is None:
        raise missing("policy", "take_back")
    rules = over(tx, actor, found.place_id, at, "take_back")
    if found.id in rules.book.taken_back or found.takes_back_id is not None:
        raise wrong(NOUN, "take_back", field("rule", N_("This rule was taken back already.")))
    if found.from_at <= at:
        raise wrong(
            NOUN,
            "take_back",
            field(
                "rule",
                N_("This rule is in force already."),
                N_("Make a new one that takes its place."),
            ),
        )
    back_id = _put(
        tx,
        actor,
        at,
        place_id=found.place_id,
        kind=found.kind,
        name=found.name,
        value=None,
        from_at=at,
        because=because,
        takes_back_id=found.id,
    )
    log(tx, actor, at, "policy_taken_back", NOUN, back_id, {"rule": found.id})
    return back_id


# -- what is in force, and what a change would touch --------------------------------------------


@dataclass(frozen=True)
class Item:
    """One item as it stands in a place at a time: the value, whose rule it is (none: the shipped
    example), and what is planned next in that place."""

    kind: str
    name: str
    value: Any
    rule: Rule | None
    planned: tuple[Rule, ...]


def sheet(rules: Rules, examples: Mapping[tuple[str, str], Any] | None = None) -> list[Item]:
    """Everything a place may have rules for, as it stands. `examples` are what was shipped at that
    time, if that wasn't what is shipped now."""
    place_id = rules.path.rpartition("/")[2]
    return [item(rules, place_id, kind, name, examples) for kind, name in names(rules)]


def names(rules: Rules) -> list[tuple[str, str]]:
    """Kind and name of everything there may be a rule for."""
    found = [(kind, name) for kind, examples in shipped().items() for name in examples]
    found += [("blocks", kind) for kind in rules.evidence_kinds() if kind not in EVIDENCE]
    return found


def item(
    rules: Rules,
    place_id: str,
    kind: str,
    name: str,
    examples: Mapping[tuple[str, str], Any] | None = None,
) -> Item:
    """One item as it stands in a place."""
    rule = rules.rule(kind, name)
    planned = [r for r in rules.book.at_place(kind, name, place_id) if r.from_at > rules.at]
    now: Any = shipped()[kind].get(name, False)
    value = (examples or {}).get((kind, name), now) if rule is None else rule.value
    return Item(kind, name, value, rule, tuple(reversed(planned)))


@dataclass(frozen=True)
class Effect:
    """What a rule would touch. `keeps` running things go on as they began; None where they aren't
    counted (how many concerns there are is not told here). `own` are places below that have a rule
    of their own and keep it."""

    was: Any
    value: Any
    from_at: datetime
    keeps: int | None
    own: tuple[str, ...]


def effect(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    place_id: str,
    kind: str,
    name: str,
    value: Any,
    from_at: datetime | None = None,
) -> Effect:
    """What `set_rule` would touch with these. Raises Refused where it would."""
    rules = over(tx, actor, place_id, at)
    start = from_at or at
    then = Rules(rules.book, rules.path, start)
    was = item(then, place_id, kind, name).value
    above = Rules(rules.book, rules.path.rpartition("/")[0], start)
    now = item(above, place_id, kind, name).value if value is None else value
    own = [
        r.place_id
        for r in _owners(rules, kind, name)
        if r.place_id != place_id and r.from_at <= start and r.value is not None
    ]
    below = policies.places_below(tx, actor.system_id, rules.path)
    return Effect(
        was,
        now,
        start,
        policies.running(tx, actor.system_id, rules.path, kind, name),
        tuple(below[i] for i in dict.fromkeys(own) if i in below),
    )


def _owners(rules: Rules, kind: str, name: str) -> list[Rule]:
    """The rule each place has itself at this time."""
    found = {}
    for rule in sorted(rules.book.standing, key=lambda r: (r.from_at, r.number)):
        if (rule.kind, rule.name) == (kind, name) and rule.from_at <= rules.at:
            found[rule.place_id] = rule
    return list(found.values())


__all__ = [
    "CEILINGS",
    "DAYS",
    "Effect",
    "Item",
    "bounds",
    "checked",
    "codes_of",
    "effect",
    "item",
    "over",
    "set_rule",
    "sheet",
    "take_back",
]

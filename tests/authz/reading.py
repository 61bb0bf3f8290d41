"""Reads `matrix.txt`; a slip of the hand is refused with its line."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from referral.states import Role
from tests.authz.ground import RELATIONS

FILE = Path(__file__).with_name("matrix.txt")
SHORT = {
    "lw": Role.LINK_WORKER,
    "tl": Role.TEAM_LEAD,
    "pl": Role.PROVIDER_LEADER,
    "sl": Role.SAFEGUARDING_LEAD,
    "gl": Role.GOVERNANCE_LEAD,
    "ig": Role.INFORMATION_GOVERNANCE_LEAD,
    "ao": Role.ACCOUNTABLE_OFFICER,
    "ad": Role.ADMINISTRATOR,
    "au": Role.AUDITOR,
    "co": Role.COMMISSIONER,
    "pe": Role.PERSON,
}
EVERYBODY = frozenset(SHORT.values()) - {Role.PERSON}
LET_IN, NOT_FOUND, REFUSED, NO_SUCH, UNSAID = "+", "-", "=", ".", "?"
ANSWERS = frozenset({LET_IN, NOT_FOUND, REFUSED, NO_SUCH})
PUBLIC, OWN_LINK = "public", "person"


class MisreadError(ValueError):
    """A line that can't be read."""


@dataclass(frozen=True)
class Row:
    """One route: who may use it at all, and the rules of the records in its address."""

    method: str
    path: str
    who: frozenset[Role]
    door: str  # "" for those signed in, `public`, or `person`
    rules: tuple[str, ...]


# For each role, the answer in each relation, in their order.
Rule = dict[Role, str]


@dataclass(frozen=True)
class Matrix:
    """The whole file."""

    rows: dict[tuple[str, str], Row]
    rules: dict[str, Rule]


def read(text: str) -> Matrix:
    """The table as it stands. Raises MisreadError."""
    groups: dict[str, frozenset[Role]] = {"*": EVERYBODY}
    rows: dict[tuple[str, str], Row] = {}
    rules: dict[str, Rule] = {}
    now: Rule | None = None
    for number, line in enumerate(text.splitlines(), 1):
        said = line.partition("#")[0].rstrip()
        if not said:
            continue
        try:
            if said.startswith("group "):
                name, _, members = said.removeprefix("group ").partition("=")
                groups[name.strip()] = _roles(members, groups)
            elif said.startswith("rule "):
                name = said.removeprefix("rule ").strip()
                _new(name, rules)
                now = rules[name] = {}
            elif said.startswith(" ") and now is not None:
                _answers(said, groups, now)
            else:
                now = None
                row = _row(said, groups, rules)
                _new((row.method, row.path), rows)
                rows[row.method, row.path] = row
        except (ValueError, KeyError) as why:
            raise MisreadError(f"line {number}: {why}: {line}") from None
    return Matrix(rows, rules)


def _new(name: object, known: object) -> None:
    if name in known:  # type: ignore[operator]
        raise ValueError(f"{name} stands here twice")


def _roles(text: str, groups: dict[str, frozenset[Role]]) -> frozenset[Role]:
    found: frozenset[Role] = frozenset()
    for word in text.split():
        found |= groups[word] if word in groups else {SHORT[word]}
    return found


def _answers(said: str, groups: dict[str, frozenset[Role]], rule: Rule) -> None:
    who, bar, answers = said.partition("|")
    told = "".join(answers.split())
    if not bar or len(told) != len(RELATIONS) or set(told) - ANSWERS:
        raise ValueError(f"{len(RELATIONS)} answers are wanted, of {' '.join(sorted(ANSWERS))}")
    for role in _roles(who, groups):
        _new(role, rule)
        rule[role] = told


def _row(said: str, groups: dict[str, frozenset[Role]], rules: dict[str, Rule]) -> Row:
    address, who, rule = (part.strip() for part in said.split("|"))
    method, path = address.split()
    named = tuple(name for name in rule.split() if name != "-")
    for name in named:
        if name not in rules:
            raise KeyError(f"no rule {name}")
    door = who if who in (PUBLIC, OWN_LINK) else ""
    return Row(method, path, frozenset() if door else _roles(who, groups), door, named)


@cache
def matrix() -> Matrix:
    """The table kept by hand."""
    return read(FILE.read_text())

"""docs/policy.md: every guard with its sentence and its source, and every rule Segue ships as an
example. Printed, so that it says what the program does; a test notices when it is old."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from referral.policy import DAYS, FIXED, KEPT, NO_GRACE, SHIPPED, shipped
from web.policy_words import KINDS, name_words, unit, value_words
from workflows.engine import TABLES
from workflows.guards import HELD
from workflows.moves import Guard, Table
from workflows.policy import LEVELS, MONTHS, MOST_CODES, bounds

OPENING = """# Policy

Printed by `segue policy print`. What stands in the way of a move is code, the same everywhere, and
proved; the numbers and lists are **examples that Segue ships**. Each system and each place sets its
own, from a day on and never back (`/policy`, or `segue policy import`); what runs keeps the rule it
began with."""
GUARDS = """## What may stand in the way

A move is made only if each of its questions is answered yes. What is said when one isn't, what
would change that, and where the rule comes from:"""
FIXED_WORDS = {
    "left_at_least": "what is left of a deadline, at least, when a hold is lifted",
    "answer_at_least": "what is left for a reply, at least, when a question was answered",
    "confirmation": "how long the second person may take to confirm",
}


def print_policy() -> str:
    """All guards and all shipped rules, as Markdown."""
    parts = [OPENING, GUARDS, *(_guards(table) for table in TABLES.values()), *_kinds(), _fixed()]
    return "\n\n".join(part for part in parts if part)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ") or " "


def _grid(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(titles)
    lines = ["| " + " | ".join(titles) + " |", "| " + " | ".join("---" for _ in titles) + " |"]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    return "\n".join(lines)


def _guards(table: Table) -> str:
    asked: dict[str, tuple[Guard, list[str]]] = {}
    for m in table.moves:
        for guard in m.guards:
            moves = asked.setdefault(guard.name, (guard, []))[1]
            if m.trigger not in moves:
                moves.append(m.trigger)
    if not asked:
        return ""
    rows = []
    for guard, moves in asked.values():
        why, remedy, source = guard.refusal.why, guard.refusal.remedy, guard.refusal.source
        if guard.refusal is HELD:
            source = "the same words for every hold"
        names = ", ".join(_words(trigger) for trigger in moves)
        rows.append((f"**{_words(guard.name)}**", why, remedy, source, names))
    titles = ("only if", "what is said", "what would change that", "source", "asked by")
    return f"### {_words(table.noun).capitalize()}\n\n{_grid(titles, rows)}"


def _kinds() -> Iterator[str]:
    examples = shipped()
    for kind, (heading, says) in KINDS.items():
        rows = []
        for name, value in examples[kind].items():
            limits = bounds(kind, name)
            row = [name_words(kind, name, SHIPPED), value_words(kind, name, value)]
            if limits:
                least, most = limits
                words = f"{least} to {most}"
                row.append(f"level {words}" if kind == "ceiling" else f"{words} {unit(kind, name)}")
            if kind == "reasons" and name in KEPT:
                row[1] += f" (always kept: {', '.join(map(_words, sorted(KEPT[name])))})"
            rows.append(row)
        titles = ["rule", "shipped example"] + (["may be"] if len(rows[0]) > 2 else [])
        yield f"## {heading}\n\n{says} `{kind}` in a file.\n\n{_grid(titles, rows)}"


def _fixed() -> str:
    lines = [
        f"- {FIXED_WORDS[name]}: {DAYS[name]} working days;".replace(
            " 1 working days", " 1 working day"
        )
        for name in sorted(FIXED)
    ]
    for table in TABLES.values():
        for clock in table.clocks.values():
            if clock.before:
                days = ", ".join(map(str, clock.before))
                unit = "calendar days" if clock.calendar else "working days"
                what = name_words("days", clock.kind)
                lines.append(f"- when is reminded before the date of *{what}*: {days} {unit};")
    never = ", ".join(_words(kind) for kind in NO_GRACE)
    lines.append(f"- evidence that always stops new referrals and has no grace: {never};")
    lines.append(
        f"- a list has {MOST_CODES} entries at most, a level is {LEVELS[0]} to {LEVELS[1]},"
    )
    lines[-1] += f" consent holds {MONTHS[0]} to {MONTHS[1]} months."
    return "\n".join(["## What no place changes", "", *lines])

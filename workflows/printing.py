"""The machines printed for people, from the tables of moves themselves: `segue states`, and
docs/states.md, which a test compares with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from referral import policy
from referral.states import ENDS, Noun, Relation, Role
from workflows.clocks import AGAIN
from workflows.engine import MACHINES, TABLES
from workflows.guards import HELD
from workflows.moves import (
    Clock,
    Fire,
    Guard,
    Hat,
    Move,
    Need,
    Raise,
    Remind,
    StartClock,
    Table,
    Tell,
)

OPENING = """# States and moves

What each record can be, who acts, by when, and which moves there are. These are the tables the
program itself decides by, printed by `segue states`. After a change of a table, print them again:
`segue states > docs/states.md`.

- **Who acts** owns the next step: the record is on their list. Where nobody acts, it is at an end.
- **Clocks** count working days (England's, without bank holidays) unless said. The numbers are
  examples; each system sets its own.
- A move is made only if **all** that it asks for is so. What is said when it isn't stands below
  the moves.
- The diagrams leave out the moves that stay in a state, and those open from many states. The
  tables have them all.
- Each table has a **version**. A step names the one it was made under, and the store keeps the
  text of every version."""

ABOUT = {
    Noun.REFERRAL: "A link worker's request that one provider takes one person into one activity.",
    Noun.CONSENT: "One person's answer, for one purpose and one recipient.",
    Noun.OVERRIDE: "Sharing without consent: a lawful ground, two people, a few days, a review.",
    Noun.EMERGENCY: "Somebody opens a record out of their reach, for an hour, and it is reviewed.",
    Noun.CONCERN: "A safeguarding concern: a lane of its own, seen by those who need to know.",
    Noun.ESCALATION: "A matter that somebody can't resolve, taken to the next level that can.",
    Noun.ASSURANCE: "Whether a provider meets the working standards now, from its evidence.",
    Noun.AGREEMENT: "What organisations agreed with each other about sharing or working together.",
    Noun.RIGHTS: "What a person asks for about their own data, answered within the law's month.",
}

# How each way of starting a clock is said, by its name in `workflows.clocks.DUE`.
STARTS = {
    "days": "{days}",
    "urgent": "{days} ({urgent} if urgent)",
    "expected_date": "{days}, or the expected date if sooner",
    "first_contact": "{days} for the first contact; once made, {started} after the group starts",
    "less_breaks": "{days}, the breaks of the group not counted",
    "paused_until": "{days} after the date agreed, {most} at most",
    "not_started": "{days}, or {cohort} after the group starts if later",
    "until": "the date until which it holds",
    "review_at": "the review date",
    "evidence": "the earliest end of evidence that blocks",
    "conditions": "the date of the conditions, or the end of evidence if sooner",
    "danger": "{days}; in danger {hours}",
    "child": "{days} ({child} about a child)",
    "stage": "{days} ({stages} if professionals disagree)",
    "month": "one calendar month from the day it came (three once made longer), and the days it"
    " stood still",
}
# What the sweep asks further before it acts, by the kind of clock (`workflows.sweep.SETTLED`).
FURTHER = {
    "consent.asked": "only while an open referral needs it",
    "consent.expired": "only while a referral is with the provider without a ground",
    "consent.given": "of somebody who has died nobody is reminded",
    "agreement.ended": "only while somebody is with the provider under it",
    "override.proposed": "at the top rung it starts again",
    "concern.raised": "at the top rung it starts again",
    "concern.under_review": "at the top rung it starts again",
    "concern.reported": "at the top rung it starts again",
    "concern.enquiry": "at the top rung it starts again",
    "concern.monitoring": "at the top rung it starts again",
    "escalation.raised": "at the ceiling of its kind it starts again",
    "escalation.in_review": "at the ceiling of its kind it starts again",
    "escalation.information_requested": "the third time it climbs",
    "escalation.decided": "one level up; at the ceiling of its kind it starts again",
    "assurance.assured": "only once the evidence has run out",
    "assurance.conditional": "only once the conditions or the evidence have run out",
}
RELATIONS = {
    Relation.NAMED: "named on it",
    Relation.STAND_IN: "standing in",
    Relation.ADDRESSED: "of the provider addressed",
    Relation.OVER: "answering for it",
    Relation.SELF: "themselves",
    Relation.HOLDER: "holding it",
    Relation.LADDER: "higher on the ladder",
    Relation.STAFF: "on staff",
    Relation.REVIEWER: "reviewing at its level",
    Relation.RAISER: "who raised it",
    Relation.ASKED: "who was asked",
    Relation.OWN_PROVIDER: "of the provider itself",
    Relation.SIGNATORY: "signing for a party",
    Relation.SYSTEM: "",
}
ROLES = {Role.PERSON: "the person", Role.SYSTEM: "the system"}
STATE_TITLES = ("state", "meaning", "acts", "clock, and what a miss does")
MOVE_TITLES = ("move", "from → to", "by", "only if", "needs", "then")
GUARD_TITLES = ("only if", "what is said when it isn't so", "what would change that", "source")
MANY = 5  # states: a move open from as many would hide the others in a diagram


def print_states() -> str:
    """All machines: their states, clocks, moves and what stands in the way, as Markdown."""
    parts = [OPENING]
    parts += ["\n".join(_machine(table)) for table in TABLES.values()]
    return "\n\n".join(parts)


def _machine(table: Table) -> Iterator[str]:
    noun = table.noun
    yield f"## {_title(noun)}"
    yield ""
    yield f"{ABOUT[noun]} Version of the table: `{table.version}`."
    yield ""
    yield from _diagram(table)
    yield ""
    yield "### States"
    yield ""
    yield from _grid(STATE_TITLES, _states(table))
    beside = [c for c in table.clocks.values() if c not in {s.clock for s in table.states.values()}]
    for clock in beside:
        yield ""
        yield f"Beside these runs *{_words(clock.kind.partition('.')[2])}*: {_clock(table, clock)}."
    yield ""
    yield "### Moves"
    yield ""
    yield from _grid(MOVE_TITLES, (_move(table, m) for m in table.moves))
    held = _full_hold(table)
    if held:
        yield ""
        yield held
    guards = _guards(table)
    if guards:
        yield ""
        yield "### What may stand in the way"
        yield ""
        yield from _grid(GUARD_TITLES, (_guard(g) for g in guards))


def _title(noun: str) -> str:
    return _words(noun).capitalize()


def _words(name: str) -> str:
    return name.replace("_", " ")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ") or " "


def _grid(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(titles) + " |"
    yield "| " + " | ".join("---" for _ in titles) + " |"
    for row in rows:
        yield "| " + " | ".join(_cell(text) for text in row) + " |"


# -- the diagram --------------------------------------------------------------------------------


def _diagram(table: Table) -> Iterator[str]:
    """A state diagram in the words of Mermaid: one arrow for all moves between two states."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for m in table.moves:
        for source in _in_order(table, m.sources):
            if m.to is None or m.to == source or len(m.sources) >= MANY:
                continue
            labels = arrows.setdefault(("[*]" if source is None else source, str(m.to)), [])
            if m.trigger not in labels:
                labels.append(m.trigger)
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    direction LR"
    for (source, target), labels in arrows.items():
        yield f"    {source} --> {target}: {', '.join(map(_words, labels))}"
    drawn = {state for arrow in arrows for state in arrow}
    for name in table.states:
        if str(name) not in drawn:
            yield f"    {name}"
    ended = [str(name) for name in table.states if name in ENDS[table.noun]]
    if ended:
        yield "    classDef ended stroke-dasharray: 4"
        yield f"    class {','.join(ended)} ended"
    yield "```"


def _in_order(table: Table, states: Iterable[str | None]) -> list[str | None]:
    order = [None, *map(str, table.states)]
    return sorted((None if s is None else str(s) for s in states), key=order.index)


# -- states and clocks --------------------------------------------------------------------------


def _states(table: Table) -> Iterator[tuple[str, ...]]:
    for state in table.states.values():
        acts = _words(state.acts) if state.acts else "nobody"
        clock = _clock(table, state.clock) if state.clock else ""
        yield f"**{_words(state.name)}**", state.says, acts, clock


def _days(number: int) -> str:
    return "1 working day" if number == 1 else f"{number} working days"


def _stages(c: Clock) -> str:
    """The days of each stage of a disagreement between professionals."""
    names = (f"{c.kind}.disagreement", *(f"{c.kind}.stage_{n}" for n in (2, 3, 4)))
    return ", ".join(str(policy.DAYS[name]) for name in names if name in policy.DAYS)


def _clock(table: Table, c: Clock) -> str:
    days = policy.DAYS.get(c.kind, c.days)
    hours = policy.DAYS.get(f"{c.kind}.danger_hours", 1)
    length = STARTS[c.start].format(
        days=_days(days),
        urgent=policy.DAYS.get(f"{c.kind}.urgent"),
        child=policy.DAYS.get(f"{c.kind}.child"),
        stages=_stages(c),
        started=_days(policy.DAYS["referral.started"]),
        most=_days(policy.DAYS["referral.paused.most"]),
        cohort=_days(policy.DAYS["referral.not_started.cohort"]),
        hours="1 clock hour" if hours == 1 else f"{hours} clock hours",
    )
    first = _act(c.first or (Remind(c.remind) if c.remind else None))
    then = _act(c.then)
    said = [length]
    if c.before:
        unit = "calendar days" if c.calendar else "working days"
        said.append(f"{_listed(map(str, c.before))} {unit} before: {_act(Remind(c.remind))}")
    said.append(f"then {first}")
    again = policy.DAYS.get(AGAIN.get(c.kind, ""))
    if again:
        said.append(f"each {_days(again)} after: {then}")
    elif then != first:
        said.append(f"each time as long again: {then}")
    if c.kind in FURTHER:
        said.append(FURTHER[c.kind])
    if c.held:
        said.append("stands still while held")
    return "; ".join(said)


def _act(act: Remind | Fire | Raise | None) -> str:
    if isinstance(act, Remind):
        return f"remind {_listed(map(_words, act.whom))}"
    if isinstance(act, Raise):
        return _raise(act)
    if isinstance(act, Fire):
        return f"*{_words(act.trigger)}*"
    return "nothing"


def _raise(act: Raise) -> str:
    until = ", until the next move is made" if act.until_moved else ""
    return f"escalate ({_words(act.kind)}, level {act.level}{until})"


def _listed(words: Iterable[str]) -> str:
    found = list(words)
    if len(found) < 2:
        return "".join(found)
    return ", ".join(found[:-1]) + " and " + found[-1]


# -- moves --------------------------------------------------------------------------------------


def _move(table: Table, m: Move) -> tuple[str, ...]:
    name = f"**{_words(m.trigger)}**"
    when = f" When {_words(m.when_says)}." if m.when_says else ""
    sources = ", ".join("nothing" if s is None else _words(s) for s in _in_order(table, m.sources))
    target = "the same" if m.to is None or {m.to} == m.sources else _words(m.to)
    return (
        name,
        f"{sources} → {target}",
        _by(m),
        ", ".join(_words(g.name) for g in m.guards),
        "; ".join(_need(n) for n in m.needs),
        f"{m.says}{when} {_then(table, m)}".strip(),
    )


def _by(m: Move) -> str:
    people = _hats(m.by)
    if m.two_people:
        people += "; two people"
    elif m.two_people_if is not None:
        people += "; two people if severity is high or a decision is overturned"
    return people


def _hats(hats: frozenset[Hat]) -> str:
    """Roles by what they are to the record, in the order in which both are listed."""
    said = []
    for relation in Relation:
        roles = [role for role in Role if (role, relation) in hats]
        if not roles:
            continue
        many = len(roles) > 6
        who = "anybody" if many else _listed(ROLES.get(r, _words(r)) for r in roles)
        said.append(f"{who} {RELATIONS[relation]}".strip())
    return "; ".join(said)


def _need(need: Need) -> str:
    name, values = _words(need.name.removesuffix("_id")), need.values
    choices = f" ({', '.join(map(_words, values))})" if values else ""
    sometimes = ", in some cases" if need.when or need.where else ""
    return f"{name}{choices}{sometimes}"


def _then(table: Table, m: Move) -> str:
    said = [_follow(follow) for follow in m.follows if not isinstance(follow, Tell)]
    told = [_words(follow.whom) for follow in m.follows if isinstance(follow, Tell)]
    if told:
        said.append(f"tell {_listed(told)}")
    if m.restarts:
        said.append("the clock starts again")
    if m.goes_on is not None:
        said.append(f"the clock goes on with what was left, {_days(m.goes_on)} at least")
    if not said:
        return ""
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}."


def _follow(follow: Fire | Raise | StartClock) -> str:
    if isinstance(follow, Raise):
        return _raise(follow)
    if isinstance(follow, StartClock):
        return f"*{_words(follow.kind.partition('.')[2])}* begins if it doesn't run"
    order = "first " if follow.first else ""
    which = follow.which.removeprefix("each ")
    return f"{order}*{_words(follow.trigger)}* of each {follow.noun} {which}"


def _full_hold(table: Table) -> str:
    open_to: frozenset[str] = MACHINES[table.noun].OPEN_UNDER_FULL_HOLD
    if open_to >= set(table.triggers):
        return ""
    left = _listed(sorted(map(_words, open_to)))
    provider = f"; a provider may still {left}" if left else ""
    return (
        "Under a full hold (a source of harm is named on one side, or records are being put right)"
        f" that side makes no move{provider}. What is said is what every hold says."
    )


# -- guards -------------------------------------------------------------------------------------


def _guards(table: Table) -> list[Guard]:
    found: dict[str, Guard] = {}
    for m in table.moves:
        for guard in m.guards:
            found.setdefault(guard.name, guard)
    return list(found.values())


def _guard(guard: Guard) -> tuple[str, ...]:
    refusal = guard.refusal
    source = "the same words for every hold" if refusal is HELD else refusal.source
    return f"**{_words(guard.name)}**", refusal.why, refusal.remedy, source

"""Reads the tables of this folder into typed rows; a slip of the hand is refused with its line."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

T = TypeVar("T")

FOLDER = Path(__file__).parent
NOTHING = "-"
"""The state of a record that isn't there yet; also an empty list."""

ROLES = (
    "link_worker",
    "team_lead",
    "provider_leader",
    "safeguarding_lead",
    "governance_lead",
    "information_governance_lead",
    "accountable_officer",
    "administrator",
    "auditor",
    "commissioner",
    "person",
    "system",
)

RELATIONS: dict[str, tuple[str, ...]] = {
    "referral": ("named", "stand_in", "addressed", "over", "self"),
    "consent": ("named", "stand_in", "over", "self"),
    "override": ("raiser", "holder", "ladder", "over"),
    "concern": ("holder", "ladder", "staff", "implicated", "self"),
    "escalation": ("reviewer", "raiser", "asked", "stand_in"),
    "assurance": ("own_provider", "over"),
    "agreement": ("signatory", "over"),
    "rights_request": ("raiser", "over", "self"),
    "emergency": ("raiser", "over"),
}

IMPLIED: dict[str, dict[str, str]] = {
    "referral": {"stand_in": "over"},
    "consent": {"stand_in": "over"},
    "override": {"raiser": "over", "holder": "over", "ladder": "over"},
    "rights_request": {"raiser": "over"},
    "concern": {"holder": "staff", "ladder": "staff", "implicated": "staff"},
}
"""Whoever has the first relation has the second: a stand-in leads the team, too."""

OPEN: dict[str, tuple[str, ...]] = {
    "referral": (
        "draft",
        "sent",
        "queried",
        "waiting",
        "accepted",
        "active",
        "paused",
        "returned",
        "completed",
    ),
    "consent": ("asked", "given", "expired"),
    "override": ("proposed", "approved", "ended"),
    "concern": ("raised", "under_review", "reported", "enquiry", "monitoring"),
    "escalation": ("raised", "in_review", "information_requested", "decided"),
    "assurance": ("applied", "in_review", "assured", "conditional", "suspended", "lapsed"),
    "agreement": ("drafted", "in_force", "expired", "ended"),
    "rights_request": ("received", "identity_checked", "in_progress", "asked"),
    "emergency": ("opened", "under_review"),
}
"""States in which somebody acts (some only while the design's condition holds)."""

ENDS: dict[str, tuple[str, ...]] = {
    "referral": ("closed", "withdrawn", "redirected", "in_error"),
    "consent": ("refused", "withdrawn"),
    "override": ("refused", "reviewed"),
    "concern": ("closed",),
    "escalation": ("closed", "withdrawn"),
    "assurance": ("refused", "left"),
    "agreement": (),
    "rights_request": ("fulfilled", "refused", "withdrawn"),
    "emergency": ("reviewed",),
}
"""States in which nobody acts."""

WITH_THE_PROVIDER = ("sent", "queried", "waiting", "accepted", "active", "paused")
TAKING_PART = ("accepted", "active", "paused")

TRIGGERS: dict[str, tuple[str, ...]] = {
    "referral": (
        "create",
        "send",
        "ask",
        "answer",
        "put_on_waiting_list",
        "review_wait",
        "accept",
        "decline",
        "lapse",
        "recall",
        "contact",
        "try_contact",
        "start",
        "update",
        "pause",
        "resume",
        "give_back",
        "complete",
        "confirm",
        "reopen",
        "redirect",
        "close_unmet",
        "withdraw",
        "stop",
        "reassign",
        "discard",
        "call",
        "mark_in_error",
    ),
    "consent": ("ask", "give", "refuse", "renew", "withdraw", "expire"),
    "override": ("propose", "climb", "approve", "refuse", "end", "review"),
    "concern": (
        "raise",
        "acknowledge",
        "report_to_authority",
        "told_authority",
        "authority_decides",
        "monitor",
        "review",
        "hold",
        "release",
        "hand_over",
        "climb",
        "name_source",
        "strike_source",
        "pass_on",
        "close",
        "reopen",
    ),
    "escalation": (
        "raise",
        "acknowledge",
        "ask",
        "answer",
        "unanswered",
        "decide",
        "settle",
        "climb",
        "complete",
        "withdraw",
        "overtake",
        "reopen",
    ),
    "assurance": (
        "apply",
        "review",
        "assure",
        "condition",
        "refuse",
        "suspend",
        "lapse",
        "leave",
    ),
    "agreement": ("draft", "sign", "renew", "replace", "expire", "end"),
    "rights_request": (
        "receive",
        "check_identity",
        "cannot_identify",
        "start",
        "ask",
        "answer",
        "go_on",
        "extend",
        "fulfil",
        "erase",
        "refuse",
        "withdraw",
    ),
    "emergency": ("open", "close", "end", "review"),
}

NOUNS = tuple(TRIGGERS)

KINDS = (
    "no_reply",
    "capacity",
    "quality",
    "disagreement",
    "consent",
    "equity",
    "information_sharing",
    "other",
    "safeguarding_process",
    "complaint",
)
"""Kinds of escalation that `Raise` may name."""


class MisreadError(ValueError):
    """A line that cannot be meant: which file, which line, and what is wrong with it."""


@dataclass(frozen=True, slots=True, order=True)
class Hat:
    """A role, alone or in one relation to the record."""

    role: str
    relation: str = NOTHING

    def __str__(self) -> str:
        return self.role if self.relation == NOTHING else f"{self.role}/{self.relation}"


@dataclass(frozen=True, slots=True)
class Line:
    """One move the design allows, from one state to one state, with every hat that may make it."""

    noun: str
    trigger: str
    source: str
    target: str
    hats: frozenset[Hat]
    when: str

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(hat.role for hat in self.hats)


@dataclass(frozen=True, slots=True)
class Guard:
    """One condition of a move: named, or in the design's words where it names none."""

    name: str
    relation: str = NOTHING
    in_words: bool = False


@dataclass(frozen=True, slots=True)
class Guarded:
    """Exactly the guards of one move from one state."""

    noun: str
    trigger: str
    source: str
    guards: tuple[Guard, ...]
    note: str

    @property
    def names(self) -> frozenset[str]:
        """The named guards, without those in words."""
        return frozenset(guard.name for guard in self.guards if not guard.in_words)


@dataclass(frozen=True, slots=True)
class Needed:
    """What must at least be said with a move."""

    noun: str
    trigger: str
    needs: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing a move brings about: Fire, Raise, Tell, StartClock, or words."""

    kind: Literal["Fire", "Raise", "Tell", "StartClock", "words"]
    what: str
    which: str = ""


@dataclass(frozen=True, slots=True)
class Followed:
    """All that one move brings about."""

    noun: str
    trigger: str
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Clock:
    """Who has the next step in a state, until when, and what a miss does."""

    noun: str
    state: str
    acts: Hat | str
    days: str
    miss: str
    stops_while_held: bool
    when: str

    @property
    def beside(self) -> bool:
        """A clock of the record, not of one state."""
        return self.state.startswith("*")

    @property
    def number(self) -> int | None:
        """The days where they are a number, None where they are a date or hours."""
        return int(self.days) if self.days.isdigit() else None


@dataclass(frozen=True, slots=True)
class Actor:
    """One place on the axis of the grid: who may meet the record."""

    noun: str
    hat: Hat
    scope: Literal["in", "out", "unsaid"]
    who: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The name of a refusal, and the name under which it is told."""

    name: str
    asked: Literal["scope", "table", "guard"]
    shown_as: str
    when: str


@dataclass(frozen=True, slots=True)
class Hidden:
    """States in which a record is not found by someone who otherwise sees it."""

    noun: str
    hat: Hat
    states: frozenset[str]


@dataclass(frozen=True, slots=True)
class Consequence:
    """A move that a reviewer may carry out with a governance lead's right."""

    noun: str
    trigger: str


def states(noun: str) -> tuple[str, ...]:
    """Every state of the machine, without `-`."""
    return OPEN[noun] + ENDS[noun]


# From text. Each function reads one kind of table; the name is only for the message of a slip.


@dataclass(frozen=True, slots=True)
class _Row:
    where: str
    cells: tuple[str, ...]

    def wrong(self, what: str) -> MisreadError:
        return MisreadError(f"{self.where}: {what}")

    def one_of(self, cell: str, allowed: Iterable[str], what: str) -> str:
        if cell not in allowed:
            raise self.wrong(f"{what} {cell!r} is not one of {', '.join(allowed)}")
        return cell

    def several(self, cell: str, separator: str = ",") -> tuple[str, ...]:
        if cell == NOTHING:
            return ()
        parts = tuple(part.strip() for part in cell.split(separator))
        if "" in parts:
            raise self.wrong(f"something is missing in {cell!r}")
        if len(set(parts)) != len(parts):
            raise self.wrong(f"something stands twice in {cell!r}")
        return parts

    def noun(self) -> str:
        return self.one_of(self.cells[0], NOUNS, "noun")


def _rows(text: str, name: str, least: int, most: int) -> Iterator[_Row]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = tuple(cell.strip() for cell in line.split("|"))
        row = _Row(f"{name}, line {number}", cells + ("",) * (most - len(cells)))
        if not least <= len(cells) <= most:
            raise row.wrong(f"{len(cells)} columns; {least} to {most} are meant")
        if "" in cells[:least]:
            raise row.wrong("an empty column; write - for none")
        yield row


def _once(rows: Iterable[tuple[_Row, T]], key: Callable[[T], object]) -> tuple[T, ...]:
    seen: dict[object, T] = {}
    for row, made in rows:
        if key(made) in seen:
            raise row.wrong(f"said before: {key(made)}")
        seen[key(made)] = made
    return tuple(seen.values())


def _hat(row: _Row, noun: str, cell: str) -> Hat:
    role, slash, relation = cell.partition("/")
    row.one_of(role, ROLES, "role")
    if slash:
        row.one_of(relation, RELATIONS[noun], "relation")
    return Hat(role, relation or NOTHING)


def _hats(row: _Row, noun: str, cell: str, actors: tuple[Actor, ...]) -> frozenset[Hat]:
    hats: set[Hat] = set()
    for part in row.several(cell):
        role, _, relation = part.partition("/")
        if role != "*":
            hats.add(_hat(row, noun, part))
            continue
        row.one_of(relation, RELATIONS[noun], "relation")
        meant = {a.hat for a in actors if a.noun == noun and a.hat.relation == relation}
        if not meant:
            raise row.wrong(f"nobody has the relation {relation!r}")
        hats |= meant
    if not hats:
        raise row.wrong("nobody may; leave the line out")
    return frozenset(hats)


def read_actors(text: str, name: str = "hats") -> tuple[Actor, ...]:
    """The axis of the grid."""

    def made() -> Iterator[tuple[_Row, Actor]]:
        for row in _rows(text, name, 4, 5):
            noun = row.noun()
            role = row.one_of(row.cells[1], ROLES, "role")
            relation = row.one_of(row.cells[2], (NOTHING, *RELATIONS[noun]), "relation")
            scope = row.one_of(row.cells[3], ("in", "out", "unsaid"), "scope")
            yield row, Actor(noun, Hat(role, relation), scope, row.cells[4])  # type: ignore[arg-type]

    return _once(made(), lambda actor: (actor.noun, str(actor.hat)))


def read_grid(
    text: str, noun: str, actors: tuple[Actor, ...], name: str = "grid"
) -> tuple[Line, ...]:
    """The moves of one machine."""

    def made() -> Iterator[tuple[_Row, Line]]:
        for row in _rows(text, name, 4, 5):
            trigger = row.one_of(row.cells[0], TRIGGERS[noun], "trigger")
            source = row.one_of(row.cells[1], (NOTHING, *states(noun)), "state")
            target = row.one_of(row.cells[2], states(noun), "state")
            hats = _hats(row, noun, row.cells[3], actors)
            yield row, Line(noun, trigger, source, target, hats, row.cells[4])

    lines = _once(made(), lambda line: (line.trigger, line.source, line.target))
    for line in lines:
        same = [o for o in lines if (o.trigger, o.source) == (line.trigger, line.source)]
        if len(same) > 1 and not line.when:
            raise MisreadError(
                f"{name}: {line.trigger} from {line.source} goes several ways; say when"
            )
        if len({o.hats for o in same}) > 1:
            raise MisreadError(f"{name}: {line.trigger} from {line.source} is by others each way")
    return lines


def read_guards(text: str, name: str = "guards") -> tuple[Guarded, ...]:
    """The guards of every move, one row for each state it leaves."""

    def guard(row: _Row, noun: str, part: str) -> Guard:
        if part.startswith('"'):
            if not (len(part) > 2 and part.endswith('"')):
                raise row.wrong(f"the words {part} are not closed")
            return Guard(part.strip('"'), in_words=True)
        named, slash, relation = part.partition("/")
        if slash:
            row.one_of(relation, RELATIONS[noun], "relation")
        guards = [refusal.name for refusal in refusals() if refusal.asked == "guard"]
        return Guard(row.one_of(named, guards, "guard"), relation or NOTHING)

    def made() -> Iterator[tuple[_Row, Guarded]]:
        for row in _rows(text, name, 4, 5):
            noun = row.noun()
            trigger = row.one_of(row.cells[1], TRIGGERS[noun], "trigger")
            guards = tuple(guard(row, noun, part) for part in row.several(row.cells[3]))
            sources = row.several(row.cells[2]) or (NOTHING,)
            for source in sources:
                row.one_of(source, (NOTHING, *states(noun)), "state")
                yield row, Guarded(noun, trigger, source, guards, row.cells[4])

    return _once(made(), lambda guarded: (guarded.noun, guarded.trigger, guarded.source))


def read_needs(text: str, name: str = "needs") -> tuple[Needed, ...]:
    """What must be said with each move."""

    def made() -> Iterator[tuple[_Row, Needed]]:
        for row in _rows(text, name, 3, 4):
            noun = row.noun()
            trigger = row.one_of(row.cells[1], TRIGGERS[noun], "trigger")
            needs = row.several(row.cells[2])
            for need in needs:
                if not re.fullmatch(r"[a-z]+(_[a-z]+)*", need):
                    raise row.wrong(f"{need!r} is not a name")
            yield row, Needed(noun, trigger, needs, row.cells[3])

    return _once(made(), lambda needed: (needed.noun, needed.trigger))


def read_follows(text: str, name: str = "follows") -> tuple[Followed, ...]:
    """What each move brings about; the trigger `*` is every move of the noun."""

    def effect(row: _Row, part: str) -> Effect:
        if re.fullmatch(r'"[^"]+"', part):
            return Effect("words", part.strip('"'))
        match = re.fullmatch(r"(Fire|Raise|Tell|StartClock)\(([^(),]+)(?:, ([^()]+))?\)", part)
        if match is None:
            raise row.wrong(f"{part!r} is neither an effect nor words in quotes")
        kind, what, which = match.groups()
        if kind == "Fire":
            noun, _, trigger = what.partition(".")
            row.one_of(noun, NOUNS, "noun")
            row.one_of(trigger, TRIGGERS[noun], "trigger")
            if not which:
                raise row.wrong(f"{part} does not say which")
        if kind == "Raise":
            row.one_of(what, KINDS, "kind of escalation")
        return Effect(kind, what, which or "")  # type: ignore[arg-type]

    def made() -> Iterator[tuple[_Row, Followed]]:
        for row in _rows(text, name, 3, 3):
            noun = row.noun()
            trigger = row.one_of(row.cells[1], ("*", *TRIGGERS[noun]), "trigger")
            effects = tuple(effect(row, part) for part in row.several(row.cells[2], ";"))
            yield row, Followed(noun, trigger, effects)

    return _once(made(), lambda followed: (followed.noun, followed.trigger))


def read_clocks(text: str, name: str = "clocks") -> tuple[Clock, ...]:
    """Owner and clock of each open state; a state may have a second one with a `when`."""

    def made() -> Iterator[tuple[_Row, Clock]]:
        for row in _rows(text, name, 6, 7):
            noun, state, acts = row.noun(), row.cells[1], row.cells[2]
            role, _, relation = acts.partition("/")
            if not state.startswith("*"):
                row.one_of(state, OPEN[noun], "open state")
                if role == "*":
                    row.one_of(relation, RELATIONS[noun], "relation")
                else:
                    _hat(row, noun, acts)
            held = row.one_of(row.cells[5], ("stops", "runs"), "held")
            who = acts if role in ("*", NOTHING) else Hat(role, relation)
            days, miss, when = row.cells[3], row.cells[4], row.cells[6]
            yield row, Clock(noun, state, who, days, miss, held == "stops", when)

    return _once(made(), lambda clock: (clock.noun, clock.state, clock.days, clock.when))


def read_refusals(text: str, name: str = "refusals") -> tuple[Refusal, ...]:
    """The names of refusals, in the order they are asked."""

    def made() -> Iterator[tuple[_Row, Refusal]]:
        for row in _rows(text, name, 4, 4):
            asked = row.one_of(row.cells[1], ("scope", "table", "guard"), "asked")
            yield row, Refusal(row.cells[0], asked, row.cells[2], row.cells[3])  # type: ignore[arg-type]

    return _once(made(), lambda refusal: refusal.name)


def read_hidden(text: str, name: str = "hidden") -> tuple[Hidden, ...]:
    """Where someone who otherwise sees a record doesn't find it."""

    def made() -> Iterator[tuple[_Row, Hidden]]:
        for row in _rows(text, name, 3, 3):
            noun = row.noun()
            hat = _hat(row, noun, row.cells[1])
            hidden = row.several(row.cells[2])
            for state in hidden:
                row.one_of(state, states(noun), "state")
            yield row, Hidden(noun, hat, frozenset(hidden))

    return _once(made(), lambda hidden: (hidden.noun, hidden.hat))


def read_consequences(text: str, name: str = "consequences") -> tuple[Consequence, ...]:
    """What a reviewer may carry out on another record."""

    def made() -> Iterator[tuple[_Row, Consequence]]:
        for row in _rows(text, name, 2, 2):
            noun = row.noun()
            trigger = row.one_of(row.cells[1], TRIGGERS[noun], "trigger")
            yield row, Consequence(noun, trigger)

    return _once(made(), lambda consequence: consequence)


# From the folder.


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def actors() -> tuple[Actor, ...]:
    """Everyone who may meet a record, noun by noun."""
    return read_actors(_text("hats.txt"), "hats.txt")


@cache
def refusals() -> tuple[Refusal, ...]:
    return read_refusals(_text("refusals.txt"), "refusals.txt")


@cache
def lines(noun: str) -> tuple[Line, ...]:
    """The moves of one machine."""
    return read_grid(_text(f"{noun}.txt"), noun, actors(), f"{noun}.txt")


@cache
def guards() -> tuple[Guarded, ...]:
    return read_guards(_text("guards.txt"), "guards.txt")


@cache
def needs() -> tuple[Needed, ...]:
    return read_needs(_text("needs.txt"), "needs.txt")


@cache
def follows() -> tuple[Followed, ...]:
    return read_follows(_text("follows.txt"), "follows.txt")


@cache
def clocks() -> tuple[Clock, ...]:
    return read_clocks(_text("clocks.txt"), "clocks.txt")


@cache
def hidden() -> tuple[Hidden, ...]:
    return read_hidden(_text("hidden.txt"), "hidden.txt")


@cache
def consequences() -> tuple[Consequence, ...]:
    return read_consequences(_text("consequences.txt"), "consequences.txt")


# Questions the tests ask.

ALLOWED = "allowed"


def moves(noun: str, trigger: str, source: str) -> tuple[Line, ...]:
    """Every way this trigger leaves this state: none, one, or one for each `when`."""
    return tuple(line for line in lines(noun) if (line.trigger, line.source) == (trigger, source))


def guards_of(noun: str, trigger: str, source: str) -> tuple[Guard, ...]:
    """The guards of a move that is in the grid."""
    asked = (noun, trigger, source)
    return next(g.guards for g in guards() if (g.noun, g.trigger, g.source) == asked)


def effects_of(noun: str, trigger: str) -> tuple[Effect, ...]:
    """What a move brings about, without what every move of the noun does."""
    return next(f.effects for f in follows() if (f.noun, f.trigger) == (noun, trigger))


def hats_of(noun: str, role: str, relations: Iterable[str]) -> frozenset[Hat]:
    """All hats of one actor: the role alone, and in each relation, with those implied."""
    relations = set(relations) - {NOTHING}
    relations |= {IMPLIED.get(noun, {}).get(relation, relation) for relation in relations}
    return frozenset({Hat(role)} | {Hat(role, relation) for relation in relations})


def cell(noun: str, trigger: str, source: str, role: str, relations: Iterable[str] = ()) -> str:
    """What the table alone answers: `allowed`, or the name of the refusal (guards not asked)."""
    ways = moves(noun, trigger, source)
    if not ways:
        return "no_such_move"
    allowed = ways[0].hats
    if allowed & hats_of(noun, role, relations):
        return ALLOWED
    return "not_your_record" if role in ways[0].roles else "not_your_role"


def shown_as(name: str) -> str:
    """The name under which a refusal is told: being under a full hold reads as being on hold."""
    return next(refusal.shown_as for refusal in refusals() if refusal.name == name)


def at_the_door(
    noun: str, trigger: str, source: str, role: str, relations: Iterable[str] = ()
) -> frozenset[str]:
    """What may be answered to an actor of `hats.txt` who asks from outside, scope included.

    One name, or two where the design leaves open whether this actor sees the record.
    """
    relations = tuple(relations) or (NOTHING,)
    told = cell(noun, trigger, source, role, relations)
    if source == NOTHING:
        return frozenset({told})
    mine = {Hat(role, relation) for relation in relations}
    scopes = {a.scope for a in actors() if a.noun == noun and a.hat in mine}
    unseen = any(h.noun == noun and h.hat in mine and source in h.states for h in hidden())
    if not scopes:
        raise LookupError(f"nobody in hats.txt is {', '.join(map(str, sorted(mine)))} of a {noun}")
    if unseen or "out" in scopes:
        return frozenset({"not_found"})
    if scopes == {"unsaid"}:
        return frozenset({told, "not_found"})
    return frozenset({told})

"""The vocabulary in which a machine is written down: states, moves, clocks and what follows.

A table of moves is data. From it come the engine's decisions, the buttons and the reasons shown,
`docs/states.md`, the tests of the grid, and the text kept in the store for each version."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from transitions import Machine

from referral.states import Noun, Relation, Role

Given = Mapping[str, Any]
Hat = tuple[Role, Relation]
NOTHING: Mapping[str, Any] = {}


def N_(text: str) -> str:  # noqa: N802 - the name gettext's tools look for
    """Marks a sentence for translation; the edge translates it where it is shown."""
    return text


@dataclass(frozen=True)
class Refusal:
    """Why a move can't be made now: for a program (`code`), for a person (`why`, `remedy`), and
    where the rule comes from."""

    code: str
    why: str
    remedy: str = ""
    source: str = ""
    field: str | None = None


@dataclass(frozen=True)
class Guard:
    """A pure question about the facts. `holds` gets the facts, what was given, and the time."""

    name: str
    refusal: Refusal
    holds: Callable[[Any, Given, datetime], bool]


@dataclass(frozen=True)
class Need:
    """Something the mover must say. `values` lists the codes allowed, if it is a list; `when`: only
    where this was said; `where`: only of such a record."""

    name: str
    refusal: Refusal
    values: tuple[str, ...] = ()
    when: Callable[[Given], bool] | None = None
    where: Callable[[Any], bool] | None = None


@dataclass(frozen=True)
class Fire:
    """Make this move on the records picked by `which`, as the system, with the move as cause."""

    noun: Noun
    trigger: str
    which: str
    first: bool = False  # before the move's own write, not after


@dataclass(frozen=True)
class Raise:
    """Raise an escalation of this kind about the record, as the system. `until_moved`: it is about
    a clock that was missed, and is overtaken when the record's next step is made."""

    kind: str
    level: int = 1
    until_moved: bool = False


@dataclass(frozen=True)
class Tell:
    """Say `what` (a code with a sentence in the table of words) to `whom` (a role of the record's
    own cast, see `Table.cast`)."""

    whom: str
    what: str


@dataclass(frozen=True)
class StartClock:
    """Start a clock that runs beside the state's own."""

    kind: str


Follow = Fire | Raise | Tell | StartClock


@dataclass(frozen=True)
class Remind:
    """A miss tells these members of the cast."""

    whom: tuple[str, ...]


@dataclass(frozen=True)
class Clock:
    """The deadline of a state. `days` is the default length: the number in force is asked of
    policy under `kind`. `start` names how the due time is found (see `workflows.clocks.DUE`).

    Marks are counted: `before` (days before due; calendar days if `calendar`), then due, then each
    further period. Before: remind. At due: `first`. At each later mark: `then`."""

    kind: str
    days: int
    first: Remind | Fire | Raise | None
    then: Fire | Raise | None
    before: tuple[int, ...] = ()
    calendar: bool = False
    start: str = "days"
    hours: bool = False
    held: bool = False  # stands still while the record is held
    remind: tuple[str, ...] = ()  # whom the marks before due remind


@dataclass(frozen=True)
class State:
    """One state: what it means, who owns the next step (a member of the cast, or nobody), and the
    clock that runs. A state is open if somebody acts."""

    name: StrEnum
    says: str
    acts: str | None = None
    clock: Clock | None = None


@dataclass(frozen=True)
class Move:
    """An allowed change of state.

    `to` None means "the same state". `keeps` are the given fields stored in columns of the same
    name; `sets` computes others from facts, what was given and the time; `effects` names further
    rows the store writes with it (`referral.effects`). `restarts` lets a move to the same state
    start the clock anew. `goes_on` (least days) makes the target's clock go on
    with what was left when it last ended. `when` picks between moves of one trigger and source by
    what was given."""

    trigger: str
    sources: frozenset[StrEnum | None]
    to: StrEnum | None
    by: frozenset[Hat]
    says: str
    guards: tuple[Guard, ...] = ()
    needs: tuple[Need, ...] = ()
    keeps: tuple[str, ...] = ()
    follows: tuple[Follow, ...] = ()
    restarts: bool = False
    goes_on: int | None = None
    two_people: bool = False
    two_people_if: Callable[[Any, Given], bool] | None = None
    when: Callable[[Any, Given], bool] | None = None
    when_says: str = ""
    effects: tuple[str, ...] = ()
    sets: Callable[[Any, Given, datetime], Mapping[str, Any]] | None = None


def move(
    trigger: str,
    sources: Any,
    to: StrEnum | None,
    by: Any,
    says: str,
    **more: Any,
) -> Move:
    """A `Move`, with single sources and hats wrapped."""
    if sources is None or isinstance(sources, StrEnum):
        sources = {sources}
    return Move(trigger, frozenset(sources), to, frozenset(by), says, **more)


# The list of a move's reasons, where it isn't called after the move.
LISTS: Mapping[tuple[str, str], str] = {("escalation", "settle"): "escalation.waive"}


def list_of(noun: str, trigger: str, need: Need) -> str | None:
    """The name of the list that a place may have of its own for this need; None where the codes
    belong to the table."""
    if need.name != "reason" or not need.values:
        return None
    return LISTS.get((str(noun), trigger), f"{noun}.{trigger}")


class Table:
    """All moves of one noun, and the shared `transitions` machine that says which exist.

    `cast` maps each member of the record's cast (who acts, whom to tell) to a function of the
    facts that gives an owner key, or None when there is nobody."""

    def __init__(
        self,
        noun: Noun,
        states: tuple[State, ...],
        moves: tuple[Move, ...],
        cast: Mapping[str, Callable[[Any], str | None]],
        hats: Callable[[Any, Any], frozenset[Hat]],
        extra_clocks: tuple[Clock, ...] = (),
    ) -> None:
        self.noun = noun
        self.states = {state.name: state for state in states}
        self.moves = moves
        self.cast = cast
        self.hats = hats
        self.clocks: dict[str, Clock] = {
            c.kind: c for c in [*(s.clock for s in states if s.clock), *extra_clocks]
        }
        self.machine = Machine(
            model=None,
            states=[NOWHERE, *(str(s.name) for s in states)],
            initial=None,
            auto_transitions=False,
            send_event=True,
            queued=False,
        )
        self._found: dict[tuple[str, str | None], tuple[Move, ...]] = {}
        self._fired: dict[tuple[str, str | None, int], str] = {}
        for m in moves:
            for source in m.sources:
                from_name = NOWHERE if source is None else str(source)
                target = m.to if m.to is not None else source
                if target is None:
                    raise ValueError(f"{noun}.{m.trigger} leads nowhere.")
                self.machine.add_transition(
                    m.trigger, from_name, str(target), conditions=[_chosen(m)]
                )
                key = (m.trigger, None if source is None else str(source))
                self._found[key] = (*self._found.get(key, ()), m)
        self.triggers = tuple(dict.fromkeys(m.trigger for m in moves))
        self.text = self._text()
        self.version = hashlib.sha256(self.text.encode()).hexdigest()[:12]

    def moves_from(self, trigger: str, state: str | None) -> tuple[Move, ...]:
        """The moves of this trigger from this state; none if there is no such move."""
        return self._found.get((trigger, state), ())

    def fire(self, trigger: str, state: str | None, chosen: Move) -> str:
        """The state the shared machine leads to. It is asked once for each move and state: its
        answer depends on nothing else."""
        asked = (trigger, state, id(chosen))
        to = self._fired.get(asked)
        if to is None:
            context = _Context(NOWHERE if state is None else state, chosen)
            self.machine.events[trigger].trigger(context)
            to = self._fired[asked] = context.state
        return to

    def is_open(self, state: str) -> bool:
        """Whether somebody acts in this state."""
        return self.states[state].acts is not None  # type: ignore[index]

    def _text(self) -> str:
        lines = [f"{self.noun}"]
        for state in self.states.values():
            clock = state.clock
            lines.append(
                f"state {state.name} | acts: {state.acts or 'nobody'} | "
                + (
                    f"clock {clock.kind} {clock.start} {clock.days} before {clock.before}"
                    f" first {clock.first} then {clock.then}"
                    if clock
                    else "no clock"
                )
                + f" | {state.says}"
            )
        for m in self.moves:
            for source in sorted(m.sources, key=str):
                lines.append(
                    f"move {m.trigger} | {source or '-'} -> {m.to or source or '-'} | by "
                    + ", ".join(sorted(f"{role}/{relation}" for role, relation in m.by))
                    + f" | guards: {', '.join(g.name for g in m.guards) or '-'}"
                    + f" | needs: {', '.join(n.name for n in m.needs) or '-'}"
                    + f" | follows: {', '.join(map(str, m.follows)) or '-'}"
                    + (f" | when {m.when_says}" if m.when_says else "")
                    + (" | two people" if m.two_people else "")
                    + f" | {m.says}"
                )
        return "\n".join(lines) + "\n"


NOWHERE = "-"


@dataclass
class _Context:
    """The short-lived thing the shared machine moves."""

    state: str
    chosen: Move
    status: str = field(default="")


def _chosen(m: Move) -> Callable[[Any], bool]:
    def is_the_chosen_one(event: Any) -> bool:
        return event.model.chosen is m

    return is_the_chosen_one

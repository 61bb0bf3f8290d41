"""Deliberate faults, made by machine from the tables, each of which the explorer must notice.

A promise that no fault can break proves nothing. So every guard is dropped once, every follow and
every clock lost once, ways out closed, roles added, records picked that should not be; and for each
some invariant must speak up, by name. A fault that can't show is not made, and why is said where
it is left out (`NEVER_NO`, `acting.EFFECTS_BESIDE`); a test holds those reasons to the walks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from referral.states import Noun, Relation, Role
from workflows.engine import MACHINES, TABLES
from workflows.moves import Clock, Fire, Move, Raise, StartClock, Table, Tell
from workflows.prove import world
from workflows.prove.acting import EFFECTS_BESIDE
from workflows.prove.exploring import Breach, Exploration, explore
from workflows.prove.invariants import FOUND
from workflows.prove.slices import slices

R, C, O, S, E, P, G, Q, Y = (  # noqa: E741 - O is the override, beside the others' first letters
    Noun.REFERRAL,
    Noun.CONSENT,
    Noun.OVERRIDE,
    Noun.CONCERN,
    Noun.ESCALATION,
    Noun.ASSURANCE,
    Noun.AGREEMENT,
    Noun.RIGHTS,
    Noun.EMERGENCY,
)
PROVIDER = (Role.PROVIDER_LEADER, Relation.ADDRESSED)
PERSON = (Role.PERSON, Relation.SELF)
COLLEAGUE = (Role.LINK_WORKER, Relation.STAFF)
GOVERNANCE = (Role.GOVERNANCE_LEAD, Relation.OVER)


@dataclass(frozen=True)
class Fault:
    """One thing made wrong in one table, and the walks that should notice."""

    name: str
    kind: str
    noun: Noun
    slices: tuple[str, ...]
    table: Callable[[], Table] | None = None
    open_under_full_hold: frozenset[str] | None = None
    pick: tuple[str, Callable[..., list[int]]] | None = None

    @contextmanager
    def made(self) -> Iterator[None]:
        """The product with this fault in it."""
        table, machine = TABLES[self.noun], MACHINES[self.noun]
        open_to = machine.OPEN_UNDER_FULL_HOLD
        picks = dict(world.WHICH)
        try:
            if self.table is not None:
                TABLES[self.noun] = self.table()
            if self.open_under_full_hold is not None:
                machine.OPEN_UNDER_FULL_HOLD = self.open_under_full_hold
            if self.pick is not None:
                world.WHICH[self.pick[0]] = self.pick[1]
            yield
        finally:
            TABLES[self.noun] = table
            machine.OPEN_UNDER_FULL_HOLD = open_to
            world.WHICH.update(picks)


def rebuilt(table: Table, moves: Iterable[Move], states: Iterable[Any] | None = None) -> Table:
    """The table with other moves or states."""
    of_states = {s.clock.kind for s in table.states.values() if s.clock}
    beside = tuple(c for kind, c in table.clocks.items() if kind not in of_states)
    return Table(
        table.noun,
        tuple(states) if states is not None else tuple(table.states.values()),
        tuple(moves),
        table.cast,
        table.hats,
        beside,
    )


def with_move(noun: Noun, old: Move, new: Move) -> Callable[[], Table]:
    """The table with one move in place of another."""
    table = TABLES[noun]
    return lambda: rebuilt(table, [new if m is old else m for m in table.moves])


def without_source(noun: Noun, old: Move, source: Any) -> Callable[[], Table]:
    return with_move(noun, old, replace(old, sources=old.sources - {source}))


def with_clock(noun: Noun, name: str, clock: Clock | None) -> Callable[[], Table]:
    """The table with another clock on one state."""
    table = TABLES[noun]
    states = [replace(s, clock=clock) if str(s.name) == name else s for s in table.states.values()]
    return lambda: rebuilt(table, table.moves, states)


# -- where a fault in a noun's table is looked for ------------------------------------------------

LOOK: dict[Noun, tuple[str, ...]] = {
    R: ("every role", "full hold", "two referrals", "death", "concern", "one referral"),
    C: ("renewals", "one referral"),
    O: ("overrides", "override"),
    S: ("named later", "ladder", "concern"),
    E: ("escalation", "two people", "overtaken", "alarms", "reviewers"),
    P: ("assurance",),
    G: ("agreement",),
    Q: ("rights",),
    Y: ("emergency",),
}
LOOK_FOR_GUARD: dict[str, tuple[str, ...]] = {
    "ground_to_share": ("one referral",),
    "person_identified": ("ready to send",),
    "risks_stated": ("ready to send",),
    "activity_open": ("ready to send",),
    "agreement_in_force": ("agreement",),
    "provider_assured": ("assurance",),
    "not_held": ("full hold", "concern"),
    "not_duplicate": ("two referrals",),
    "place_left": ("places",),
    "not_died": ("death",),
    "not_erased": ("rights", "erased"),
    "somebody_named": ("named later",),
    "not_left_by_redirect": ("two referrals",),
    "not_extended": ("rights",),
    "in_first_month": ("rights",),
    "erasure_asked": ("rights",),
    "nothing_to_erase": ("rights",),
    "nothing_else_asked": ("erased",),
    "not_kept": ("rights",),
    "retention_over": ("rights",),
}


def named(noun: Noun, m: Move) -> str:
    sources = ", ".join(sorted(str(s) for s in m.sources if s is not None)) or "nothing"
    when = f" when {m.when_says}" if m.when_says else ""
    return f"{noun} {m.trigger} from {sources}{when}"


# -- faults by machine ----------------------------------------------------------------------------


def _guards() -> Iterator[Fault]:
    for noun, table in TABLES.items():
        for m in table.moves:
            for g in m.guards:
                rest = tuple(x for x in m.guards if x is not g)
                answers = {f"{s or '-'} to {m.to or s}" for s in m.sources}
                if all((noun, m.trigger, one, g.name) in NEVER_NO for one in answers):
                    continue
                yield Fault(
                    f"{named(noun, m)} no longer asks {g.name}",
                    "guard dropped",
                    noun,
                    LOOK_FOR_GUARD.get(g.name, LOOK[noun]),
                    with_move(noun, m, replace(m, guards=rest)),
                )


def _follows() -> Iterator[Fault]:
    for noun, table in TABLES.items():
        for m in table.moves:
            for f in m.follows:
                if isinstance(f, Tell):
                    continue  # whom a move tells is held against the grid kept by hand
                rest = tuple(x for x in m.follows if x is not f)
                what = f.trigger if isinstance(f, Fire) else f.kind
                look = ("one referral", "alarms") if isinstance(f, StartClock) else LOOK[noun]
                yield Fault(
                    f"{named(noun, m)} no longer brings about {type(f).__name__} {what}",
                    "follow lost",
                    noun,
                    ("alarms", *look) if isinstance(f, Raise) and noun is R else look,
                    with_move(noun, m, replace(m, follows=rest)),
                )


def _clocks() -> Iterator[Fault]:
    for noun, table in TABLES.items():
        for name, state in table.states.items():
            if state.clock is None:
                continue
            yield Fault(
                f"{noun} {name} has lost its clock",
                "clock lost",
                noun,
                LOOK[noun],
                with_clock(noun, str(name), None),
            )
            yield Fault(
                f"the clock of {noun} {name} falls silent after its first miss",
                "clock falls silent",
                noun,
                ("every role",),
                with_clock(noun, str(name), replace(state.clock, then=None)),
            )
            if state.clock.held:
                yield Fault(
                    f"a hold doesn't stop the clock of {noun} {name}",
                    "clock runs on",
                    noun,
                    ("full hold", "concern"),
                    with_clock(noun, str(name), replace(state.clock, held=False)),
                )


WAYS_OUT = {"decline": PROVIDER, "give_back": PROVIDER, "withdraw": PERSON, "recall": None}


def _ways_out() -> Iterator[Fault]:
    """A way out closed: a state lost by decline, give_back, recall, or the person's withdraw."""
    for noun, trigger in (
        (R, "decline"),
        (R, "give_back"),
        (R, "recall"),
        (R, "withdraw"),
        (C, "withdraw"),
        (O, "climb"),
        (S, "climb"),
        (E, "climb"),
        (E, "overtake"),
    ):
        for m in TABLES[noun].moves:
            if m.trigger != trigger:
                continue
            for source in sorted(m.sources, key=str):
                look = LOOK[noun] if noun is not E else ("overtaken", "alarms", "escalation")
                yield Fault(
                    f"{noun} {trigger} is no longer possible from {source}",
                    "source lost",
                    noun,
                    ("every role",) if noun is R else look,
                    without_source(noun, m, source),
                )


def _hats() -> Iterator[Fault]:
    """A role lost, or one too many."""
    lost = (
        (R, "withdraw", PERSON),
        (C, "withdraw", PERSON),
        (R, "decline", PROVIDER),
        (R, "give_back", PROVIDER),
        (R, "complete", PROVIDER),
    )
    for noun, trigger, hat in lost:
        for m in TABLES[noun].moves:
            if m.trigger == trigger:
                yield Fault(
                    f"{noun} {trigger} loses {hat[0]}",
                    "role lost",
                    noun,
                    ("one referral",),
                    with_move(noun, m, replace(m, by=m.by - {hat})),
                )
    for m in TABLES[R].moves:
        if m.trigger == "recall":
            only = frozenset(h for h in m.by if h[0] is Role.SYSTEM)
            yield Fault(
                "referral recall only by the system",
                "role lost",
                R,
                ("every role",),
                with_move(R, m, replace(m, by=only)),
            )
    more = (
        ("send", PROVIDER),
        ("send", COLLEAGUE),
        ("send", GOVERNANCE),
        ("confirm", PROVIDER),
        ("confirm", COLLEAGUE),
        ("confirm", PERSON),
        ("close_unmet", PROVIDER),
        ("close_unmet", PERSON),
        ("close_unmet", (Role.TEAM_LEAD, Relation.OVER)),
        ("accept", (Role.LINK_WORKER, Relation.NAMED)),
        ("accept", GOVERNANCE),
        ("accept", PERSON),
    )
    for trigger, hat in more:
        for m in TABLES[R].moves:
            if m.trigger == trigger:
                yield Fault(
                    f"referral {trigger} also by {hat[0]}/{hat[1]}",
                    "role added",
                    R,
                    ("every role",),
                    with_move(R, m, replace(m, by=m.by | {hat})),
                )
    for m in TABLES[R].moves:
        if m.trigger == "reopen" and m.to == "returned":
            for hat in (PROVIDER, PERSON):
                yield Fault(
                    f"referral reopen from an end also by {hat[0]}",
                    "role added",
                    R,
                    ("every role",),
                    with_move(R, m, replace(m, by=m.by | {hat})),
                )


def _reasons() -> Iterator[Fault]:
    for trigger in ("reopen", "close_unmet", "withdraw", "mark_in_error"):
        for m in TABLES[R].moves:
            if m.trigger == trigger and not (trigger == "reopen" and m.to == "active"):
                rest = tuple(n for n in m.needs if n.name != "reason")
                yield Fault(
                    f"{named(R, m)} asks for no reason",
                    "need lost",
                    R,
                    ("every role", "two referrals"),
                    with_move(R, m, replace(m, needs=rest)),
                )


def _two_people() -> Iterator[Fault]:
    for noun, table in TABLES.items():
        for m in table.moves:
            if m.two_people or m.two_people_if is not None:
                yield Fault(
                    f"{noun} {m.trigger} needs one person only",
                    "two people lost",
                    noun,
                    LOOK[Q] if noun is Q else ("two people", "every role"),
                    with_move(noun, m, replace(m, two_people=False, two_people_if=None)),
                )


def _full_hold() -> Iterator[Fault]:
    open_to = MACHINES[R].OPEN_UNDER_FULL_HOLD
    for trigger in sorted(open_to - {"update"}):
        yield Fault(
            f"a full hold closes {trigger} too",
            "full hold widened",
            R,
            ("named as a source of harm", "full hold"),
            open_under_full_hold=open_to - {trigger},
        )
    by_provider = {m.trigger for m in TABLES[R].moves if PROVIDER in m.by} - open_to
    for trigger in sorted(by_provider):
        yield Fault(
            f"a full hold leaves {trigger} to the provider",
            "full hold narrowed",
            R,
            ("named as a source of harm",),
            open_under_full_hold=open_to | {trigger},
        )
    everything = frozenset(m.trigger for m in TABLES[C].moves)
    yield Fault(
        "a full hold leaves a consent to whoever is named",
        "full hold narrowed",
        C,
        ("named as a source of harm",),
        open_under_full_hold=everything,
    )


STOP = Fire(R, "stop", "relying on it")
RECALL = Fire(R, "recall", "each with this provider")


def _wrong_ends() -> Iterator[Fault]:
    """Paper that puts people out, and moves that lead where they must not."""
    more_follows = (
        (C, "expire", STOP, ("one referral",)),
        (C, "give", STOP, ("renewals",)),
        (C, "renew", STOP, ("renewals",)),
        (P, "suspend", RECALL, ("assurance",)),
        (P, "lapse", RECALL, ("assurance",)),
        (P, "condition", RECALL, ("assurance",)),
        (P, "review", RECALL, ("assurance",)),
    )
    for noun, trigger, follow, look in more_follows:
        for m in TABLES[noun].moves:
            if m.trigger == trigger:
                yield Fault(
                    f"{named(noun, m)} fires {follow.trigger}",
                    "follow added",
                    noun,
                    look,
                    with_move(noun, m, replace(m, follows=(*m.follows, follow))),
                )
    wrong = (
        ("lapse", "withdrawn", ("every role",)),
        ("lapse", "closed", ("every role",)),
        ("decline", "withdrawn", ("one referral",)),
        ("give_back", "closed", ("every role",)),
        ("create", "sent", ("every role",)),
    )
    states = {str(s): s for s in TABLES[R].states}
    for trigger, to, look in wrong:
        for m in TABLES[R].moves:
            if m.trigger == trigger:
                yield Fault(
                    f"referral {trigger} leads to {to}",
                    "target changed",
                    R,
                    look,
                    with_move(R, m, replace(m, to=states[to])),
                )
    wide = (
        (R, "recall", "completed", ("every role",)),
        (R, "withdraw", "completed", ("every role",)),
        (R, "withdraw", "redirected", ("two referrals",)),
        (R, "accept", "returned", ("every role",)),
        (R, "confirm", "active", ("every role",)),
        (R, "close_unmet", "draft", ("every role",)),
        (R, "discard", "sent", ("every role",)),
        (R, "discard", "returned", ("every role",)),
        (R, "send", "closed", ("every role",)),
        (R, "send", "withdrawn", ("every role",)),
        (R, "start", "returned", ("every role", "one referral")),
        (R, "redirect", "completed", ("two referrals",)),
        (R, "recall", "withdrawn", ("every role",)),
        (S, "release", "raised", ("concern", "ladder")),
        (E, "complete", "in_review", ("escalation",)),
        (E, "withdraw", "decided", ("escalation", "alarms")),
    )
    for noun, trigger, source, look_in in wide:
        known = {str(s): s for s in TABLES[noun].states}
        for m in TABLES[noun].moves:
            if m.trigger == trigger:
                yield Fault(
                    f"{noun} {trigger} is possible from {source}",
                    "source widened",
                    noun,
                    look_in,
                    with_move(noun, m, replace(m, sources=m.sources | {known[source]})),
                )


def _effects() -> Iterator[Fault]:
    for noun, table in TABLES.items():
        for m in table.moves:
            for effect in m.effects:
                if effect in EFFECTS_BESIDE:
                    continue
                rest = tuple(x for x in m.effects if x != effect)
                yield Fault(
                    f"{named(noun, m)} to {m.to or 'the same'} no longer writes {effect}",
                    "effect lost",
                    noun,
                    ("concern", "ladder", "named later") if noun is S else LOOK[noun],
                    with_move(noun, m, replace(m, effects=rest)),
                )


def _picks() -> Iterator[Fault]:
    def everyone(s: world.State, noun: Noun, slot: int) -> list[int]:
        c = s.consents[slot]
        return [
            i
            for i, r in enumerate(s.referrals)
            if r.person == c.person and r.provider == c.recipient
        ]

    def every_provider(s: world.State, noun: Noun, slot: int) -> list[int]:
        c = s.consents[slot]
        return [
            i
            for i, r in enumerate(s.referrals)
            if r.person == c.person and r.state in ("sent", "accepted", "active")
        ]

    def all_there(s: world.State, noun: Noun, slot: int) -> list[int]:
        provider = s.assurances[slot].provider
        return [i for i, r in enumerate(s.referrals) if r.provider == provider]

    def nobody(s: world.State, noun: Noun, slot: int) -> list[int]:
        return []

    wrong: tuple[tuple[str, str, Noun, Callable[..., list[int]], tuple[str, ...]], ...] = (
        ("relying on it", "also what has ended", C, everyone, ("one referral",)),
        ("relying on it", "nobody", C, nobody, ("one referral",)),
        ("relying on it", "those with other providers", C, every_provider, ("two providers",)),
        ("each with this provider", "also what has ended", P, all_there, ("assurance",)),
        ("each with this provider", "nobody", P, nobody, ("assurance",)),
        ("in force beside it", "nobody", C, nobody, ("renewals",)),
        ("unanswered beside it", "nobody", C, nobody, ("renewals",)),
        ("renewed by it", "nobody", C, nobody, ("renewals",)),
        ("replaced by it", "nobody", G, nobody, ("agreement",)),
    )
    for which, says, noun, pick, look in wrong:
        yield Fault(
            f"“{which}” picks {says}", "wrong records picked", noun, look, pick=(which, pick)
        )


FAMILIES: tuple[Callable[[], Iterator[Fault]], ...] = (
    _guards,
    _follows,
    _clocks,
    _ways_out,
    _hats,
    _reasons,
    _two_people,
    _full_hold,
    _wrong_ends,
    _effects,
    _picks,
)


def faults() -> list[Fault]:
    """Every fault, made from the tables as they are."""
    return [fault for family in FAMILIES for fault in family()]


@dataclass(frozen=True)
class Verdict:
    """What became of a fault: the breach that showed it, or none."""

    fault: Fault
    breach: Breach | None

    @property
    def caught(self) -> bool:
        return self.breach is not None


# Guards that never say no, so that dropping one changes nothing. A test sees that none of them
# said no on any walk, and that no other guard is like them.
NEVER_NO: dict[tuple[Noun, str, str, str], str] = {
    **{
        (R, trigger, "accepted to accepted", "after_it_was_sent"): (
            "when a call was is said by whoever made it, and in the walks it is said to be now"
        )
        for trigger in ("contact", "try_contact")
    },
    (E, "complete", "decided to closed", "raiser_told"): (
        "deciding tells the raiser in the same step"
    ),
    (G, "sign", "drafted to in_force", "not_signed_yet"): (
        "only a party that hasn't signed can be the last to sign"
    ),
}


def try_fault(fault: Fault, most: int | None = None) -> Verdict:
    """Walk the slices in which this fault should show, until some invariant speaks up."""
    with fault.made():
        there = slices()
        for name in fault.slices:
            x: Exploration = explore(there[name], FOUND, first_breach=True, most=most)
            if x.breaches:
                return Verdict(fault, x.breaches[0])
    return Verdict(fault, None)

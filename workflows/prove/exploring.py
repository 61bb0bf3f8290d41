"""Walks breadth-first over every product state a slice can reach, asks each invariant of each state
and step, and keeps the way it came, so that a breach is told by its shortest trace."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from referral import facts
from referral.states import Noun, Role
from workflows.engine import TABLES, Refused, _choose, decide
from workflows.moves import Move
from workflows.prove import acting, world
from workflows.prove.acting import Bounds, Edge, Trial
from workflows.prove.world import AT, CAST, SHARING, Consent, Escalation, Referral, State, records

Triggers = frozenset[str] | None  # None: all of the table
Progress = Callable[[str, int, int | None], None]
Canonical = Callable[[State], State]


@dataclass(frozen=True)
class ConcernAbout:
    """A concern that may be raised in a slice."""

    sources: frozenset[str] = frozenset()
    person: str | None = "margaret"
    provider: str | None = None
    danger: bool = False
    safe: bool = False
    by: str = "sam"


@dataclass(frozen=True)
class Slice:
    """One cut through the product: where it starts, who acts, which moves of which noun are made,
    what else may happen, and how far it goes."""

    name: str
    says: str
    start: Callable[[], tuple[State, ...]]
    moves: Mapping[Noun, Triggers]
    actors: tuple[str, ...]
    bounds: Bounds
    life: tuple[str, ...] = ()
    swept: frozenset[Noun] = frozenset()
    unswept: frozenset[str] = frozenset()  # kinds of clocks left to other slices
    people: tuple[str, ...] = ("margaret",)
    providers: tuple[str, ...] = ("singers",)
    asked: tuple[tuple[str, str], ...] = ((SHARING, "singers"),)
    concerns: tuple[ConcernAbout, ...] = ()
    matters: tuple[tuple[str, str], ...] = ()  # (kind, severity) of what people escalate
    proposers: tuple[str, ...] = ()  # who proposes to share without consent
    openers: tuple[str, ...] = ()  # who opens a record in an emergency
    canonical: Canonical | None = None
    full: bool = False  # only in the full profile
    # The nouns of which the slice leaves out no move that would help: of these it is asked whether
    # somebody can act. Unless said, those it makes all moves of.
    whole: frozenset[Noun] | None = None

    def makes(self, noun: Noun, trigger: str) -> bool:
        """Whether this slice makes this move."""
        if noun not in self.moves:
            return False
        only = self.moves[noun]
        return only is None or trigger in only

    @property
    def answered(self) -> frozenset[Noun]:
        if self.whole is not None:
            return self.whole
        return frozenset(noun for noun, only in self.moves.items() if only is None)


class Met(NamedTuple):
    """One combination of answers that a move's guards were heard to give together, by the role that
    asked for it, what was said with it, and what it comes to: what refuses it, or who acts next."""

    noun: Noun
    trigger: str
    source: str
    target: str
    answers: tuple[tuple[str, bool], ...]
    role: str
    said: str
    comes_to: tuple[str, ...]


class Where(NamedTuple):
    """Where a combination was met first: so that the real commands can be asked the same."""

    slice: str
    state: State
    slot: int
    who: str
    said: str
    given: Mapping[str, Any]


@dataclass
class Watch:
    """What was reached: rows of the tables, answers of the guards, states, acts of clocks."""

    rows: Counter[tuple[Noun, str, str]] = field(default_factory=Counter)
    guards: dict[tuple[Noun, str, str, str], set[bool]] = field(default_factory=dict)
    states: set[tuple[Noun, str]] = field(default_factory=set)
    marks: Counter[str] = field(default_factory=Counter)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)  # (invariant, slice)
    met: dict[Met, Where] = field(default_factory=dict)

    def merge(self, other: Watch) -> None:
        self.rows.update(other.rows)
        for key, answers in other.guards.items():
            self.guards.setdefault(key, set()).update(answers)
        self.states |= other.states
        self.marks.update(other.marks)
        self.asked.update(other.asked)
        for met, where in other.met.items():
            self.met.setdefault(met, where)


@dataclass(frozen=True)
class Breach:
    """A promise that doesn't hold, and the shortest way there."""

    invariant: str
    slice: str
    says: str
    trace: tuple[str, ...]


@dataclass
class Exploration:
    """What a walk came to."""

    slice: Slice
    states: list[State] = field(default_factory=list)
    parents: list[tuple[int, Edge | None]] = field(default_factory=list)
    sources: array[int] = field(default_factory=lambda: array("l"))
    targets: array[int] = field(default_factory=lambda: array("l"))
    movers: list[str] = field(default_factory=list)
    edges: int = 0
    watch: Watch = field(default_factory=Watch)
    breaches: list[Breach] = field(default_factory=list)
    cut: bool = False  # stopped before everything was seen
    first: list[State] = field(default_factory=list)

    def trace(self, index: int, last: Edge | None = None) -> tuple[str, ...]:
        """The steps that lead to a state, in plain words."""
        steps: list[str] = [] if last is None else [told(last)]
        while True:
            index, edge = self.parents[index]
            if edge is None:
                break
            steps.append(told(edge))
        return tuple(reversed(steps))


WHO = {name: f"{name} ({str(actor.role).replace('_', ' ')})" for name, actor in CAST.items()}


def told(edge: Edge) -> str:
    """One step in plain words."""
    who = WHO.get(edge.who, edge.who)
    if edge.noun is None:
        return edge.trigger
    what = f"{who}: {edge.noun} {edge.slot + 1} {edge.trigger.replace('_', ' ')}"
    if edge.said:
        what += f" ({edge.said})"
    if edge.second:
        what += f", with {WHO[edge.second]}"
    if edge.fired:
        what += " -> " + ", ".join(f"{n} {i + 1} {t}" for n, i, t in edge.fired)
    if edge.raised:
        what += " -> raises " + ", ".join(kind for kind, _, _ in edge.raised)
    return what


# -- moves from a state ---------------------------------------------------------------------------


class Mover:
    """Every step a slice allows from a state. What one record's moves depend on is asked once."""

    def __init__(self, slice_: Slice, watch: Watch) -> None:
        self.slice = slice_
        self.watch = watch
        self.known: dict[tuple[Noun, Any], tuple[Trial, ...]] = {}
        self.here: tuple[State, int] = (State(), 0)
        self.first: list[State] = []  # a state for each situation, kept where somebody wants it
        self.keep = False

    def steps(self, s: State) -> Iterator[tuple[Edge, State]]:
        """Everything that can happen next."""
        bounds = self.slice.bounds
        for noun in self.slice.moves:
            situation = world.SITUATION[noun]
            for slot in range(len(records(s, noun))):
                x = situation(s, slot)
                trials = self.known.get((noun, x))
                if trials is None:
                    self.here = s, slot
                    if self.keep:
                        self.first.append(s)
                    trials = self.known[(noun, x)] = tuple(self._trials(noun, x))
                for t in trials:
                    yield from self._carried_out(s, noun, slot, t, bounds)
            yield from self._begun(s, noun)
        if self.slice.swept:
            for after, edge in acting.sweep(s, bounds):
                kind = edge.trigger.removeprefix("mark of ")
                if edge.noun in self.slice.swept and kind not in self.slice.unswept:
                    self.watch.marks[kind] += 1
                    yield edge, after
        for name in self.slice.life:
            for says, after in acting.LIFE[name](s, bounds):
                yield Edge("life", None, 0, says), after

    def _carried_out(
        self, s: State, noun: Noun, slot: int, t: Trial, bounds: Bounds
    ) -> Iterator[tuple[Edge, State]]:
        source = records(s, noun)[slot].state
        self.watch.rows[noun, t.trigger, source] += 1
        if noun is Noun.REFERRAL and t.trigger == "redirect":
            for provider in self.slice.providers:
                done = acting.redirected(s, slot, t, provider, bounds)
                if done is not None:
                    yield done[1], done[0]
            return
        after, edge = acting.carry_out(s, noun, slot, t, bounds)
        if noun is Noun.CONSENT and t.trigger == "renew":
            after, refused = acting.renewed(after, slot, t.who, bounds)
            edge = edge._replace(said=refused)
        if "restart_clock" in t.move.effects:
            after = _clock_restarted(after, slot)
        yield edge, after

    def _trials(self, noun: Noun, x: Any) -> Iterator[Trial]:
        table, source = TABLES[noun], x.record.state
        self.watch.states.add((noun, source))
        for name in self.slice.actors:
            actor = CAST[name]
            f = world.FACTS[noun](x, actor)
            worn = table.hats(f, actor)
            if not worn:
                continue
            for trigger in table.triggers:
                if not self.slice.makes(noun, trigger):
                    continue
                moves = table.moves_from(trigger, source)
                mine = tuple(m for m in moves if m.by & worn)
                if not mine:
                    continue
                yield from self._allowed(noun, x, name, f, trigger, mine)

    def _note_guards(
        self,
        noun: Noun,
        source: str,
        m: Move,
        f: Any,
        who: str,
        said: str,
        given: Any,
        comes_to: tuple[str, ...],
    ) -> None:
        target, answers = str(m.to or source), []
        for g in m.guards:
            holds = bool(g.holds(f, given, AT))
            answers.append((g.name, holds))
            key = (noun, m.trigger, f"{source} to {target}", g.name)
            self.watch.guards.setdefault(key, set()).add(holds)
        role = str(CAST[who].role)
        met = Met(noun, m.trigger, str(source), target, tuple(answers), role, said, comes_to)
        if met not in self.watch.met:
            self.watch.met[met] = Where(self.slice.name, *self.here, who, said, given)

    def _allowed(
        self, noun: Noun, x: Any, name: str, f: Any, trigger: str, moves: tuple[Move, ...]
    ) -> Iterator[Trial]:
        actor = CAST[name]
        seconds = acting.SECONDS if acting.takes_two(moves) else ("",)
        done = set()
        for said, given in acting.said_with(noun, trigger, moves, x):
            m = _choose(moves, f, given)
            refused: Refused | None = None
            owner: str | None = None
            for other in seconds:
                second = CAST[other] if other else None
                second_facts = world.FACTS[noun](x, second) if second else None
                try:
                    decision = decide(
                        noun, f, trigger, actor, AT, given, None, second, second_facts
                    )
                except Refused as why:
                    refused = refused or why
                    continue
                record = acting.record_after(noun, x.record, decision.move, decision.to, f, given)
                owner = record.owner if owner is None else owner
                same = (record, "reason" in given, bool(other))
                if said == "nothing said" and same in done:
                    continue  # what was said made no difference
                done.add(same)
                yield Trial(name, other, trigger, said, decision.move, f, given, record)
            comes_to = tuple(sorted(refused.codes)) if owner is None and refused else (owner or "",)
            self._note_guards(noun, x.record.state, m, f, name, said, given, comes_to)

    # -- records that are new ----------------------------------------------------------------------

    def _begun(self, s: State, noun: Noun) -> Iterator[tuple[Edge, State]]:
        begin = BEGIN.get(noun)
        if begin is None:
            return
        trigger, beginnings = begin
        if not self.slice.makes(noun, trigger):
            return
        slot = self.slice.bounds.room(s, noun)
        if slot is None:
            return
        for who, f, blank, given, said in beginnings(s, self.slice, slot):
            done = acting.begun(
                s, noun, trigger, who, f, blank, given, said, slot, self.slice.bounds
            )
            if TABLES[noun].hats(f, CAST[who]):
                self.here = s, slot
                m = TABLES[noun].moves_from(trigger, None)[0]
                owner = records(done[0], noun)[done[1].slot].owner if done else "nobody"
                self._note_guards(noun, "-", m, f, who, said, given, (owner,))
            if done is not None:
                self.watch.rows[noun, trigger, "-"] += 1
                yield done[1], done[0]


def _clock_restarted(s: State, slot: int) -> State:
    """`complete_escalation`: the clock that raised it starts again, if it still runs."""
    e = s.escalations[slot]
    if not e.clock_runs or e.about is None:
        return s
    noun, i = Noun(e.about[0]), e.about[1]
    clock = TABLES[noun].clocks[e.clock]
    column = "long_mark" if e.clock == acting.LONG else "mark"
    record = records(s, noun)[i]._replace(**{column: len(clock.before)})
    return world.put(s, noun, i, record)


Beginning = tuple[str, Any, Any, dict[str, Any], str]


def _referrals(s: State, slice_: Slice, slot: int) -> Iterator[Beginning]:
    for who in slice_.actors:
        if CAST[who].role not in (Role.LINK_WORKER, Role.TEAM_LEAD) or (
            CAST[who].organisation_id != "ash"
        ):
            continue
        for person in slice_.people:
            for provider in slice_.providers:
                x = world.NewReferralSituation(
                    person,
                    provider,
                    slot,
                    world.named_about_person(s, person),
                    world.closed_sides(s, person),
                    person in s.died,
                )
                blank = Referral("", person, provider, who)
                f = world.new_referral_facts(x, CAST[who])
                yield who, f, blank, {}, f"of {person} to {provider}"


def _questions(s: State, slice_: Slice, slot: int) -> Iterator[Beginning]:
    place = slot if slot >= 0 else len(s.consents)
    for who in slice_.actors:
        if CAST[who].role is not Role.LINK_WORKER or CAST[who].organisation_id != "ash":
            continue
        for person in slice_.people:
            for purpose, recipient in slice_.asked:
                x = world.new_consent_situation(s, person, recipient, purpose, place)
                blank = Consent("", person, recipient, purpose, who)
                f = world.consent_facts(x, CAST[who])
                yield who, f, blank, {}, f"{purpose} with {recipient}"


def _proposals(s: State, slice_: Slice, slot: int) -> Iterator[Beginning]:
    place = slot if slot >= 0 else -1 - slot
    for who in slice_.proposers:
        actor = CAST[who]
        for purpose, recipient in slice_.asked:
            if purpose != SHARING:
                continue
            x = world.new_override_situation(s, "margaret", recipient, place)
            f = world.override_facts(x, actor)
            blank = world.Override("", "margaret", recipient, who, f.rung, f.holder)
            given = {**acting.SAMPLES, "ground": "vital_interests"}
            yield who, f, blank, given, f"with {recipient}"


def _openings(s: State, slice_: Slice, slot: int) -> Iterator[Beginning]:
    place = slot if slot >= 0 else -1 - slot
    for who in slice_.openers:
        x = world.new_emergency_situation(s, "margaret", place)
        if world.is_named(CAST[who], x.named) or facts.side_of(CAST[who]) in x.closed:
            continue  # to whom the record is closed there is nothing to open
        blank = world.Emergency("", "margaret", who)
        given = {"reason": "danger_now", "why": "words"}
        other = any(y.opener == who and y.state == "opened" for y in s.emergencies)
        said = "in the place of the other" if other else ""
        yield who, world.emergency_facts(x, CAST[who]), blank, given, said


def _concerns(s: State, slice_: Slice, slot: int) -> Iterator[Beginning]:
    for about in slice_.concerns:
        sources = [world.as_source(one) for one in sorted(about.sources)]
        given = {
            "seen": "words",
            "danger": about.danger,
            "person_id": about.person,
            "provider_id": about.provider,
            "sources": sources,
            "safe_to_carry_on": about.safe,
        }
        actor = CAST[about.by]
        f = world.new_concern_facts(actor, slot, given)
        blank = world.Concern(
            "",
            about.person,
            about.provider,
            frozenset(),
            f.rung,
            f.holder,
            about.danger,
            "" if actor.role is Role.PERSON else about.by,
        )
        names = ", ".join(sorted(about.sources)) or "nobody"
        yield about.by, f, blank, given, f"naming {names}{', danger now' if about.danger else ''}"


def _matters(s: State, slice_: Slice, slot: int) -> Iterator[Beginning]:
    place = slot if slot >= 0 else -1 - slot
    for who in slice_.actors:
        actor = CAST[who]
        if actor.role not in (Role.LINK_WORKER, Role.PROVIDER_LEADER, Role.PERSON, Role.TEAM_LEAD):
            continue
        about = (Noun.REFERRAL, 0) if s.referrals else None
        if about is None and actor.role is Role.PERSON:
            continue  # a person complains about something of theirs
        if about is not None:
            f = world.facts_of(s, Noun.REFERRAL, 0, actor)
            if not TABLES[Noun.REFERRAL].hats(f, actor):
                continue
        for kind, severity in slice_.matters:
            if (kind == "complaint") != (actor.role is Role.PERSON):
                continue
            given = {"kind": kind, "severity": severity, "note": "words", "about": about}
            f = world.new_escalation_facts(s, actor, place, given)
            blank = Escalation(
                "",
                f.kind,
                f.severity,
                about,
                f.organisation_id,
                f.person_id,
                f.level,
                f.ceiling,
                f.owner,
                f.raiser,
                f.raised_by,
            )
            yield who, f, blank, given, f"{kind}, {severity}"


def _agreements(s: State, slice_: Slice, slot: int) -> Iterator[Beginning]:
    actor = CAST["grace"]
    parties = frozenset({"ash", *slice_.providers})
    old = [-1, *(i for i, a in enumerate(s.agreements) if a.state != "drafted")]
    for replaces in old:
        if replaces >= 0 and slot == -1 - replaces:
            continue  # that one is about to be forgotten
        x = world.AgreementSituation(None, slot, False, False)
        f = world.agreement_facts(x, actor)._replace(parties=parties, unsigned=parties)
        blank = world.Agreement("", parties, parties, replaces=replaces)
        yield "grace", f, blank, {}, "" if replaces < 0 else f"instead of {replaces + 1}"


def _applications(s: State, slice_: Slice, slot: int) -> Iterator[Beginning]:
    there = {a.provider for a in s.assurances}
    for provider in slice_.providers:
        if provider in there:
            continue
        for who in slice_.actors:
            actor = CAST[who]
            if actor.role not in (Role.PROVIDER_LEADER, Role.GOVERNANCE_LEAD):
                continue
            blank = world.Assurance("", provider, evidence="out")
            x = world.AssuranceSituation(blank, slot, False)
            f = world.assurance_facts(x, actor)
            yield who, f, blank, {}, provider


def _requests(s: State, slice_: Slice, slot: int) -> Iterator[Beginning]:
    place = slot if slot >= 0 else -1 - slot
    for who in slice_.actors:
        actor = CAST[who]
        x = world.new_rights_situation(s, "margaret", place)
        for kind in ("access", "erasure"):
            f = world.rights_facts(x, actor, "margaret", kind)
            if not TABLES[Noun.RIGHTS].hats(f, actor):
                continue
            taken = "" if actor.role is Role.PERSON else who
            given = {**acting.SAMPLES, "kind": kind, "how": "phone"}
            yield who, f, world.Rights("", "margaret", kind, taken), given, f"for {kind}"


BEGIN: dict[Noun, tuple[str, Callable[[State, Slice, int], Iterator[Beginning]]]] = {
    Noun.REFERRAL: ("create", _referrals),
    Noun.CONSENT: ("ask", _questions),
    Noun.OVERRIDE: ("propose", _proposals),
    Noun.EMERGENCY: ("open", _openings),
    Noun.CONCERN: ("raise", _concerns),
    Noun.ESCALATION: ("raise", _matters),
    Noun.AGREEMENT: ("draft", _agreements),
    Noun.RIGHTS: ("receive", _requests),
    Noun.ASSURANCE: ("apply", _applications),
}

# -- walking --------------------------------------------------------------------------------------


class Out(list[tuple[Edge, State]]):
    """Everything that can happen next in a state, on this slice."""

    def __init__(self, steps: Iterable[tuple[Edge, State]], slice_: Slice) -> None:
        super().__init__(steps)
        self.slice = slice_


class Invariants:
    """The promises asked on a walk, arranged so that each is asked only where it can speak."""

    def __init__(self, found: Iterable[Any], slice_: Slice) -> None:
        mine = [i for i in found if i.only is None or slice_.name in i.only]
        self.of_state = [i for i in mine if i.on == "state"]
        self.of_slice = [i for i in mine if i.on == "slice"]
        self.of_edge = [i for i in mine if i.on == "edge"]
        self._by_move: dict[tuple[Noun | None, str], list[Any]] = {}

    def for_edge(self, edge: Edge) -> list[Any]:
        key = (edge.noun, edge.trigger)
        found = self._by_move.get(key)
        if found is None:
            found = self._by_move[key] = [
                i
                for i in self.of_edge
                if not i.moves
                or (edge.noun, edge.trigger) in i.moves
                or (edge.noun, "*") in i.moves
            ]
        return found


def explore(
    slice_: Slice,
    invariants: Iterable[Any],
    progress: Progress | None = None,
    *,
    first_breach: bool = False,
    most: int | None = None,
    keep: bool = False,
) -> Exploration:
    """Walk the slice to its last state. With `first_breach`, stop at the first promise broken;
    with `most`, at so many states (`cut` then says so). `keep`: a state for each situation that a
    record was met in (`Exploration.first`)."""
    x = Exploration(slice_)
    asked = Invariants(invariants, slice_)
    mover = Mover(slice_, x.watch)
    mover.keep, x.first = keep, mover.first
    canonical = slice_.canonical
    index: dict[State, int] = {}
    broken: set[str] = set()

    def meet(s: State, parent: int, edge: Edge | None) -> int:
        found = index.get(s)
        if found is None:
            found = index[s] = len(x.states)
            x.states.append(s)
            x.parents.append((parent, edge))
        return found

    def breach(i: Any, says: str, at: int, edge: Edge | None) -> None:
        if i.number not in broken:
            broken.add(i.number)
            x.breaches.append(Breach(i.number, slice_.name, says, x.trace(at, edge)))

    for s in slice_.start():
        meet(canonical(s) if canonical else s, -1, None)
    here = 0
    while here < len(x.states):
        if progress is not None and here % 500 == 0:
            progress(slice_.name, here, None)
        if most is not None and here >= most:
            x.cut = True
            break
        s = x.states[here]
        out = Out(mover.steps(s), slice_)
        for edge, after in out:
            x.edges += 1
            for noun, slot, trigger in edge.fired:
                there = records(s, noun)
                source = there[slot].state if slot < len(there) else "-"
                x.watch.rows[noun, trigger, source] += 1
            for i in asked.for_edge(edge):
                says = i.check(s, edge, after)
                if says is None:
                    continue
                x.watch.asked[i.number, slice_.name] += 1
                if says:
                    breach(i, says, here, edge)
            kept = canonical(after) if canonical else after
            target = meet(kept, here, edge)
            if target != here:
                x.sources.append(here)
                x.targets.append(target)
                x.movers.append(edge.who)
        for i in asked.of_state:
            says = i.check(s, out)
            if says is None:
                continue
            x.watch.asked[i.number, slice_.name] += 1
            if says:
                breach(i, says, here, None)
        if first_breach and x.breaches:
            x.cut = True
            return x
        here += 1
    if not x.cut:
        for i in asked.of_slice:
            for says, at in i.check(x):
                breach(i, says, at, None)
            x.watch.asked[i.number, slice_.name] += 1
    return x

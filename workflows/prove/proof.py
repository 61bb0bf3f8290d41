"""One run of the explorer, and what is said about it to a person or a program."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from workflows.engine import TABLES
from workflows.prove.elsewhere import NOT_BUILT, SHOWN_BY
from workflows.prove.exploring import Breach, Progress, Slice, Watch, explore
from workflows.prove.faults import NEVER_NO, Fault, Verdict, faults, try_fault
from workflows.prove.invariants import FOUND, by_number
from workflows.prove.slices import slices

NUMBERS = tuple(f"I{n:02}" for n in range(1, 60))


@dataclass(frozen=True)
class Walked:
    """One slice, walked."""

    name: str
    says: str
    states: int
    edges: int


@dataclass
class Proof:
    """What was walked, what was found, and what was never reached."""

    walked: list[Walked] = field(default_factory=list)
    watch: Watch = field(default_factory=Watch)
    breaches: list[Breach] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    partial: bool = False  # only some slices were asked for

    @property
    def whole(self) -> bool:
        """No promise broken, no fault unnoticed, and everything reached that was asked for."""
        return not self.breaches and not self.survivors and (self.partial or not self.unreached())

    @property
    def survivors(self) -> list[Verdict]:
        """Faults that no invariant noticed."""
        return [v for v in self.verdicts if not v.caught]

    def rows_never_reached(self) -> list[str]:
        """Moves of the tables, by their source, that no walk made."""
        return [
            f"{noun} {m.trigger} from {source or 'nothing'}"
            for noun, table in TABLES.items()
            for m in table.moves
            for source in sorted(m.sources, key=str)
            if (noun, m.trigger, "-" if source is None else str(source)) not in self.watch.rows
        ]

    def guards_never_reached(self) -> list[str]:
        """Guards that no walk heard say both yes and no, but for those known never to say no."""
        found = []
        for noun, table in TABLES.items():
            for m in table.moves:
                for g in m.guards:
                    keys = [
                        (noun, m.trigger, f"{s or '-'} to {m.to or s}", g.name) for s in m.sources
                    ]
                    heard = set().union(*(self.watch.guards.get(key, ()) for key in keys))
                    if True not in heard:
                        found.append(f"{noun} {m.trigger}: {g.name} never said yes")
                    if False not in heard and not all(key in NEVER_NO for key in keys):
                        found.append(f"{noun} {m.trigger}: {g.name} never said no")
        return found

    def states_never_reached(self) -> list[str]:
        return [
            f"{noun} {name}"
            for noun, table in TABLES.items()
            for name in table.states
            if (noun, str(name)) not in self.watch.states
        ]

    def unreached(self) -> list[str]:
        """Everything in the tables that no walk touched."""
        return [
            *self.rows_never_reached(),
            *self.guards_never_reached(),
            *self.states_never_reached(),
        ]

    def as_json(self) -> dict[str, Any]:
        return {
            "whole": self.whole,
            "slices": [
                {"name": w.name, "says": w.says, "states": w.states, "edges": w.edges}
                for w in self.walked
            ],
            "states": sum(w.states for w in self.walked),
            "edges": sum(w.edges for w in self.walked),
            "breaches": [
                {
                    "invariant": b.invariant,
                    "slice": b.slice,
                    "says": b.says,
                    "trace": list(b.trace),
                }
                for b in self.breaches
            ],
            "invariants": {
                number: {
                    "says": [i.says for i in by_number().get(number, ())],
                    "asked": {
                        s: n for (i, s), n in sorted(self.watch.asked.items()) if i == number
                    },
                    "shown_by": list(SHOWN_BY.get(number, ())),
                    "not_built": NOT_BUILT.get(number),
                }
                for number in NUMBERS
            },
            "never_reached": [] if self.partial else self.unreached(),
            "faults": {
                "tried": len(self.verdicts),
                "caught": sum(v.caught for v in self.verdicts),
                "unnoticed": [v.fault.name for v in self.survivors],
            },
        }

    def lines(self) -> list[str]:
        """The same for a person."""
        said = [f"{'slice':28}{'states':>10}{'steps':>12}"]
        said += [f"{w.name:28}{w.states:>10,}{w.edges:>12,}" for w in self.walked]
        said.append(
            f"{'together':28}{sum(w.states for w in self.walked):>10,}"
            f"{sum(w.edges for w in self.walked):>12,}"
        )
        asked = {number for (number, _), n in self.watch.asked.items() if n}
        here = [n for n in NUMBERS if n in asked]
        said += ["", f"{len(here)} of the {len(NUMBERS)} numbered promises were asked here."]
        rest = [n for n in NUMBERS if n in SHOWN_BY and n not in by_number()]
        said.append(f"Shown by tests elsewhere: {', '.join(rest)}.")
        if NOT_BUILT:
            said.append(f"Not built yet, and so not shown: {', '.join(NOT_BUILT)}.")
        if not self.partial:
            never = self.unreached()
            said.append(
                "Every state, move and guard of the tables was reached."
                if not never
                else f"Never reached ({len(never)}):"
            )
            said += [f"  {one}" for one in never]
        if self.verdicts:
            caught = sum(v.caught for v in self.verdicts)
            said.append(f"{caught} of {len(self.verdicts)} deliberate faults were caught.")
            said += [f"  UNNOTICED: {v.fault.name}" for v in self.survivors]
        for b in self.breaches:
            said += ["", f"{b.invariant} DOESN'T HOLD in “{b.slice}”: {b.says}"]
            said += [f"  {n}. {step}" for n, step in enumerate(b.trace, 1)]
        said += ["", "No promise is broken." if self.whole else "Something is wrong: see above."]
        return said


def chosen(full: bool, only: Iterable[str]) -> list[Slice]:
    """The slices of a profile, or those asked for by name. KeyError for a name there isn't."""
    there = slices()
    names = list(only)
    if names:
        return [there[name] for name in names]
    return [s for s in there.values() if full or not s.full]


def prove(
    full: bool = False,
    only: Iterable[str] = (),
    progress: Progress | None = None,
    *,
    with_faults: bool | int = False,
    seed: int = 0,
) -> Proof:
    """Walk the slices and ask everything; then, if wanted, make faults (all, or so many picked by
    `seed`) and see each of them noticed."""
    only = tuple(only)
    proof = Proof(partial=bool(only))
    for slice_ in chosen(full, only):
        x = explore(slice_, FOUND, progress)
        proof.walked.append(Walked(slice_.name, slice_.says, len(x.states), x.edges))
        proof.watch.merge(x.watch)
        proof.breaches += x.breaches
    if with_faults is not False:
        proof.verdicts = try_faults(
            sample(faults(), None if with_faults is True else int(with_faults), seed), progress
        )
    return proof


def sample(all_faults: list[Fault], how_many: int | None, seed: int = 0) -> list[Fault]:
    """So many faults, of each kind in turn, picked by the seed; all of them for None."""
    if how_many is None or how_many >= len(all_faults):
        return all_faults
    by_kind: dict[str, list[Fault]] = {}
    for fault in all_faults:
        by_kind.setdefault(fault.kind, []).append(fault)
    shuffler = random.Random(seed)  # noqa: S311 - which faults are tried today, no secret
    for some in by_kind.values():
        shuffler.shuffle(some)
    found: list[Fault] = []
    while len(found) < how_many:
        for some in by_kind.values():
            if some and len(found) < how_many:
                found.append(some.pop())
    return found


def try_faults(some: list[Fault], progress: Progress | None = None) -> list[Verdict]:
    """What became of each fault."""
    verdicts = []
    for n, fault in enumerate(some, 1):
        if progress is not None:
            progress("faults", n, len(some))
        verdicts.append(try_fault(fault))
    return verdicts


__all__ = ["NUMBERS", "Proof", "prove", "sample", "try_faults"]

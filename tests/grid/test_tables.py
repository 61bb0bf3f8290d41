"""The tables of moves against the grids kept by hand: who, from where, to where, guarded by what.

Pure: nothing is stored. The same cells are tried for real in `test_cells.py`."""

from __future__ import annotations

from itertools import product

import pytest

from referral.states import ENDS, Noun, Role
from tests.grid import reading
from workflows.engine import MACHINES, TABLES
from workflows.moves import Fire, Raise, Tell

NOUNS = tuple(str(noun) for noun in Noun)
# A new version, a new question: the design's "a new record" is a move from nothing here, with the
# older record as a condition (reading 28 and 68).
NEW_RECORD = {("consent", "ask"), ("agreement", "draft")}


def sources(noun: str) -> list[str]:
    return [reading.NOTHING, *(str(s) for s in TABLES[Noun(noun)].states)]


def ours(noun: str, trigger: str, source: str) -> set[tuple[str, str, str]]:
    """(target, role, relation) of each way our table has."""
    state = None if source == reading.NOTHING else source
    return {
        (str(m.to or source), str(role), str(relation))
        for m in TABLES[Noun(noun)].moves_from(trigger, state)
        for role, relation in m.by
    }


def theirs(noun: str, trigger: str, source: str) -> set[tuple[str, str, str]]:
    """The same from the grid; a role alone means whatever relation our table calls it by."""
    return {
        (line.target, str(hat.role), hat.relation)
        for line in reading.moves(noun, trigger, source)
        for hat in line.hats
    }


def plain(found: set[tuple[str, str, str]], alone: set[tuple[str, str]]) -> set[tuple[str, ...]]:
    """Forget the relation where the grid names the role alone."""
    return {(t, r) if (t, r) in alone else (t, r, x) for t, r, x in found}


@pytest.mark.parametrize("noun", NOUNS)
def test_each_cell_of_the_table_is_what_the_grid_says(noun: str) -> None:
    table = TABLES[Noun(noun)]
    triggers = sorted({*table.triggers, *reading.TRIGGERS[noun]})
    different = []
    for trigger, source in product(triggers, sources(noun)):
        if (noun, trigger) in NEW_RECORD and source != reading.NOTHING:
            assert ours(noun, trigger, source) == set()
            continue
        expected = theirs(noun, trigger, source)
        alone = {(t, r) for t, r, x in expected if x == reading.NOTHING}
        found, wanted = plain(ours(noun, trigger, source), alone), plain(expected, alone)
        # Implied relations are ours to leave out: who stands in is over the record as well.
        missing = {w for w in wanted - found if not _implied(noun, w, found)}
        if missing or found - wanted:
            different.append((trigger, source, sorted(missing), sorted(found - wanted)))
    assert different == []


def _implied(noun: str, wanted: tuple[str, ...], found: set[tuple[str, ...]]) -> bool:
    if len(wanted) != 3:
        return False
    target, role, relation = wanted
    known = reading.IMPLIED.get(noun, {}).get(relation)
    return known is not None and (target, role, known) in found


# Guards that the grid states in quotes, and what they are called here.
QUOTED = {
    "draft not left by redirect": "not_left_by_redirect",
    "no conflict of interest": "no_conflict",
    "not at the kind's ceiling": "below_ceiling",
    "the raiser told": "raiser_told",
    "in 20 days": "in_time_to_reopen",
    "blocking evidence complete": "evidence_complete",
    "nothing asked or in force": "nothing_in_force",
    "not signed yet": "not_signed_yet",
    "clock missed twice": None,  # asked by the sweep before it fires the move
}


@pytest.mark.parametrize("noun", NOUNS)
def test_each_move_has_the_guards_of_the_grid_and_no_others(noun: str) -> None:
    machine = MACHINES[Noun(noun)]
    different = []
    for line in reading.lines(noun):
        if (noun, line.trigger) in NEW_RECORD and line.source != reading.NOTHING:
            continue
        wanted = set()
        for guard in reading.guards_of(noun, line.trigger, line.source):
            name = QUOTED.get(guard.name, guard.name)
            if name == "not_implicated":
                free = machine.OPEN_UNDER_FULL_HOLD
                by_system = all(h.role == Role.SYSTEM for h in line.hats)
                if noun in ("referral", "consent"):
                    assert line.trigger not in free or by_system
                continue
            if name is not None:
                wanted.add(name)
        state = None if line.source == reading.NOTHING else line.source
        for m in TABLES[Noun(noun)].moves_from(line.trigger, state):
            if str(m.to or line.source) != line.target:
                continue
            found = {g.name for g in m.guards}
            if found != wanted:
                different.append((line.trigger, line.source, found ^ wanted))
    assert different == []


@pytest.mark.parametrize("noun", NOUNS)
def test_fires_and_raises_are_exactly_those_of_the_grid(noun: str) -> None:
    different = []
    for trigger in {line.trigger for line in reading.lines(noun)}:
        wanted = [e for e in reading.effects_of(noun, trigger) if e.kind in ("Fire", "Raise")]
        found = [
            f
            for m in TABLES[Noun(noun)].moves
            if m.trigger == trigger
            for f in m.follows
            if isinstance(f, (Fire, Raise))
        ]
        ours_ = {f"{f.noun}.{f.trigger}" if isinstance(f, Fire) else f.kind for f in found}
        names = {e.what for e in wanted}
        if ours_ != names:
            different.append((trigger, ours_, names))
    assert different == []


def test_the_person_is_told_of_a_new_date_and_the_practice_how_it_went() -> None:
    told = {
        (m.trigger, f.whom)
        for m in TABLES[Noun.REFERRAL].moves
        for f in m.follows
        if isinstance(f, Tell)
    }
    assert {("review_wait", "person"), ("complete", "practice"), ("recall", "provider")} <= told


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.invariant("I51")
def test_every_open_state_has_an_owner_and_a_clock_and_ends_have_neither(noun: str) -> None:
    for name, state in TABLES[Noun(noun)].states.items():
        ended = name in ENDS[Noun(noun)]
        assert (state.acts is None) == ended, name
        assert (state.clock is None) == ended, name

"""`segue prove`: what must never be can't be reached, everything in the tables is touched, and the
explorer is no second copy of what it looks at."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from referral import facts, picks
from referral.effects import EFFECTS
from referral.facts import (
    AgreementFacts,
    AssuranceFacts,
    ConcernFacts,
    ConsentFacts,
    EmergencyFacts,
    EscalationFacts,
    OverrideFacts,
    ReferralFacts,
    RightsFacts,
)
from referral.states import Noun
from referral.store import Store
from tests.databases import beyond
from tests.living import by_invariant, living
from tests.prove.staged import Unlike, hold_against, laid_down, people_of_the_picture, take
from tests.world import World, build
from web.cli import main
from workflows.engine import TABLES
from workflows.erasing import in_the_way
from workflows.moves import Guard, Refusal
from workflows.prove import acting, world
from workflows.prove.elsewhere import NOT_BUILT, SHOWN_BY
from workflows.prove.exploring import Met, Mover, Watch, Where, explore
from workflows.prove.faults import NEVER_NO, Fault, faults, rebuilt, try_fault, with_move
from workflows.prove.invariants import FOUND, by_number
from workflows.prove.proof import NUMBERS, Proof, prove, sample, try_faults
from workflows.prove.slices import ready, slices
from workflows.prove.world import (
    Concern,
    Emergency,
    Escalation,
    Hold,
    Override,
    Referral,
    Rights,
)

TRIED = 64


# -- what is proved -----------------------------------------------------------------------------


def test_what_must_never_be_can_not_be_reached_and_all_there_is_was_tried(
    sqlite_url: str, postgresql_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One walk, since it is long; what it must come to, one after the other. Every move with every
    combination of its guards' answers that the walk met, by every role that asked for it, is taken
    by the real commands on both databases."""
    proof = prove()
    met = proof.watch.met
    assert {one.noun for one in met} == set(TABLES)
    for url in (sqlite_url, postgresql_url):
        with peopled(url) as (store, w):
            taken, compared = taken_for_real(store, w, met)
        with capsys.disabled():
            where = url.partition(":")[0].partition("+")[0]
            sys.stdout.write(f" {taken} of {len(met)} taken on {where}, {compared:,} facts alike ")
        assert taken == len(met) > 800
    assert [(b.invariant, b.slice, b.says, b.trace) for b in proof.breaches] == []
    assert proof.unreached() == []
    assert [key for key in NEVER_NO if proof.watch.guards[key] != {True}] == []
    assert promises_not_asked(proof) == []
    assert columns_unheard_of() == set()
    for noun, kind in FACTS.items():
        unknown = set(kind._fields) - world.MODELLED[kind] - world.TRAVELLING
        assert unknown == set(), f"the picture of a {noun} lacks what a guard may see"


@contextmanager
def peopled(url: str) -> Iterator[tuple[Store, World]]:
    """A store with everybody of the picture in it, as whoever may lay down any row reaches it."""
    store = Store(url)
    w = build(store)
    people_of_the_picture(w)
    with beyond(store) as powerful:
        yield powerful, w
    store.dispose()


def taken_for_real(store: Store, w: World, met: Mapping[Met, Where]) -> tuple[int, int]:
    """Each combination laid down in a store and its move made there; how many were, and how many
    facts were compared on the way."""
    return take(store, w, met, slices().__getitem__)


def promises_not_asked(proof: Proof) -> list[tuple[str, str, str]]:
    walked = {w.name for w in proof.walked}
    assert {name for i in FOUND for name in i.slices} <= walked
    return [
        (i.number, i.name, name)
        for i in FOUND
        for name in i.slices
        if not proof.watch.asked[i.number, name]
    ]


def columns_unheard_of() -> set[str]:
    """Columns a move sets that the picture neither keeps nor passes by for a reason."""
    kept = {name for columns in acting.KEPT.values() for name in columns}
    by_moves = {c for table in TABLES.values() for m in table.moves for c in m.keeps}
    return (by_moves | {column for _, column in acting.PASSED_BY}) - kept - acting.UNKEPT


FACTS = {
    Noun.REFERRAL: ReferralFacts,
    Noun.CONSENT: ConsentFacts,
    Noun.OVERRIDE: OverrideFacts,
    Noun.EMERGENCY: EmergencyFacts,
    Noun.CONCERN: ConcernFacts,
    Noun.ESCALATION: EscalationFacts,
    Noun.ASSURANCE: AssuranceFacts,
    Noun.AGREEMENT: AgreementFacts,
    Noun.RIGHTS: RightsFacts,
}


@cache
def met_in(name: str) -> Mapping[Met, Where]:
    """What a walk of one slice meets."""
    return explore(slices()[name], ()).watch.met


FORGOTTEN: Mapping[str, Mapping[str, Any]] = {
    "concern": {"held": False, "consent_now": False, "agreement_now": False},
    "rights": {"keeps_open": False, "named_about_person": frozenset()},
    "erased": {"erased": False, "others_open": False},
    "emergency": {"over_the_team": False, "_members_other": []},
}


@pytest.mark.parametrize("name", FORGOTTEN)
def test_a_picture_that_forgets_something_is_found_out_by_the_real_commands(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    met = met_in(name)
    with peopled(sqlite_url) as (store, w):
        assert taken_for_real(store, w, met)[0] == len(met)
        for forgotten, nothing in FORGOTTEN[name].items():
            with monkeypatch.context() as patch:
                known = getattr(world, forgotten)
                for pick, found in world.WHICH.items():
                    if found is known:
                        patch.setitem(world.WHICH, pick, lambda *asked, nothing=nothing: nothing)
                patch.setattr(world, forgotten, lambda *asked, nothing=nothing: nothing)
                with pytest.raises(Unlike):
                    taken_for_real(store, w, met)


def test_facts_that_the_store_gets_wrong_are_found_out(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = {**met_in("rights"), **met_in("emergency")}
    with peopled(sqlite_url) as (store, w):
        for loader, wrong in (
            ("_rights_leads", lambda tx, f, at: ("information_governance_lead@root", ())),
            ("_emergency_ladders", lambda tx, f, at: f._replace(governance="nobody@root")),
        ):
            with monkeypatch.context() as patch:
                patch.setattr(facts, loader, wrong)
                with pytest.raises(Unlike):
                    taken_for_real(store, w, met)


ERASURE = Rights("in_progress", kind="erasure", taken_by="priya")
ALARM = Escalation(
    *("raised", "information_sharing", "medium", (Noun.RIGHTS, 0), "ash", "margaret", 2, 3),
    *("governance_lead@harbour", "information_governance_lead@root", None),
    clock="rights_request.in_progress",
    clock_runs=True,
)
KEEPS: Mapping[str, tuple[bool, dict[str, Any]]] = {
    "nothing": (False, {}),
    "a referral": (True, {"referrals": (Referral("sent", sent=True),)}),
    "a referral that is over": (False, {"referrals": (Referral("closed", sent=True),)}),
    "a concern": (True, {"concerns": (Concern("under_review"),)}),
    "a concern about somebody else": (False, {"concerns": (Concern("under_review", "ben"),)}),
    "a concern that is closed": (False, {"concerns": (Concern("closed"),)}),
    "a hold": (True, {"holds": (Hold(),)}),
    "sharing without consent": (True, {"overrides": (Override("ended"),)}),
    "sharing that was reviewed": (False, {"overrides": (Override("reviewed"),)}),
    "emergency access": (True, {"emergencies": (Emergency("under_review"),)}),
    "emergency access that was reviewed": (False, {"emergencies": (Emergency("reviewed"),)}),
    "a review": (True, {"escalations": (ALARM._replace(about=None, clock=""),)}),
    "a review that is over": (
        False,
        {"escalations": (ALARM._replace(about=None, clock="", state="closed", closed="just now"),)},
    ),
    "its own alarm": (False, {"escalations": (ALARM,)}),
    "its own alarm, decided": (True, {"escalations": (ALARM._replace(state="decided"),)}),
}


def test_what_keeps_a_record_from_being_erased_is_drawn_so_and_refused_by_erasing(
    sqlite_url: str, postgresql_url: str
) -> None:
    """The guard of the move, the picture of it, and the erasing itself: one answer."""
    for url in (sqlite_url, postgresql_url):
        with peopled(url) as (store, w):
            for name, (keeps, there) in KEEPS.items():
                s = ready(requests=(ERASURE,), **there)
                assert world.keeps_open(s, "margaret", 0) == keeps, name
                hold_against(store, w, s, ("ingrid", "amara"))
                with laid_down(store, w, s) as stage:
                    record = stage.ids[Noun.RIGHTS, 0]
                    f = facts.rights(stage.tx, record, w.actor["ingrid"], w.at)
                    assert f is not None
                    assert f.kept == keeps, name
                    stands = {r.code for r in in_the_way(stage.tx, stage.person["margaret"])}
                    stands -= {"request_open"}  # its own: it has ended when the erasing begins
                    assert bool(stands) == (keeps or name == "its own alarm"), name


def test_a_clock_that_is_drawn_wrong_is_found_out(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = met_in("concern")
    drawn = acting.record_after

    def another(*asked: Any) -> Any:
        return drawn(*asked)._replace(owner="member@sam")

    with peopled(sqlite_url) as (store, w):
        monkeypatch.setattr(acting, "record_after", another)
        with pytest.raises(Unlike, match="clocks: drawn"):
            taken_for_real(store, w, met)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_promise_is_walked_or_shown_by_a_living_test_or_said_not_to_be_built(
    number: str,
) -> None:
    places = [number in by_number(), number in SHOWN_BY, number in NOT_BUILT]
    assert places.count(True) == 1
    if number in by_number():
        assert any(i.slices for i in by_number()[number])
    assert set(SHOWN_BY.get(number, ())) <= set(living())
    assert number not in NOT_BUILT or not by_invariant().get(number)


# -- deliberate faults --------------------------------------------------------------------------


def test_every_deliberate_fault_of_a_sample_is_caught(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tried = sample(faults(), TRIED)
    assert len(tried) == TRIED
    verdicts = try_faults(tried)
    with capsys.disabled():
        sys.stdout.write(f" {sum(v.caught for v in verdicts)} of {len(verdicts)} faults caught ")
    assert [v.fault.name for v in verdicts if not v.caught] == []


def test_there_are_faults_of_every_kind_and_none_twice() -> None:
    made = faults()
    assert len({f.name for f in made}) == len(made) > 200
    assert {f.kind for f in sample(made, TRIED)} == {f.kind for f in made}


def test_a_fault_leaves_the_tables_as_they_were() -> None:
    before = dict(TABLES)
    assert try_fault(sample(faults(), 1)[0]).caught
    assert all(TABLES[noun] is table for noun, table in before.items())


def test_nothing_is_caught_where_nothing_is_wrong() -> None:
    table = TABLES[Noun.REFERRAL]
    unharmed = Fault(
        "nothing", "none", Noun.REFERRAL, ("every role",), lambda: rebuilt(table, table.moves)
    )
    assert not try_fault(unharmed).caught


# -- no second copy -----------------------------------------------------------------------------


def test_every_move_the_explorer_makes_is_the_tables_own() -> None:
    there = slices()["every role"]
    mover = Mover(there, Watch())
    for s in explore(there, ()).states:
        list(mover.steps(s))
    mine = {id(m) for table in TABLES.values() for m in table.moves}
    assert mover.known
    assert all(id(t.move) in mine for trials in mover.known.values() for t in trials)


def test_a_guard_put_into_the_table_is_the_one_that_is_asked() -> None:
    asked = []

    def never(f: Any, given: Any, at: Any) -> bool:
        asked.append(f.id)
        return False

    guard = Guard("never", Refusal("never", "Never."), never)
    accept = next(m for m in TABLES[Noun.REFERRAL].moves if m.trigger == "accept")
    changed = Fault(
        "accept asks one thing more",
        "none",
        Noun.REFERRAL,
        (),
        with_move(Noun.REFERRAL, accept, replace(accept, guards=(*accept.guards, guard))),
    )
    with changed.made():
        x = explore(slices()["every role"], ())
    assert asked
    assert not any(r.state == "accepted" for s in x.states for r in s.referrals)
    x = explore(slices()["every role"], ())
    assert any(r.state == "accepted" for s in x.states for r in s.referrals)


def test_the_explorer_has_no_guard_move_or_clock_of_its_own() -> None:
    made = {"Guard", "guard", "move", "Move", "Clock", "State_", "need", "Need"}
    folder = Path(world.__file__).parent
    for path in folder.glob("*.py"):
        called = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & made, path.name


def test_the_explorer_knows_every_pick_effect_and_machine() -> None:
    assert set(world.WHICH) == set(picks.WHICH)
    assert set(world.SHELF) == set(world.FACTS) == set(world.SITUATION) == set(TABLES)
    used = {e for table in TABLES.values() for m in table.moves for e in m.effects}
    assert used <= set(EFFECTS)


# -- telling it -----------------------------------------------------------------------------------


@pytest.fixture
def weak() -> Iterator[None]:
    """The product with a hold that stops nobody from starting."""
    name = "referral start from accepted no longer asks not_held"
    with next(f for f in faults() if f.name == name).made():
        yield


def test_a_breach_is_told_by_its_number_and_the_shortest_way_there(weak: None) -> None:
    said = CliRunner().invoke(main, ["prove", "--slice", "full hold"])
    assert said.exit_code == 1
    lines = said.output.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("I35 DOESN'T HOLD"))
    way = lines[at + 1 : at + 7]
    assert [line.split(". ")[0].strip() for line in way[:5]] == ["1", "2", "3", "4", "5"]
    assert way[0].endswith("priya (link worker): referral 1 create (of margaret to singers)")
    assert "is placed" in way[3]
    assert way[4].endswith("sol (provider leader): referral 1 start")


def test_it_says_it_to_a_program_too() -> None:
    said = CliRunner().invoke(main, ["prove", "--slice", "every role", "--json"])
    assert said.exit_code == 0
    found = json.loads(said.output)
    assert found["whole"] is True
    assert [s["name"] for s in found["slices"]] == ["every role"]
    assert found["states"] > 30
    assert found["edges"] > 300
    assert found["invariants"]["I47"]["asked"] == {
        "every role": found["invariants"]["I47"]["asked"]["every role"]
    }


def test_a_slice_there_is_not_is_a_mistake_in_the_command() -> None:
    said = CliRunner().invoke(main, ["prove", "--slice", "everything"])
    assert said.exit_code == 2
    assert "every role" in said.output

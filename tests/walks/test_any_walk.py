"""The real commands, made at random by everybody there is, while days pass and a worker sweeps.

Whatever is chosen, a refused move writes nothing, an allowed one does what its table says, and
what the invariants call impossible is not there afterwards. Each walk is one transaction that is
undone at its end, so that every walk sets out from the same world."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from referral import facts, ids, queue
from referral.actors import Actor
from referral.states import Noun, Purpose, Role
from referral.store import Sql, Store, TryAgain, Tx
from referral.verify import verify
from tests.races.rounds import rounds
from tests.walks.never import wrong
from tests.world import World, build
from workflows import sweep
from workflows.concerns import raise_concern
from workflows.consent import record_consent
from workflows.deaths import record_death
from workflows.emergencies import open_record
from workflows.engine import TABLES, Option, Refused, options, step
from workflows.escalations import decide_escalation, raise_escalation
from workflows.holds import lift_hold, place_hold
from workflows.overrides import propose_override
from workflows.referrals import begin_referral, redirect_referral, send_referral
from workflows.rights import erase_asked, receive_request
from workflows.rules_for_verify import rules_for_verify

ORDINARY = Sql(
    "SELECT CAST(id AS text) FROM hold WHERE ended IS NULL AND cause <> 'concern'"
    " ORDER BY started, cause, until"
)
STEPS = 100  # of each walk
WALKS = rounds(10, 500)
WHO = (
    *("priya", "sam", "tess", "gwen", "sol", "kit", "grace", "paul", "gail", "seth", "amara"),
    *("olu", "ingrid"),
)
# In the order they were begun: a walk must be the same each time it is tried.
IN_ORDER = Sql("SELECT noun, CAST(record_id AS text) FROM step WHERE version = 1 ORDER BY id")
COUNT = Sql("SELECT (SELECT count(*) FROM step), (SELECT count(*) FROM outbox)")
# What is chosen from a list, with what isn't on it.
WHICH = {
    "consequence_id": Sql("SELECT id FROM consequence ORDER BY id"),
    "source_id": Sql("SELECT id FROM concern_source ORDER BY id"),
}
NOBODYS = "019e0000-0000-7000-8000-000000000000"
UNDER_A_HOLD = frozenset({"send", "accept", "start", "resume", "confirm", "close_unmet"})
ON_A_GROUND = frozenset(
    {"send", "answer", "put_on_waiting_list", "accept", "start"}
)  # and reopen to active
OPEN_UNDER_A_FULL_HOLD = frozenset({"decline", "give_back", "update"})
PLACES = {"choir": "singers", "pottery": "clay"}
WORDS = "In their own words."


class Undone(Exception):
    """A walk leaves nothing behind."""


class Walk(RuleBasedStateMachine):
    """One walk of one world. `world` and `tally` are set by the test."""

    world: World
    tally: dict[str, int]
    made: Counter[tuple[Noun, str]]
    chance: Random

    def __init__(self) -> None:
        super().__init__()
        self.chance.seed(0)
        self.w = self.world
        self.at = self.w.at
        self.refused: tuple[str, ...] = ()
        self.open = self.w.store.begin(self.w.system)
        self.tx: Tx = self.open.__enter__()
        self.known = {
            "link_worker_id": self.w.actor["sam"].membership_id,
            "asked": f"member@{self.w.actor['priya'].membership_id}",
            "holder": f"member@{self.w.actor['seth'].membership_id}",
            "sources": [{"user_id": self.w.actor["sam"].user_id}],
            "conditional_activities": [self.w.activity["choir"]],
        }
        self.people = [self.tx.rows(Sql("SELECT id FROM person ORDER BY id"))[n][0] for n in (0, 1)]

    def teardown(self) -> None:
        try:
            report = verify(self.tx, rules_for_verify())
            assert report.whole, report.lines()[:5]
        finally:  # or the next walk waits for what this one holds
            self.open.__exit__(Undone, Undone(), None)

    # -- what is tried --------------------------------------------------------------------------

    def tried(self, call: Any) -> Any:
        """What the call comes to; None when it was refused, and undone as the edge would."""
        self.tally["tried"] += 1
        self.tx.control("SAVEPOINT before")
        try:
            try:
                done = call()
            except TryAgain:  # a reference that is taken: the edge would ask again too
                self.tx.control("ROLLBACK TO before")
                done = call()
        except Refused as refused:
            self.refused = refused.codes
            self.tx.control("ROLLBACK TO before")
            return None
        self.tx.control("RELEASE before")
        self.tally["done"] += 1
        found = wrong(self.tx)
        assert not found, found
        return done

    def actor(self, data: st.DataObject) -> Actor:
        return self.w.actor[data.draw(st.sampled_from(WHO))]

    def records(self, *nouns: Noun) -> list[tuple[Noun, str]]:
        found = [(Noun(noun), record) for noun, record in self.tx.rows(IN_ORDER)]
        return [(noun, record) for noun, record in found if not nouns or noun in nouns]

    def given(self, option: Option, data: st.DataObject) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for need in option.needs:
            if need.when is not None and not need.when(given):
                continue
            if need.values:
                given[need.name] = data.draw(st.sampled_from(need.values))
            elif need.name in AHEAD:
                when = self.at + timedelta(days=data.draw(st.integers(5, 40)))
                given[need.name] = when if need.name in MOMENTS else when.date()
            elif need.name in WHICH:
                there = [str(row[0]) for row in self.tx.rows(WHICH[need.name])]
                given[need.name] = data.draw(st.sampled_from([*there, NOBODYS]))
            else:
                given[need.name] = self.known.get(need.name, WORDS)
        return given

    # -- rules ----------------------------------------------------------------------------------

    def any_move_by_anybody(self, data: st.DataObject) -> None:
        self._move(data, allowed=False)

    def a_move_that_is_allowed(self, data: st.DataObject) -> None:
        self._move(data, allowed=True)

    def a_referral_goes_on(self, data: st.DataObject) -> None:
        self._move(data, allowed=True, nouns=(Noun.REFERRAL,), who=("priya", "sol", "sam", "kit"))

    def a_matter_goes_on(self, data: st.DataObject) -> None:
        self._move(data, allowed=True, nouns=(Noun.CONCERN, Noun.ESCALATION, Noun.OVERRIDE))

    def a_request_or_an_opening_goes_on(self, data: st.DataObject) -> None:
        who = ("ingrid", "grace", "amara", "olu", "priya")
        self._move(data, allowed=True, nouns=(Noun.RIGHTS, Noun.EMERGENCY), who=who)

    def _move(
        self,
        data: st.DataObject,
        allowed: bool,
        nouns: tuple[Noun, ...] = (),
        who: tuple[str, ...] = WHO,
    ) -> None:
        there = self.records(*nouns)
        if not there:
            return
        noun, record = data.draw(st.sampled_from(there))
        first = data.draw(st.integers(0, len(who) - 1))
        for name in who[first:] + who[:first]:  # whoever is next that may, where somebody has to
            actor = self.w.actor[name]
            f = facts.LOADERS[noun](self.tx, record, actor, self.at)
            offered = options(noun, f, actor, self.at) if f and TABLES[noun].hats(f, actor) else []
            some = [o for o in offered if o.allowed] if allowed else offered
            if some or not allowed:
                break
        if not some:
            if not offered:
                trigger = data.draw(st.sampled_from(TABLES[noun].triggers))
                before = self.tx.row(COUNT)
                with pytest.raises(Refused):
                    step(self.tx, noun, record, trigger, actor, self.at)
                assert self.tx.row(COUNT) == before
            return
        option = data.draw(st.sampled_from([o for o in some for _ in range(ON.get(o.trigger, 1))]))
        given = self.given(option, data)
        done = self.tried(lambda: self._make(noun, record, option, actor, given))
        if done is None and self.refused == ("second_person_needed",):
            second = self.w.actor[data.draw(st.sampled_from(("sam", "grace", "gwen", "seth")))]
            done = self.tried(lambda: self._make(noun, record, option, actor, given, second))
        if done is None:
            return
        self.made[noun, option.trigger] += 1
        held, ground = getattr(f, "held", False), True
        if noun is Noun.REFERRAL:
            ground = bool(f.consent_id or f.override_id)
            to_active = option.trigger == "reopen" and done.state == "active"
            assert not (held and (option.trigger in UNDER_A_HOLD or to_active))  # I08, I35
            assert ground or not (option.trigger in ON_A_GROUND or to_active)  # I34
            if option.trigger == "send" or option.trigger == "accept" or to_active:
                assert f.agreement_live  # I36
                assert f.assurance_state in ("assured", "conditional")  # I37
            if f.closed_to_actor:  # I39
                assert option.trigger in OPEN_UNDER_A_FULL_HOLD
                assert actor.role is Role.PROVIDER_LEADER
        if noun is Noun.ESCALATION:
            level = self.tx.rows(Sql("SELECT level FROM escalation WHERE id = :id"), id=record)
            assert level[0][0] >= f.level  # I12

    def _make(
        self,
        noun: Noun,
        record: str,
        option: Option,
        actor: Actor,
        given: Any,
        second: Actor | None = None,
    ) -> Any:
        if (noun, option.trigger) == (Noun.REFERRAL, "send"):
            return send_referral(self.tx, actor, self.at, record)
        if (noun, option.trigger) == (Noun.REFERRAL, "redirect"):
            made = redirect_referral(
                self.tx, actor, self.at, record, group_id=self.w.group["pottery"]
            )
            return made.old
        if (noun, option.trigger) == (Noun.ESCALATION, "decide"):
            values = {**given, "consequences": []}
            return decide_escalation(self.tx, actor, self.at, record, values, second=second)
        if (noun, option.trigger) == (Noun.RIGHTS, "erase"):
            done = step(self.tx, noun, record, "erase", actor, self.at, given, second=second)
            assert second is not None
            erase_asked(self.tx, actor, second, self.at, record, given["ground"])
            return done
        return step(self.tx, noun, record, option.trigger, actor, self.at, given, second=second)

    def a_draft(self, data: st.DataObject) -> None:
        actor = self.w.actor[data.draw(st.sampled_from(("priya", "sam")))]
        person = data.draw(st.sampled_from(self.people))
        place, provider = data.draw(st.sampled_from(tuple(PLACES.items())))
        group = self.w.group[place]
        risks = data.draw(st.sampled_from(("none", "none", "none", "not_known")))
        self.tried(
            lambda: begin_referral(
                self.tx,
                actor,
                self.at,
                person_id=person,
                group_id=group,
                values={"risks": risks},
            )
        )
        if data.draw(st.booleans()):
            self._answered(actor, person, provider, True)

    def an_answer(self, data: st.DataObject) -> None:
        agreed = data.draw(st.sampled_from((True, True, True, False)))
        actor = self.w.actor[data.draw(st.sampled_from(("priya", "sam", "tess")))]
        person = data.draw(st.sampled_from(self.people))
        self._answered(actor, person, data.draw(st.sampled_from(("singers", "clay"))), agreed)

    def _answered(self, actor: Actor, person: str, provider: str, agreed: bool) -> None:
        self.tried(
            lambda: record_consent(
                self.tx,
                actor,
                self.at,
                person_id=person,
                purpose=Purpose.SHARE_WITH_PROVIDER,
                recipient=self.w.provider[provider],
                agreed=agreed,
                answer={"basis": "agreement", "how": "phone"},
            )
        )

    def sharing_without_consent(self, data: st.DataObject) -> None:
        actor = self.w.actor[data.draw(st.sampled_from(("priya", "tess", "gwen")))]
        person = data.draw(st.sampled_from(self.people))
        provider = self.w.provider[data.draw(st.sampled_from(("singers", "clay")))]
        values = {
            "ground": "vital_interests",
            "necessity": WORDS,
            "proportionality": WORDS,
            "fields": ["name", "safety_notes"],
            "person_told": True,
            "danger": data.draw(st.booleans()),
        }
        self.tried(
            lambda: propose_override(
                self.tx, actor, self.at, person_id=person, provider_id=provider, values=values
            )
        )

    def a_concern(self, data: st.DataObject) -> None:
        actor = self.w.actor[data.draw(st.sampled_from(("priya", "sam", "sol", "kit")))]
        named = data.draw(st.sampled_from((None, None, "priya", "sol", "gwen")))
        sources = [] if named is None else [{"user_id": self.w.actor[named].user_id}]
        values = {
            "person_id": data.draw(st.sampled_from(self.people)),
            "seen": "Bruises.",
            "danger": data.draw(st.booleans()),
            "sources": sources,
        }
        self.tried(lambda: raise_concern(self.tx, actor, self.at, values))

    def a_request_about_ones_own_data(self, data: st.DataObject) -> None:
        actor = self.w.actor[data.draw(st.sampled_from(("priya", "tess", "ingrid", "sol")))]
        values = {
            "kind": data.draw(st.sampled_from(("access", "objection", "erasure", "erasure"))),
            "asked_for": WORDS,
            "how": "phone",
            "received_on": self.at.date() - timedelta(days=data.draw(st.integers(0, 50))),
        }
        person = data.draw(st.sampled_from(self.people))
        self.tried(
            lambda: receive_request(self.tx, actor, self.at, person_id=person, values=values)
        )

    def an_opening_in_an_emergency(self, data: st.DataObject) -> None:
        actor = self.w.actor[data.draw(st.sampled_from(("olu", "olu", "priya", "gwen", "sol")))]
        whose = self.tx.row(
            Sql("SELECT reference FROM person WHERE id = :id"),
            id=data.draw(st.sampled_from(self.people)),
        )
        assert whose is not None
        values = {"reference": whose[0], "reason": "danger_now", "why": WORDS}
        self.tried(lambda: open_record(self.tx, actor, self.at, values))

    def a_hold_or_its_end(self, data: st.DataObject) -> None:
        there = self.records(Noun.REFERRAL)
        if not there:
            return
        record = data.draw(st.sampled_from(there))[1]
        actor = self.w.actor[data.draw(st.sampled_from(("priya", "tess", "sol")))]
        running = [row[0] for row in self.tx.rows(ORDINARY)]
        if running and data.draw(st.booleans()):
            hold = data.draw(st.sampled_from(running))
            self.tried(
                lambda: lift_hold(self.tx, actor, self.at, referral_id=record, hold_id=hold) or True
            )
            return
        cause = data.draw(st.sampled_from(("hospital", "person_asked", "records")))
        side = data.draw(st.sampled_from(("link_worker", "provider")))
        until = (self.at + timedelta(days=data.draw(st.integers(1, 20)))).date()
        self.tried(
            lambda: place_hold(
                self.tx,
                actor,
                self.at,
                referral_id=record,
                cause=cause,
                until=until,
                side=side if cause == "records" else None,
            )
        )

    def a_death(self, data: st.DataObject) -> None:
        if data.draw(st.integers(0, 9)):
            return
        person = data.draw(st.sampled_from(self.people))
        values = {"died_on": self.at.date(), "said_by": "Her daughter."}
        self.tried(lambda: record_death(self.tx, self.w.actor["tess"], self.at, person, values))

    def an_escalation(self, data: st.DataObject) -> None:
        there = self.records(Noun.REFERRAL)
        if not there:
            return
        actor = self.actor(data)
        values = {
            "about": "referral",
            "about_id": data.draw(st.sampled_from(there))[1],
            "kind": data.draw(st.sampled_from(("no_reply", "disagreement", "complaint"))),
            "severity": data.draw(st.sampled_from(("low", "high"))),
            "note": WORDS,
            "tried": WORDS,
        }
        self.tried(lambda: raise_escalation(self.tx, actor, self.at, values))

    def days_pass(self, data: st.DataObject) -> None:
        self.at += timedelta(days=data.draw(st.sampled_from((1, 1, 2, 2, 4, 8, 21, 70))))
        for _ in range(5_000):
            due = queue.claim_clocks(self.tx, self.at, self.at + timedelta(minutes=1), 1)
            if not due:
                break
            self.tally["clocks"] += 1
            sweep.look(self.tx, due[0], self.at)
        else:
            raise AssertionError("the sweep finds no end")
        found = wrong(self.tx)
        assert not found, found

    # One rule that chooses: hypothesis would leave some of many out of each walk, and most of what
    # follows takes several of these in a row.
    @rule(data=st.data())
    def what_comes_next(self, data: st.DataObject) -> None:
        self.at += timedelta(seconds=1)  # of two answers, one is the newer
        name = data.draw(st.sampled_from(OFTEN))
        getattr(self, name)(data)


HOW_OFTEN = {
    "a_referral_goes_on": 6,
    "a_matter_goes_on": 2,
    "a_move_that_is_allowed": 2,
    "a_request_or_an_opening_goes_on": 3,
    "any_move_by_anybody": 3,
    "a_draft": 2,
    "an_answer": 2,
    "days_pass": 2,
    "a_concern": 1,
    "a_hold_or_its_end": 1,
    "a_request_about_ones_own_data": 1,
    "an_escalation": 1,
    "an_opening_in_an_emergency": 1,
    "sharing_without_consent": 1,
    "a_death": 1,
}
ONWARD = (
    *("send", "accept", "start", "complete", "confirm", "decide", "acknowledge", "approve"),
    *("check_identity", "erase", "fulfil", "review"),
)
# Moves that lead on are chosen oftener, or nobody would ever arrive.
ON = dict.fromkeys(ONWARD, 5)
OFTEN = tuple(name for name, times in HOW_OFTEN.items() for _ in range(times))
MOMENTS = frozenset({"conditions_until", "review_at"})
AHEAD = MOMENTS | {"expected_date", "paused_until", "review_on"}


@pytest.fixture
def w(store: Store) -> World:
    made = build(store)
    for _ in range(2):
        made.person()
    return made


def test_no_walk_reaches_what_can_not_be(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # What was made in the same millisecond comes in the order of its ids, so a walk that is tried
    # again must draw the same ones.
    chance = Random()
    drawn = SimpleNamespace(randbits=chance.getrandbits, choice=chance.choice)
    monkeypatch.setattr(ids, "secrets", drawn)
    tally = {"tried": 0, "done": 0, "clocks": 0}
    made: Counter[tuple[Noun, str]] = Counter()
    walk = type("Walk", (Walk,), {"world": w, "tally": tally, "made": made, "chance": chance})
    run_state_machine_as_test(
        walk,
        settings=settings(
            max_examples=WALKS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            derandomize=WALKS == 10,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert tally["done"] > WALKS * 20, tally
    assert {noun for noun, _ in made} == set(TABLES), made

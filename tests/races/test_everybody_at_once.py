"""Eight clients at forty referrals, each doing whatever it may do next; some give up half-way.
Afterwards everything that was ever answered is there, once, and nothing else."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from referral import facts
from referral.actors import Actor
from referral.ids import new_id
from referral.states import Noun, Purpose
from referral.store import Sql, Store, TryAgain, Tx
from tests.races.together import at_once, many_clients
from tests.races.whole import assert_whole, ungrounded
from tests.world import World, build
from web.edge import Edge
from workflows.activities import save_group
from workflows.concerns import raise_concern
from workflows.consent import record_consent
from workflows.engine import TABLES, Done, Option, Refused, available, options, step
from workflows.referrals import redirect_referral, send_referral

CLIENTS = 8
REFERRALS = 40
COMMANDS = 80  # by each client
WORDS = {"note": "Can she climb stairs?", "summary": "Came often.", "what_next": "stays"}
NOT_HERE = ("reassign", "mark_in_error", "discard", "redirect")
SELDOM = ("withdraw", "recall", "close_unmet", "update", "review_wait", "give_back")


class GaveUp(Exception):
    """What a program meets between its last write and its commit."""


def given_for(option: Option, at: datetime, chance: random.Random) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for need in option.needs:
        if need.values:
            given[need.name] = chance.choice(need.values)
        elif need.name in ("expected_date", "paused_until"):
            given[need.name] = at.date() + timedelta(days=chance.randrange(5, 40))
        else:
            given[need.name] = WORDS[need.name]
    return given


class Client:
    """One client, with a chance of its own that the seed repeats."""

    def __init__(self, w: World, edge: Edge, people: list[tuple[str, str]], seed: int) -> None:
        self.w = w
        self.edge = edge
        self.people = people
        self.chance = random.Random(seed)
        self.came: Counter[str] = Counter()
        self.keys = 0

    def __call__(self) -> Counter[str]:
        for _ in range(COMMANDS):
            person, record = self.chance.choice(self.people)
            what = self.chance.choices(
                (self.move, self.consent, self.concern, self.places, self.assurance, self.refer_on),
                weights=(80, 6, 3, 3, 4, 4),
            )[0]
            try:
                what(person, record)
                self.came["done"] += 1
            except Refused as refused:
                self.came[refused.codes[0]] += 1
            except GaveUp:
                self.came["gave up"] += 1
        return self.came

    def perform(self, actor: Actor, command: Callable[[Tx, datetime], Any]) -> Any:
        """As the web does, giving up now and then after everything was written."""
        gives_up = self.chance.random() < 0.1

        def run(tx: Tx, at: datetime) -> Any:
            try:
                answer = command(tx, at)
            except TryAgain as again:
                self.came["deadlock" if "deadlock" in str(again) else "again"] += 1
                raise
            if gives_up:
                raise GaveUp
            return answer

        return self.edge.perform(actor, run)

    def move(self, person: str, record: str) -> None:
        """A move that is allowed when it is looked at; what is done with it comes later."""
        who = self.chance.sample(("priya", "sol", "rae", "kit", "tess", "grace"), 6)
        for actor in (self.w.actor[name] for name in who):
            with self.edge.reading(actor) as (tx, at):
                f = facts.referral(tx, record, actor, at)
                found = options(Noun.REFERRAL, f, actor, at) if f else []
            allowed = [o for o in found if o.allowed and o.trigger not in NOT_HERE]
            if f and allowed and TABLES[Noun.REFERRAL].hats(f, actor):
                break
        else:
            return
        version = f.version if self.chance.random() < 0.5 else None
        often = [o for o in allowed if o.trigger not in SELDOM]
        seldom = not often or self.chance.random() < 0.05
        option = self.chance.choice(allowed if seldom else often)
        given = given_for(option, self.w.at, self.chance)
        key = new_id() if self.chance.random() < 0.5 else None

        def command(tx: Tx, at: datetime) -> Done:
            if option.trigger == "send":
                return send_referral(tx, actor, at, record, version=version, key=key)
            return step(
                tx,
                Noun.REFERRAL,
                record,
                option.trigger,
                actor,
                at,
                given,
                version=version,
                key=key,
            )

        self.perform(actor, command)
        self.keys += key is not None

    def consent(self, person: str, record: str) -> None:
        sam = self.w.actor["sam"]
        yes = self.chance.random() < 0.7
        provider = self.w.provider[self.chance.choice(("singers", "clay"))]
        self.perform(
            sam,
            lambda tx, at: record_consent(
                tx,
                sam,
                at,
                person_id=person,
                purpose=Purpose.SHARE_WITH_PROVIDER,
                recipient=provider,
                agreed=yes,
                answer={"basis": "agreement", "how": "phone"},
            ),
        )

    def concern(self, person: str, record: str) -> None:
        gwen = self.w.actor["gwen"]
        values = {"person_id": person, "seen": "Bruises.", "danger": False}
        raised = self.perform(gwen, lambda tx, at: raise_concern(tx, gwen, at, values))
        seen = {"hold_stays": self.chance.random() < 0.1}
        self.perform(
            gwen, lambda tx, at: step(tx, Noun.CONCERN, raised.id, "acknowledge", gwen, at, seen)
        )

    def places(self, person: str, record: str) -> None:
        rae = self.w.actor["rae"]
        self.perform(
            rae,
            lambda tx, at: save_group(
                tx,
                rae,
                at,
                activity_id=self.w.activity["choir"],
                group_id=self.w.group["choir"],
                values={"capacity": self.chance.randrange(4, 14)},
            ),
        )

    def assurance(self, person: str, record: str) -> None:
        grace = self.w.actor["grace"]
        with self.edge.reading(grace) as (tx, at):
            found = tx.rows(
                Sql("SELECT id FROM assurance WHERE provider_id = :p"),
                p=self.w.provider["singers"],
            )[0][0]
            open_now = available(tx, Noun.ASSURANCE, found, grace, at)
        allowed = {o.trigger for o in open_now if o.allowed} & {"suspend", "review", "assure"}
        for trigger in sorted(allowed):
            self.perform(
                grace,
                lambda tx, at, t=trigger: step(
                    tx, Noun.ASSURANCE, found, t, grace, at, {"reason": "quality"}
                ),
            )

    def refer_on(self, person: str, record: str) -> None:
        priya = self.w.actor["priya"]
        group = self.w.group[self.chance.choice(("choir", "pottery"))]
        made = self.perform(
            priya, lambda tx, at: redirect_referral(tx, priya, at, record, group_id=group)
        )
        self.people.append((person, made.new.id))


@pytest.fixture
def w(store: Store) -> World:
    return build(store)


@pytest.mark.invariant("I14")
def test_nothing_is_torn_lost_or_made_twice(w: World) -> None:
    people: list[tuple[str, str]] = []
    for n in range(REFERRALS):
        person = w.person()
        people.append((person, w.draft(person, ("choir", "pottery")[n % 2])))
        w.consent(person, ("singers", "clay")[n % 2])
    with many_clients(w, CLIENTS) as edge:
        clients = [Client(w, edge, list(people), seed) for seed in range(CLIENTS)]
        found = at_once(clients)
    came: Counter[str] = sum((f.answer for f in found), Counter())
    assert_whole(w.store)
    assert ungrounded(w.store) == []
    with w.store.read() as tx:
        assert tx.rows(Sql("SELECT count(*) FROM idempotency")) == [(sum(c.keys for c in clients),)]
        steps = tx.rows(Sql("SELECT count(*) FROM step WHERE noun = 'referral'"))[0][0]
        refusals = tx.rows(Sql("SELECT count(*) FROM audit WHERE action = 'refused'"))[0][0]
    assert came["deadlock"] == 0
    assert steps > came["done"] / 2
    told = ("done", "gave up", "again", "deadlock")
    assert refusals == sum(n for what, n in came.items() if what not in told)
    # It was a race: some gave up, some came too late.
    assert came["gave up"]
    assert came["stale"]

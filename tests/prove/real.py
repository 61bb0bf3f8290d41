"""The explorer's steps taken by the real commands, and its picture held against the real facts.

The picture of the facts is a model: here is seen that the queries of the store answer as it does,
for every actor, after each step of a walk."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from referral import facts
from referral.actors import Actor
from referral.ids import new_id
from referral.rows import bump, put
from referral.states import Noun, Role
from referral.store import Sql, Tx
from tests.prove.staged import Unlike, answers
from tests.world import World
from workflows.consent import renew_consent
from workflows.engine import TABLES, step
from workflows.overrides import propose_override
from workflows.prove import acting, world
from workflows.prove.acting import Edge
from workflows.prove.exploring import Mover, Slice, Watch, told
from workflows.prove.world import AT, CAST, State, records
from workflows.referrals import begin_referral, redirect_referral, send_referral

HELD_AGAINST = (Noun.REFERRAL, Noun.CONSENT, Noun.OVERRIDE, Noun.CONCERN)
ACTIVITY = {"singers": "choir", "clay": "pottery"}


class Walk:
    """One walk through a slice, made in the picture and in the store at once."""

    def __init__(self, w: World, slice_: Slice, seed: int, tried: Counter[Any]) -> None:
        self.w = w
        self.slice = slice_
        self.mover = Mover(slice_, Watch())
        self.random = random.Random(seed)
        self.tried = tried
        self.person = w.person()
        self.ids: dict[tuple[Noun, int], str] = {}
        self.told: list[str] = []
        self.holds: dict[str, str] = {}
        self.compared: set[tuple[Any, ...]] = set()

    # -- walking ----------------------------------------------------------------------------------

    def walk(self, steps: int) -> None:
        s = self.random.choice(self.slice.start())
        for slot, _ in enumerate(s.consents):
            self.w.consent(self.person)
            self.ids[Noun.CONSENT, slot] = self._newest("consent")
        try:
            self._compare(s)
            for _ in range(steps):
                chosen = self._choose(s)
                if chosen is None:
                    break
                edge, after = chosen
                self.w.later(seconds=1)
                self.told.append(told(edge))
                with self.w.store.begin(self.w.system) as tx:
                    self._take(tx, s, edge, after)
                s = after
                self._compare(s)
        except Unlike:
            raise
        except Exception as error:
            raise Unlike(f"{error!r} after {self.told}") from error
        finally:
            with self.w.store.begin(self.w.system) as tx:
                self._away(tx, False)

    def _choose(self, s: State) -> tuple[Edge, State] | None:
        """A step that was tried least so far, of those the store can be made to take."""
        found = [(e, after) for e, after in self.mover.steps(s) if self._possible(s, e, after)]
        if not found:
            return None
        least = min(self.tried[self._kind(s, e)] for e, _ in found)
        edge, after = self.random.choice(
            [(e, a) for e, a in found if self.tried[self._kind(s, e)] == least]
        )
        self.tried[self._kind(s, edge)] += 1
        return edge, after

    def _kind(self, s: State, e: Edge) -> tuple[Any, ...]:
        if e.noun is None:
            return ("life", e.trigger)
        there = records(s, e.noun)
        source = there[e.slot].state if e.slot < len(there) else "-"
        return (e.noun, e.trigger, source, e.who, e.said)

    def _possible(self, s: State, e: Edge, after: State) -> bool:
        if e.said == "no room":
            return False
        for noun in HELD_AGAINST:
            if len(records(after, noun)) < len(records(s, noun)):
                return False
        if e.noun is None or e.who == "clock":
            return True
        new = e.slot >= len(records(s, e.noun))
        begins = e.trigger in ("create", "ask", "propose", "raise")
        if begins and not new:
            return False  # in the place of one that is forgotten
        if s.died and e.trigger in ("create", "ask", "redirect"):
            return False  # refused by the commands themselves
        if e.trigger == "raise" and after.concerns[e.slot].person is None:
            return False  # it would reach everybody else there
        return not (e.trigger == "renew" and len(after.consents) == len(s.consents))

    # -- the same in the store --------------------------------------------------------------------

    def actor(self, name: str) -> Actor:
        if name == "margaret":
            return Actor(Role.PERSON, self.w.system_id, person_id=self.person)
        return self.w.actor[name]

    def _newest(self, noun: str) -> str:
        with self.w.store.read() as tx:
            query = Sql(f"SELECT id FROM {noun} WHERE person_id = :p ORDER BY id DESC LIMIT 1")
            return str(tx.rows(query, p=self.person)[0][0])

    def _given(self, given: Mapping[str, Any]) -> dict[str, Any]:
        said = dict(given)
        if "link_worker_id" in said:
            said["link_worker_id"] = self.w.actor[said["link_worker_id"]].membership_id
        if "holder" in said:
            said["holder"] = self._key(said["holder"])
        if "hold_provider_id" in said:
            said["hold_provider_id"] = self.w.provider[said["hold_provider_id"]]
        return said

    def _key(self, key: str) -> str:
        kind, _, where = key.partition("@")
        real = self.w.org.get(where) or self.w.place.get(where)
        return f"{kind}@{real or self.w.actor[where].membership_id}"

    def _take(self, tx: Tx, s: State, e: Edge, after: State) -> None:
        at = self.w.at
        if e.noun is None:
            self._life(tx, s, e, after)
            return
        if e.who == "clock":
            for noun, slot, trigger in e.fired[:1]:
                step(tx, noun, self.ids[noun, slot], trigger, self.w.system, at)
            return
        actor = self.actor(e.who)
        if e.slot >= len(records(s, e.noun)):
            self.ids[e.noun, e.slot] = self._begin(tx, e, after, actor)
            return
        trial = next(
            t
            for t in self.mover.known[e.noun, world.SITUATION[e.noun](s, e.slot)]
            if (t.who, t.trigger, t.second) == (e.who, e.trigger, e.second)
            and (t.said == e.said or e.trigger in ("redirect", "renew"))
        )
        record, given = self.ids[e.noun, e.slot], self._given(trial.given)
        if e.trigger == "send":
            send_referral(tx, actor, at, record)
        elif e.trigger == "redirect":
            new = after.referrals[len(s.referrals)]
            group = self.w.group[ACTIVITY[new.provider]]
            done = redirect_referral(tx, actor, at, record, group_id=group)
            self.ids[Noun.REFERRAL, len(s.referrals)] = done.new.id
        elif e.noun is Noun.CONSENT and e.trigger == "renew":
            asked = renew_consent(tx, actor, at, record)
            self.ids[Noun.CONSENT, len(after.consents) - 1] = asked.id
        else:
            second = self.actor(e.second) if e.second else None
            step(tx, e.noun, record, e.trigger, actor, at, given, second=second)

    def _begin(self, tx: Tx, e: Edge, after: State, actor: Actor) -> str:
        at, w = self.w.at, self.w
        new = records(after, e.noun or Noun.REFERRAL)[e.slot]
        if e.noun is Noun.REFERRAL:
            group = w.group[ACTIVITY[new.provider]]
            values = {"risks": "none"}
            return begin_referral(
                tx, actor, at, person_id=self.person, group_id=group, values=values
            ).id
        if e.noun is Noun.CONSENT:
            recipient = w.provider.get(new.recipient, new.recipient)
            given = {"person_id": self.person, "purpose": new.purpose, "recipient": recipient}
            return step(tx, Noun.CONSENT, None, "ask", actor, at, given).id
        if e.noun is Noun.OVERRIDE:
            return propose_override(
                tx,
                actor,
                at,
                person_id=self.person,
                provider_id=w.provider[new.recipient],
                values={**acting.SAMPLES, "ground": "vital_interests"},
            ).id
        given = {
            "person_id": self.person,
            "seen": "words",
            "danger": new.danger,
            "safe_to_carry_on": not new.hold or bool(new.danger or new.sources),
            "sources": [
                {"organisation_id": w.org[n]} if n in w.org else {"user_id": w.actor[n].user_id}
                for n in sorted(new.sources)
            ],
        }
        return step(tx, Noun.CONCERN, None, "raise", actor, at, given).id

    def _life(self, tx: Tx, s: State, e: Edge, after: State) -> None:
        past = self.w.at - timedelta(seconds=1)
        for noun in (Noun.CONSENT, Noun.OVERRIDE):
            for slot, (a, b) in enumerate(
                zip(records(s, noun), records(after, noun), strict=False)
            ):
                if a != b:
                    query = Sql(f"UPDATE {noun} SET until = :at WHERE id = :id")
                    tx.run(query, at=past, id=self.ids[noun, slot])
        if s.away != after.away:
            self._away(tx, bool(after.away))
        for hold in set(after.holds) ^ set(s.holds):
            self._hold(tx, hold, hold in after.holds)
        if s.died != after.died:
            tx.run(
                Sql("UPDATE person SET died_on = :day WHERE id = :id"),
                day=self.w.at.date(),
                id=self.person,
            )
            for slot, (a, b) in enumerate(zip(s.referrals, after.referrals, strict=True)):
                if a.state != b.state:
                    record = self.ids[Noun.REFERRAL, slot]
                    given = {"reason": "died"}
                    step(tx, Noun.REFERRAL, record, "withdraw", self.w.system, self.w.at, given)
        bump(tx, "person", self.person)

    def _away(self, tx: Tx, away: bool) -> None:
        tx.run(
            Sql("UPDATE membership SET away_from = :since, away_until = NULL WHERE id = :id"),
            since=self.w.at - timedelta(days=1) if away else None,
            id=self.w.actor["priya"].membership_id,
        )

    def _hold(self, tx: Tx, hold: world.Hold, placed: bool) -> None:
        if not placed:
            ended = Sql("UPDATE hold SET ended = :at WHERE id = :id")
            tx.run(ended, at=self.w.at, id=self.holds.pop(hold.closed_to))
            return
        self.holds[hold.closed_to] = new_id(self.w.at)
        put(
            tx,
            "hold",
            {
                "id": self.holds[hold.closed_to],
                "system_id": self.w.system_id,
                "organisation_id": self.w.org["ash"],
                "cause": "records" if hold.closed_to else "hospital",
                "concern_id": None,
                "person_id": self.person,
                "provider_id": None,
                "referral_id": None,
                "closed_to": hold.closed_to or None,
                "owner": f"team_lead@{self.w.org['ash']}",
                "started": self.w.at,
                "until": self.w.at + timedelta(days=10),
                "ended": None,
            },
        )

    # -- held against each other ------------------------------------------------------------------

    def _compare(self, s: State) -> None:
        with self.w.store.read() as tx:
            for noun in HELD_AGAINST:
                for slot, record in enumerate(records(s, noun)):
                    for name in self.slice.actors:
                        self._alike(tx, s, noun, slot, record, name)

    def _alike(self, tx: Tx, s: State, noun: Noun, slot: int, record: Any, name: str) -> None:
        real_actor, at = self.actor(name), self.w.at
        real = facts.LOADERS[noun](tx, self.ids[noun, slot], real_actor, at)
        drawn = world.facts_of(s, noun, slot, CAST[name])
        table = TABLES[noun]
        if real is None or real.state != record.state:
            is_so = real and real.state
            raise Unlike(f"{noun} {slot} is {is_so}, drawn {record} after {self.told}")
        hats = table.hats(real, real_actor), table.hats(drawn, CAST[name])
        if hats[0] != hats[1]:
            raise Unlike(f"{name} is {hats} to {noun} {record.state} after {self.told}")
        if not hats[0]:
            return
        one = answers(noun, real, real_actor, at)
        two = answers(noun, drawn, CAST[name], AT)
        for trigger, codes in one.items():
            self.compared.add((noun, record.state, trigger, CAST[name].role, tuple(codes)))
        if one != two:
            unlike = {t: (one[t], two.get(t)) for t in one if one[t] != two.get(t)}
            raise Unlike(f"{name}, {noun} {record.state}: {unlike} after {self.told}")


def walks(
    w: World, slice_: Slice, how_many: int, steps: int, seed: int = 0
) -> set[tuple[Any, ...]]:
    """So many walks through a slice, each with a person of its own; which answers (noun, state,
    trigger, role, refusals) the picture and the store were found to give alike."""
    tried: Counter[Any] = Counter()
    compared: set[tuple[Any, ...]] = set()
    for n in range(how_many):
        one = Walk(w, slice_, seed * 1000 + n, tried)
        one.walk(steps)
        compared |= one.compared
    return compared

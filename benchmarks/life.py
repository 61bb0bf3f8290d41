"""One referral's life as nine commands, each a transaction of its own through the edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from referral.actors import Actor
from referral.ids import new_id
from referral.states import Noun, Purpose
from referral.store import Door, Store, Tx
from tests.world import OUTCOME, World, build
from workflows.activities import save_group
from workflows.consent import record_consent
from workflows.engine import Done, step
from workflows.referrals import begin_referral, send_referral

NAMES = (
    "create",
    "consent",
    "send",
    "put_on_waiting_list",
    "accept",
    "start",
    "update",
    "complete",
    "confirm",
)


class Hand(NamedTuple):
    """Who is handed over, and into which group."""

    person_id: str
    plan_id: str
    group_id: str


@dataclass(frozen=True)
class Cast:
    """Who acts, and for which provider."""

    link_worker: Actor
    leader: Actor
    provider_id: str


@dataclass
class Stage:
    """A small system to live a referral's life in: one group of an activity for each client, so
    that they never wait for the same place."""

    cast: Cast
    groups: list[str]
    world: World


def stage(store: Store, at: datetime, clients: int) -> Stage:
    """Build it in an empty database."""
    w = build(store, at)
    groups = [w.group["choir"]]
    with store.begin(door=Door.WHOLE) as tx:
        for number in range(1, clients):
            values = {"name": f"Group {number}", "capacity": 8}
            groups.append(
                save_group(tx, w.system, at, activity_id=w.activity["choir"], values=values)
            )
    return Stage(Cast(w.actor["priya"], w.actor["sol"], w.provider["singers"]), groups, w)


Command = tuple[str, Actor, Callable[[Tx, datetime], Done]]


def _outcome(at: datetime) -> Mapping[str, Any]:
    return OUTCOME


def _expected(at: datetime) -> Mapping[str, Any]:
    return {"expected_date": (at + timedelta(days=21)).date()}


def _update(at: datetime) -> Mapping[str, Any]:
    return {"note": "Came every week, and sings."}


def _nothing(at: datetime) -> Mapping[str, Any]:
    return {}


class Life:
    """The nine commands of one referral. Each rests on what the one before it came to, so they are
    performed in their order."""

    def __init__(self, cast: Cast, hand: Hand) -> None:
        self.cast = cast
        self.hand = hand
        self.made: Done | None = None

    def commands(self) -> Iterator[Command]:
        """(name, actor, command) of each."""
        worker, leader = self.cast.link_worker, self.cast.leader
        yield "create", worker, self._create
        yield "consent", worker, self._consent
        yield "send", worker, self._send
        yield self._move("put_on_waiting_list", leader, _expected)
        yield self._move("accept", leader)
        yield self._move("start", leader)
        yield self._move("update", leader, _update)
        yield self._move("complete", leader, _outcome)
        yield self._move("confirm", worker)

    def _create(self, tx: Tx, at: datetime) -> Done:
        self.made = begin_referral(
            tx,
            self.cast.link_worker,
            at,
            person_id=self.hand.person_id,
            group_id=self.hand.group_id,
            values={"risks": "none", "plan_id": self.hand.plan_id},
            key=new_id(),
        )
        return self.made

    def _consent(self, tx: Tx, at: datetime) -> Done:
        return record_consent(
            tx,
            self.cast.link_worker,
            at,
            person_id=self.hand.person_id,
            purpose=Purpose.SHARE_WITH_PROVIDER,
            recipient=self.cast.provider_id,
            agreed=True,
            answer={"basis": "agreement", "how": "in_person"},
            key=new_id(),
        )

    def _send(self, tx: Tx, at: datetime) -> Done:
        seen = self._seen()
        self.made = send_referral(
            tx, self.cast.link_worker, at, seen.id, version=seen.version, key=new_id()
        )
        return self.made

    def _move(
        self,
        trigger: str,
        actor: Actor,
        given: Callable[[datetime], Mapping[str, Any]] = _nothing,
    ) -> Command:
        def command(tx: Tx, at: datetime) -> Done:
            seen = self._seen()
            self.made = step(
                tx,
                Noun.REFERRAL,
                seen.id,
                trigger,
                actor,
                at,
                given(at),
                version=seen.version,
                key=new_id(),
            )
            return self.made

        return trigger, actor, command

    def _seen(self) -> Done:
        if self.made is None:
            raise RuntimeError("a life begins with its first command")
        return self.made

"""Requests about one's own data: taking one, from the person or for them; what erasing comes to.
What else follows is a move of its table, made through `workflows.engine.step`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from referral import erasures, facts, retention
from referral.actors import Actor
from referral.states import Noun, Role
from referral.store import Tx
from workflows.engine import Done, step
from workflows.erasing import Erased, erase_person
from workflows.moves import N_
from workflows.rules import field, missing, wrong
from workflows.working_time import local_day

WHAT_GOES = ("referral", "consent", "plan", "note", "capacity_assessment")
LONGEST_AGO = timedelta(days=365)


def receive_request(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    person_id: str,
    values: Mapping[str, Any],
    key: str | None = None,
) -> Done:
    """Take down what a person asks for. `values`: kind, asked_for, on_behalf, how, received_on; by
    the person's own page it came today. Raises Refused: not_found, not_held, or a fault of a
    field."""
    today = local_day(at)
    said = dict(values)
    if actor.role is Role.PERSON:
        said |= {"how": "own_page", "received_on": today, "on_behalf": None}
    came = said.get("received_on")
    if came is not None and not today - LONGEST_AGO <= came <= today:
        raise wrong(
            Noun.RIGHTS, "receive", field("received_on", N_("Enter a day of the last year."))
        )
    given = {**said, "person_id": person_id}
    return step(tx, Noun.RIGHTS, None, "receive", actor, at, given, key=key)


# -- erasing ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preview:
    """What erasing would take: how many records of each kind; and until when the class that keeps
    it longest is kept. The class itself isn't told: it may be that of a concern."""

    goes: Mapping[str, int]
    until: date | None


def preview(tx: Tx, f: Any) -> Preview:
    """What erasing the person of this request would come to. Nothing is changed."""
    found = erasures.find(tx, f.person_id)
    ids = erasures.belongings(tx, found) if found is not None else {}
    k = retention.kept(tx, f.system_id, f.person_id)
    return Preview(
        {name: len(ids.get(name, ())) for name in WHAT_GOES if ids.get(name)},
        retention.keep_until(k, f.rules)[1] if k is not None else None,
    )


def erase_asked(
    tx: Tx, first: Actor, second: Actor, at: datetime, record_id: str, ground: str
) -> Erased:
    """Erase the person of a request that two people have just agreed on, in the transaction of
    that move. Raises Refused for what is still open."""
    f = facts.rights(tx, record_id, first, at)
    if f is None:
        raise missing(Noun.RIGHTS, "erase")
    return erase_person(
        tx, first, f.person_id, ground=ground, approved_by=second.membership_id, at=at
    )

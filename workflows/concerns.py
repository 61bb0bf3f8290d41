"""Raising a concern, and whom to ring while nobody has seen it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral import facts
from referral.actors import Actor
from referral.scopes import opened
from referral.states import Noun
from referral.store import Sql, Tx
from workflows.emergencies import may_read
from workflows.engine import NOT_FOUND, Done, Refused, step
from workflows.moves import N_
from workflows.people import MOST_TEXT
from workflows.rotas import number_for
from workflows.rules import field, wrong
from workflows.working_time import ENGLAND, Calendar

PERSON = Sql(
    "SELECT pe.organisation_id, pl.path FROM person pe JOIN organisation o"
    " ON o.id = pe.organisation_id JOIN place pl ON pl.id = o.place_id"
    " WHERE pe.id = :id AND pe.system_id = :system_id"
)
ANSWERS = ("yes", "no", "not_sure")


def raise_concern(
    tx: Tx, actor: Actor, at: datetime, values: Mapping[str, Any], key: str | None = None
) -> Done:
    """A safeguarding concern about a person (by a referral the actor can see, or one of the people
    of their own organisation or place) or about a provider. Only what was seen and whether anyone
    is in danger are needed; nothing else may stop it.

    `values`: seen, danger, person_id | referral_id | provider_id, sources, safe_to_carry_on,
    reach, prompts, wishes, person_knows, child, others_at_risk, advocate."""
    given = dict(values)
    if given.get("referral_id"):
        f = facts.referral(tx, given["referral_id"], actor, at)
        if f is None or not may_read(Noun.REFERRAL, f, actor):
            raise Refused([NOT_FOUND], noun=Noun.CONCERN, trigger="raise", record_id=None)
        given["person_id"] = f.person_id
        given.setdefault("hold_provider_id", f.provider_id)
    elif given.get("person_id"):
        row = tx.row(PERSON, id=given["person_id"], system_id=actor.system_id)
        over = actor.place_path
        mine = row is not None and (
            row[0] == actor.organisation_id or (over is not None and row[1].startswith(over))
        )
        if row is None or not (mine or opened(actor, given["person_id"])):
            raise Refused([NOT_FOUND], noun=Noun.CONCERN, trigger="raise", record_id=None)
    elif not given.get("provider_id"):
        raise wrong(Noun.CONCERN, "raise", field("person_id", N_("Say whom it is about.")))
    if len(given.get("seen") or "") > MOST_TEXT * 5:
        raise wrong(
            Noun.CONCERN, "raise", field("seen", N_("Write less: this is too long to keep."))
        )
    return step(tx, Noun.CONCERN, None, "raise", actor, at, given, key=key)


def who_answers(tx: Tx, concern_id: str, at: datetime, cal: Calendar = ENGLAND) -> str | None:
    """The number that answers at this hour about this concern, or else how to reach whoever is
    outside. None where the place has nobody (`segue health` says so)."""
    number = number_for(tx, concern_id, at, cal)
    return None if number is None else number.said

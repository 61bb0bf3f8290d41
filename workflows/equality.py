"""Keeping what a person says of their ethnic group and of disability, and taking it back.

Nothing that decides about one person reads it: it is there to be counted, never to choose by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral import equality
from referral.actors import Actor
from referral.audit import log
from referral.equality import DISABILITY, ETHNIC
from referral.ids import new_id
from referral.records import PersonSeen
from referral.rows import change, put
from referral.store import Tx
from workflows.moves import N_
from workflows.people import WRITERS
from workflows.relationships import HOW, may_keep
from workflows.rules import field, missing, require, wrong
from workflows.working_time import local_day

NOUN = "equality_answer"


def record_answer(
    tx: Tx, actor: Actor, at: datetime, *, person_id: str, values: Mapping[str, Any]
) -> str:
    """Keep what the person said, in the place of what they said before. Raises Refused: not_found,
    or a fault for each field."""
    p = _mine(tx, actor, at, person_id, "record")
    faults = []
    if values.get("ethnic_group") not in ETHNIC:
        faults.append(field("ethnic_group", N_("Choose what the person said of their group.")))
    if values.get("disability") not in DISABILITY:
        faults.append(field("disability", N_("Choose what the person said of disability.")))
    said_on = values.get("said_on")
    if said_on is None:
        faults.append(field("said_on", N_("Enter the day on which the person said so.")))
    elif said_on > local_day(at):
        faults.append(field("said_on", N_("The day must be today or before.")))
    if values.get("said_how") not in HOW:
        faults.append(field("said_how", N_("Choose how the person said so.")))
    if faults:
        raise wrong(NOUN, "record", *faults)
    kept = {
        **{name: values[name] for name in ("ethnic_group", "disability", "said_on", "said_how")},
        "recorded_by": actor.membership_id,
        "recorded_at": at,
        "taken_back_at": None,
    }
    standing = equality.of_person(tx, actor, p.id)
    if standing:
        answer = standing[0].id
        change(tx, NOUN, answer, kept)
        _take_away(tx, at, standing[1:])
    else:
        answer = new_id(at)
        put(tx, NOUN, {"id": answer, "system_id": actor.system_id, "person_id": p.id, **kept})
    log(tx, actor, at, "equality_recorded", "person", None, subject=p.subject_ref)
    return answer


def take_back(tx: Tx, actor: Actor, at: datetime, *, person_id: str) -> None:
    """What the person said is gone; that they were asked stays. Raises Refused: not_found."""
    p = _mine(tx, actor, at, person_id, "take_back")
    standing = [a for a in equality.of_person(tx, actor, p.id) if a.taken_back_at is None]
    _take_away(tx, at, standing)
    if standing:
        log(tx, actor, at, "equality_taken_back", "person", None, subject=p.subject_ref)


def _take_away(tx: Tx, at: datetime, answers: list[equality.AnswerSeen]) -> None:
    for one in answers:
        gone = {"ethnic_group": None, "disability": None, "taken_back_at": at}
        change(tx, NOUN, one.id, gone)


def _mine(tx: Tx, actor: Actor, at: datetime, person_id: str, what: str) -> PersonSeen:
    require(actor, WRITERS, NOUN, what)
    p = may_keep(tx, actor, at, person_id)
    if p is None:
        raise missing(NOUN, what)
    return p

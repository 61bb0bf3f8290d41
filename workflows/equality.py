"""Keeping what a person says of their ethnic group and of disability, and taking it back.

Nothing that decides about one person reads it: it is there to be counted, never to choose by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral import equality, records
from referral.actors import Actor
from referral.audit import log
from referral.equality import DISABILITY, ETHNIC
from referral.ids import new_id
from referral.records import PersonSeen
from referral.rows import change, put
from referral.states import Role
from referral.store import Tx
from workflows.moves import N_, Refusal
from workflows.people import WRITERS
from workflows.relationships import HOW, may_keep
from workflows.rules import field, missing, require, wrong
from workflows.working_time import local_day

NOUN = "equality_answer"
DO_NOT_ASK = Refusal(
    "do_not_ask",
    N_("They do not want to be asked about this."),
    N_("If they say so themselves, record first that they may be asked again."),
)


def record_answer(
    tx: Tx, actor: Actor, at: datetime, *, person_id: str, values: Mapping[str, Any]
) -> str:
    """Keep what the person said, in the place of what they said before. Raises Refused: not_found,
    or a fault for each field."""
    p = _mine(tx, actor, at, person_id, "record")
    standing = equality.of_person(tx, actor, p.id)
    if standing and standing[0].objected_at is not None:
        raise wrong(NOUN, "record", DO_NOT_ASK)
    faults = []
    if values.get("ethnic_group") not in ETHNIC:
        faults.append(field("ethnic_group", N_("Choose what the person said of their group.")))
    if values.get("disability") not in DISABILITY:
        faults.append(field("disability", N_("Choose what the person said of disability.")))
    faults += _when_and_how(at, values)
    if faults:
        raise wrong(NOUN, "record", *faults)
    kept = {
        **{name: values[name] for name in ("ethnic_group", "disability", "said_on", "said_how")},
        "recorded_by": actor.membership_id,
        "recorded_at": at,
        "taken_back_at": None,
    }
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


def do_not_ask(
    tx: Tx, actor: Actor, at: datetime, *, person_id: str, values: Mapping[str, Any]
) -> None:
    """The person does not want to be asked, from now on: what they said before is gone, and who
    recorded that, and when they said it, is kept. Raises Refused: not_found, or a fault for each
    field."""
    p = _mine(tx, actor, at, person_id, "do_not_ask")
    faults = _when_and_how(at, values)
    if faults:
        raise wrong(NOUN, "do_not_ask", *faults)
    standing = equality.of_person(tx, actor, p.id)
    kept = {
        **{"ethnic_group": None, "disability": None, "taken_back_at": at, "objected_at": at},
        **{name: values[name] for name in ("said_on", "said_how")},
        "recorded_by": None if actor.role is Role.PERSON else actor.membership_id,
        "recorded_at": at,
    }
    if standing:
        change(tx, NOUN, standing[0].id, kept)
        _take_away(tx, at, standing[1:])
    else:
        key = {"id": new_id(at), "system_id": actor.system_id, "person_id": p.id}
        put(tx, NOUN, {**key, **kept})
    log(tx, actor, at, "equality_not_to_ask", "person", None, subject=p.subject_ref)


def may_ask_again(tx: Tx, actor: Actor, at: datetime, *, person_id: str) -> None:
    """The person may be asked again, as if they had not been asked yet; the log has what was
    before. Raises Refused: not_found."""
    p = _mine(tx, actor, at, person_id, "ask_again")
    if equality.objects(tx, actor, p.id):
        equality.forget(tx, actor, p.id)
        log(tx, actor, at, "equality_may_ask", "person", None, subject=p.subject_ref)


def heed(tx: Tx, actor: Actor, at: datetime, person_id: str) -> None:
    """Where two records became one and on either the person does not want to be asked, what was
    said on the other goes."""
    standing = equality.of_person(tx, actor, person_id)
    if standing and standing[0].objected_at is not None:
        _take_away(tx, at, [one for one in standing[1:] if one.taken_back_at is None])


def _when_and_how(at: datetime, values: Mapping[str, Any]) -> list[Refusal]:
    faults = []
    said_on = values.get("said_on")
    if said_on is None:
        faults.append(field("said_on", N_("Enter the day on which the person said so.")))
    elif said_on > local_day(at):
        faults.append(field("said_on", N_("The day must be today or before.")))
    if values.get("said_how") not in HOW:
        faults.append(field("said_how", N_("Choose how the person said so.")))
    return faults


def _take_away(tx: Tx, at: datetime, answers: list[equality.AnswerSeen]) -> None:
    for one in answers:
        gone = {"ethnic_group": None, "disability": None, "taken_back_at": at}
        change(tx, NOUN, one.id, gone)


def _mine(tx: Tx, actor: Actor, at: datetime, person_id: str, what: str) -> PersonSeen:
    """The person, for their team, or for themselves: these can't write down an answer, and can do
    all else."""
    if actor.role is Role.PERSON and actor.person_id == person_id and what != "record":
        themselves = records.person_of(tx, actor, at, person_id)
        if themselves is None or themselves.died_on is not None:
            raise missing(NOUN, what)
        return themselves
    require(actor, WRITERS, NOUN, what)
    p = may_keep(tx, actor, at, person_id)
    if p is None:
        raise missing(NOUN, what)
    return p

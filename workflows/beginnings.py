"""Beginning to write a referral before its activity is chosen, and making the draft of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral import beginnings
from referral.actors import Actor
from referral.audit import log
from referral.ids import new_id
from referral.rows import change, put
from referral.states import Noun
from referral.store import Sql, Tx
from workflows.engine import Done, step
from workflows.guards import not_died
from workflows.people import OWN, WRITERS
from workflows.rules import missing, require, wrong

KEPT = ("plan_id", "risks", "safety_notes", "call_before", "urgent", "alternatives")


def begin_writing(
    tx: Tx, actor: Actor, at: datetime, person_id: str, answers: Mapping[str, Any] | None = None
) -> str:
    """Begin a referral of one of the own organisation's people. Returns the id the draft will
    have. Raises Refused: not_found."""
    require(actor, WRITERS, "referral", "write")
    if tx.row(OWN, id=person_id, system_id=actor.system_id, org=actor.organisation_id) is None:
        raise missing("referral", "write")
    if tx.row(HAS_DIED, id=person_id) is not None:
        raise wrong("referral", "write", not_died.refusal)
    begun_id = new_id(at)
    put(
        tx,
        "beginning",
        {
            "id": begun_id,
            "system_id": actor.system_id,
            "organisation_id": actor.organisation_id,
            "membership_id": actor.membership_id,
            "person_id": person_id,
            "answers": "{}",
            "created_at": at,
            "updated_at": at,
        },
    )
    _save(tx, begun_id, dict(answers or {}), at)
    log(tx, actor, at, "referral_begun", "referral", begun_id, subject=_subject(tx, person_id))
    return begun_id


HAS_DIED = Sql("SELECT 1 FROM person WHERE id = :id AND died_on IS NOT NULL")
SUBJECT = Sql("SELECT subject_ref FROM person WHERE id = :id")


def _subject(tx: Tx, person_id: str) -> str:
    row = tx.row(SUBJECT, id=person_id)
    return str(row[0]) if row else ""


def save_answers(
    tx: Tx, actor: Actor, at: datetime, begun_id: str, values: Mapping[str, Any]
) -> None:
    """Keep further answers. Raises Refused: not_found."""
    begun = beginnings.one(tx, actor, begun_id)
    if begun is None:
        raise missing("referral", "write")
    _save(tx, begun_id, {**begun.answers, **values}, at)


def _save(tx: Tx, begun_id: str, answers: dict[str, Any], at: datetime) -> None:
    text = json.dumps(answers, ensure_ascii=False, sort_keys=True)
    change(tx, "beginning", begun_id, {"answers": text, "updated_at": at})


def choose_activity(tx: Tx, actor: Actor, at: datetime, begun_id: str, group_id: str) -> Done:
    """An activity is chosen: the beginning becomes a draft with the same id."""
    begun = beginnings.one(tx, actor, begun_id)
    if begun is None:
        raise missing("referral", "write")
    given = {
        **{name: begun.answers[name] for name in KEPT if name in begun.answers},
        "id": begun_id,
        "person_id": begun.person_id,
        "group_id": group_id,
    }
    done = step(tx, Noun.REFERRAL, None, "create", actor, at, given)
    beginnings.end(tx, begun_id)
    return done


def throw_away(tx: Tx, actor: Actor, at: datetime, begun_id: str) -> None:
    """Nothing comes of it. What was saved about the person stays with the person."""
    if beginnings.one(tx, actor, begun_id) is None:
        raise missing("referral", "write")
    beginnings.end(tx, begun_id)
    log(tx, actor, at, "referral_not_begun", "referral", begun_id)

"""Recording how somebody says their life is: at the start of a referral, at reviews, at its end.

The measure is four questions of the Office for National Statistics about personal wellbeing, each
from 0 to 10 and none added to another. They are for people of 16 and over, who answer for
themselves: nobody answers for somebody else, and each question may be left unanswered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from referral import facts, scores
from referral.actors import Actor
from referral.audit import log
from referral.facts import ReferralFacts
from referral.ids import new_id
from referral.rows import keep_still, put
from referral.scores import ANSWERS, ScoreSeen
from referral.states import Noun
from referral.states import ReferralState as S
from referral.store import Tx
from workflows.bases import born_on, is_child
from workflows.moves import N_, Refusal
from workflows.people import OWN, WRITERS
from workflows.rules import field, missing, require, wrong
from workflows.working_time import local_day

MEASURE, VERSION = "ons4", 1
LEAST, MOST = 0, 10
STAGES = ("start", "review", "end")
HOW = ("in_person", "phone", "themselves")
WHY = ("mistyped", "they_said", "not_theirs")

NOT_NUMBERS: Mapping[str, str] = {
    "satisfied": N_("Satisfied with life: enter a whole number from 0 to 10, or nothing."),
    "worthwhile": N_("Worthwhile: enter a whole number from 0 to 10, or nothing."),
    "happy": N_("Happy yesterday: enter a whole number from 0 to 10, or nothing."),
    "anxious": N_("Anxious yesterday: enter a whole number from 0 to 10, or nothing."),
}
NOTHING_SAID = field(
    "satisfied", N_("Enter at least one answer. Leave out what they did not answer.")
)
TO_COME = field("asked_on", N_("The day you asked must be today or before."))
ONCE = {
    "start": N_("The starting point is recorded already. Put it right under “Outcomes”."),
    "end": N_("The answers at the end are recorded already. Put them right under “Outcomes”."),
}
TOO_YOUNG = Refusal(
    "too_young",
    N_("These questions are for people aged 16 and over."),
    N_("Write what matters to them in their own words instead."),
)
CORRECTED_SINCE = Refusal(
    "corrected_since",
    N_("Somebody has put these answers right already."),
    N_("Look at what stands there now."),
)


def may_score(tx: Tx, actor: Actor, at: datetime, referral_id: str) -> ReferralFacts | None:
    """The referral, where the actor is of its team and it isn't closed to them; nothing else."""
    f = facts.referral(tx, referral_id, actor, at)
    if f is None or f.closed_to_actor or f.state == S.IN_ERROR:
        return None
    mine = {"system_id": actor.system_id, "org": actor.organisation_id}
    return f if tx.row(OWN, id=f.person_id, **mine) is not None else None


def record_scores(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    referral_id: str,
    stage: str,
    how: str,
    asked_on: date,
    answers: Mapping[str, int | None],
) -> str:
    """Keep the answers of a person, once at the start, once at the end, and as often as they are
    reviewed. Raises Refused: not_found, somebody under 16, or a fault for each field."""
    f = _mine(tx, actor, at, referral_id, "record")
    said = _checked(tx, actor, at, f, answers, how, asked_on)
    if stage not in STAGES:
        raise wrong("score", "record", field("stage", N_("Choose when it was asked.")))
    if not any(value is not None for value in said.values()):
        raise wrong("score", "record", NOTHING_SAID)
    there = scores.of_referral(tx, actor, referral_id)
    if stage in ONCE and any(row.stage == stage for row in there):
        raise wrong("score", "record", field("stage", ONCE[stage]))
    kept = {**said, "stage": stage, "how": how, "asked_on": asked_on}
    made = _keep(tx, actor, at, referral_id, {**kept, "corrects_id": None, "why": None})
    _log(tx, actor, at, "scores_recorded", f, {"score": made, "stage": stage})
    return made


def correct_scores(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    score_id: str,
    why: str,
    how: str,
    asked_on: date,
    answers: Mapping[str, int | None],
) -> ScoreSeen:
    """Put answers right: both stay, with who did it and why. Without any answer, they are taken
    back. Returns what was put right. Raises Refused: not_found, a fault for each field, or that
    somebody else was quicker."""
    before = scores.one(tx, actor, score_id)
    if before is None:
        require(actor, WRITERS, "score", "correct")
        raise missing("score", "correct")
    f = _mine(tx, actor, at, before.referral_id, "correct")
    said = _checked(tx, actor, at, f, answers, how, asked_on)
    if why not in WHY:
        raise wrong("score", "correct", field("why", N_("Choose why it is put right.")))
    if any(row.corrects_id == score_id for row in scores.of_referral(tx, actor, f.id)):
        raise wrong("score", "correct", CORRECTED_SINCE)
    kept = {**said, "stage": before.stage, "how": how, "asked_on": asked_on}
    made = _keep(tx, actor, at, f.id, {**kept, "corrects_id": score_id, "why": why})
    told = {"score": made, "corrects": score_id, "why": why}
    _log(tx, actor, at, "scores_corrected", f, told)
    return before


def _mine(tx: Tx, actor: Actor, at: datetime, referral_id: str, what: str) -> ReferralFacts:
    require(actor, WRITERS, "score", what)
    f = may_score(tx, actor, at, referral_id)
    if f is None:
        raise missing("score", what)
    keep_still(tx, f.person_id, (), referral_id)
    return f


def _checked(
    tx: Tx,
    actor: Actor,
    at: datetime,
    f: ReferralFacts,
    answers: Mapping[str, int | None],
    how: str,
    asked_on: date,
) -> dict[str, int | None]:
    if is_child(born_on(tx, actor.system_id, f.person_id), at):
        raise wrong("score", "record", TOO_YOUNG)
    said = {name: answers.get(name) for name in ANSWERS}
    faults = [
        field(name, NOT_NUMBERS[name])
        for name, value in said.items()
        if value is not None and not LEAST <= value <= MOST
    ]
    if how not in HOW:
        faults.append(field("how", N_("Choose how it was asked.")))
    if asked_on > local_day(at):
        faults.append(TO_COME)
    if faults:
        raise wrong("score", "record", *faults)
    return said


def _keep(tx: Tx, actor: Actor, at: datetime, referral_id: str, values: Mapping[str, Any]) -> str:
    made = new_id(at)
    whose = {"id": made, "system_id": actor.system_id, "referral_id": referral_id}
    measure = {"measure": MEASURE, "measure_version": VERSION}
    recorded = {"recorded_by": actor.membership_id, "recorded_at": at}
    put(tx, "score", {**whose, **measure, **values, **recorded})
    return made


def _log(
    tx: Tx, actor: Actor, at: datetime, action: str, f: ReferralFacts, told: Mapping[str, Any]
) -> None:
    log(tx, actor, at, action, Noun.REFERRAL, f.id, told, subject=f.subject_ref)

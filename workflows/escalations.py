"""Raising an escalation, deciding it, and carrying out what was decided."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from referral import dispatches as addresses
from referral import facts, picks, visible
from referral.actors import Actor
from referral.clocks import member_key, role_key
from referral.rows import change
from referral.states import Noun, Role
from referral.store import Sql, Tx
from workflows.clocks import PROFESSIONAL
from workflows.engine import (
    NOT_FOUND,
    TABLES,
    Done,
    Refused,
    decide,
    step,
    tells,
)
from workflows.moves import N_, Refusal
from workflows.rules import field, wrong
from workflows.working_time import ENGLAND, Calendar, add, add_hours

# What a reviewer of any level may have done elsewhere, with a governance lead's right.
CONSEQUENCES: dict[Noun, tuple[str, ...]] = {
    Noun.REFERRAL: ("recall", "reassign", "reopen", "confirm", "close_unmet"),
    Noun.ASSURANCE: ("review", "suspend", "assure"),
}


def raise_escalation(
    tx: Tx, actor: Actor, at: datetime, values: Mapping[str, Any], key: str | None = None
) -> Done:
    """Take a matter to the next level that can resolve it. `values`: kind, note (what is needed),
    topic (of a complaint), tried, severity, about and about_id. What the actor can't see can't be
    escalated, and nobody but the person complains for themselves: not_found."""
    about, about_id = values.get("about"), values.get("about_id")
    if about == "person" and actor.person_id != about_id:
        raise Refused([NOT_FOUND], noun=Noun.ESCALATION, trigger="raise", record_id=None)
    if about in set(Noun):
        noun = Noun(str(about))
        f = facts.LOADERS[noun](tx, str(about_id), actor, at)
        if f is None or not TABLES[noun].hats(f, actor):
            raise Refused([NOT_FOUND], noun=Noun.ESCALATION, trigger="raise", record_id=None)
    given = {
        k: v
        for k, v in values.items()
        if k not in ("clock_id", "clock_period", "level", "from_group")
    }
    if given.get("kind") != COMPLAINT:
        given.pop("topic", None)
    if given.get("kind") == PROFESSIONAL:
        given = {**given, "level": _stage_of(given)}
    return step(tx, Noun.ESCALATION, None, "raise", actor, at, given, key=key)


def whom_of_person(tx: Tx, f: facts.EscalationFacts) -> list[str]:
    """Whom a reviewer may ask about what a person raised themselves, as owner keys: the person,
    who finds the question on their own page, unless it isn't safe to reach them so; and whoever
    can ask them by voice: their link worker, or the team's leads."""
    role, _at, person_id = f.raiser.partition("@")
    if role != Role.PERSON:
        return []
    worker = picks.link_worker_for(tx, f.system_id, person_id)
    by_voice = member_key(worker) if worker else role_key(Role.TEAM_LEAD, f.organisation_id)
    reached = addresses.person(tx, f.system_id, person_id)
    if reached is not None and reached.may_be_written:
        return [f.raiser, by_voice]
    return [by_voice]


COMPLAINT = "complaint"
STAGE_ONE = "discussed"


PLACE_LEVEL = 2


def ask_place_lead(tx: Tx, actor: Actor, at: datetime, note: str, key: str | None = None) -> Done:
    """Nothing was found for somebody: those who answer for the place are asked what there is. It is
    about no record, and what is missing is counted with the other gaps. Raises Refused."""
    given = {
        "kind": "capacity",
        "severity": "medium",
        "tried": ["looked_elsewhere"],
        "note": note,
        "level": PLACE_LEVEL,
    }
    return step(tx, Noun.ESCALATION, None, "raise", actor, at, given, key=key)


def _stage_of(given: Mapping[str, Any]) -> int:
    """The level a professional disagreement starts at: the two of them have spoken (stage 1), or it
    can't wait, and starts a stage higher. Raises Refused where neither is said."""
    if given.get("severity") == "high":
        return 2
    if STAGE_ONE not in (given.get("tried") or ()):
        raise wrong(
            Noun.ESCALATION,
            "raise",
            field(
                "tried",
                N_(
                    "Speak with the other professional first: that is stage 1. If somebody may be"
                    " harmed meanwhile, choose high severity."
                ),
            ),
        )
    return 1


def _as_reviewer(actor: Actor, place_path: str) -> Actor:
    """The reviewer with a governance lead's right over the matter's own place."""
    return replace(actor, role=Role.GOVERNANCE_LEAD, place_path=place_path)


@dataclass(frozen=True)
class Preview:
    """What one consequence would do now, and whom it would tell."""

    noun: Noun
    record_id: str
    trigger: str
    says: str
    refusals: tuple[Refusal, ...]
    tells: tuple[str, ...] = ()  # owner keys


def told_of_decision(tx: Tx, actor: Actor, at: datetime, escalation_id: str) -> list[str]:
    """The owner keys of those who hear that it was decided."""
    f = _mine(tx, actor, at, escalation_id)
    decide_now = TABLES[Noun.ESCALATION].moves_from("decide", str(f.state))
    return tells(tx, Noun.ESCALATION, f, decide_now[0], {}) if decide_now else []


def preview_consequences(
    tx: Tx, actor: Actor, at: datetime, escalation_id: str, wanted: list[Mapping[str, Any]]
) -> list[Preview]:
    """What each consequence would do, and what stands in its way now. Writes nothing."""
    f = _mine(tx, actor, at, escalation_id)
    reviewer = _as_reviewer(actor, f.place_path)
    found = []
    for one in wanted:
        noun, trigger = _known(one)
        about = facts.LOADERS[noun](tx, one["record_id"], reviewer, at)
        if about is None:
            found.append(Preview(noun, one["record_id"], trigger, "", (NOT_FOUND,)))
            continue
        try:
            decision = decide(noun, about, trigger, reviewer, at, one.get("given", {}))
        except Refused as refused:
            found.append(Preview(noun, one["record_id"], trigger, "", refused.refusals))
        else:
            told = tells(tx, noun, about, decision.move, one.get("given", {}))
            found.append(
                Preview(noun, one["record_id"], trigger, decision.move.says, (), tuple(told))
            )
    return found


def _known(one: Mapping[str, Any]) -> tuple[Noun, str]:
    noun, trigger = one.get("noun"), one.get("trigger")
    if noun not in CONSEQUENCES or trigger not in CONSEQUENCES[Noun(noun)]:
        raise wrong(
            Noun.ESCALATION,
            "decide",
            field("consequences", N_("Choose what is to happen from the list.")),
        )
    return Noun(noun), str(trigger)


def _mine(tx: Tx, actor: Actor, at: datetime, escalation_id: str) -> facts.EscalationFacts:
    f = facts.escalation(tx, escalation_id, actor, at)
    if f is None or not TABLES[Noun.ESCALATION].hats(f, actor):
        raise Refused([NOT_FOUND], noun=Noun.ESCALATION, trigger="decide", record_id=escalation_id)
    return f


def decide_escalation(
    tx: Tx,
    actor: Actor,
    at: datetime,
    escalation_id: str,
    values: Mapping[str, Any],
    *,
    second: Actor | None = None,
    version: int | None = None,
    key: str | None = None,
) -> Done:
    """Decide: decision, note (the reason), conditions, review_on, consequences ({noun, record_id,
    trigger, given} each). They are carried out afterwards, each in a transaction of its own."""
    for one in values.get("consequences", ()):
        _known(one)
    return step(
        tx,
        Noun.ESCALATION,
        escalation_id,
        "decide",
        actor,
        at,
        values,
        version=version,
        key=key,
        second=second,
    )


CONSEQUENCE = Sql(
    "SELECT escalation_id, noun, record_id, trigger, given, state, tries FROM consequence"
    " WHERE id = :id AND system_id = :system_id"
)
TELL = "tell"  # whoever raised it has no account: a human tells them
PENDING = Sql(
    "SELECT id FROM consequence WHERE escalation_id = :id AND state IN ('pending','failed')"
    " AND trigger <> 'tell' ORDER BY position"
)


def pending(tx: Tx, escalation_id: str) -> list[str]:
    """The moves a decision brings that are neither done nor waived, in their order; what a human
    has to tell somebody is left out."""
    return [row[0] for row in tx.rows(PENDING, id=escalation_id)]


def carry_out(tx: Tx, actor: Actor, at: datetime, consequence_id: str) -> Done:
    """Make the consequence's move as the reviewer, through the same table and guards, and settle
    it, in one transaction. Raises Refused with what stands in the way; the caller then notes the
    failure with `note_failure` in a transaction of its own."""
    row = tx.row(CONSEQUENCE, id=consequence_id, system_id=actor.system_id)
    if row is None or row[5] not in ("pending", "failed"):
        raise Refused([NOT_FOUND], noun=Noun.ESCALATION, trigger="settle", record_id=None)
    escalation_id, noun, record_id, trigger, given, _, _ = row
    f = _mine(tx, actor, at, escalation_id)
    done = None
    if trigger != TELL:  # a human has told them: there is no move to make
        reviewer = _as_reviewer(actor, f.place_path)
        told = json.loads(given) | _conditions(tx, actor, f, Noun(noun))
        done = step(tx, Noun(noun), record_id, trigger, reviewer, at, told)
    settled = step(
        tx,
        Noun.ESCALATION,
        escalation_id,
        "settle",
        actor,
        at,
        {"consequence_id": consequence_id, "settled": "done"},
    )
    return done or settled


def _conditions(tx: Tx, actor: Actor, f: facts.EscalationFacts, noun: Noun) -> dict[str, str]:
    """The conditions of the decision, written with each move that it brings, so that who has to
    keep to them reads them: the referral's own team, or the provider. Of a concern nothing is."""
    words = None if f.about == Noun.CONCERN else visible.conditions(tx, actor, f.id)
    if not words:
        return {}
    own = {"audience": "ours"} if noun is Noun.REFERRAL else {}
    return {"note": f"{f.reference}: {words}", **own}


def note_failure(tx: Tx, consequence_id: str, refused: Refused) -> None:
    """Keep why a consequence could not be carried out, so that it can be tried again or waived."""
    row = tx.row(Sql("SELECT tries FROM consequence WHERE id = :id"), id=consequence_id)
    change(
        tx,
        "consequence",
        consequence_id,
        {
            "state": "failed",
            "refusals": [
                {"code": r.code, "why": r.why, "remedy": r.remedy} for r in refused.refusals
            ],
            "tries": (row[0] if row else 0) + 1,
        },
    )


RAISING_CLOCK = Sql(
    "SELECT period, hours, kind, noun, record_id, started FROM clock"
    " WHERE id = :id AND ended IS NULL",
    times=(5,),
)


def complete_escalation(
    tx: Tx,
    actor: Actor,
    at: datetime,
    escalation_id: str,
    *,
    version: int | None = None,
    key: str | None = None,
    cal: Calendar = ENGLAND,
) -> Done:
    """Close it: everything is settled and the raiser told. The clock that raised it starts again,
    if its record is still where it was."""
    f = _mine(tx, actor, at, escalation_id)
    given: dict[str, Any] = {}
    clock = tx.row(RAISING_CLOCK, id=f.clock_id) if f.clock_id is not None else None
    if clock is not None:
        period, hours, kind, noun, clock_record, started = clock
        spec = TABLES[Noun(noun)].clocks[kind]
        given["clock_due"] = add_hours(at, period) if hours else add(at, period, cal)
        given["clock_fired"] = len(spec.before)
        given |= {"clock_kind": kind, "clock_noun": noun, "clock_record": clock_record}
        given["clock_was"] = started
    return step(
        tx, Noun.ESCALATION, escalation_id, "complete", actor, at, given, version=version, key=key
    )

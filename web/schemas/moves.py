"""The schema of each move, made from the move's own row: what it needs, keeps and may be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from referral import policy
from referral.states import Noun
from web.schemas.agreements import DraftAgreement
from web.schemas.base import Command, Nothing
from web.schemas.concerns import RaiseConcern, Source
from web.schemas.consent import HOW, RecordConsent
from web.schemas.emergencies import OpenRecord
from web.schemas.escalations import Consequence, RaiseEscalation
from web.schemas.fields import (
    LONG,
    NOTE,
    SHORT,
    Choice,
    Day,
    Id,
    Listed,
    Many,
    Moment,
    OwnerKey,
    SaidTime,
    Text,
    YesNo,
)
from web.schemas.overrides import ProposeOverride
from web.schemas.referrals import BeginReferral, Redirect
from web.schemas.rights import TakeRequest
from workflows.engine import TABLES
from workflows.moves import N_, Move, Need, list_of
from workflows.tables.concerns import ADVOCATES, CATEGORIES
from workflows.tables.emergencies import TAGS
from workflows.tables.referrals import GOALS_MET

FieldOf = Callable[[str | None], fields.Field[Any]]

# The kind of each thing a move may need or keep, where it isn't a list of the table's own.
KINDS: Mapping[str, FieldOf] = {
    "note": lambda needed: Text(needed, most=LONG),
    "summary": lambda needed: Text(needed, most=LONG),
    "feedback": lambda needed: Text(needed, most=LONG),
    "what_next": lambda needed: Text(needed, most=SHORT),
    "reported_to": lambda needed: Text(needed, most=SHORT),
    "authority_reference": lambda needed: Text(needed, most=SHORT),
    "told_at": lambda needed: SaidTime(needed),
    "happened_at": lambda needed: SaidTime(needed),
    "wishes": lambda needed: Text(needed, most=LONG),
    "categories": lambda needed: Many(Choice(CATEGORIES), needed, most=len(CATEGORIES)),
    "advocate": lambda needed: Choice(ADVOCATES, needed),
    "present": lambda needed: Text(needed, most=LONG),
    "seen": lambda needed: Text(needed, most=LONG),
    "danger": lambda needed: YesNo(needed),
    "how": lambda needed: Choice(HOW, needed),
    "expected_date": lambda needed: Day(needed, when="to_come"),
    "paused_until": lambda needed: Day(needed, when="to_come"),
    "review_on": lambda needed: Day(needed, when="to_come"),
    "review_at": lambda needed: Moment(needed, when="to_come"),
    "conditions_until": lambda needed: Moment(needed, when="to_come"),
    "until": lambda needed: Moment(needed, when="to_come", through=True),
    "conditional_activities": lambda needed: Many(
        Id(N_("Choose the activities within the conditions.")), needed
    ),
    "tags": lambda needed: Many(Choice(TAGS), needed, most=len(TAGS)),
    "link_worker_id": lambda needed: Id(needed),
    "wording_id": lambda needed: Id(needed),
    "capacity_id": lambda needed: Id(needed),
    "conditions": lambda needed: Text(needed, most=LONG),
    "consequence_id": lambda needed: Id(needed),
    "asked": lambda needed: OwnerKey(needed or N_("Choose whom you ask.")),
    "sources": lambda needed: Many(fields.Nested(Source), needed, most=20),
    "source_id": lambda needed: Id(needed),
    "why_unreported": lambda needed: Text(needed, most=LONG),
    "holder": lambda needed: OwnerKey(needed or N_("Choose who holds it from now.")),
}
# What the program finds out itself, and nobody may say.
NOT_SAID = frozenset({"shared", "redirected_to"})
HARM: Mapping[str, FieldOf] = {name: KINDS[name] for name in ("categories", "advocate")}
CALL: Mapping[str, FieldOf] = {name: KINDS[name] for name in ("told_at", "authority_reference")}
# What a move's effects or settings read beside what it needs and keeps.
MORE: Mapping[tuple[Noun, str], Mapping[str, FieldOf]] = {
    **{
        (Noun.REFERRAL, told): {"happened_at": KINDS["happened_at"]}
        for told in ("call", "contact", "try_contact")
    },
    # One of many, read beside the others: short ones are read.
    (Noun.REFERRAL, "update"): {"note": lambda needed: Text(needed, most=NOTE)},
    # An answer for each goal of the plan, in its order.
    (Noun.REFERRAL, "complete"): {
        "goals": lambda needed: Many(Choice(GOALS_MET), needed, most=10),
    },
    (Noun.CONSENT, "give"): {"until": KINDS["until"]},
    (Noun.CONCERN, "acknowledge"): {"hold_stays": lambda needed: YesNo(needed), **HARM},
    (Noun.CONCERN, "review"): HARM,
    (Noun.CONCERN, "close"): {"wishes": KINDS["wishes"]},
    (Noun.CONCERN, "report_to_authority"): CALL,
    (Noun.CONCERN, "told_authority"): CALL,
    (Noun.CONCERN, "hold"): {"hold_provider_id": lambda needed: Id(needed)},
    (Noun.CONCERN, "reopen"): {"safe_to_carry_on": lambda needed: YesNo(needed)},
    (Noun.ESCALATION, "decide"): {
        "consequences": lambda needed: Many(fields.Nested(Consequence), most=50),
        "conditions": KINDS["conditions"],
    },
}
# Moves whose command asks for something else than the table does.
OWN: Mapping[tuple[Noun, str], type[Command]] = {
    (Noun.REFERRAL, "create"): BeginReferral,
    (Noun.REFERRAL, "send"): Nothing,
    (Noun.REFERRAL, "redirect"): Redirect,
    (Noun.CONSENT, "ask"): RecordConsent,
    (Noun.OVERRIDE, "propose"): ProposeOverride,
    (Noun.CONCERN, "raise"): RaiseConcern,
    (Noun.ESCALATION, "raise"): RaiseEscalation,
    (Noun.AGREEMENT, "draft"): DraftAgreement,
    (Noun.RIGHTS, "receive"): TakeRequest,
    (Noun.EMERGENCY, "open"): OpenRecord,
}


def _field(noun: Noun, trigger: str, need: Need, needed: bool) -> fields.Field[Any]:
    sentence = need.refusal.why
    if need.values:
        if list_of(noun, trigger, need) in policy.REASONS:
            return Listed(need.values, sentence if needed else None, wrong=sentence)
        return Choice(need.values, sentence if needed else None, wrong=sentence)
    return KINDS[need.name](sentence if needed else None)


def _kept(noun: Noun, trigger: str, name: str) -> fields.Field[Any]:
    if name == "reason":
        return Choice(policy.reasons(f"{noun}.{trigger}"), wrong=N_("Choose a reason."))
    return KINDS[name](None)


def _needs(moves: tuple[Move, ...]) -> dict[str, tuple[Need, bool]]:
    """Each thing needed, and whether it always is: by every move of the trigger, in every case."""
    found: dict[str, tuple[Need, bool]] = {}
    for m in moves:
        for need in m.needs:
            always = (
                need.when is None
                and need.where is None
                and all(any(n.name == need.name for n in other.needs) for other in moves)
            )
            found[need.name] = (need, always)
    return found


@cache
def schema_for(noun: Noun, trigger: str) -> type[Command]:
    """The schema of this move: its needs and what it keeps, in the table's own sentences, and a
    note. Raises KeyError if the table has no such move."""
    moves = tuple(m for m in TABLES[noun].moves if m.trigger == trigger)
    if not moves:
        raise KeyError(f"{noun}.{trigger}")
    if (noun, trigger) in OWN:
        return OWN[noun, trigger]
    needs = _needs(moves)
    made: dict[str, Any] = {
        name: _field(noun, trigger, need, always)
        for name, (need, always) in needs.items()
        if name not in NOT_SAID
    }
    for m in moves:
        for name in m.keeps:
            if name not in NOT_SAID and name not in made:
                made[name] = _kept(noun, trigger, name)
    for name, kind in MORE.get((noun, trigger), {}).items():
        made[name] = kind(None)
    made.setdefault("note", Text(most=LONG))
    conditional = [n for n, _ in needs.values() if n.when is not None]

    def in_some_cases(self: Command, data: dict[str, Any], **more: Any) -> None:
        faults = {
            n.name: [n.refusal.why]
            for n in conditional
            if n.when is not None and n.when(data) and data.get(n.name) in (None, "")
        }
        if faults:
            raise ValidationError(faults)

    if conditional:
        made["in_some_cases"] = validates_schema(in_some_cases)
    made["__doc__"] = moves[0].says
    name = "".join(word.title() for word in f"{noun}_{trigger}".split("_"))
    return type(name, (Command,), made)

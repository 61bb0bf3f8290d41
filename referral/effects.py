"""The rows a move writes beside its own record, by the names its table gives them, and the row of
a record that is new."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from referral.agreements import DUTIES
from referral.ids import new_id
from referral.ledger import Row, Statement, insert, stored, update
from referral.states import ConcernState, HoldCause, Noun

Given = Mapping[str, Any]

# -- new records --------------------------------------------------------------------------------


def _referral(f: Any, g: Given, at: datetime) -> dict[str, Any]:
    return {
        "id": f.id,
        "system_id": f.system_id,
        "organisation_id": f.organisation_id,
        "reference": f.reference,
        "person_id": f.person_id,
        "provider_id": f.provider_id,
        "activity_id": f.activity_id,
        "group_id": f.group_id,
        "link_worker_id": f.link_worker_id,
        "plan_id": g.get("plan_id"),
        "urgent": f.urgent,
        "risks": g.get("risks"),
        "safety_notes": g.get("safety_notes"),
        "safety_answers": g.get("safety_answers"),
        "call_before": bool(g.get("call_before")),
        "shared": None,
        "alternatives": g.get("alternatives"),
        "reason": None,
        "expected_date": None,
        "paused_until": None,
        "contacted_at": None,
        "outcome": None,
        "redirected_from": g.get("redirected_from"),
        "redirected_to": None,
        "sent_at": None,
        "completed_at": None,
        "created_at": at,
    }


def _consent(f: Any, g: Given, at: datetime) -> dict[str, Any]:
    return {
        "id": f.id,
        "system_id": f.system_id,
        "organisation_id": f.organisation_id,
        "person_id": f.person_id,
        "link_worker_id": f.link_worker_id,
        "purpose": f.purpose,
        "recipient": f.recipient,
        "renews_id": f.renews_id,
        "wording_id": g.get("wording_id"),
        "basis": None,
        "how": None,
        "present": None,
        "capacity_note_id": None,
        "capacity_id": None,
        "asked_at": at,
        "answered_at": None,
        "until": None,
        "reason": None,
    }


def _override(f: Any, g: Given, at: datetime) -> dict[str, Any]:
    return {
        "id": f.id,
        "system_id": f.system_id,
        "organisation_id": f.organisation_id,
        "reference": f.reference,
        "person_id": f.person_id,
        "recipient": f.recipient,
        "ground": g["ground"],
        "necessity": g["necessity"],
        "proportionality": g["proportionality"],
        "fields": sorted(g["fields"]),
        "person_told": bool(g["person_told"]),
        "why_not_told": g.get("why_not_told"),
        "danger": f.danger,
        "rung": f.rung,
        "holder": f.holder,
        "proposed_by": f.proposed_by,
        "decided_by": None,
        "until": None,
        "reason": None,
        "finding": None,
        "created_at": at,
    }


def _concern(f: Any, g: Given, at: datetime) -> dict[str, Any]:
    return {
        "id": f.id,
        "system_id": f.system_id,
        "organisation_id": f.organisation_id,
        "reference": f.reference,
        "person_id": f.person_id,
        "provider_id": f.provider_id,
        "referral_id": f.referral_id,
        "rung": f.rung,
        "holder": f.holder,
        "danger": f.danger,
        "raised_by": f.raised_by,
        "seen": g["seen"],
        "prompts": g.get("prompts"),
        "wishes": g.get("wishes"),
        "person_knows": g.get("person_knows"),
        "child": g.get("child"),
        "others_at_risk": g.get("others_at_risk"),
        "advocate": g.get("advocate"),
        "categories": g.get("categories"),
        "acknowledged_at": None,
        "acknowledged_by": None,
        "reported_to": None,
        "authority_route": None,
        "reported_at": None,
        "authority_reference": None,
        "authority_decision": None,
        "reason": None,
        "wishes_met": None,
        "why_not_asked": None,
        "closed_at": None,
        "created_at": at,
    }


def _escalation(f: Any, g: Given, at: datetime) -> dict[str, Any]:
    return {
        "id": f.id,
        "system_id": f.system_id,
        "organisation_id": f.organisation_id,
        "reference": f.reference,
        "kind": f.kind,
        "severity": f.severity,
        "about": f.about,
        "about_id": f.about_id,
        "person_id": f.person_id,
        "level": f.level,
        "ceiling": f.ceiling,
        "owner": f.owner,
        "raiser": f.raiser,
        "raised_by": f.raised_by,
        "clock_id": f.clock_id,
        "clock_period": g.get("clock_period"),
        "topic": g.get("topic"),
        "tried": g.get("tried"),
        "reviewer_id": None,
        "asked": None,
        "unanswered": 0,
        "decision": None,
        "review_on": None,
        "reason": None,
        "told_at": None,
        "closed_at": None,
        "created_at": at,
    }


def _assurance(f: Any, g: Given, at: datetime) -> dict[str, Any]:
    return {
        "id": f.id,
        "system_id": f.system_id,
        "organisation_id": f.organisation_id,
        "provider_id": f.provider_id,
        "reason": None,
        "conditional_activities": None,
        "conditions_until": None,
        "decided_by": None,
    }


def _emergency(f: Any, g: Given, at: datetime) -> dict[str, Any]:
    return {
        "id": f.id,
        "system_id": f.system_id,
        "organisation_id": f.organisation_id,
        "reference": f.reference,
        "person_id": f.person_id,
        "opened_by": f.opened_by,
        "reason": g["reason"],
        "why": g["why"],
        "finding": None,
        "tags": None,
        "created_at": at,
    }


def _agreement(f: Any, g: Given, at: datetime) -> dict[str, Any]:
    return {
        "id": f.id,
        "system_id": f.system_id,
        "organisation_id": f.organisation_id,
        "reference": f.reference,
        "kind": g.get("kind", "sharing"),
        "title": g["title"],
        "purposes": g["purposes"],
        "lawful_basis": g["lawful_basis"],
        "fields": g["fields"],
        "review_at": f.review_at,
        "replaces_id": f.replaces_id,
        "duties": g.get("duties"),
        "answers_for": {d: g[f"{d}_id"] for d in DUTIES if g.get(f"{d}_id")} or None,
        "reason": None,
        "created_at": at,
    }


def _rights(f: Any, g: Given, at: datetime) -> dict[str, Any]:
    return {
        "id": f.id,
        "system_id": f.system_id,
        "organisation_id": f.organisation_id,
        "reference": f.reference,
        "person_id": f.person_id,
        "kind": f.kind,
        "asked_for": g["asked_for"],
        "on_behalf": g.get("on_behalf"),
        "how": g["how"],
        "received_on": f.received_on,
        "taken_by": f.taken_by,
        "identity_how": None,
        "extended": False,
        "stopped_at": None,
        "stopped_days": 0,
        "told_how": None,
        "ground": None,
        "reason": None,
        "decided_by": None,
        "created_at": at,
    }


NEW_RECORD: dict[Noun, Callable[[Any, Given, datetime], dict[str, Any]]] = {
    Noun.REFERRAL: _referral,
    Noun.CONSENT: _consent,
    Noun.OVERRIDE: _override,
    Noun.EMERGENCY: _emergency,
    Noun.CONCERN: _concern,
    Noun.ESCALATION: _escalation,
    Noun.ASSURANCE: _assurance,
    Noun.AGREEMENT: _agreement,
    Noun.RIGHTS: _rights,
}

# -- rows beside the record ---------------------------------------------------------------------


def _sources(f: Any, g: Given, at: datetime) -> list[Row]:
    return [
        Row(
            insert("concern_source"),
            stored(
                "concern_source",
                {
                    "id": new_id(at),
                    "system_id": f.system_id,
                    "concern_id": f.id,
                    "user_id": source.get("user_id"),
                    "organisation_id": source.get("organisation_id"),
                    "words": source.get("words"),
                    "was_user_id": None,
                    "was_organisation_id": None,
                    "struck_at": None,
                },
            ),
        )
        for source in g.get("sources", ())
    ]


STRIKE = update(
    "concern_source",
    ("user_id", "organisation_id", "was_user_id", "was_organisation_id", "struck_at"),
    ("id", "concern_id"),
    empty=("struck_at",),
)


def _struck(f: Any, g: Given, at: datetime) -> list[Row]:
    """Whoever was named by mistake is barred no longer; that they were named stays."""
    return [
        Row(
            STRIKE,
            {
                "user_id": None,
                "organisation_id": None,
                "was_user_id": source.user_id,
                "was_organisation_id": source.organisation_id,
                "struck_at": at,
                "old_id": source.id,
                "old_concern_id": f.id,
            },
        )
        for source in f.sources
        if source.id == g["source_id"]
    ]


def _call_row(f: Any, g: Given, at: datetime, reported: bool) -> list[Row]:
    return [
        Row(
            insert("authority_call"),
            stored(
                "authority_call",
                {
                    "id": new_id(at),
                    "system_id": f.system_id,
                    "concern_id": f.id,
                    "route": g.get("authority_route"),
                    "whom": g.get("reported_to"),
                    "told_at": g.get("told_at") or at,
                    "reference": g.get("authority_reference"),
                    "told_by": f.actor_membership,
                    "reported": reported,
                },
            ),
        )
    ]


def _reported(f: Any, g: Given, at: datetime) -> list[Row]:
    return _call_row(f, g, at, True)


def _called(f: Any, g: Given, at: datetime) -> list[Row]:
    return _call_row(f, g, at, False)


def _unreported(f: Any, g: Given, at: datetime) -> list[Row]:
    """Why nobody was told of what is said about staff. Its raiser reads the note of this step, the
    feedback, so it has a note of its own."""
    return _beside(Noun.CONCERN, "safeguarding", g.get("why_unreported"), f, at)


def _conditions(f: Any, g: Given, at: datetime) -> list[Row]:
    """What whoever is concerned keeps to, beside the reason of the decision."""
    return _beside(Noun.ESCALATION, "review", g.get("conditions"), f, at)


def _beside(noun: Noun, audience: str, words: str | None, f: Any, at: datetime) -> list[Row]:
    """A note of its own beside the one the step names."""
    if not words:
        return []
    kept = {
        "id": new_id(at),
        "system_id": f.system_id,
        "organisation_id": f.organisation_id,
        "person_id": f.person_id,
        "noun": str(noun),
        "record_id": f.id,
        "audience": audience,
        "body": words,
        "written_by": f.actor_membership,
        "at": at,
    }
    return [Row(insert("note"), stored("note", kept))]


def _hold_row(f: Any, at: datetime, reach: str, provider_id: str | None) -> Row:
    return Row(
        insert("hold"),
        {
            "id": new_id(at),
            "system_id": f.system_id,
            "organisation_id": f.organisation_id,
            "cause": str(HoldCause.CONCERN),
            "concern_id": f.id,
            "person_id": f.person_id,
            "provider_id": provider_id if reach == "provider" else None,
            "referral_id": None,
            "closed_to": None,
            "owner": f.holder,
            "started": at,
            "until": None,
            "ended": None,
        },
    )


def _reached_provider(f: Any, g: Given) -> str | None:
    """The provider a hold may be narrowed to: the one it is about, or the referral's."""
    return f.provider_id or g.get("hold_provider_id")


def _hold(f: Any, g: Given, at: datetime) -> list[Row]:
    """The hold is on unless "safe to carry on" is yes, with no danger and nobody on staff named."""
    if g.get("safe_to_carry_on") and not f.danger and not f.staff_named:
        return []
    if f.held_by_it:
        return []
    reach = "provider" if f.person_id is None else g.get("reach", "all")
    return [_hold_row(f, at, reach, _reached_provider(f, g))]


def _hold_named(f: Any, g: Given, at: datetime) -> list[Row]:
    """Where somebody on staff is named later, the hold is on from then, as if they had been named
    at once; one in force stays as it is."""
    staff = any(s.get("user_id") or s.get("organisation_id") for s in g.get("sources", ()))
    if f.held_by_it or not staff:
        return []
    reach = "provider" if f.person_id is None else "all"
    return [_hold_row(f, at, reach, _reached_provider(f, g))]


def _hold_again(f: Any, g: Given, at: datetime) -> list[Row]:
    """Another reach in place of the one before. While nobody has read the concern, the hold it was
    raised with stays as well: narrowing it would release the rest (I45)."""
    reach = "provider" if f.person_id is None else g["reach"]
    before = [] if f.state == ConcernState.RAISED else _release(f, g, at)
    return [*before, _hold_row(f, at, reach, _reached_provider(f, g))]


RELEASE = update("hold", ("ended",), ("concern_id",), empty=("ended",))


def _release(f: Any, g: Given, at: datetime) -> list[Row]:
    return [Row(RELEASE, {"ended": at, "old_concern_id": f.id})]


# An ordinary hold ends with its referral, and its clock with it.
_END_HOLDS = "UPDATE hold SET ended = :at WHERE referral_id = :referral_id AND ended IS NULL"
_END_THEIR_CLOCKS = (
    "UPDATE clock SET ended = :at WHERE ended IS NULL AND record_id IN"
    " (SELECT h.id FROM hold h WHERE h.referral_id = :referral_id)"
)
HUNG = " AND EXISTS (SELECT 1 FROM u)"
END_HOLDS = Statement("row", _END_HOLDS, _END_HOLDS + HUNG)
END_THEIR_CLOCKS = Statement("row", _END_THEIR_CLOCKS, _END_THEIR_CLOCKS + HUNG)


def end_of_holds(referral_id: str, at: datetime) -> list[Row]:
    """The ordinary holds of a referral that is over, ended."""
    said = {"at": at, "referral_id": referral_id}
    return [Row(END_HOLDS, said), Row(END_THEIR_CLOCKS, said)]


def _release_unless_kept(f: Any, g: Given, at: datetime) -> list[Row]:
    return [] if g.get("hold_stays", True) else _release(f, g, at)


def _consequences(f: Any, g: Given, at: datetime) -> list[Row]:
    wanted = list(g.get("consequences", ()))
    if f.raiser.startswith("group@"):
        # They have no account: it isn't done until a human has told them.
        wanted.append({"noun": "escalation", "record_id": f.id, "trigger": "tell", "given": {}})
    return [
        Row(
            insert("consequence"),
            stored(
                "consequence",
                {
                    "id": new_id(at),
                    "system_id": f.system_id,
                    "escalation_id": f.id,
                    "position": position,
                    "noun": one["noun"],
                    "record_id": one["record_id"],
                    "trigger": one["trigger"],
                    "given": one.get("given", {}),
                    "state": "pending",
                    "refusals": None,
                    "tries": 0,
                    "settled_at": None,
                },
            ),
        )
        for position, one in enumerate(wanted, 1)
    ]


def _settle(f: Any, g: Given, at: datetime) -> list[Row]:
    return [
        Row(
            update("consequence", ("state", "settled_at"), ("id", "escalation_id")),
            {
                "state": g["settled"],
                "settled_at": at,
                "old_id": g["consequence_id"],
                "old_escalation_id": f.id,
            },
        )
    ]


RESTART = update("clock", ("due", "look_at", "fired", "started"), ("id",), empty=("ended",))


def _restart_clock(f: Any, g: Given, at: datetime) -> list[Row]:
    """The clock that raised it starts again, if its record is still there; the command found out
    whose clock it is and when it is due."""
    if f.clock_id is None or "clock_record" not in g:
        return []
    return [
        Row(
            RESTART,
            {
                "old_id": f.clock_id,
                "due": g["clock_due"],
                "look_at": g["clock_due"],
                "fired": g["clock_fired"],
                "started": at,
            },
        )
    ]


def _parties(f: Any, g: Given, at: datetime) -> list[Row]:
    return [
        Row(
            insert("agreement_party"),
            {
                "agreement_id": f.id,
                "organisation_id": organisation_id,
                "system_id": f.system_id,
                "signed_at": None,
                "signed_by": None,
            },
        )
        for organisation_id in sorted(f.parties)
    ]


def _signature(f: Any, g: Given, at: datetime) -> list[Row]:
    return [
        Row(
            update(
                "agreement_party",
                ("signed_at", "signed_by"),
                ("agreement_id", "organisation_id"),
            ),
            {
                "signed_at": at,
                "signed_by": f.actor_membership,
                "old_agreement_id": f.id,
                "old_organisation_id": f.actor_org,
            },
        )
    ]


EFFECTS: dict[str, Callable[[Any, Given, datetime], list[Row]]] = {
    "concern_sources": _sources,
    "source_struck": _struck,
    "concern_hold_named": _hold_named,
    "authority_reported": _reported,
    "authority_called": _called,
    "concern_unreported": _unreported,
    "conditions": _conditions,
    "concern_hold": _hold,
    "concern_hold_again": _hold_again,
    "release": _release,
    "release_unless_kept": _release_unless_kept,
    "consequences": _consequences,
    "settle_consequence": _settle,
    "restart_clock": _restart_clock,
    "agreement_parties": _parties,
    "signature": _signature,
}

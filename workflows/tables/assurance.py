"""Assurance: whether a provider meets the working standards now."""

from __future__ import annotations

from typing import Any

from referral import policy
from referral.clocks import role_key
from referral.states import AssuranceState as S
from referral.states import Noun, Relation, Role
from workflows.guards import guard, need
from workflows.moves import N_, Clock, Fire, Hat, Raise, Remind, State, Table, Tell, move
from workflows.tables.referrals import GOVERNANCE, SYSTEM, over

OWN: frozenset[Hat] = frozenset({(Role.PROVIDER_LEADER, Relation.OWN_PROVIDER)})


def hats(f: Any, actor: Any) -> frozenset[Hat]:
    """The provider's own leaders, and those who answer for the place it works in."""
    role = actor.role
    if role is Role.SYSTEM:
        return SYSTEM
    if role is Role.PROVIDER_LEADER:
        return OWN if actor.organisation_id == f.organisation_id else frozenset()
    if role in (
        Role.GOVERNANCE_LEAD,
        Role.SAFEGUARDING_LEAD,
        Role.ACCOUNTABLE_OFFICER,
    ) and over(actor, f.organisation_id, f.place_path):
        return frozenset({(role, Relation.OVER)})
    return frozenset()


CAST = {
    "governance_lead": lambda f: f.governance,
    "provider": lambda f: role_key(Role.PROVIDER_LEADER, f.organisation_id),
}
evidence_complete = guard(
    "evidence_complete",
    N_("Evidence that this provider needs is missing or out of date."),
    N_("Add each item with its dates, or assure with conditions."),
    "working standards, evidence by tier",
    lambda f, g, at: not f.missing_evidence,
)
REMIND = Remind(("governance_lead",))
QUALITY = Raise("quality", level=2)
LAPSE = Fire(Noun.ASSURANCE, "lapse", "itself")
STATES = (
    State(
        S.APPLIED,
        N_("The provider has applied."),
        "governance_lead",
        Clock("assurance.applied", 10, REMIND, QUALITY),
    ),
    State(
        S.IN_REVIEW,
        N_("The evidence is being looked at."),
        "governance_lead",
        Clock("assurance.in_review", 20, REMIND, QUALITY),
    ),
    State(
        S.ASSURED,
        N_("The provider meets the working standards."),
        "provider",
        Clock(
            "assurance.assured",
            10,
            LAPSE,
            LAPSE,
            before=(60, 30, 7),
            calendar=True,
            start="evidence",
            remind=("provider", "governance_lead"),
        ),
    ),
    State(
        S.CONDITIONAL,
        N_("Assured with conditions, until a date."),
        "provider",
        Clock(
            "assurance.conditional",
            10,
            Fire(Noun.ASSURANCE, "review", "itself"),
            LAPSE,
            before=(60, 30, 7),
            calendar=True,
            start="conditions",
            remind=("provider", "governance_lead"),
        ),
    ),
    State(
        S.SUSPENDED,
        N_("Nobody new is sent. A review decides about those taking part."),
        "governance_lead",
        Clock("assurance.suspended", 20, REMIND, QUALITY),
    ),
    State(
        S.LAPSED,
        N_("Evidence ran out. Nobody new is sent until it is renewed."),
        "governance_lead",
        Clock("assurance.lapsed", 20, REMIND, QUALITY),
    ),
    State(S.REFUSED, N_("The provider doesn't meet the working standards.")),
    State(S.LEFT, N_("The provider has left.")),
)
RECALL = Fire(Noun.REFERRAL, "recall", "each with this provider")

MOVES = (
    move(
        "apply",
        {None, S.REFUSED, S.LEFT},
        S.APPLIED,
        OWN | GOVERNANCE,
        N_("The provider applies to be assured."),
        follows=(Tell("governance_lead", "assurance_applied"),),
    ),
    move(
        "review",
        {S.APPLIED, S.SUSPENDED, S.LAPSED},
        S.IN_REVIEW,
        GOVERNANCE,
        N_("The evidence is looked at."),
        follows=(Tell("provider", "assurance_in_review"),),
    ),
    move(
        "review",
        S.CONDITIONAL,
        S.IN_REVIEW,
        GOVERNANCE | SYSTEM,  # the system: at the date of the conditions
        N_("The evidence is looked at again."),
        follows=(Tell("provider", "assurance_in_review"),),
    ),
    move(
        "assure",
        S.IN_REVIEW,
        S.ASSURED,
        GOVERNANCE,
        N_("The provider meets the working standards."),
        guards=(evidence_complete,),
        sets=lambda f, g, at: {
            "decided_by": f.actor_membership,
            "conditions_until": None,
            "conditional_activities": None,
        },
        follows=(Tell("provider", "assured"),),
    ),
    move(
        "condition",
        S.IN_REVIEW,
        S.CONDITIONAL,
        GOVERNANCE,
        N_("The provider is assured with conditions, until a date."),
        needs=(
            need("conditions_until", N_("Enter the date of the conditions.")),
            need("conditional_activities", N_("Choose the activities within the conditions.")),
            need("note", N_("Write the conditions.")),
        ),
        keeps=("conditions_until", "conditional_activities"),
        sets=lambda f, g, at: {"decided_by": f.actor_membership},
        follows=(Tell("provider", "assured_with_conditions"),),
    ),
    move(
        "refuse",
        S.IN_REVIEW,
        S.REFUSED,
        GOVERNANCE,
        N_("The provider doesn't meet the working standards."),
        needs=(need("reason", N_("Choose a reason."), *policy.reasons("assurance.refuse")),),
        keeps=("reason",),
        follows=(RECALL, Tell("provider", "assurance_refused")),
    ),
    move(
        "suspend",
        {S.ASSURED, S.CONDITIONAL},
        S.SUSPENDED,
        GOVERNANCE,
        N_("Nobody new is sent while something is looked into."),
        needs=(need("reason", N_("Choose a reason."), *policy.reasons("assurance.suspend")),),
        keeps=("reason",),
        follows=(
            QUALITY,
            Tell("link_workers", "provider_suspended"),
            Tell("provider", "assurance_suspended"),
        ),
    ),
    move(
        "lapse",
        {S.ASSURED, S.CONDITIONAL},
        S.LAPSED,
        SYSTEM,
        N_("Blocking evidence ran out."),
        follows=(
            QUALITY,
            Tell("link_workers", "provider_lapsed"),
            Tell("provider", "assurance_lapsed"),
        ),
    ),
    move(
        "leave",
        frozenset(S) - {S.LEFT},
        S.LEFT,
        OWN | GOVERNANCE,
        N_("The provider leaves."),
        needs=(need("reason", N_("Choose a reason."), *policy.reasons("assurance.leave")),),
        keeps=("reason",),
        follows=(RECALL, Tell("governance_lead", "provider_left")),
    ),
)
OPEN_UNDER_FULL_HOLD: frozenset[str] = frozenset(m.trigger for m in MOVES)
TABLE = Table(Noun.ASSURANCE, STATES, MOVES, {**CAST, "link_workers": lambda f: None}, hats)

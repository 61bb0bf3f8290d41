"""Sharing without consent: proposed, approved by a second person, in force for a few days,
reviewed. It is for telling what safety needs; it never makes a person take part."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral import policy
from referral.clocks import member_key, role_key
from referral.states import Noun, Relation, Role
from referral.states import OverrideState as S
from workflows.guards import guard, need
from workflows.moves import N_, Clock, Fire, Given, Hat, Raise, Remind, State, Table, Tell, move
from workflows.tables.concerns import LADDER_ROLES
from workflows.tables.referrals import GOVERNANCE, SAFEGUARDING, SYSTEM, over
from workflows.working_time import ENGLAND, add

# The grounds on which the law lets somebody share without consent, with where each comes from.
# Examples: a system's own list may be shorter.
GROUNDS: Mapping[str, str] = {
    "vital_interests": N_("UK GDPR article 6(1)(d); Care Act 2014 guidance, chapter 14"),
    "others_at_risk": N_(
        "Care Act 2014 guidance, chapter 14; Working Together to Safeguard Children"
    ),
    "coercion": N_("SCIE, sharing information: consent given or refused under duress"),
    "no_capacity": N_("Mental Capacity Act 2005, sections 4 and 5"),
    "serious_crime": N_("Data Protection Act 2018, schedule 2, part 1, paragraph 2"),
    "position_of_trust": N_("Care Act 2014 guidance, chapter 14: people in positions of trust"),
    "public_interest": N_("common law: the public interest outweighs the duty of confidence"),
    "legal_duty": N_("UK GDPR article 6(1)(c): a court's order, or a duty in law"),
    "section_45": N_("Care Act 2014, section 45: asked for by a Safeguarding Adults Board"),
}
# What may be listed, by the names `workflows.disclosure` knows. The stage limits it further.
SHAREABLE: tuple[str, ...] = (
    "name",
    "phone",
    "address",
    "emergency_contact",
    "safety_notes",
    "risks",
    "safety_answers",
    "access_needs",
    "call_before",
    "needs",
    "what_matters",
)
HOLDER: frozenset[Hat] = frozenset((role, Relation.HOLDER) for role in LADDER_ROLES)
LADDER: frozenset[Hat] = frozenset((role, Relation.LADDER) for role in LADDER_ROLES)
DECIDING = HOLDER | LADDER
PROPOSING: frozenset[Hat] = frozenset(
    {(Role.LINK_WORKER, Relation.NAMED), (Role.TEAM_LEAD, Relation.OVER)}
)
OVERSEEING = (
    Role.TEAM_LEAD,
    Role.SAFEGUARDING_LEAD,
    Role.GOVERNANCE_LEAD,
    Role.INFORMATION_GOVERNANCE_LEAD,
    Role.ACCOUNTABLE_OFFICER,
)


def hats(f: Any, actor: Any) -> frozenset[Hat]:
    """Who proposed it, the safeguarding ladder, and those who answer for the team or place. To
    whom the person's record is closed, it isn't there; a provider sees what it lists, not it."""
    role = actor.role
    if role is Role.SYSTEM:
        return SYSTEM
    if f.state is None:
        return _proposer(f, actor)
    if f.closed_to_actor:
        return frozenset()
    mine: set[Hat] = set()
    if actor.membership_id == f.proposed_by:
        mine.add((role, Relation.RAISER))
    if role in OVERSEEING and over(actor, f.organisation_id, f.place_path):
        mine.add((role, Relation.OVER))
    if role in LADDER_ROLES:
        if f.holder in actor.keys:
            mine.add((role, Relation.HOLDER))
        elif actor.place_path is not None and f.place_path.startswith(actor.place_path):
            mine.add((role, Relation.LADDER))
    return frozenset(mine)


def _proposer(f: Any, actor: Any) -> frozenset[Hat]:
    role = actor.role
    if role is Role.LINK_WORKER and actor.organisation_id == f.organisation_id:
        return frozenset({(role, Relation.NAMED)})
    if role in OVERSEEING and over(actor, f.organisation_id, f.place_path):
        return frozenset({(role, Relation.OVER)})
    return frozenset()


CAST = {
    "holder": lambda f: f.holder,
    "proposer": lambda f: member_key(f.proposed_by),
    "governance_lead": lambda f: f.governance,
    "provider": lambda f: role_key(Role.PROVIDER_LEADER, f.provider_org),
    "new_holder": lambda f: None,
}
not_the_proposer = guard(
    "not_the_proposer",
    N_("Whoever proposed this cannot decide on it."),
    N_("A second person with the right decides: the next on the safeguarding ladder."),
    "two people",
    lambda f, g, at: not f.by_proposer,
)
not_the_approver = guard(
    "not_the_approver",
    N_("Whoever approved this cannot review it."),
    N_("Ask another governance lead to review it."),
    "two people",
    lambda f, g, at: not f.by_approver,
)
CLIMB = Fire(Noun.OVERRIDE, "climb", "itself")
END = Fire(Noun.OVERRIDE, "end", "itself")
STATES = (
    State(
        S.PROPOSED,
        N_("Proposed. Nothing is shared on it until a second person approves."),
        "holder",
        Clock("override.proposed", 1, CLIMB, CLIMB, start="danger"),
    ),
    State(
        S.APPROVED,
        N_("In force until the time shown. What it lists is shared, and nothing more."),
        "holder",
        Clock("override.approved", 5, END, END, start="until"),
    ),
    State(
        S.ENDED,
        N_("Ended. Nothing more is shared on it. It is reviewed."),
        "governance_lead",
        Clock(
            "override.ended", 5, Remind(("governance_lead",)), Raise("information_sharing", level=3)
        ),
    ),
    State(S.REFUSED, N_("Not approved. Nothing was shared on it.")),
    State(S.REVIEWED, N_("Reviewed. What was found is on record.")),
)


def _not_told(given: Given) -> bool:
    return given.get("person_told") is False


def _approved(f: Any, g: Given, at: datetime) -> Mapping[str, Any]:
    until = add(at, f.rules.days("override.approved"), ENGLAND)
    return {"decided_by": f.actor_membership, "until": until}


MOVES = (
    move(
        "propose",
        None,
        S.PROPOSED,
        PROPOSING | SAFEGUARDING,
        N_("Somebody proposes to share without consent, on a lawful ground."),
        needs=(
            need("ground", N_("Choose the lawful ground."), *GROUNDS),
            need("necessity", N_("Write why it cannot wait or be done another way.")),
            need("proportionality", N_("Write why this much, and no more.")),
            need("fields", N_("Choose what is shared.")),
            need("person_told", N_("Say whether the person was told.")),
            need("why_not_told", N_("Write why the person was not told."), when=_not_told),
            need("danger", N_("Say whether anyone is in danger now.")),
        ),
        follows=(Tell("holder", "override_proposed"),),
    ),
    move(
        "climb",
        S.PROPOSED,
        None,
        SYSTEM,
        N_("Nobody decided in time. It goes one rung up the safeguarding ladder."),
        restarts=True,
        sets=lambda f, g, at: {"rung": f.next_rung, "holder": f.next_holder},
        follows=(Tell("new_holder", "override_climbed"),),
    ),
    move(
        "approve",
        S.PROPOSED,
        S.APPROVED,
        DECIDING,
        N_("A second person agrees. What is listed is shared, for a few days."),
        guards=(not_the_proposer,),
        sets=_approved,
        follows=(
            # After its own write: with the newer one in force, nobody is recalled in between.
            Fire(Noun.OVERRIDE, "end", "it takes the place of"),
            Tell("proposer", "override_approved"),
        ),
    ),
    move(
        "refuse",
        S.PROPOSED,
        S.REFUSED,
        DECIDING,
        N_("A second person does not agree. Nothing is shared."),
        guards=(not_the_proposer,),
        needs=(need("reason", N_("Choose a reason."), *policy.reasons("override.refuse")),),
        keeps=("reason",),
        sets=lambda f, g, at: {"decided_by": f.actor_membership},
        follows=(Tell("proposer", "override_refused"),),
    ),
    move(
        "end",
        S.APPROVED,
        S.ENDED,
        DECIDING | SAFEGUARDING | SYSTEM,
        N_("Sharing without consent ends."),
        needs=(need("reason", N_("Choose a reason."), *policy.reasons("override.end")),),
        keeps=("reason",),
        follows=(
            Fire(Noun.REFERRAL, "recall", "relying on the override"),
            Tell("governance_lead", "override_ended"),
            Tell("proposer", "override_ended"),
        ),
    ),
    move(
        "review",
        S.ENDED,
        S.REVIEWED,
        GOVERNANCE,
        N_("A third person says whether it was right."),
        guards=(not_the_proposer, not_the_approver),
        needs=(
            need("finding", N_("Choose what you found."), "right", "too_much", "not_needed"),
            need("note", N_("Write what you found.")),
        ),
        keeps=("finding",),
        follows=(Tell("proposer", "override_reviewed"), Tell("holder", "override_reviewed")),
    ),
)
OPEN_UNDER_FULL_HOLD: frozenset[str] = frozenset()
TABLE = Table(Noun.OVERRIDE, STATES, MOVES, CAST, hats)

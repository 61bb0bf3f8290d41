"""The agreement: drafted, signed by each party, in force until its date, ended or renewed."""

from __future__ import annotations

from typing import Any

from referral import policy
from referral.states import AgreementState as S
from referral.states import Noun, Relation, Role
from workflows.guards import guard, need
from workflows.moves import N_, Clock, Fire, Hat, Raise, Remind, State, Table, Tell, move
from workflows.tables.referrals import GOVERNANCE, SYSTEM, over

SIGNATORY_ROLES = (
    Role.TEAM_LEAD,
    Role.PROVIDER_LEADER,
    Role.GOVERNANCE_LEAD,
    Role.INFORMATION_GOVERNANCE_LEAD,
    Role.ACCOUNTABLE_OFFICER,
)
SIGNATORY: frozenset[Hat] = frozenset((role, Relation.SIGNATORY) for role in SIGNATORY_ROLES)


def hats(f: Any, actor: Any) -> frozenset[Hat]:
    """A signatory of a party, or the governance lead over whoever keeps it."""
    role = actor.role
    if role is Role.SYSTEM:
        return SYSTEM
    mine: set[Hat] = set()
    if role in (
        Role.GOVERNANCE_LEAD,
        Role.INFORMATION_GOVERNANCE_LEAD,
        Role.ACCOUNTABLE_OFFICER,
    ) and over(actor, f.organisation_id, f.place_path):
        mine.add((role, Relation.OVER))
    if role in SIGNATORY_ROLES and actor.organisation_id in f.parties:
        mine.add((role, Relation.SIGNATORY))
    return frozenset(mine)


CAST = {
    "governance_lead": lambda f: f.governance,
}
not_signed_yet = guard(
    "not_signed_yet",
    N_("Your organisation has already signed."),
    N_("Wait for the other parties. You will be told when it is in force."),
    "one signature a party",
    lambda f, g, at: f.actor_org in f.unsigned,
)
REMIND = Remind(("governance_lead",))
SHARING = Raise("information_sharing", level=2)
STATES = (
    State(
        S.DRAFTED,
        N_("Waiting for the signatures."),
        "governance_lead",
        Clock("agreement.drafted", 20, REMIND, SHARING),
    ),
    State(
        S.IN_FORCE,
        N_("In force: each party has signed."),
        "governance_lead",
        Clock(
            "agreement.in_force",
            1,
            Fire(Noun.AGREEMENT, "expire", "itself"),
            Fire(Noun.AGREEMENT, "expire", "itself"),
            before=(60, 20),
            start="review_at",
            remind=("governance_lead",),
        ),
    ),
    State(
        S.EXPIRED,
        N_("Its review date passed. Nothing new is shared under it."),
        "governance_lead",
        Clock("agreement.ended", 20, REMIND, SHARING),
    ),
    State(
        S.ENDED,
        N_("Ended. Nothing new is shared under it."),
        "governance_lead",
        Clock("agreement.ended", 20, REMIND, SHARING),
    ),
)
STILL_UNSIGNED = N_("One party has signed.")
MOVES = (
    move(
        "draft",
        None,
        S.DRAFTED,
        GOVERNANCE,
        N_("An agreement is drafted."),
        effects=("agreement_parties",),
        follows=(Tell("parties", "agreement_to_sign"),),
    ),
    move(
        "sign",
        S.DRAFTED,
        S.DRAFTED,
        SIGNATORY,
        STILL_UNSIGNED,
        guards=(not_signed_yet,),
        when=lambda f, g: len(f.unsigned - {f.actor_org}) > 0 or f.actor_org not in f.unsigned,
        when_says="another party has not signed",
        effects=("signature",),
    ),
    move(
        "sign",
        S.DRAFTED,
        S.IN_FORCE,
        SIGNATORY,
        N_("The last party has signed. The agreement is in force."),
        guards=(not_signed_yet,),
        when=lambda f, g: f.unsigned == frozenset({f.actor_org}),
        when_says="every other party has signed",
        effects=("signature",),
        follows=(
            Fire(Noun.AGREEMENT, "replace", "replaced by it"),
            Tell("parties", "agreement_in_force"),
        ),
    ),
    move(
        "renew",
        S.IN_FORCE,
        S.IN_FORCE,
        GOVERNANCE,
        N_("The review is done. A new review date is set."),
        needs=(need("review_at", N_("Enter the next review date.")),),
        keeps=("review_at",),
        restarts=True,
    ),
    move(
        "replace",
        S.IN_FORCE,
        S.ENDED,
        SYSTEM,
        N_("A new version took its place."),
    ),
    move(
        "expire",
        S.IN_FORCE,
        S.EXPIRED,
        SYSTEM,
        N_("The review date has passed."),
        follows=(SHARING, Tell("parties", "agreement_expired")),
    ),
    move(
        "end",
        S.DRAFTED,
        S.ENDED,
        GOVERNANCE,
        N_("The draft is laid aside. It was never in force."),
        needs=(need("reason", N_("Choose a reason."), *policy.reasons("agreement.end")),),
        keeps=("reason",),
        follows=(Tell("parties", "agreement_ended"),),
    ),
    move(
        "end",
        S.IN_FORCE,
        S.ENDED,
        GOVERNANCE,
        N_("The agreement is ended."),
        needs=(need("reason", N_("Choose a reason."), *policy.reasons("agreement.end")),),
        keeps=("reason",),
        follows=(SHARING, Tell("parties", "agreement_ended")),
    ),
)
OPEN_UNDER_FULL_HOLD: frozenset[str] = frozenset(m.trigger for m in MOVES)
TABLE = Table(Noun.AGREEMENT, STATES, MOVES, {**CAST, "parties": lambda f: None}, hats)

"""Emergency access ("break-glass"): somebody opens the record of a person outside their scope, for
an hour. A second person is told at once, and another one reviews every use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from referral import policy
from referral.clocks import member_key, role_key
from referral.scopes import EMERGENCY_OVERSEERS, EMERGENCY_ROLES
from referral.states import EmergencyState as S
from referral.states import Noun, Relation, Role
from workflows.guards import guard, need
from workflows.moves import N_, Clock, Fire, Given, Hat, Raise, Remind, State, Table, Tell, move
from workflows.tables.referrals import SYSTEM, over

OPENING: frozenset[Hat] = frozenset((role, Relation.STAFF) for role in EMERGENCY_ROLES)
OPENER: frozenset[Hat] = frozenset((role, Relation.RAISER) for role in EMERGENCY_ROLES)
REVIEWING: frozenset[Hat] = frozenset(
    (role, Relation.OVER)
    for role in (
        Role.GOVERNANCE_LEAD,
        Role.INFORMATION_GOVERNANCE_LEAD,
        Role.ACCOUNTABLE_OFFICER,
    )
)
FINDINGS = ("right_to_open", "read_too_much", "not_needed_to_open")
# What a review may find to learn from; any number of them.
TAGS = ("team_not_reached", "person_not_passed_on", "wrong_person", "not_known_how", "system_fault")


def hats(f: Any, actor: Any) -> frozenset[Hat]:
    """Whoever opened it, and those who answer for the team or place that holds the person, but for
    anyone to whom that person's record is closed."""
    role = actor.role
    if role is Role.SYSTEM:
        return SYSTEM
    if role is Role.PERSON:
        return frozenset()
    if f.state is None:
        return frozenset({(role, Relation.STAFF)})
    mine: set[Hat] = set()
    if actor.membership_id == f.opened_by:
        mine.add((role, Relation.RAISER))
    if (
        role in EMERGENCY_OVERSEERS
        and not f.barred
        and over(actor, f.organisation_id, f.place_path)
    ):
        mine.add((role, Relation.OVER))
    return frozenset(mine)


def _told(role: Role, key: Callable[[Any], str]) -> Callable[[Any], str | None]:
    """Told at once, where the place's policy names them."""
    return lambda f: key(f) if str(role) in f.rules.reasons("emergency.told") else None


CAST: Mapping[str, Callable[[Any], str | None]] = {
    "opener": lambda f: member_key(f.opened_by),
    "governance_lead": lambda f: f.governance,
    "told_team_lead": _told(Role.TEAM_LEAD, lambda f: role_key(Role.TEAM_LEAD, f.organisation_id)),
    "told_safeguarding_lead": _told(Role.SAFEGUARDING_LEAD, lambda f: f.safeguarding),
    "told_governance_lead": _told(Role.GOVERNANCE_LEAD, lambda f: f.governance),
}
outside_reach = guard(
    "outside_reach",
    N_("You can open this record without emergency access."),
    N_("Open it as you always do."),
    "emergency access is for what is out of reach",
    lambda f, g, at: not f.within,
)
not_the_opener = guard(
    "not_the_opener",
    N_("Whoever opened the record cannot review it."),
    N_("Ask another governance lead to review it."),
    "two people",
    lambda f, g, at: not f.by_opener,
)
END = Fire(Noun.EMERGENCY, "end", "itself")
STATES = (
    State(
        S.OPENED,
        N_("Open until the time shown. Everything that is opened is written down."),
        "opener",
        Clock("emergency.opened", 1, END, END, start="until"),
    ),
    State(
        S.UNDER_REVIEW,
        N_("Closed again. Somebody else looks at whether it was right."),
        "governance_lead",
        Clock(
            "emergency.under_review",
            1,
            Remind(("governance_lead",)),
            Raise("information_sharing", level=3),
        ),
    ),
    State(S.REVIEWED, N_("Reviewed. What was found is on record.")),
)


def _until(f: Any, g: Given, at: datetime) -> Mapping[str, Any]:
    return {"until": at + timedelta(minutes=f.rules.days("emergency.opened_minutes"))}


def _not_right(f: Any, g: Given) -> bool:
    return g.get("finding") in FINDINGS[1:]


REVIEW_NEEDS = (
    need("finding", N_("Choose what you found."), *FINDINGS),
    need("note", N_("Write what you found.")),
)
REVIEWED = (
    Tell("opener", "emergency_reviewed"),
    Tell("told_team_lead", "emergency_reviewed"),
)
TO_REVIEW = (Tell("governance_lead", "emergency_to_review"),)
MOVES = (
    move(
        "open",
        None,
        S.OPENED,
        OPENING,
        N_("Somebody opens a record they cannot see, for an hour, and says why."),
        guards=(outside_reach,),
        needs=(
            need("reason", N_("Choose why it cannot wait."), *policy.reasons("emergency.open")),
            need("why", N_("Write what has happened.")),
        ),
        sets=_until,
        follows=(
            # Before its own write: a member has one open at a time.
            Fire(Noun.EMERGENCY, "end", "the member's other", first=True),
            Tell("told_team_lead", "emergency_opened"),
            Tell("told_safeguarding_lead", "emergency_opened"),
            Tell("told_governance_lead", "emergency_opened"),
        ),
    ),
    move(
        "close",
        S.OPENED,
        S.UNDER_REVIEW,
        OPENER,
        N_("Whoever opened it has seen what they needed. It closes at once."),
        follows=TO_REVIEW,
    ),
    move(
        "end",
        S.OPENED,
        S.UNDER_REVIEW,
        SYSTEM,
        N_("Its time is over, or they opened another. It closes."),
        follows=TO_REVIEW,
    ),
    move(
        "review",
        S.UNDER_REVIEW,
        S.REVIEWED,
        REVIEWING,
        N_("It was not right, and goes to the next level to be put right."),
        guards=(not_the_opener,),
        needs=REVIEW_NEEDS,
        keeps=("finding", "tags"),
        when=_not_right,
        when_says="it was not right",
        follows=(*REVIEWED, Raise("information_sharing", level=2)),
    ),
    move(
        "review",
        S.UNDER_REVIEW,
        S.REVIEWED,
        REVIEWING,
        N_("Somebody who did not open it says whether it was right."),
        guards=(not_the_opener,),
        needs=REVIEW_NEEDS,
        keeps=("finding", "tags"),
        when=lambda f, g: not _not_right(f, g),
        when_says="it was right",
        follows=REVIEWED,
    ),
)
OPEN_UNDER_FULL_HOLD: frozenset[str] = frozenset()
TABLE = Table(Noun.EMERGENCY, STATES, MOVES, CAST, hats)

"""The escalation: it climbs by itself when nobody answers, and its decision is carried out."""

from __future__ import annotations

from typing import Any

from referral import policy
from referral.states import EscalationState as S
from referral.states import Noun, Relation, Role
from workflows.guards import guard, need, not_erased
from workflows.moves import N_, Clock, Fire, Hat, Raise, Remind, State, Table, Tell, move
from workflows.tables.referrals import SYSTEM, over
from workflows.working_time import ENGLAND, add

RAISERS = (Role.LINK_WORKER, Role.PROVIDER_LEADER, Role.PERSON)
REVIEWERS = (
    Role.TEAM_LEAD,
    Role.PROVIDER_LEADER,
    Role.GOVERNANCE_LEAD,
    Role.SAFEGUARDING_LEAD,
    Role.ACCOUNTABLE_OFFICER,
)
ASKABLE = frozenset(Role) - {Role.SYSTEM, Role.AUDITOR, Role.COMMISSIONER}
RAISER: frozenset[Hat] = frozenset((role, Relation.RAISER) for role in (*RAISERS, Role.TEAM_LEAD))
REVIEWER: frozenset[Hat] = frozenset((role, Relation.REVIEWER) for role in REVIEWERS)
ASKED: frozenset[Hat] = frozenset((role, Relation.ASKED) for role in ASKABLE)


def hats(f: Any, actor: Any) -> frozenset[Hat]:
    """Reviewer of the present level, raiser, or whoever was asked; those over it may read, but not
    what is about a concern: more people answer for a place than may know of one."""
    role = actor.role
    if role is Role.SYSTEM:
        return SYSTEM
    if f.state is None:
        if role is Role.TEAM_LEAD:
            relation = Relation.STAND_IN if f.stands_in else Relation.OVER
            return frozenset({(role, relation)})
        return frozenset({(role, Relation.RAISER)})
    if f.actor_implicated:
        return frozenset()
    mine: set[Hat] = set()
    if f.owner in actor.keys and role in REVIEWERS:
        mine.add((role, Relation.REVIEWER))
    if f.raiser in actor.keys:
        mine.add((role, Relation.RAISER))
    if f.asked is not None and f.asked in actor.keys:
        mine.add((role, Relation.ASKED))
    reads = role in REVIEWERS and f.about != Noun.CONCERN
    if not mine and reads and over(actor, f.organisation_id, f.place_path):
        mine.add((role, Relation.OVER))
    return frozenset(mine)


CAST = {
    "reviewer": lambda f: f.owner,
    "raiser": lambda f: f.raiser,
    "asked": lambda f: f.asked,
}
no_conflict = guard(
    "no_conflict",
    N_("You are part of this matter yourself, so somebody else has to review it."),
    N_("Leave it: another reviewer of this level, or the next level, takes it."),
    "conflict of interest",
    lambda f, g, at: not f.conflict,
)
below_ceiling = guard(
    "below_ceiling",
    N_("This kind of matter doesn't go higher than this level."),
    N_("Decide it here, or ask another reviewer of this level."),
    "ceiling of the kind",
    lambda f, g, at: f.level < f.ceiling,
)
settled = guard(
    "settled",
    N_("Something that was decided hasn't been carried out yet."),
    N_("Carry it out, try it again, or waive it with a reason."),
    "every consequence done or waived",
    lambda f, g, at: f.unsettled == 0,
)
raiser_told = guard(
    "raiser_told",
    N_("Whoever raised it hasn't been told the decision yet."),
    N_("Tell them, then close it."),
    "the raiser hears back",
    lambda f, g, at: f.told_at is not None,
)
raised_by_person = guard(
    "raised_by_person",
    N_("A clock raised this. It ends when the late step is made, or by a decision."),
    N_("Make the late step, or wait for the decision."),
    "an alarm raised by a clock can't be withdrawn",
    lambda f, g, at: f.raised_by is not None or f.raiser.startswith("person@"),
)
in_time_to_reopen = guard(
    "in_time_to_reopen",
    N_("The time for disagreeing with this decision has passed."),
    N_("Raise a new escalation and name this one."),
    "working days after the end; policy says how many",
    lambda f, g, at: (
        f.closed_at is not None
        and at
        <= add(f.closed_at, f.rules.on(f.closed_at).days("escalation.reopen_within"), ENGLAND)
    ),
)

# The clock that raised it starts again when it closes, if its record is still there.
CLIMB = Fire(Noun.ESCALATION, "climb", "itself")
UNANSWERED = Fire(Noun.ESCALATION, "unanswered", "itself")
STATES = (
    State(
        S.RAISED,
        N_("Waiting for a reviewer of this level."),
        "reviewer",
        Clock("escalation.raised", 2, CLIMB, CLIMB, start="stage"),
    ),
    State(
        S.IN_REVIEW,
        N_("A named reviewer is looking at it."),
        "reviewer",
        Clock("escalation.in_review", 5, CLIMB, CLIMB, start="stage"),
    ),
    State(
        S.INFORMATION_REQUESTED,
        N_("Somebody has been asked for something."),
        "asked",
        Clock("escalation.information_requested", 3, UNANSWERED, UNANSWERED),
    ),
    State(
        S.DECIDED,
        N_("Decided. What was decided is being carried out."),
        "reviewer",
        Clock(
            "escalation.decided",
            5,
            Remind(("reviewer",)),
            Raise("quality", level=2),
            start="days",
        ),
    ),
    State(S.CLOSED, N_("Everything decided is done, and the raiser was told.")),
    State(S.WITHDRAWN, N_("Taken back by whoever raised it.")),
)
LIVE = frozenset({S.RAISED, S.IN_REVIEW, S.INFORMATION_REQUESTED})


def _climb(f: Any, g: Any, at: Any) -> dict[str, Any]:
    return {
        "level": f.next_level,
        "owner": f.next_owner,
        "reviewer_id": None,
        "asked": None,
        "unanswered": 0,
    }


MOVES = (
    move(
        "raise",
        None,
        S.RAISED,
        frozenset((role, Relation.RAISER) for role in RAISERS)
        | {(Role.TEAM_LEAD, Relation.STAND_IN)}
        | SYSTEM,
        N_("Somebody can't resolve a matter, and takes it to the next level that can."),
        needs=(
            need("kind", N_("Choose what kind of matter it is."), *policy.CEILINGS),
            need("note", N_("Say what you need.")),
        ),
        follows=(Tell("reviewer", "escalation_raised"),),
    ),
    move(
        "acknowledge",
        S.RAISED,
        S.IN_REVIEW,
        REVIEWER,
        N_("A named reviewer takes it."),
        guards=(no_conflict,),
        sets=lambda f, g, at: {"reviewer_id": f.actor_membership},
        follows=(Tell("raiser", "escalation_seen"),),
    ),
    move(
        "ask",
        S.IN_REVIEW,
        S.INFORMATION_REQUESTED,
        REVIEWER,
        N_("The reviewer asks somebody for something."),
        guards=(no_conflict,),
        needs=(
            need("note", N_("Write your question.")),
            need("asked", N_("Choose whom you ask.")),
        ),
        keeps=("asked",),
        follows=(Tell("new_asked", "escalation_question"),),
    ),
    move(
        "answer",
        S.INFORMATION_REQUESTED,
        S.IN_REVIEW,
        ASKED,
        N_("Whoever was asked has answered."),
        needs=(need("note", N_("Write your answer.")),),
        sets=lambda f, g, at: {"asked": None},
        follows=(Tell("reviewer", "escalation_answered"),),
    ),
    move(
        "unanswered",
        S.INFORMATION_REQUESTED,
        S.IN_REVIEW,
        REVIEWER | SYSTEM,
        N_("No answer came. The reviewer goes on without it."),
        sets=lambda f, g, at: {"asked": None, "unanswered": f.unanswered + 1},
        follows=(Tell("reviewer", "escalation_unanswered"),),
    ),
    move(
        "decide",
        S.IN_REVIEW,
        S.DECIDED,
        REVIEWER,
        N_("The reviewer decides, with a reason and what is to happen."),
        guards=(no_conflict,),
        needs=(
            need(
                "decision",
                N_("Choose your decision."),
                "uphold",
                "partly",
                "not_upheld",
                "overturn",
            ),
            need("note", N_("Write the reason for your decision.")),
        ),
        keeps=("decision", "review_on"),
        two_people_if=lambda f, g: f.severity == "high" or g.get("decision") == "overturn",
        effects=("consequences", "conditions"),
        follows=(Tell("raiser", "escalation_decided"), Tell("concerned", "review_decided")),
        sets=lambda f, g, at: {"told_at": at},
    ),
    move(
        "settle",
        S.DECIDED,
        S.DECIDED,
        REVIEWER | SYSTEM,
        N_("One thing that was decided is done, or waived with a reason."),
        needs=(
            need("consequence_id", N_("Choose what is settled.")),
            need("settled", N_("Say whether it is done or waived."), "done", "waived"),
            need(
                "reason",
                N_("Choose a reason for waiving it."),
                *policy.reasons("escalation.waive"),
                when=lambda g: g.get("settled") == "waived",
            ),
        ),
        effects=("settle_consequence",),
    ),
    move(
        "climb",
        LIVE,
        S.RAISED,
        RAISER | REVIEWER | SYSTEM,
        N_("It goes to the next level."),
        guards=(below_ceiling,),
        needs=(need("reason", N_("Choose a reason."), *policy.reasons("escalation.climb")),),
        keeps=("reason",),
        sets=_climb,
        follows=(Tell("new_reviewer", "escalation_climbed"), Tell("raiser", "escalation_climbed")),
        restarts=True,
    ),
    move(
        "complete",
        S.DECIDED,
        S.CLOSED,
        REVIEWER,
        N_("Everything decided is done, and the raiser was told."),
        guards=(settled, raiser_told),
        sets=lambda f, g, at: {"closed_at": at},
        effects=("restart_clock",),
        follows=(Tell("raiser", "escalation_closed"),),
    ),
    move(
        "withdraw",
        LIVE,
        S.WITHDRAWN,
        RAISER,
        N_("Whoever raised it takes it back."),
        guards=(raised_by_person,),
        sets=lambda f, g, at: {"closed_at": at},
        follows=(Tell("reviewer", "escalation_withdrawn"),),
    ),
    move(
        "overtake",
        LIVE,
        S.CLOSED,
        SYSTEM,
        N_("The late step was made, or the record ended. The lateness stays recorded."),
        sets=lambda f, g, at: {"closed_at": at},
        follows=(Tell("reviewer", "escalation_overtaken"),),
    ),
    move(
        "reopen",
        S.CLOSED,
        S.RAISED,
        RAISER,
        N_("The raiser disagrees with the decision. It goes one level up."),
        guards=(in_time_to_reopen, not_erased),
        needs=(need("reason", N_("Choose a reason."), *policy.reasons("escalation.reopen")),),
        keeps=("reason",),
        sets=lambda f, g, at: {**_climb(f, g, at), "closed_at": None},
        follows=(Tell("new_reviewer", "escalation_reopened"),),
    ),
)
OPEN_UNDER_FULL_HOLD: frozenset[str] = frozenset(m.trigger for m in MOVES)
TABLE = Table(
    Noun.ESCALATION,
    STATES,
    MOVES,
    {
        **CAST,
        "new_reviewer": lambda f: f.next_owner,
        "new_asked": lambda f: None,
        "concerned": lambda f: None,
    },
    hats,
)

"""A request about one's own data: received, the person identified, worked on within a month, and
answered, refused or taken back. The month is the law's; nobody but the person's own silence, once
asked something, stops it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral import policy
from referral.states import Noun, Relation, RightsKind, Role
from referral.states import RightsState as S
from workflows.guards import guard, need
from workflows.months import answer_by, days_stopped
from workflows.moves import N_, Clock, Given, Hat, Raise, Remind, State, Table, Tell, move
from workflows.tables.referrals import PERSON, SYSTEM, over
from workflows.working_time import ENGLAND, local_day

ICO = "UK GDPR articles 12 and 15 to 21; ICO, right of access"
LEADS = (Role.INFORMATION_GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER)
LEAD: frozenset[Hat] = frozenset((role, Relation.OVER) for role in LEADS)
TAKING: frozenset[Hat] = frozenset(
    {(Role.LINK_WORKER, Relation.NAMED), (Role.TEAM_LEAD, Relation.OVER)}
)
TAKER: frozenset[Hat] = frozenset(
    {(Role.LINK_WORKER, Relation.RAISER), (Role.TEAM_LEAD, Relation.RAISER)}
)
# Who may be the second of two people: those who answer for the place, not for the person's care.
SECONDS = frozenset({*LEADS, Role.GOVERNANCE_LEAD})
READERS = (*LEADS, Role.GOVERNANCE_LEAD)

IDENTIFIED_BY = ("known_to_team", "documents", "own_page", "questions", "authority_shown")
TOLD_BY = ("letter", "phone", "in_person", "own_page")
# On which ground something may be erased, with where each comes from.
GROUNDS: Mapping[str, str] = {
    "no_longer_needed": "UK GDPR article 17(1)(a)",
    "consent_withdrawn": "UK GDPR article 17(1)(b)",
    "objection_upheld": "UK GDPR article 17(1)(c)",
    "unlawful": "UK GDPR article 17(1)(d)",
    "legal_duty": "UK GDPR article 17(1)(e)",
}
# Grounds that don't wait for the time for which a record of its class is kept.
AT_ANY_TIME = ("unlawful", "legal_duty")


def hats(f: Any, actor: Any) -> frozenset[Hat]:
    """The person, whoever took the request from them, and those who answer for the place. To whom
    the person's record is closed, it isn't there."""
    role = actor.role
    if role is Role.SYSTEM:
        return SYSTEM
    if role is Role.PERSON:
        return PERSON if actor.person_id == f.person_id else frozenset()
    if f.state is None:
        return _taking(f, actor)
    if f.closed_to_actor:
        return frozenset()
    mine: set[Hat] = set()
    if actor.membership_id == f.taken_by and role in (Role.LINK_WORKER, Role.TEAM_LEAD):
        mine.add((role, Relation.RAISER))
    if role in READERS and over(actor, f.organisation_id, f.place_path):
        mine.add((role, Relation.OVER))
    return frozenset(mine)


def _taking(f: Any, actor: Any) -> frozenset[Hat]:
    role = actor.role
    if role is Role.LINK_WORKER and actor.organisation_id == f.organisation_id:
        return frozenset({(role, Relation.NAMED)})
    if role in (Role.TEAM_LEAD, *READERS) and over(actor, f.organisation_id, f.place_path):
        return frozenset({(role, Relation.OVER)})
    return frozenset()


CAST = {"lead": lambda f: f.lead, "person": lambda f: f"person@{f.person_id}"}
REMIND = Remind(("lead",))
LATE = Raise("information_sharing", level=2)


def due_on(f: Any, extended: bool | None = None) -> Any:
    """The last day on which this request is answered in time."""
    longer = bool(f.extended) if extended is None else extended
    return answer_by(f.received_on, ENGLAND, extended=longer, stopped=f.stopped_days)


not_extended = guard(
    "not_extended",
    N_("The time for this request was made longer already."),
    N_("Answer it, or refuse it with the reason. It can be made longer once."),
    ICO,
    lambda f, g, at: not f.extended,
)
in_first_month = guard(
    "in_first_month",
    N_("The first month is over. The time can be made longer only within it."),
    N_("Answer as soon as you can, and tell the person why it is late."),
    ICO,
    lambda f, g, at: local_day(at) <= due_on(f, extended=False),
)
erasure_asked = guard(
    "erasure_asked",
    N_("This asks for something else than to be erased."),
    N_("Do what was asked, and record it as done."),
    ICO,
    lambda f, g, at: f.kind == RightsKind.ERASURE,
)
nothing_to_erase = guard(
    "nothing_to_erase",
    N_("This asks to be erased. That is done by erasing, or refused."),
    N_("Erase, with a second person, or refuse with the reason."),
    ICO,
    lambda f, g, at: f.kind != RightsKind.ERASURE,
)
# One sentence for a concern, a hold against destruction and whatever else is open: nothing in it
# may tell which.
not_kept = guard(
    "not_kept",
    N_("Something open keeps this record for now. It cannot be erased yet."),
    N_("Refuse, with the reason that the law lets it be kept, or wait until it is closed."),
    "UK GDPR article 17(3)",
    lambda f, g, at: not f.kept,
)
# Who decides this sees the person's other requests too: there is nothing in it to keep to oneself.
nothing_else_asked = guard(
    "nothing_else_asked",
    N_("Something else that this person asked about their own data is still open."),
    N_("Answer that first, or let them take it back. Then erase."),
    "UK GDPR articles 12 and 15",
    lambda f, g, at: not f.others_open,
)
# Without a ground there is no erasing at all: what needs it says so.
retention_over = guard(
    "retention_over",
    N_("The time for which a record of this class is kept is not over."),
    N_("Refuse, saying until when it is kept; or choose a ground that does not wait for it."),
    "UK GDPR article 17(3); NHS Records Management Code of Practice",
    lambda f, g, at: f.retention_over or g.get("ground") in (None, *AT_ANY_TIME),
)


def _answered(f: Any, g: Given, at: datetime) -> Mapping[str, Any]:
    waited = days_stopped(f.stopped_at, at) if f.stopped_at else 0
    return {"stopped_at": None, "stopped_days": f.stopped_days + waited}


def _decided(f: Any, g: Given, at: datetime) -> Mapping[str, Any]:
    more = _answered(f, g, at) if f.stopped_at else {}
    return {**more, "decided_by": f.actor_membership}


STATES = (
    State(
        S.RECEIVED,
        N_("Received. Whether it comes from the person is found out first."),
        "lead",
        Clock("rights_request.received", 5, REMIND, LATE),
    ),
    State(
        S.IDENTITY_CHECKED,
        N_("It comes from the person. The work on it has not begun."),
        "lead",
        Clock("rights_request.identity_checked", 5, REMIND, LATE),
    ),
    State(
        S.IN_PROGRESS,
        N_("Being worked on. The answer is due a month after the request came."),
        "lead",
        Clock(
            "rights_request.in_progress",
            1,
            REMIND,
            LATE,
            before=(10, 5),
            start="month",
            remind=("lead",),
        ),
    ),
    State(
        S.ASKED,
        N_("The person was asked what they mean. The month stands still until they answer."),
        "lead",
        Clock("rights_request.asked", 10, REMIND, LATE),
    ),
    State(S.FULFILLED, N_("Done, and the person has been told.")),
    State(S.REFUSED, N_("Refused, and the person was told why and how to complain.")),
    State(S.WITHDRAWN, N_("The person took it back.")),
)
TOLD = need("told_how", N_("Say how the person was told."), *TOLD_BY)
OPEN = frozenset({S.RECEIVED, S.IDENTITY_CHECKED, S.IN_PROGRESS, S.ASKED})
MOVES = (
    move(
        "receive",
        None,
        S.RECEIVED,
        TAKING | LEAD | PERSON,
        N_("A person asks for something about their own data."),
        needs=(
            need("kind", N_("Choose what they ask for."), *RightsKind),
            need("asked_for", N_("Write what they ask for, in their words.")),
            need("how", N_("Say how it came."), "phone", "in_person", "written", "own_page"),
            need("received_on", N_("Enter the day on which it came.")),
        ),
        follows=(Tell("lead", "rights_received"),),
    ),
    move(
        "check_identity",
        S.RECEIVED,
        S.IDENTITY_CHECKED,
        LEAD,
        N_("The request comes from the person, or from somebody who may ask for them."),
        needs=(
            need("identity_how", N_("Choose how you found out who asks."), *IDENTIFIED_BY),
        ),
        keeps=("identity_how",),
    ),
    move(
        "cannot_identify",
        S.RECEIVED,
        S.REFUSED,
        LEAD,
        N_("It could not be found out who asks. Nothing is given to anybody."),
        needs=(need("note", N_("Write what was tried.")),),
        sets=_decided,
    ),
    move(
        "start",
        S.IDENTITY_CHECKED,
        S.IN_PROGRESS,
        LEAD,
        N_("The work on it begins. The month counts from the day it came."),
    ),
    move(
        "ask",
        S.IN_PROGRESS,
        S.ASKED,
        LEAD,
        N_("The person is asked what they mean. The month stands still."),
        needs=(need("note", N_("Write what you ask the person.")), TOLD),
        keeps=("told_how",),
        sets=lambda f, g, at: {"stopped_at": at},
        follows=(Tell("person", "rights_question"),),
    ),
    move(
        "answer",
        S.ASKED,
        S.IN_PROGRESS,
        LEAD | TAKER | PERSON,
        N_("The person has answered. The month goes on."),
        needs=(need("note", N_("Write what the person answered.")),),
        sets=_answered,
        follows=(Tell("lead", "rights_answered"),),
    ),
    move(
        "go_on",
        S.ASKED,
        S.IN_PROGRESS,
        LEAD,
        N_("No answer came. The lead goes on without it, and the month with them."),
        needs=(need("note", N_("Write how you go on without the answer.")),),
        sets=_answered,
    ),
    move(
        "extend",
        S.IN_PROGRESS,
        S.IN_PROGRESS,
        LEAD,
        N_("Two months more, once. The person is told within the first month."),
        guards=(not_extended, in_first_month),
        needs=(
            need(
                "reason",
                N_("Choose why it takes longer."),
                *policy.reasons("rights_request.extend"),
            ),
            TOLD,
        ),
        keeps=("reason", "told_how"),
        restarts=True,
        sets=lambda f, g, at: {"extended": True},
        follows=(Tell("person", "rights_extended"),),
    ),
    move(
        "fulfil",
        S.IN_PROGRESS,
        S.FULFILLED,
        LEAD,
        N_("What the person asked for is done, and they are told."),
        guards=(nothing_to_erase,),
        needs=(need("note", N_("Write what was done.")), TOLD),
        keeps=("told_how",),
        sets=_decided,
        follows=(Tell("person", "rights_fulfilled"),),
    ),
    move(
        "erase",
        S.IN_PROGRESS,
        S.FULFILLED,
        LEAD,
        N_("Two people agree on the ground, and what is held about the person is erased."),
        guards=(erasure_asked, not_kept, nothing_else_asked, retention_over),
        needs=(
            need("ground", N_("Choose the ground in law."), *GROUNDS),
            TOLD,
        ),
        keeps=("told_how", "ground"),
        two_people=True,
        sets=_decided,
    ),
    move(
        "refuse",
        {S.IDENTITY_CHECKED, S.IN_PROGRESS, S.ASKED},
        S.REFUSED,
        LEAD,
        N_("Two people refuse it. The person is told why, and how to complain."),
        needs=(
            need("reason", N_("Choose a reason."), *policy.reasons("rights_request.refuse")),
            need("note", N_("Write why, in words the person can follow.")),
            TOLD,
        ),
        keeps=("reason", "told_how"),
        two_people=True,
        sets=_decided,
        follows=(Tell("person", "rights_refused"),),
    ),
    move(
        "withdraw",
        OPEN,
        S.WITHDRAWN,
        PERSON | TAKER,
        N_("The person takes it back."),
        follows=(Tell("lead", "rights_withdrawn"),),
    ),
)  # fmt: skip
OPEN_UNDER_FULL_HOLD: frozenset[str] = frozenset()
TABLE = Table(Noun.RIGHTS, STATES, MOVES, CAST, hats)

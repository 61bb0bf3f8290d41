"""The referral: its table of moves, and the commands made of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral import policy
from referral.clocks import member_key, person_key, role_key
from referral.states import REFERRAL_OPEN, TAKING_PART, WITH_PROVIDER, Noun, Relation, Role
from referral.states import ReferralState as S
from workflows.guards import (
    activity_open,
    after_it_was_sent,
    agreement_in_force,
    ground_to_share,
    need,
    not_died,
    not_duplicate,
    not_erased,
    not_held,
    not_implicated,
    not_left_by_redirect,
    person_identified,
    place_left,
    provider_assured,
    risks_stated,
)
from workflows.moves import (
    N_,
    Clock,
    Fire,
    Given,
    Hat,
    Raise,
    Remind,
    StartClock,
    State,
    Table,
    Tell,
    move,
)

LINK_WORKER: frozenset[Hat] = frozenset(
    {(Role.LINK_WORKER, Relation.NAMED), (Role.TEAM_LEAD, Relation.STAND_IN)}
)
COLLEAGUE: frozenset[Hat] = frozenset({(Role.LINK_WORKER, Relation.STAFF)})
PROVIDER: frozenset[Hat] = frozenset({(Role.PROVIDER_LEADER, Relation.ADDRESSED)})
TEAM: frozenset[Hat] = frozenset({(Role.TEAM_LEAD, Relation.OVER)})
GOVERNANCE: frozenset[Hat] = frozenset({(Role.GOVERNANCE_LEAD, Relation.OVER)})
SAFEGUARDING: frozenset[Hat] = frozenset({(Role.SAFEGUARDING_LEAD, Relation.OVER)})
PERSON: frozenset[Hat] = frozenset({(Role.PERSON, Relation.SELF)})
SYSTEM: frozenset[Hat] = frozenset({(Role.SYSTEM, Relation.SYSTEM)})


def over(actor: Any, organisation_id: str, place_path: str) -> bool:
    """Whether the actor answers for this organisation: as one of it, or for a place it lies in."""
    if actor.place_path is not None:
        return place_path.startswith(actor.place_path)
    return bool(actor.organisation_id == organisation_id)


def hats(f: Any, actor: Any) -> frozenset[Hat]:
    """What the actor is to this referral. Empty: it is not there for them at all."""
    role = actor.role
    if role is Role.SYSTEM:
        return SYSTEM
    if role is Role.PERSON:
        return PERSON if actor.person_id == f.person_id else frozenset()
    if role is Role.PROVIDER_LEADER:
        # What was never sent is nothing to them, whatever became of it.
        known = f.state is None or (f.sent_at is not None and f.state not in (S.DRAFT, S.IN_ERROR))
        return PROVIDER if known and actor.organisation_id == f.provider_org else frozenset()
    if role is Role.LINK_WORKER:
        if actor.organisation_id != f.organisation_id:
            return frozenset()
        named = actor.membership_id == f.link_worker_id
        return frozenset({(role, Relation.NAMED if named else Relation.STAFF)})
    if role is Role.TEAM_LEAD:
        if actor.organisation_id != f.organisation_id:
            return frozenset()
        stands_in = f.link_worker_absent or f.link_worker_implicated
        return TEAM | ({(role, Relation.STAND_IN)} if stands_in else frozenset())
    if role in (Role.GOVERNANCE_LEAD, Role.SAFEGUARDING_LEAD, Role.ACCOUNTABLE_OFFICER) and (
        over(actor, f.organisation_id, f.place_path)
        or (actor.place_path and f.provider_place_path.startswith(actor.place_path))
    ):
        return frozenset({(role, Relation.OVER)})
    return frozenset()


CAST = {
    "link_worker": lambda f: member_key(f.link_worker_id),
    "team_lead": lambda f: role_key(Role.TEAM_LEAD, f.organisation_id),
    "provider": lambda f: role_key(Role.PROVIDER_LEADER, f.provider_org),
    "person": lambda f: person_key(f.person_id),
}

GOALS_MET = ("yes", "partly", "no")
RANG = N_("The team rang the person, or the provider about them.")
HOW_IT_WENT = (need("reason", N_("Choose how the call went."), *policy.reasons("referral.call")),)

REMIND_LINK_WORKER = Remind(("link_worker",))
REMIND_PROVIDER = Remind(("provider", "link_worker"))
NO_REPLY = Raise("no_reply")

STATES = (
    State(
        S.DRAFT,
        N_("Being written."),
        "link_worker",
        Clock("referral.draft", 5, REMIND_LINK_WORKER, NO_REPLY, held=True),
    ),
    State(
        S.SENT,
        N_("Waiting for the provider to reply."),
        "provider",
        Clock(
            "referral.sent",
            5,
            REMIND_PROVIDER,
            Fire(Noun.REFERRAL, "lapse", "itself"),
            start="urgent",
            held=True,
        ),
    ),
    State(
        S.QUERIED,
        N_("The provider asked something."),
        "link_worker",
        Clock("referral.queried", 3, REMIND_LINK_WORKER, NO_REPLY),
    ),
    State(
        S.WAITING,
        N_("On the provider's waiting list."),
        "provider",
        Clock("referral.waiting", 20, REMIND_PROVIDER, NO_REPLY, start="expected_date", held=True),
    ),
    State(
        S.ACCEPTED,
        N_("A place is given. The provider makes the first contact."),
        "provider",
        Clock("referral.accepted", 10, REMIND_PROVIDER, NO_REPLY, start="first_contact", held=True),
    ),
    State(
        S.ACTIVE,
        N_("Taking part."),
        "provider",
        Clock("referral.active", 30, REMIND_PROVIDER, NO_REPLY, start="less_breaks"),
    ),
    State(
        S.PAUSED,
        N_("A break, agreed until a date."),
        "provider",
        Clock("referral.paused", 5, REMIND_PROVIDER, NO_REPLY, start="paused_until", held=True),
    ),
    State(
        S.RETURNED,
        N_("Back with the link worker."),
        "link_worker",
        Clock("referral.returned", 3, REMIND_LINK_WORKER, NO_REPLY, held=True),
    ),
    State(
        S.COMPLETED,
        N_("The provider has finished and said how it went."),
        "link_worker",
        Clock(
            "referral.completed",
            10,
            REMIND_LINK_WORKER,
            Raise("no_reply"),
            held=True,
        ),
    ),
    State(S.CLOSED, N_("The loop is closed: the outcome is known to both sides.")),
    State(S.WITHDRAWN, N_("Stopped.")),
    State(S.REDIRECTED, N_("A new referral took its place.")),
    State(S.IN_ERROR, N_("Recorded in error.")),
)

# Begins at a send when none runs, met only by `start` or an end; no hold stops it (I53).
NOT_STARTED = Clock(
    "referral.not_started",
    60,
    Raise("no_reply", level=2),
    Raise("no_reply", level=2),
    start="not_started",
)


def reason(trigger: str) -> Any:
    return need("reason", N_("Choose a reason."), *policy.reasons(f"referral.{trigger}"))


def _sent(f: Any, g: Given, at: datetime) -> Mapping[str, Any]:
    return {"sent_at": at}


MOVES = (
    move(
        "create",
        None,
        S.DRAFT,
        LINK_WORKER,
        N_("A referral is begun."),
    ),
    move(
        "send",
        {S.DRAFT, S.RETURNED},
        S.SENT,
        LINK_WORKER,
        N_("The link worker sends the referral to the provider."),
        guards=(
            ground_to_share,
            person_identified,
            risks_stated,
            agreement_in_force,
            provider_assured,
            activity_open,
            not_held,
            not_duplicate,
        ),
        keeps=("shared",),
        sets=_sent,
        follows=(StartClock("referral.not_started"), Tell("provider", "referral_sent")),
    ),
    move(
        "ask",
        S.SENT,
        S.QUERIED,
        PROVIDER,
        N_("The provider asks something before deciding."),
        needs=(need("note", N_("Write your question.")),),
        follows=(Tell("link_worker", "question_asked"),),
    ),
    move(
        "answer",
        S.QUERIED,
        S.SENT,
        LINK_WORKER,
        N_("The link worker answers the provider's question."),
        guards=(ground_to_share,),
        needs=(need("note", N_("Write your answer.")),),
        goes_on=2,
        follows=(Tell("provider", "question_answered"),),
    ),
    move(
        "put_on_waiting_list",
        {S.SENT, S.QUERIED},
        S.WAITING,
        PROVIDER,
        N_("The provider puts the person on the waiting list."),
        guards=(ground_to_share,),
        needs=(need("expected_date", N_("Enter the date you expect to have a place.")),),
        keeps=("expected_date",),
        follows=(Tell("link_worker", "on_waiting_list"),),
    ),
    move(
        "review_wait",
        S.WAITING,
        S.WAITING,
        PROVIDER,
        N_("The provider gives a new expected date."),
        needs=(
            need("expected_date", N_("Enter the new date you expect to have a place.")),
            reason("review_wait"),
        ),
        keeps=("expected_date", "reason"),
        restarts=True,
        follows=(Tell("link_worker", "wait_reviewed"), Tell("person", "wait_reviewed")),
    ),
    move(
        "accept",
        {S.SENT, S.QUERIED, S.WAITING},
        S.ACCEPTED,
        PROVIDER,
        N_("The provider gives the person a place."),
        guards=(ground_to_share, agreement_in_force, provider_assured, place_left, not_held),
        follows=(Tell("link_worker", "accepted"),),
        sets=lambda f, g, at: {"contacted_at": None},
    ),
    move(
        "decline",
        {S.SENT, S.QUERIED, S.WAITING},
        S.RETURNED,
        PROVIDER,
        N_("The provider can't take the person, and says why."),
        needs=(reason("decline"),),
        keeps=("reason",),
        follows=(Tell("link_worker", "declined"),),
    ),
    move(
        "lapse",
        S.SENT,
        S.RETURNED,
        SYSTEM,
        N_("The provider didn't reply in time. The referral goes back to the link worker."),
        follows=(
            Raise("no_reply", until_moved=True),
            Tell("link_worker", "lapsed"),
            Tell("provider", "lapsed"),
        ),
    ),
    move(
        "recall",
        WITH_PROVIDER,
        S.RETURNED,
        LINK_WORKER | GOVERNANCE | SYSTEM,
        N_("The person is taken back from the provider."),
        needs=(reason("recall"),),
        keeps=("reason",),
        follows=(Tell("provider", "recalled"), Tell("link_worker", "recalled")),
    ),
    move(
        "start",
        S.ACCEPTED,
        S.ACTIVE,
        PROVIDER,
        N_("The person has started."),
        guards=(ground_to_share, not_held),
        follows=(Tell("link_worker", "started"),),
    ),
    move(
        "update",
        S.ACTIVE,
        S.ACTIVE,
        PROVIDER,
        N_("The provider says how it is going, or who came."),
        needs=(need("note", N_("Write how it is going."), when=lambda g: "came" not in g),),
        restarts=True,
    ),
    move(
        "pause",
        S.ACTIVE,
        S.PAUSED,
        PROVIDER | LINK_WORKER,
        N_("A break is agreed."),
        needs=(need("paused_until", N_("Enter the date the break ends.")),),
        keeps=("paused_until",),
        follows=(Tell("link_worker", "paused"), Tell("provider", "paused")),
    ),
    move(
        "resume",
        S.PAUSED,
        S.ACTIVE,
        PROVIDER | LINK_WORKER,
        N_("The break is over."),
        guards=(not_held,),
        goes_on=1,
        sets=lambda f, g, at: {"paused_until": None},
        follows=(Tell("link_worker", "resumed"), Tell("provider", "resumed")),
    ),
    move(
        "give_back",
        TAKING_PART,
        S.RETURNED,
        PROVIDER,
        N_("The provider can't go on with the person, and says why."),
        needs=(reason("give_back"),),
        keeps=("reason",),
        follows=(Tell("link_worker", "given_back"),),
    ),
    move(
        "complete",
        {S.ACTIVE, S.PAUSED},
        S.COMPLETED,
        PROVIDER,
        N_("The provider has finished, and says how it went."),
        needs=(
            need(
                "outcome",
                N_("Choose what happened."),
                "finished",
                "stays_as_member",
                "volunteers",
                "leads",
                "stopped_early",
            ),
            need("goals_met", N_("Say whether the goals were met."), *GOALS_MET),
            need("what_next", N_("Say what comes next for the person.")),
            need("summary", N_("Write a short summary for the practice.")),
        ),
        sets=lambda f, g, at: {
            "completed_at": at,
            "outcome": {k: g[k] for k in ("outcome", "goals_met", "goals", "what_next") if k in g},
        },
        follows=(Tell("link_worker", "completed"), Tell("practice", "completed")),
    ),
    move(
        "confirm",
        S.COMPLETED,
        S.CLOSED,
        LINK_WORKER | TEAM | GOVERNANCE,
        N_("The link worker has read the outcome. The loop is closed."),
        guards=(not_held,),
        follows=(Tell("provider", "closed"),),
    ),
    move(
        "reopen",
        S.COMPLETED,
        S.ACTIVE,
        PROVIDER | LINK_WORKER | GOVERNANCE,
        N_("The person goes on taking part."),
        guards=(
            ground_to_share,
            agreement_in_force,
            provider_assured,
            place_left,
            not_held,
            not_died,
        ),
        needs=(reason("reopen"),),
        keeps=("reason",),
        sets=lambda f, g, at: {"completed_at": None},
        follows=(Tell("link_worker", "reopened"), Tell("provider", "reopened")),
    ),
    move(
        "reopen",
        {S.CLOSED, S.WITHDRAWN},
        S.RETURNED,
        LINK_WORKER | GOVERNANCE,
        N_("The referral is taken up again."),
        guards=(not_duplicate, not_died, not_erased),
        needs=(reason("reopen"),),
        keeps=("reason",),
        # What was finished is open again: the provider's 30 days of looking back end with it.
        sets=lambda f, g, at: {"completed_at": None},
        follows=(Tell("link_worker", "reopened"),),
    ),
    move(
        "redirect",
        S.RETURNED,
        S.REDIRECTED,
        LINK_WORKER,
        N_("A referral to another activity takes this one's place."),
        needs=(need("redirected_to", N_("Choose the activity to refer to instead.")),),
        keeps=("redirected_to",),
    ),
    move(
        "close_unmet",
        S.RETURNED,
        S.CLOSED,
        LINK_WORKER | GOVERNANCE,
        N_("No activity was found. The gap in service is recorded."),
        guards=(not_held,),
        needs=(reason("close_unmet"),),
        keeps=("reason",),
    ),
    move(
        "withdraw",
        REFERRAL_OPEN - {S.COMPLETED},
        S.WITHDRAWN,
        LINK_WORKER | PERSON | SYSTEM,
        N_("The referral is stopped."),
        needs=(reason("withdraw"),),
        keeps=("reason",),
        follows=(Tell("provider", "withdrawn"), Tell("link_worker", "withdrawn")),
    ),
    move(
        "stop",
        WITH_PROVIDER,
        S.WITHDRAWN,
        SYSTEM,
        N_("The person took their consent back. Sharing stops."),
        follows=(Tell("provider", "stopped"), Tell("link_worker", "stopped")),
    ),
    move(
        "reassign",
        REFERRAL_OPEN,
        None,
        TEAM | SAFEGUARDING | GOVERNANCE,
        N_("Another link worker takes the referral over."),
        needs=(need("link_worker_id", N_("Choose who takes it over.")),),
        keeps=("link_worker_id",),
        follows=(Tell("link_worker", "reassigned"), Tell("new_link_worker", "reassigned")),
    ),
    # Made by whoever had a hand free: what was said on the phone is nobody's next step.
    move("call", REFERRAL_OPEN, None, LINK_WORKER | COLLEAGUE | TEAM, RANG, needs=HOW_IT_WENT),
    # After an end too: a call to hear how somebody is, months later, is kept where it belongs.
    move(
        "call",
        {S.CLOSED, S.WITHDRAWN},
        None,
        LINK_WORKER | COLLEAGUE | TEAM,
        RANG,
        guards=(not_erased,),
        needs=HOW_IT_WENT,
    ),
    move(
        "discard",
        S.DRAFT,
        S.IN_ERROR,
        LINK_WORKER,
        N_("The draft is thrown away."),
        guards=(not_left_by_redirect,),
    ),
    move(
        "contact",
        S.ACCEPTED,
        S.ACCEPTED,
        PROVIDER,
        N_("The provider has made the first contact."),
        guards=(not_held, after_it_was_sent),
        restarts=True,
        sets=lambda f, g, at: {"contacted_at": g.get("happened_at") or at},
        follows=(Tell("link_worker", "contacted"),),
    ),
    # The time for first contact goes on: who rang in vain three times has not been in touch.
    move(
        "try_contact",
        S.ACCEPTED,
        S.ACCEPTED,
        PROVIDER,
        N_("The provider tried to reach the person, and could not."),
        guards=(not_held, after_it_was_sent),
        needs=(
            need("reason", N_("Choose what happened."), *policy.reasons("referral.try_contact")),
        ),
        follows=(Tell("link_worker", "tried"),),
    ),
    move(
        "mark_in_error",
        (REFERRAL_OPEN - {S.DRAFT}) | {S.CLOSED, S.WITHDRAWN},
        S.IN_ERROR,
        LINK_WORKER,
        N_("The referral was recorded in error, as two people say."),
        needs=(reason("mark_in_error"),),
        keeps=("reason",),
        two_people=True,
        follows=(Tell("provider", "destroy_what_you_hold"),),
    ),
)

# What stays open to a provider under a full hold; a link worker has nothing.
OPEN_UNDER_FULL_HOLD = frozenset({"decline", "give_back", "update"})

TABLE = Table(
    Noun.REFERRAL,
    STATES,
    MOVES,
    {
        **CAST,
        "practice": lambda f: f"practice@{f.organisation_id}" if f.practice_agreed else None,
        "new_link_worker": lambda f: None,  # resolved by the engine from what was given
    },
    hats,
    extra_clocks=(NOT_STARTED,),
)
UNIVERSAL = not_implicated

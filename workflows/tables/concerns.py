"""The safeguarding concern: a restricted lane beside the referral, with a ladder of its own."""

from __future__ import annotations

from typing import Any

from referral import policy
from referral.clocks import member_key
from referral.rotas import AUTHORITIES
from referral.states import ConcernState as S
from referral.states import Noun, Relation, Role
from workflows.guards import guard, need, not_erased
from workflows.moves import N_, Clock, Fire, Hat, State, Table, Tell, move
from workflows.tables.referrals import SYSTEM

STAFF_ROLES = frozenset(Role) - {Role.PERSON, Role.SYSTEM}
STAFF: frozenset[Hat] = frozenset((role, Relation.STAFF) for role in STAFF_ROLES)
# "I am not safe", on the person's own page.
PERSON: frozenset[Hat] = frozenset({(Role.PERSON, Relation.SELF)})
LADDER_ROLES = (Role.SAFEGUARDING_LEAD, Role.ACCOUNTABLE_OFFICER)
HOLDER: frozenset[Hat] = frozenset((role, Relation.HOLDER) for role in LADDER_ROLES)
LADDER: frozenset[Hat] = frozenset((role, Relation.LADDER) for role in LADDER_ROLES)


def hats(f: Any, actor: Any) -> frozenset[Hat]:
    """Nobody named as a source of harm is anything to a concern, nor anyone of an organisation
    named: it isn't there for them. Raising one is open to anyone on staff, and to the person about
    themselves; once raised it isn't there for them either, for others may hold their phone."""
    role = actor.role
    if role is Role.SYSTEM:
        return SYSTEM
    if role is Role.PERSON:
        raising = f.state is None and f.person_id == actor.person_id
        return PERSON if raising else frozenset()
    if role not in STAFF_ROLES:
        return frozenset()
    if f.state is None:
        return frozenset({(role, Relation.STAFF)})
    if f.actor_implicated:
        return frozenset()
    mine: set[Hat] = set()
    if f.holder in actor.keys:
        mine |= {(role, Relation.HOLDER), (role, Relation.STAFF)}
    elif role in LADDER_ROLES and _above(f, actor):
        mine |= {(role, Relation.LADDER), (role, Relation.STAFF)}
    if f.raised_by is not None and actor.membership_id == f.raised_by:
        mine.add((role, Relation.STAFF))
    return frozenset(mine)


def _above(f: Any, actor: Any) -> bool:
    if actor.place_path is not None:
        return bool(f.place_path.startswith(actor.place_path))
    return bool(actor.organisation_id == f.organisation_id and f.rung == 1)


CAST = {
    "holder": lambda f: f.holder,
    # Somebody who is named themselves hears nothing of it, though they raised it.
    "raiser": lambda f: member_key(f.raised_by) if f.raised_by and not f.raiser_named else None,
}
somebody_named = guard(
    "somebody_named",
    N_("Nobody is named as a source of harm in this concern."),
    N_("There is nothing to take out."),
    "whoever is named neither sees it nor acts on it",
    lambda f, g, at: bool(f.sources),
)
CLIMB = Fire(Noun.CONCERN, "climb", "itself")


def climbing(kind: str, days: int, first: Any = CLIMB, start: str = "days") -> Clock:
    return Clock(kind, days, first, CLIMB, start=start)


STATES = (
    State(
        S.RAISED,
        N_("Nobody has seen this yet."),
        "holder",
        climbing("concern.raised", 1, start="danger"),
    ),
    State(
        S.UNDER_REVIEW,
        N_("Somebody has read it and decides what to do."),
        "holder",
        climbing("concern.under_review", 1),
    ),
    State(
        S.REPORTED,
        N_("The authority has been told. Its answer is awaited."),
        "holder",
        Clock("concern.reported", 2, None, CLIMB, start="child", remind=("holder",)),
    ),
    State(S.ENQUIRY, N_("The authority is enquiring."), "holder", climbing("concern.enquiry", 20)),
    State(
        S.MONITORING,
        N_("A plan is followed and looked at again."),
        "holder",
        climbing("concern.monitoring", 30),
    ),
    State(S.CLOSED, N_("Closed, with what was done and what the person wished.")),
)
OPEN = frozenset(S) - {S.CLOSED}


def authority_says(*answers: str) -> Any:
    return lambda f, g: g.get("authority_decision") in answers


ENQUIRES = ("section_42", "section_47", "section_17", "other")
DECISION = need(
    "authority_decision",
    N_("Choose what the authority decided."),
    *ENQUIRES,
    "none",
    "unknown",
)
# Which kind of authority, or words for whom; a kind alone is enough.
ROUTE = need(
    "authority_route",
    N_("Choose whom you told."),
    *AUTHORITIES,
    when=lambda g: bool(g.get("authority_route")),
)


def told_whom(sentence: str) -> Any:
    return need("reported_to", sentence, when=lambda g: not g.get("authority_route"))


WHY_NOT_ASKED = ("more_risk", "could_not_ask", "no_capacity", "did_not_want", "other")
CATEGORIES = (
    "physical",
    "sexual",
    "psychological",
    "financial",
    "neglect",
    "self_neglect",
    "discriminatory",
    "organisational",
    "domestic_abuse",
    "modern_slavery",
)
ADVOCATES = ("not_needed", "has_one", "needed", "not_known")


def _if_said(g: Any, *names: str) -> dict[str, Any]:
    """What was said of these; what wasn't leaves the record as it is."""
    return {name: g[name] for name in names if g.get(name)}


def _report(f: Any, g: Any, at: Any) -> dict[str, Any]:
    """The newest report alone stands on the record; each of them has a row of its own."""
    return {
        "reported_to": g.get("reported_to"),
        "authority_route": g.get("authority_route"),
        "authority_reference": g.get("authority_reference"),
        "reported_at": g.get("told_at") or at,
        "authority_decision": None,
    }


MOVES = (
    move(
        "raise",
        None,
        S.RAISED,
        STAFF | PERSON,
        N_("Somebody on staff, or the person, is worried about a person's safety and says so."),
        needs=(
            need("seen", N_("Write what you saw or were told.")),
            need("danger", N_("Say whether anyone is in danger now.")),
        ),
        effects=("concern_sources", "concern_hold"),
        follows=(Tell("holder", "concern_raised"),),
    ),
    move(
        "acknowledge",
        S.RAISED,
        S.UNDER_REVIEW,
        HOLDER,
        N_("A human has read it. The raiser is told who."),
        sets=lambda f, g, at: {
            "acknowledged_at": at,
            "acknowledged_by": f.actor_membership,
            **_if_said(g, "categories", "advocate"),
        },
        effects=("release_unless_kept",),
        follows=(Tell("raiser", "concern_seen"),),
    ),
    move(
        "report_to_authority",
        {S.RAISED, S.UNDER_REVIEW, S.ENQUIRY, S.MONITORING},
        S.REPORTED,
        HOLDER,
        N_("The concern is reported to the authority."),
        needs=(told_whom(N_("Say which authority you reported to.")), ROUTE),
        sets=_report,
        effects=("authority_reported",),
    ),
    move(
        "told_authority",
        OPEN,
        None,
        STAFF,
        N_("Somebody on staff told the authority, or rang 999, themselves."),
        needs=(told_whom(N_("Say whom you told, and when.")), ROUTE),
        effects=("authority_called",),
    ),
    move(
        "authority_decides",
        S.REPORTED,
        S.ENQUIRY,
        HOLDER,
        N_("The authority makes an enquiry."),
        needs=(DECISION,),
        keeps=("authority_decision",),
        when=authority_says(*ENQUIRES),
        when_says="section_42, section_47, section_17 or other",
    ),
    move(
        "authority_decides",
        S.REPORTED,
        S.UNDER_REVIEW,
        HOLDER,
        N_("The authority makes no enquiry. The holder decides what to do."),
        needs=(DECISION,),
        keeps=("authority_decision",),
        when=authority_says("none"),
        when_says="none",
    ),
    move(
        "authority_decides",
        S.REPORTED,
        S.REPORTED,
        HOLDER,
        N_("The authority's answer is not known. It is chased again."),
        needs=(DECISION,),
        keeps=("authority_decision",),
        when=lambda f, g: g.get("authority_decision") not in (*ENQUIRES, "none"),
        when_says="unknown",
    ),
    move(
        "monitor",
        {S.UNDER_REVIEW, S.ENQUIRY},
        S.MONITORING,
        HOLDER,
        N_("A plan is agreed and will be looked at again."),
    ),
    move(
        "review",
        {S.ENQUIRY, S.MONITORING},
        None,
        HOLDER,
        N_("The holder looks at it again and says what was found."),
        needs=(need("note", N_("Write what you found.")),),
        sets=lambda f, g, at: _if_said(g, "categories", "advocate"),
        restarts=True,
    ),
    move(
        "hold",
        OPEN,
        None,
        HOLDER,
        N_("Referrals are held while this is looked into."),
        needs=(need("reach", N_("Choose what the hold reaches."), "provider", "all"),),
        effects=("concern_hold_again",),
    ),
    move(
        "release",
        OPEN - {S.RAISED},  # an unread concern keeps the hold it was raised with (I45)
        None,
        HOLDER,
        N_("The hold of this concern is lifted."),
        effects=("release",),
    ),
    move(
        "hand_over",
        OPEN,
        None,
        HOLDER | LADDER,
        N_("Somebody else holds the concern from now."),
        needs=(need("holder", N_("Choose who holds it from now.")),),
        keeps=("holder",),
        follows=(Tell("new_holder", "concern_handed_over"),),
    ),
    move(
        "climb",
        OPEN,
        None,
        HOLDER | SYSTEM,
        N_("The concern goes one rung up the ladder."),
        restarts=True,
        sets=lambda f, g, at: {"rung": f.next_rung, "holder": f.next_holder},
        follows=(Tell("new_holder", "concern_climbed"),),
    ),
    move(
        "name_source",
        OPEN,
        None,
        HOLDER | LADDER,
        N_("Somebody is named as a source of harm. From now they neither see it nor act on it."),
        needs=(
            need("sources", N_("Choose who it is, or write it.")),
            need("note", N_("Write how you know.")),
        ),
        effects=("concern_sources", "concern_hold_named"),
        follows=(Fire(Noun.CONCERN, "pass_on", "itself, held by whoever is named"),),
    ),
    move(
        "strike_source",
        OPEN,
        None,
        HOLDER | LADDER,
        N_("Somebody was named by mistake, and is taken out."),
        guards=(somebody_named,),
        needs=(
            need("source_id", N_("Choose who was named by mistake.")),
            need("note", N_("Write how you know.")),
        ),
        effects=("source_struck",),
    ),
    move(
        "pass_on",
        OPEN,
        None,
        SYSTEM,
        N_("Whoever held it is named in it: the first rung above that is not, holds it from now."),
        sets=lambda f, g, at: {"rung": f.free_rung, "holder": f.free_holder},
        follows=(Tell("new_holder", "concern_handed_over"),),
    ),
    move(
        "close",
        {S.UNDER_REVIEW, S.ENQUIRY, S.MONITORING},
        S.CLOSED,
        HOLDER,
        N_("The concern is closed."),
        needs=(
            need(
                "wishes_met",
                N_("Say whether what the person wished for was met."),
                "fully",
                "partly",
                "not",
                "not_asked",
            ),
            need(
                "why_not_asked",
                N_("Say why the person was not asked what they wish."),
                *WHY_NOT_ASKED,
                when=lambda g: g.get("wishes_met") == "not_asked",
            ),
            need("reason", N_("Choose a reason."), *policy.reasons("concern.close")),
            need("feedback", N_("Write the feedback to the raiser.")),
            need(
                "why_unreported",
                N_("Report first what is said about staff, or write why it need not be reported."),
                where=lambda f: f.staff_unreported,
            ),
        ),
        keeps=("wishes_met", "why_not_asked", "reason"),
        sets=lambda f, g, at: {"closed_at": at, **_if_said(g, "wishes")},
        effects=("release", "concern_unreported"),
        follows=(Tell("raiser", "concern_closed"),),
    ),
    move(
        "reopen",
        S.CLOSED,
        S.UNDER_REVIEW,
        HOLDER,
        N_("The concern is taken up again."),
        guards=(not_erased,),
        needs=(need("reason", N_("Choose a reason."), *policy.reasons("concern.reopen")),),
        keeps=("reason",),
        sets=lambda f, g, at: {"closed_at": None},
        effects=("concern_hold",),
    ),
)
OPEN_UNDER_FULL_HOLD: frozenset[str] = frozenset(m.trigger for m in MOVES)
TABLE = Table(
    Noun.CONCERN,
    STATES,
    MOVES,
    {**CAST, "new_holder": lambda f: None},
    hats,
)

"""Consent: asked, given, refused, withdrawn, expired. Withdrawing decides; expiring is silence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral.clocks import member_key, person_key, role_key
from referral.states import Basis, Noun, Relation, Role
from referral.states import ConsentState as S
from workflows.guards import guard, need
from workflows.moves import (
    N_,
    Clock,
    Fire,
    Given,
    Hat,
    Raise,
    Remind,
    State,
    Table,
    move,
)
from workflows.tables.referrals import LINK_WORKER, PERSON, SYSTEM, over


def hats(f: Any, actor: Any) -> frozenset[Hat]:
    """Any link worker of the organisation that holds the person asks and records; so does the team
    lead who stands in. Others who answer for the person see it and make no move."""
    role = actor.role
    if role is Role.SYSTEM:
        return SYSTEM
    if role is Role.PERSON:
        return PERSON if actor.person_id == f.person_id else frozenset()
    if role is Role.LINK_WORKER:
        mine = actor.organisation_id == f.organisation_id
        return frozenset({(role, Relation.NAMED)}) if mine else frozenset()
    if role is Role.TEAM_LEAD:
        if actor.organisation_id != f.organisation_id:
            return frozenset()
        stands_in = f.link_worker_absent or f.link_worker_implicated
        return frozenset({(role, Relation.STAND_IN if stands_in else Relation.OVER)})
    if role in (
        Role.GOVERNANCE_LEAD,
        Role.SAFEGUARDING_LEAD,
        Role.INFORMATION_GOVERNANCE_LEAD,
        Role.ACCOUNTABLE_OFFICER,
    ):
        is_over = over(actor, f.organisation_id, f.place_path)
        return frozenset({(role, Relation.OVER)}) if is_over else frozenset()
    return frozenset()


CAST = {
    "link_worker": lambda f: member_key(f.link_worker_id),
    "person": lambda f: person_key(f.person_id),
    "provider": lambda f: (
        role_key(Role.PROVIDER_LEADER, f.provider_org) if f.provider_org else None
    ),
    "team_lead": lambda f: role_key(Role.TEAM_LEAD, f.organisation_id),
}

nothing_in_force = guard(
    "nothing_in_force",
    N_("There is already an answer in force, or a question waiting for one."),
    N_("Renew the one in force, or record the answer to the one that waits."),
    "one record in force per person, purpose and recipient",
    lambda f, g, at: not f.in_force,
)
REMIND = Remind(("link_worker",))
STATES = (
    State(
        S.ASKED,
        N_("The person has been asked and has not answered yet."),
        "link_worker",
        Clock("consent.asked", 10, REMIND, Raise("consent")),
    ),
    State(
        S.GIVEN,
        N_("The person agreed, until the date shown."),
        "link_worker",
        Clock(
            "consent.given",
            1,
            Fire(Noun.CONSENT, "expire", "itself"),
            Fire(Noun.CONSENT, "expire", "itself"),
            before=(20, 5),
            start="until",
            remind=("link_worker", "person"),
        ),
    ),
    State(
        S.EXPIRED,
        N_("The agreement ran out. Those taking part keep their place; the person is asked again."),
        "link_worker",
        Clock("consent.expired", 5, REMIND, Raise("consent")),
    ),
    State(S.REFUSED, N_("The person said no.")),
    State(S.WITHDRAWN, N_("The person took their agreement back.")),
)


def months_on(at: datetime, months: int) -> datetime:
    """The same day `months` later; the last day of a shorter month."""
    total = at.month - 1 + months
    year, month = at.year + total // 12, total % 12 + 1
    for day in (at.day, 30, 29, 28):
        try:
            return at.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def _given(f: Any, g: Given, at: datetime) -> Mapping[str, Any]:
    until = g.get("until") or months_on(at, f.rules.consent_months())
    return {"answered_at": at, "until": until}


STOP = Fire(Noun.REFERRAL, "stop", "relying on it")

MOVES = (
    move(
        "ask",
        None,
        S.ASKED,
        LINK_WORKER,
        N_("The person is asked."),
        guards=(nothing_in_force,),
    ),
    move(
        "give",
        S.ASKED,
        S.GIVEN,
        LINK_WORKER,
        N_("The person agrees."),
        needs=(
            need("basis", N_("Choose whose decision this is."), *Basis),
            need(
                "how",
                N_("Choose how consent was given."),
                "in_person",
                "phone",
                "video",
                "written",
            ),
            need(
                "capacity_id",
                N_("Record the capacity assessment first."),
                when=lambda g: g.get("basis") == Basis.BEST_INTERESTS,
            ),
        ),
        keeps=("basis", "how", "present", "wording_id", "capacity_id"),
        sets=_given,
        follows=(Fire(Noun.CONSENT, "expire", "renewed by it", first=True),),
    ),
    move(
        "refuse",
        S.ASKED,
        S.REFUSED,
        LINK_WORKER | SYSTEM,  # the system: when it ends with a withdrawal beside it
        N_("The person says no."),
        keeps=("how", "wording_id"),
        sets=lambda f, g, at: {"answered_at": at},
        follows=(Fire(Noun.CONSENT, "withdraw", "in force beside it"), STOP),
    ),
    move(
        "renew",
        S.GIVEN,
        S.GIVEN,
        LINK_WORKER,
        N_("The person is asked again before the date. The answer in force holds until then."),
    ),
    move(
        "withdraw",
        {S.GIVEN, S.EXPIRED},
        S.WITHDRAWN,
        LINK_WORKER | PERSON | SYSTEM,
        N_("The person takes back their agreement."),
        keeps=("reason",),
        sets=lambda f, g, at: {"answered_at": at},
        follows=(
            Fire(Noun.CONSENT, "refuse", "unanswered beside it"),
            # An older agreement, run out, can be taken back too: the no counts for the newer one.
            Fire(Noun.CONSENT, "withdraw", "in force beside it"),
            STOP,
        ),
    ),
    move(
        "expire",
        S.GIVEN,
        S.EXPIRED,
        SYSTEM,
        N_("The date has come without a new answer."),
    ),
)
OPEN_UNDER_FULL_HOLD: frozenset[str] = frozenset()
TABLE = Table(Noun.CONSENT, STATES, MOVES, CAST, hats)

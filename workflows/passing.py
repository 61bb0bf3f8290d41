"""A person moves within the system: another team supports them from now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from referral import caseloads, passing, records
from referral.actors import Actor
from referral.audit import log
from referral.caseloads import Carried
from referral.clocks import member_key
from referral.passing import Team
from referral.records import PersonSeen
from referral.rows import bump, change
from referral.states import ConsentState, Noun, Role
from referral.store import Tx
from workflows.engine import STALE
from workflows.guards import not_died, of_a_hold
from workflows.letters import tell_team_lead
from workflows.moves import N_, Refusal
from workflows.rules import field, missing, require, wrong

STILL_OPEN = Refusal(
    "still_open",
    N_("Referrals of this person are still open here."),
    N_("End them first, or wait until they end: what was sent stays with the team that sent it."),
    "a referral that was sent keeps its team",
)
OPEN_ANSWERS = (ConsentState.ASKED, ConsentState.GIVEN, ConsentState.EXPIRED)


@dataclass(frozen=True)
class Passing:
    """Who is passed on, to which teams it could be, and what has to end before."""

    person: PersonSeen
    teams: tuple[Team, ...]
    still_open: tuple[Carried, ...]


def passing_preview(tx: Tx, actor: Actor, at: datetime, person_id: str) -> Passing:
    """What passing the person on needs. Raises Refused: not_found, not_held where the record is
    closed to the actor."""
    require(actor, (Role.TEAM_LEAD,), "person", "pass_on")
    found = records.person(tx, actor, at, person_id)
    if found is None or found.organisation_id != actor.organisation_id or found.merged_into:
        raise missing("person", "pass_on")
    if found.closed_to_actor:
        raise wrong("person", "pass_on", of_a_hold(actor.role))
    still_open = tuple(caseloads.open_of_person(tx, person_id))
    return Passing(found, tuple(passing.teams(tx, actor, at)), still_open)


def pass_on_person(
    tx: Tx,
    actor: Actor,
    at: datetime,
    person_id: str,
    organisation_id: str,
    version: int | None = None,
) -> Team:
    """Another team of the system supports this person from now, with their plans and their answers
    about sharing; its lead is told, and looks after those answers until a link worker takes them.
    What is over stays with the team whose it was, and so does what it wrote for itself. Concerns
    and holds aren't touched. Raises Refused."""
    bump(tx, "person", person_id)
    plan = passing_preview(tx, actor, at, person_id)
    found = plan.person
    if version is not None and version != found.version:
        raise wrong("person", "pass_on", STALE)
    if found.died_on is not None:
        raise wrong("person", "pass_on", not_died.refusal)
    if plan.still_open:
        raise wrong("person", "pass_on", STILL_OPEN)
    to = next((team for team in plan.teams if team.organisation_id == organisation_id), None)
    if to is None:
        raise wrong("person", "pass_on", field("organisation_id", N_("Choose the other team.")))
    caseloads.end_beginnings(tx, person_id)
    for plan_id in passing.plans(tx, person_id):
        change(tx, "plan", plan_id, {"organisation_id": to.organisation_id})
    for consent_id, state, looks_after in passing.consents(tx, person_id):
        _answer(tx, actor, at, found, to, consent_id, state, looks_after)
    after = {"organisation_id": to.organisation_id, "version": found.version + 1}
    change(tx, "person", person_id, after)
    told = {"from": found.organisation_id, "to": to.organisation_id}
    log(tx, actor, at, "passed_on", "person", None, told, subject=found.subject_ref)
    where = to.organisation_id
    tell_team_lead(tx, actor, at, where, "person_passed_on", "person", person_id)
    return to


def _answer(
    tx: Tx,
    actor: Actor,
    at: datetime,
    found: PersonSeen,
    to: Team,
    consent_id: str,
    state: str,
    looks_after: str,
) -> None:
    """One answer goes along; who looks after it, while there is something to look after."""
    values = {"organisation_id": to.organisation_id}
    details: dict[str, object] = {"set": values}
    if state in OPEN_ANSWERS:
        values["link_worker_id"] = to.lead
        kinds = caseloads.pass_clock(tx, consent_id, looks_after, to.lead)
        if kinds:
            details["clock"] = {"kind": kinds[0], "owner": member_key(to.lead)}
    change(tx, "consent", consent_id, values)
    log(tx, actor, at, "passed_on", Noun.CONSENT, consent_id, details, subject=found.subject_ref)

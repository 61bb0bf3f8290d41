"""A person has died: everything open stops at once, nobody writes to them any more, and what is
known of their safety stays open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from referral import caseloads, links, records
from referral.actors import Actor, the_system
from referral.audit import log
from referral.caseloads import Carried
from referral.clocks import member_key
from referral.records import PersonSeen
from referral.rows import bump, change
from referral.states import Noun, ReferralState, Role
from referral.store import Tx
from workflows.engine import STALE, step
from workflows.guards import of_a_hold
from workflows.letters import tell
from workflows.moves import N_, Refusal
from workflows.people import SHORT_TEXT, WRITERS
from workflows.rules import field, missing, once, require, wrong
from workflows.working_time import local_day

CAUSE = "person.record_death"
ALREADY = Refusal(
    "already_recorded",
    N_("It is on record already that the person has died."),
    N_("If that is wrong, the team lead can put it right."),
)
NOT_RECORDED = Refusal("not_recorded", N_("It is not on record that the person has died."))


@dataclass(frozen=True)
class Ending:
    """What recording a death would stop, and what stays to be read."""

    person: PersonSeen
    stops: tuple[Carried, ...]
    stays: tuple[Carried, ...]


def _person(tx: Tx, actor: Actor, at: datetime, person_id: str) -> PersonSeen:
    found = records.person(tx, actor, at, person_id)
    if found is None or found.organisation_id != actor.organisation_id:
        raise missing("person", "death")
    if found.closed_to_actor:
        raise wrong("person", "death", of_a_hold(actor.role))
    return found


def death_preview(tx: Tx, actor: Actor, at: datetime, person_id: str) -> Ending:
    """What recording the person's death would do. Raises Refused: not_found, not_held where the
    record is closed to the actor."""
    require(actor, WRITERS, "person", "death")
    found = _person(tx, actor, at, person_id)
    open_now = caseloads.open_of_person(tx, person_id)
    stays = tuple(r for r in open_now if r.state == ReferralState.COMPLETED)
    return Ending(found, tuple(r for r in open_now if r not in stays), stays)


def record_death(
    tx: Tx,
    actor: Actor,
    at: datetime,
    person_id: str,
    values: Mapping[str, Any],
    version: int | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """The person died, as somebody said: on this day, in its month, or nobody could say when. Every
    open referral but what is completed is withdrawn, whoever's it is; no message goes to the person
    from now, not even one that waits; concerns stay open. `values`: died_on, said_by, and
    died_about: month where no more than its month is known, not_known where not even that is, and
    then no died_on. Returns the version of the person and the references that were stopped. Raises
    Refused."""
    require(actor, WRITERS, "person", "death")
    died_on: date | None = values.get("died_on")
    about: str | None = values.get("died_about")
    said_by = str(values.get("said_by") or "").strip()
    faults = []
    if about == "not_known":
        if died_on is not None:
            faults.append(field("died_on", N_("Enter when they died, or that nobody could say.")))
        died_on = local_day(at)
    elif died_on is None:
        why = N_("Enter the day or the month the person died, or that nobody could say.")
        faults.append(field("died_on", why))
    elif died_on > local_day(at):
        faults.append(field("died_on", N_("Enter a date that has come already.")))
    if not said_by or len(said_by) > SHORT_TEXT:
        faults.append(field("said_by", N_("Say who told you, in a few words.")))
    if faults:
        raise wrong("person", "death", *faults)

    def do() -> dict[str, Any]:
        bump(tx, "person", person_id)
        plan = death_preview(tx, actor, at, person_id)
        found = plan.person
        if found.died_on is not None:
            raise wrong("person", "death", ALREADY)
        if version is not None and version != found.version:
            raise wrong("person", "death", STALE)
        if died_on is not None and found.birth_date is not None and died_on < found.birth_date:
            why = N_("Enter a day after the date of birth.")
            raise wrong("person", "death", field("died_on", why))
        change(
            tx,
            "person",
            person_id,
            {
                "died_on": died_on,
                "died_about": about,
                "death_said_by": said_by,
                "death_recorded_at": at,
                "version": found.version + 1,
            },
        )
        log(tx, actor, at, "death_recorded", "person", None, subject=found.subject_ref)
        system = the_system(actor.system_id, CAUSE)
        for referral in plan.stops:
            step(tx, Noun.REFERRAL, referral.id, "withdraw", system, at, {"reason": "died"})
        caseloads.end_contact(tx, person_id, at)
        links.revoke_all(tx, person_id, links.PERSON, at)
        caseloads.end_beginnings(tx, person_id)
        return {
            "id": person_id,
            "version": found.version + 1,
            "stopped": [r.reference for r in plan.stops],
        }

    body = {"id": person_id, "died_on": str(died_on), "about": about, "said_by": said_by}
    return once(tx, actor, key, "person.death", body, at, do)


def take_back_death(
    tx: Tx, actor: Actor, at: datetime, person_id: str, why: str, version: int | None = None
) -> int:
    """It was recorded in error: the person lives. What was stopped stays stopped until its link
    worker, who is told of each, takes it up again. By the team lead. Returns the person's version.
    Raises Refused."""
    require(actor, (Role.TEAM_LEAD,), "person", "death")
    bump(tx, "person", person_id)
    found = _person(tx, actor, at, person_id)
    if found.died_on is None:
        raise wrong("person", "death", NOT_RECORDED)
    if version is not None and version != found.version:
        raise wrong("person", "death", STALE)
    if not why.strip() or len(why) > SHORT_TEXT:
        raise wrong("person", "death", field("why", N_("Say what was wrong, in a few words.")))
    after = found.version + 1
    lives = dict.fromkeys(("died_on", "died_about", "death_said_by", "death_recorded_at"))
    change(tx, "person", person_id, {**lives, "version": after})
    log(
        tx,
        actor,
        at,
        "death_taken_back",
        "person",
        None,
        {"why": why.strip()},
        subject=found.subject_ref,
    )
    for referral_id, link_worker in caseloads.of_who_died(tx, person_id):
        to = member_key(link_worker)
        tell(tx, actor.system_id, at, to, "death_taken_back", Noun.REFERRAL, referral_id)
    return after

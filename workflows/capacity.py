"""Recording an assessment of capacity: first what the person can do, then why they can't.

Everybody is presumed able to decide, is helped to, and may decide unwisely. Only somebody who, with
all help, can't understand, retain, weigh up or communicate, and can't because of an impairment of
mind or brain, lacks capacity for this decision at this time. From 16; before, a parent decides, or
a young person who understands enough."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from referral import capacity, lists
from referral.actors import Actor
from referral.audit import log
from referral.capacity import ABILITIES, Assessed
from referral.ids import new_id
from referral.rows import bump, put
from referral.states import Basis, ConsentState
from referral.store import Sql, Tx
from workflows.bases import born_on, is_child
from workflows.consent import renew_consent
from workflows.guards import of_a_hold
from workflows.moves import N_, Refusal
from workflows.people import OWN, WRITERS
from workflows.rules import field, missing, require, wrong
from workflows.working_time import local_day

LONGEST = timedelta(days=366)
WHY_NOT: Mapping[str, str] = {
    "understands": N_("Say whether they can understand what it is about."),
    "retains": N_("Say whether they can keep it in mind long enough."),
    "weighs": N_("Say whether they can weigh it up."),
    "communicates": N_("Say whether they can tell their decision in any way."),
}
SUBJECT = Sql("SELECT subject_ref FROM person WHERE id = :id")


def faults(values: Mapping[str, Any], child: bool, at: datetime) -> list[Refusal]:
    """What an assessment still lacks, in the order it is made."""
    found = []
    if child:
        return [
            field(
                "decision",
                N_("The Mental Capacity Act applies from 16."),
                N_("A parent decides, or the young person if they understand enough."),
            )
        ]
    if not values.get("decision"):
        found.append(field("decision", N_("Write which decision it is about.")))
    if not values.get("assessor"):
        found.append(field("assessor", N_("Write who assessed it.")))
    found += [field(a, WHY_NOT[a]) for a in ABILITIES if values.get(a) is None]
    if not values.get("help"):
        found.append(field("help", N_("Write what was done to help them decide themselves.")))
    if any(values.get(a) is False for a in ABILITIES):
        if not values.get("cause"):
            found.append(field("cause", N_("Write what makes them unable, and how.")))
        if not values.get("interests"):
            found.append(field("interests", N_("Write why it is in their best interests.")))
        found += _review(values.get("review_on"), at)
    return found


def _review(review_on: date | None, at: datetime) -> list[Refusal]:
    today = local_day(at)
    if review_on is None or review_on <= today:
        return [field("review_on", N_("Enter the day on which it is looked at again."))]
    if review_on > today + LONGEST:
        return [field("review_on", N_("Enter a day within the next 12 months."))]
    return []


def assess_capacity(
    tx: Tx, actor: Actor, at: datetime, person_id: str, values: Mapping[str, Any]
) -> Assessed:
    """Record one assessment. Who is found able decides themselves: every agreement in force that
    somebody else gave for them is asked for again, of them.

    `values`: decision, assessor, the four abilities (yes or no each), help; and where any is a no:
    cause, interests, review_on, consulted. Raises Refused: not_found, or a fault for each field."""
    require(actor, WRITERS, "capacity", "assess")
    if tx.row(OWN, id=person_id, system_id=actor.system_id, org=actor.organisation_id) is None:
        raise missing("person", "capacity")
    if lists.closed(tx, actor, person_id)[0]:
        raise wrong("capacity", "assess", of_a_hold(actor.role))
    found = faults(values, is_child(born_on(tx, actor.system_id, person_id), at), at)
    if found:
        raise wrong("capacity", "assess", *found)
    lacks = any(values[a] is False for a in ABILITIES)
    bump(tx, "person", person_id)
    made = new_id(at)
    put(
        tx,
        "capacity_assessment",
        {
            "id": made,
            "system_id": actor.system_id,
            "organisation_id": actor.organisation_id,
            "person_id": person_id,
            "decision": values["decision"],
            "assessor": values["assessor"],
            **{a: bool(values[a]) for a in ABILITIES},
            "help": values["help"],
            "cause": values["cause"] if lacks else None,
            "lacks": lacks,
            "interests": values["interests"] if lacks else None,
            "consulted": values.get("consulted") if lacks else None,
            "review_on": values["review_on"] if lacks else None,
            "recorded_by": actor.membership_id,
            "at": at,
        },
    )
    row = tx.row(SUBJECT, id=person_id)
    subject = str(row[0]) if row else None
    log(tx, actor, at, "capacity_assessed", "person", made, {"lacks": lacks}, subject=subject)
    if not lacks:
        _ask_themselves(tx, actor, at, person_id)
    seen = capacity.one(tx, actor.system_id, made)
    if seen is None:
        raise LookupError("an assessment that was just recorded is not there")
    return seen


FOR_THEM = Sql(
    "SELECT c.id FROM consent c WHERE c.person_id = :person_id AND c.state = :given"
    " AND c.basis = :basis AND NOT EXISTS (SELECT 1 FROM consent n WHERE n.renews_id = c.id"
    " AND n.state = :asked) ORDER BY c.id"
)


def _ask_themselves(tx: Tx, actor: Actor, at: datetime, person_id: str) -> None:
    rows = tx.rows(
        FOR_THEM,
        person_id=person_id,
        given=str(ConsentState.GIVEN),
        asked=str(ConsentState.ASKED),
        basis=str(Basis.BEST_INTERESTS),
    )
    for (consent_id,) in rows:
        renew_consent(tx, actor, at, consent_id)

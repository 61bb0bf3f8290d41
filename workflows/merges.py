"""Two records of one person become one. A human confirms each referral that comes along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from referral import links, merges, records
from referral.actors import Actor, the_system
from referral.audit import log
from referral.merges import Answer, Referral
from referral.records import PersonSeen
from referral.rows import bump, change
from referral.states import ConsentState, Noun
from referral.store import TryAgain, Tx
from workflows import equality
from workflows.engine import Refused, step
from workflows.guards import of_a_hold
from workflows.moves import N_, Refusal
from workflows.people import WRITERS
from workflows.rules import field, missing, once, require, wrong

# What an empty field of the record that stays is filled with.
FILLED = (
    "nhs_number", "no_nhs_number", "birth_date", "practice", "phone", "email", "address",
    "postcode", "contact_method", "contact_times", "through_name", "through_phone", "message_safe",
    "language", "interpreter", "access_needs", "emergency_contact",
)  # fmt: skip
NO = (ConsentState.REFUSED, ConsentState.WITHDRAWN)
CAUSE = "person.merge"

SAME_ACTIVITY = Refusal(
    "same_activity_open",
    N_("Both records hold an open referral to the same activity."),
    N_("End one of the two first, then join the records."),
    "one open referral per person, provider and activity",
)
TWO_NUMBERS = Refusal(
    "two_nhs_numbers",
    N_("The two records have different NHS numbers."),
    N_("If they are one person, take the wrong number out first."),
    "an NHS number is one person's",
)
TWO_FATES = Refusal(
    "one_has_died",
    N_("One of the records says that the person has died, the other doesn't."),
    N_("Put that right first."),
    "record_death",
)
BOTH_ASKED = Refusal(
    "both_asked",
    N_("On both records the person was asked the same and hasn't answered yet."),
    N_("Record one of the answers first."),
    "one question at a time",
)
ITSELF = field("other", N_("Choose another record than this one."))


@dataclass(frozen=True)
class Merge:
    """What joining two records comes to. `ends`: agreements that end with it, with whether sharing
    stops (the newest answer is a no) or only the older of two answers goes."""

    keep: PersonSeen
    other: PersonSeen
    referrals: tuple[Referral, ...]
    ends: tuple[tuple[Answer, bool], ...]
    filled: tuple[str, ...]
    refusals: tuple[Refusal, ...]


def _person(tx: Tx, actor: Actor, at: datetime, person_id: str) -> PersonSeen:
    found = records.person(tx, actor, at, person_id)
    if found is None or found.organisation_id != actor.organisation_id or found.merged_into:
        raise missing("person", "merge")
    return found


def merge_preview(tx: Tx, actor: Actor, at: datetime, keep_id: str, other_id: str) -> Merge:
    """What joining these two would do, and what stands in the way. Raises Refused: not_found,
    not_held where the record of either is closed to the actor."""
    require(actor, WRITERS, "person", "merge")
    keep, other = _person(tx, actor, at, keep_id), _person(tx, actor, at, other_id)
    if keep.closed_to_actor or other.closed_to_actor:
        raise wrong("person", "merge", of_a_hold(actor.role))
    if keep.id == other.id:
        raise wrong("person", "merge", ITSELF)
    known = merges.answers(tx, keep.id, other.id)
    refusals = []
    if merges.same_activity_open(tx, keep.id, other.id) is not None:
        refusals.append(SAME_ACTIVITY)
    if keep.nhs_number and other.nhs_number:
        refusals.append(TWO_NUMBERS)
    if (keep.died_on is None) != (other.died_on is None):
        refusals.append(TWO_FATES)
    asked = [(a.purpose, a.recipient) for a in known if a.state == ConsentState.ASKED]
    if len(asked) != len(set(asked)):
        refusals.append(BOTH_ASKED)
    return Merge(
        keep,
        other,
        tuple(merges.referrals(tx, other.id)),
        tuple(_ends(known)),
        tuple(n for n in FILLED if _empty(getattr(keep, n)) and not _empty(getattr(other, n))),
        tuple(refusals),
    )


def _empty(value: Any) -> bool:
    return value is None or value == ""


def _ends(known: list[Answer]) -> list[tuple[Answer, bool]]:
    """The agreements that don't stand beside the newest answer of both records."""
    newest: dict[tuple[str, str], Answer] = {}
    for answer in known:
        about = (answer.purpose, answer.recipient)
        before = newest.get(about)
        if answer.answered_at is not None and (
            before is None or before.answered_at is None or answer.answered_at > before.answered_at
        ):
            newest[about] = answer
    found = []
    for answer in known:
        last = newest.get((answer.purpose, answer.recipient))
        if answer.state == ConsentState.GIVEN and last is not None and last.id != answer.id:
            found.append((answer, last.state in NO))
    return found


def merge_people(
    tx: Tx,
    actor: Actor,
    at: datetime,
    keep_id: str,
    other_id: str,
    *,
    referrals: Iterable[str],
    key: str | None = None,
) -> dict[str, Any]:
    """Join two records of one person of the actor's organisation: the other's referrals, consents,
    concerns with their holds, plans and notes come to the one that stays. `referrals` names each
    referral of the other that the human has confirmed to be this person's: all of them, or nothing
    is done. Returns the id and reference of the one that stays. Raises Refused."""
    confirmed = sorted(set(referrals))

    def do() -> dict[str, Any]:
        # Whoever read either of them before must read again.
        for person_id in sorted((keep_id, other_id)):
            bump(tx, "person", person_id)
        plan = merge_preview(tx, actor, at, keep_id, other_id)
        refusals = list(plan.refusals)
        if confirmed != sorted(r.id for r in plan.referrals):
            refusals.append(
                field("referrals", N_("Confirm each referral, or leave the records apart."))
            )
        if refusals:
            raise wrong("person", "merge", *refusals)
        _merge(tx, actor, at, plan)
        return {"id": plan.keep.id, "reference": plan.keep.reference}

    body = {"keep": keep_id, "other": other_id, "referrals": confirmed}
    return once(tx, actor, key, "person.merge", body, at, do)


def _merge(tx: Tx, actor: Actor, at: datetime, plan: Merge) -> None:
    keep, other = plan.keep, plan.other
    system = the_system(actor.system_id, CAUSE)
    for answer, stops in plan.ends:
        # Before the records are one: what relied on an answer of its own record ends with it.
        given = {"reason": "person_said_no"} if stops else {}
        trigger = "withdraw" if stops else "expire"
        try:
            step(tx, Noun.CONSENT, answer.id, trigger, system, at, given)
        except Refused as refused:
            raise TryAgain from refused  # somebody answered meanwhile
    if not merges.mark_merged(tx, other.id, keep.id, at):
        raise TryAgain
    _along(tx, actor, at, keep, other)
    if plan.filled:
        change(tx, "person", keep.id, {name: getattr(other, name) for name in plan.filled})
    change(tx, "person", keep.id, {"version": keep.version + 1})
    for one, what in ((keep, "merged_with"), (other, "merged_into")):
        log(
            tx,
            actor,
            at,
            what,
            "person",
            None,
            {
                "keep": keep.id,
                "other": other.id,
                "referrals": [r.id for r in plan.referrals],
                "filled": list(plan.filled),
            },
            subject=one.subject_ref,
        )


def _along(tx: Tx, actor: Actor, at: datetime, keep: PersonSeen, other: PersonSeen) -> None:
    """Everything of the other comes under the one that stays, and the log of each says so."""
    held = merges.holds_of_concerns(tx, other.id)
    under = {"person_id": keep.id}

    def each(table: str) -> Iterator[str]:
        for record_id in merges.ids(tx, table, other.id):
            yield record_id
            told = {"set": under}
            log(tx, actor, at, "merged", table, record_id, told, subject=other.subject_ref)

    for record_id in each("plan"):
        change(tx, "plan", record_id, under)
    for record_id in each("referral"):
        change(tx, "referral", record_id, under)
    for record_id in each("consent"):
        change(tx, "consent", record_id, under)
    for record_id in each("override"):
        change(tx, "override", record_id, under)
    for record_id in each("concern"):
        change(tx, "concern", record_id, under)
    for record_id in each("hold"):
        change(tx, "hold", record_id, under)
    for record_id in each("escalation"):
        change(tx, "escalation", record_id, under)
    for record_id in each("beginning"):
        change(tx, "beginning", record_id, under)
    for record_id in each("capacity_assessment"):
        change(tx, "capacity_assessment", record_id, under)
    for record_id in each("rights_request"):
        change(tx, "rights_request", record_id, under)
    for record_id in each("correction"):
        change(tx, "correction", record_id, under)
    for record_id in each("legal_hold"):
        change(tx, "legal_hold", record_id, under)
    for record_id in each("message"):
        change(tx, "message", record_id, under)
    for record_id in each("document"):
        change(tx, "document", record_id, under)
    for record_id in each("relationship"):
        change(tx, "relationship", record_id, under)
    for record_id in each("equality_answer"):
        change(tx, "equality_answer", record_id, under)
    equality.heed(tx, actor, at, keep.id)
    for concern_id in held:
        where = {"concern_id": concern_id, "person_id": other.id}
        row = {"table": "hold", "set": under, "where": where}
        told = {"rows": [row]}
        log(tx, actor, at, "merged", "concern", concern_id, told, subject=other.subject_ref)
    merges.move_own_notes(tx, other.id, keep.id)
    # A link shows one record and says whose it is: the person is given a new one.
    links.revoke_all(tx, other.id, links.PERSON, at)

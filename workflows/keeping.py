"""Keeping records no longer than they may be, and no shorter than they must: a list of what is due,
two people who decide, and holds against destruction. The worker carries out what was approved."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from referral import facts, keeping, retention
from referral.actors import Actor, the_system
from referral.audit import log
from referral.clocks import member_key
from referral.ids import check_reference, new_id
from referral.keeping import FIRST, HoldPast, Review
from referral.policy import rules_at
from referral.rows import bump, change, put
from referral.store import TryAgain, Tx
from workflows.engine import SECOND_SAME, Refused
from workflows.erasing import erase_person
from workflows.hearing import LEGAL_HOLD
from workflows.letters import tell
from workflows.moves import N_, Refusal
from workflows.rules import field, missing, require, wrong
from workflows.tables.rights import LEADS, READERS
from workflows.working_time import local_day

NOUN, HOLD = "retention_review", LEGAL_HOLD
CAUSE = "retention.approved"
GROUND = "retention_over"
REASONS = ("research", "inquiry", "needed_for_care", "claim", "other")
UNDECIDED = (
    *("decision", "reason", "keep_until", "decided_by", "decided_at"),
    *("approved_by", "approved_at", "done_at", "result"),
)
AT_A_TIME = 200
LEAST_YEARS = timedelta(days=365)  # no class is kept for less (`workflows.policy.YEARS`)
MOST_YEARS = 30
STILL_KEPT = Refusal(
    "still_kept",
    N_("Something keeps this record: a hold against destruction, or something open."),
    N_("Keep it longer, or wait until that has ended."),
    "UK GDPR article 17(3)",
)
NOT_PROPOSED = Refusal(
    "not_proposed",
    N_("Nobody has proposed that it goes, or it was decided otherwise meanwhile."),
    N_("Look at it again."),
)

# -- what is due --------------------------------------------------------------------------------


def list_due(tx: Tx, at: datetime, after: str = FIRST, most: int = AT_A_TIME) -> tuple[int, str]:
    """Look at so many people after this one and put those whose time is over on the list; how many,
    and where to go on: "" once all were looked at. Nothing is decided by it."""
    today = local_day(at)
    found = retention.candidates(tx, after, at - LEAST_YEARS, today, most)
    listed = 0
    for person_id, system_id, organisation_id, newest, path in found:
        k = retention.kept(tx, system_id, person_id)
        if k is None:
            continue
        kept_as, due = retention.keep_until(k, rules_at(tx, newest, path, at))
        if due > today:
            continue
        review = new_id(at)
        put(
            tx,
            "retention_review",
            {
                "id": review,
                "system_id": system_id,
                "organisation_id": organisation_id,
                "person_id": person_id,
                "kept_as": str(kept_as),
                "due_on": due,
                "listed_at": at,
                **dict.fromkeys(UNDECIDED),
            },
        )
        system = the_system(system_id, "retention.due")
        log(tx, system, at, "retention_listed", NOUN, review, {"kept_as": str(kept_as)})
        listed += 1
    return listed, str(found[-1][0]) if len(found) == most else ""


def _found(tx: Tx, actor: Actor, review_id: str, what: str) -> Review:
    require(actor, READERS, NOUN, what)
    seen = keeping.review(tx, actor, review_id)
    if seen is None:
        raise missing(NOUN, what)
    return seen


def readable(tx: Tx, actor: Actor, review_id: str) -> Review:
    """One record on the list, for who may decide on it. Raises Refused: not_found."""
    return _found(tx, actor, review_id, "read")


# -- deciding -----------------------------------------------------------------------------------


def keep_longer(
    tx: Tx, actor: Actor, at: datetime, review_id: str, *, until: date, reason: str
) -> None:
    """Keep a record until a later day, for a reason. Raises Refused: not_your_role, not_found, or
    a fault of a field."""
    seen = _found(tx, actor, review_id, "keep")
    require(actor, LEADS, NOUN, "keep")
    today = local_day(at)
    if not today < until <= today.replace(day=1) + timedelta(days=366 * MOST_YEARS):
        raise wrong(NOUN, "keep", field("until", N_("Enter a day within the next 30 years.")))
    if reason not in REASONS:
        raise wrong(NOUN, "keep", field("reason", N_("Choose why it is kept.")))
    values = {"decision": "keep", "reason": reason, "keep_until": until, "result": "kept"}
    by = {"decided_by": actor.membership_id, "decided_at": at, "done_at": at}
    again = {"approved_by": None, "approved_at": None}
    change(tx, NOUN, seen.id, {**values, **by, **again})
    log(
        tx,
        actor,
        at,
        "retention_kept",
        NOUN,
        seen.id,
        {"until": until.isoformat(), "reason": reason},
    )


def propose_destruction(tx: Tx, actor: Actor, at: datetime, review_id: str) -> None:
    """The first of two people: it may go. Nothing goes until a second approves. Raises Refused:
    not_your_role, not_found, still_kept."""
    seen = _found(tx, actor, review_id, "go")
    require(actor, LEADS, NOUN, "go")
    if seen.held or seen.open:
        raise wrong(NOUN, "go", STILL_KEPT)
    by = {"decided_by": actor.membership_id, "decided_at": at}
    change(tx, NOUN, seen.id, {"decision": "go", **by, "approved_by": None, "approved_at": None})
    log(tx, actor, at, "retention_proposed", NOUN, seen.id)


def approve_destruction(tx: Tx, actor: Actor, at: datetime, review_id: str) -> None:
    """The second of two people, signed in themselves: the worker carries it out. Raises Refused:
    not_found, second_person_same, not_proposed, still_kept."""
    seen = _found(tx, actor, review_id, "approve")
    if seen.decision != "go" or seen.decided_by is None:
        raise wrong(NOUN, "approve", NOT_PROPOSED)
    if facts.user_of(tx, seen.decided_by) == actor.user_id:
        raise wrong(NOUN, "approve", SECOND_SAME)
    if seen.held or seen.open:
        raise wrong(NOUN, "approve", STILL_KEPT)
    change(tx, NOUN, seen.id, {"approved_by": actor.membership_id, "approved_at": at})
    log(tx, actor, at, "retention_approved", NOUN, seen.id)


# -- carrying out -------------------------------------------------------------------------------


def carry_out(tx: Tx, seen: Review, at: datetime) -> str:
    """Erase what two people approved, as the system with that as its cause: "erased". What has
    become needed meanwhile stays, and is decided anew: "stopped". Raises TryAgain when somebody is
    at the same record."""
    system = the_system(seen.system_id, CAUSE)
    bump(tx, "person", seen.person_id)
    k = retention.kept(tx, seen.system_id, seen.person_id)
    # An entry made since it was listed begins its time anew.
    over = k is not None and k.last <= seen.listed_at and not k.open
    if not over or keeping.is_held(tx, seen.person_id):
        return _stopped(tx, system, seen, at)
    try:
        erase_person(
            tx, system, seen.person_id, ground=GROUND, approved_by=str(seen.approved_by), at=at
        )
    except Refused as refused:
        # What stands in the way was there before anything was written.
        if refused.codes == ("already_erased",):
            return _done(tx, system, seen, at, "erased")
        raise TryAgain("something stands in the way of what was approved") from refused
    return _done(tx, system, seen, at, "erased")


def _stopped(tx: Tx, system: Actor, seen: Review, at: datetime) -> str:
    again = ("decision", "reason", "decided_by", "decided_at", "approved_by", "approved_at")
    change(tx, NOUN, seen.id, dict.fromkeys(again))
    log(tx, system, at, "retention_stopped", NOUN, seen.id)
    return "stopped"


def _done(tx: Tx, system: Actor, seen: Review, at: datetime, result: str) -> str:
    change(tx, NOUN, seen.id, {"done_at": at, "result": result})
    log(tx, system, at, "retention_done", NOUN, seen.id, {"result": result})
    return result


# -- holds against destruction ------------------------------------------------------------------


def place_legal_hold(
    tx: Tx, actor: Actor, at: datetime, *, reference: str, why: str, review_on: date
) -> str:
    """Nothing about this person is destroyed until the hold is ended; its id. Raises Refused:
    not_your_role, or a fault of a field."""
    require(actor, LEADS, HOLD, "place")
    try:
        asked = check_reference(reference)
    except ValueError:
        asked = ""
    found = keeping.person_here(tx, actor, asked) if asked else None
    if found is None:
        raise wrong(
            HOLD, "place", field("reference", N_("There is no person with this reference."))
        )
    if not why.strip():
        raise wrong(HOLD, "place", field("why", N_("Write which inquiry or claim needs it.")))
    if review_on <= local_day(at):
        raise wrong(HOLD, "place", field("review_on", N_("Enter a day that is still to come.")))
    person_id, organisation_id, subject = found
    bump(tx, "person", person_id)
    hold = new_id(at)
    put(
        tx,
        "legal_hold",
        {
            "id": hold,
            "system_id": actor.system_id,
            "organisation_id": organisation_id,
            "person_id": person_id,
            "why": why.strip(),
            "owner_id": actor.membership_id,
            "review_on": review_on,
            "placed_at": at,
            "ended_at": None,
            "ended_by": None,
        },
    )
    said = {"review_on": review_on.isoformat()}
    log(tx, actor, at, "legal_hold_placed", HOLD, hold, said, subject=subject)
    return hold


def end_legal_hold(tx: Tx, actor: Actor, at: datetime, hold_id: str) -> None:
    """End a hold against destruction. Raises Refused: not_your_role, not_found."""
    require(actor, LEADS, HOLD, "end")
    if hold_id not in {h.id for h in keeping.holds(tx, actor, None, 10_000)}:
        raise missing(HOLD, "end")
    change(tx, HOLD, hold_id, {"ended_at": at, "ended_by": actor.membership_id})
    log(tx, actor, at, "legal_hold_ended", HOLD, hold_id)


def remind_of_hold(tx: Tx, hold: HoldPast, at: datetime) -> bool:
    """Tell whoever keeps a hold, once, that the day on which it was to be looked at has passed. It
    stays until they end it. False when that was done meanwhile."""
    if not keeping.reminded(tx, hold.id, at):
        return False
    tell(tx, hold.system_id, at, member_key(hold.owner_id), "hold_past", HOLD, hold.id)
    return True

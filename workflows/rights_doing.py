"""Doing what a person asked for about their own data: a copy of everything, putting it right and
keeping both, stopping its use for a while. Each belongs to a request in hand; ending the request is
a move of its table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any

from referral import copies, documents, facts, picks
from referral.actors import Actor, the_system
from referral.audit import log
from referral.blackouts import passages
from referral.copies import DECIDED, NOTES, REVIEWS, SAFETY, Copy
from referral.holds import end_hold_clock
from referral.ids import new_id
from referral.keys import Of
from referral.rights import change_part, parts_of, person_now, receivers, restrictions_of
from referral.rows import bump, change, put
from referral.states import HoldCause, Noun, RightsKind, RightsState, Role
from referral.store import Tx
from workflows import blackouts
from workflows.documents import NOT_LOOKED_INTO, NOT_THERE
from workflows.engine import (
    NO_SUCH_MOVE,
    NOT_FOUND,
    NOT_YOUR_ROLE,
    TABLES,
    Refused,
    step,
)
from workflows.holds import HOLD, put_hold
from workflows.letters import tell
from workflows.moves import N_, Refusal
from workflows.people import checked
from workflows.rules import field, missing, wrong
from workflows.tables.rights import LEAD
from workflows.uploads import Upload
from workflows.working_time import ENGLAND, Calendar, add, end_of, local_day

# Why a part of a copy is left out, with where each comes from.
WITHHELD: Mapping[str, str] = {
    "serious_harm": "Data Protection Act 2018, schedule 3, parts 2 to 5: serious harm test",
    "about_others": "Data Protection Act 2018, schedule 2, part 3, paragraph 16",
    "looked_into": "Data Protection Act 2018, schedule 2, part 1, paragraph 2",
}
STATEMENT = "statement"  # the person's own words, kept beside what they disagree with
CORRECTED = (
    *("given_name", "family_name", "birth_date", "nhs_number", "phone", "email", "address"),
    *("postcode", "practice", "language", "access_needs", "emergency_contact", STATEMENT),
)
MOST_DAYS = 60  # working days until a restriction is looked at again
UNDECIDED = Refusal(
    "undecided",
    N_("It is not decided yet whether each part may be given."),
    N_("Decide on each part first: give it, or leave it out with the reason."),
    "Data Protection Act 2018, schedules 2 and 3",
)
SAFETY_ELSEWHERE = Refusal(
    "safety_elsewhere",
    N_("Whether anything about a person's safety is given is decided on the safeguarding ladder."),
    N_("Ask the accountable officer to decide on it and to make the copy."),
    "need to know",
)


def _in_hand(
    tx: Tx, actor: Actor, at: datetime, record_id: str, what: str, *kinds: str, known: Any = None
) -> Any:
    """The facts of a request in hand, for a lead. Raises Refused: not_found, not_your_role,
    no_such_move."""
    f = known or facts.rights(tx, record_id, actor, at)
    worn = TABLES[Noun.RIGHTS].hats(f, actor) if f is not None else frozenset()
    if f is None or not worn:
        raise Refused([NOT_FOUND], noun=Noun.RIGHTS, trigger=what, record_id=record_id)
    if not worn & LEAD:
        raise Refused([NOT_YOUR_ROLE], noun=Noun.RIGHTS, trigger=what, record_id=record_id)
    if f.state != RightsState.IN_PROGRESS or (kinds and f.kind not in kinds):
        raise Refused([NO_SUCH_MOVE], noun=Noun.RIGHTS, trigger=what, record_id=record_id)
    return f


# -- a copy of everything -----------------------------------------------------------------------


def decide_part(
    tx: Tx,
    actor: Actor,
    at: datetime,
    record_id: str,
    *,
    part: str,
    give: bool,
    reason: str | None = None,
    note: str | None = None,
) -> None:
    """Whether one part of the copy is given, or left out for a reason of the law. Deciding again
    takes the place of what was decided; each decision is in the log. Raises Refused as above,
    safety_elsewhere, or a fault of a field."""
    f = _in_hand(tx, actor, at, record_id, "decide_part", RightsKind.ACCESS)
    if part not in DECIDED:
        raise wrong(Noun.RIGHTS, "decide_part", field("part", N_("Choose the part.")))
    if part == SAFETY and actor.role is not Role.ACCOUNTABLE_OFFICER:
        raise wrong(Noun.RIGHTS, "decide_part", SAFETY_ELSEWHERE)
    if not give and reason not in WITHHELD:
        raise wrong(Noun.RIGHTS, "decide_part", field("reason", N_("Choose the reason in law.")))
    rows_now = parts_of(tx, record_id)
    values = {
        "decision": "give" if give else "withhold",
        "reason": None if give else reason,
        "note": note,
        "decided_by": actor.membership_id,
        "at": at,
    }
    if part in rows_now:
        change_part(tx, record_id, part, values, Of(f.system_id, f.subject_ref))
    else:
        put(
            tx,
            "rights_part",
            {"request_id": record_id, "part": part, "system_id": f.system_id, **values},
            subject=f.subject_ref,
        )
    said = {"part": part, "decision": values["decision"]}
    log(tx, actor, at, "part_decided", Noun.RIGHTS, record_id, said, subject=f.subject_ref)


def parts_to_decide(actor: Actor) -> tuple[str, ...]:
    """The parts this actor decides on before a copy can be made."""
    return DECIDED if actor.role is Role.ACCOUNTABLE_OFFICER else (NOTES, REVIEWS)


def undecided(tx: Tx, actor: Actor, record_id: str) -> bool:
    """Whether this actor still decides on a part before a copy can be made."""
    decided = parts_of(tx, record_id)
    return any(part not in decided for part in parts_to_decide(actor))


def read_parts(tx: Tx, actor: Actor, at: datetime, record_id: str, known: Any = None) -> Copy:
    """The parts this actor decides on, to be read before, as they stand. Raises Refused as
    above. `known`: the facts of the request that the caller has just read, not read again."""
    f = _in_hand(tx, actor, at, record_id, "decide_part", RightsKind.ACCESS, known=known)
    mine = frozenset(parts_to_decide(actor))
    log(tx, actor, at, "read", Noun.RIGHTS, record_id, subject=f.subject_ref)
    return copies.parts(tx, f.person_id, mine)


def copy_of_everything(
    tx: Tx,
    actor: Actor,
    at: datetime,
    record_id: str,
    stands: Mapping[str, str] = blackouts.GROUNDS,
) -> Copy:
    """Everything held about the person of this request, less what was decided to be left out, and
    with `stands` in the place of passages that were blacked out. What touches on safety is in a
    copy made by the accountable officer alone; in all others a sentence stands in its place,
    whether or not there is any. Raises Refused: undecided, or as above."""
    f = _in_hand(tx, actor, at, record_id, "copy", RightsKind.ACCESS)
    made = _gathered(tx, actor, f, record_id)
    left = made.left_out
    said = {"given": sorted(set(parts_to_decide(actor)) - set(left)), "left_out": sorted(left)}
    log(tx, actor, at, "copied", Noun.RIGHTS, record_id, said, subject=f.subject_ref)
    pen = blackouts.Pen(passages(tx, record_id), stands)
    return made._replace(
        sections=tuple(
            each._replace(
                rows=tuple({name: pen(v) for name, v in row.items()} for row in each.rows)
            )
            for each in made.sections
        )
    )


def document_of_copy(
    tx: Tx, actor: Actor, at: datetime, record_id: str, document_id: str, *, unscanned: bool
) -> Upload:
    """A document that the copy names, as the file it is. Raises Refused: not_found, undecided, or
    why it can't be opened."""
    f = _in_hand(tx, actor, at, record_id, "copy", RightsKind.ACCESS)
    made = _gathered(tx, actor, f, record_id)
    named = {
        str(row["id"]) for each in made.sections if each.table == "document" for row in each.rows
    }
    if document_id not in named:
        raise missing(Noun.RIGHTS, "copy")
    given = documents.to_give(tx, document_id)
    if given.content is None:
        raise wrong(Noun.RIGHTS, "copy", NOT_THERE)
    if given.scan != documents.CLEAN and not unscanned:
        raise wrong(Noun.RIGHTS, "copy", NOT_LOOKED_INTO)
    said = {"document": document_id}
    log(tx, actor, at, "copied", Noun.RIGHTS, record_id, said, subject=f.subject_ref)
    return Upload(given.name, given.media_type, given.content)


def _gathered(tx: Tx, actor: Actor, f: Any, record_id: str) -> Copy:
    """The copy as this actor may make it, passages and all."""
    decided = parts_of(tx, record_id)
    mine = parts_to_decide(actor)
    if any(part not in decided for part in mine):
        raise wrong(Noun.RIGHTS, "copy", UNDECIDED)
    given = frozenset(p for p in mine if decided[p].decision == "give")
    left = {p: str(decided[p].reason) for p in mine if p not in given}
    if SAFETY not in mine:
        left[SAFETY] = "elsewhere"
    return copies.gather(tx, f.person_id, given, left)


def black_out_of_copy(
    tx: Tx, actor: Actor, at: datetime, record_id: str, *, words: str, ground: str
) -> str:
    """Take a passage out of this copy. Raises Refused: undecided, as above, or a fault of a
    field."""
    f = _in_hand(tx, actor, at, record_id, "black_out", RightsKind.ACCESS)
    made = _gathered(tx, actor, f, record_id)
    return blackouts.black_out(
        tx,
        actor,
        at,
        noun=Noun.RIGHTS,
        record_id=record_id,
        person_id=f.person_id,
        subject=f.subject_ref,
        words=words,
        ground=ground,
        given=[text for each in made.sections for row in each.rows for text in _texts(row)],
    )


def _texts(found: Any) -> Iterator[str]:
    """Every text in a row of a copy, also within what is kept as JSON."""
    if isinstance(found, str):
        if found[:1] in ("{", "["):
            with suppress(ValueError):
                yield from _texts(json.loads(found))
        yield found
    elif isinstance(found, Mapping):
        for inner in found.values():
            yield from _texts(inner)
    elif isinstance(found, list | tuple):
        for inner in found:
            yield from _texts(inner)


def give_again_in_copy(
    tx: Tx, actor: Actor, at: datetime, record_id: str, blackout_id: str
) -> None:
    """Give a passage of this copy after all. Raises Refused: not_found, or as above."""
    f = _in_hand(tx, actor, at, record_id, "give_again", RightsKind.ACCESS)
    blackouts.give_again(
        tx, actor, at, blackout_id,
        noun=Noun.RIGHTS, record_id=record_id, subject=f.subject_ref,
    )  # fmt: skip


# -- putting it right ---------------------------------------------------------------------------


def put_right(
    tx: Tx, actor: Actor, at: datetime, record_id: str, *, name: str, now: str, why: str
) -> str:
    """Put one thing about the person right, keeping how it stood; or keep their own statement
    beside what stands. Providers who have them are told to look again. Raises Refused as above, or
    a fault of a field."""
    f = _in_hand(tx, actor, at, record_id, "put_right", RightsKind.RECTIFICATION)
    if name not in CORRECTED:
        raise wrong(Noun.RIGHTS, "put_right", field("name", N_("Choose what is put right.")))
    was: Any = None
    new: Any = now.strip()
    if not new or not why.strip():
        raise wrong(Noun.RIGHTS, "put_right", field("now", N_("Write what is right, and why.")))
    if name != STATEMENT:
        bump(tx, "person", f.person_id)
        before = person_now(tx, f.person_id)
        was = before[name]
        asked: Any = date.fromisoformat(new) if name == "birth_date" else new
        out = checked({name: asked}, at)
        if name in ("given_name", "family_name"):
            from referral.people_checks import name_key

            whole = {**before, **out}
            out["name_key"] = name_key(whole["family_name"], whole["given_name"])
        change(tx, "person", f.person_id, {**out, "version": before["version"] + 1})
        new = out[name]
    correction = new_id(at)
    put(
        tx,
        "correction",
        {
            "id": correction,
            "system_id": f.system_id,
            "organisation_id": f.organisation_id,
            "person_id": f.person_id,
            "request_id": record_id,
            "field": name,
            "was": None if was is None else str(was),
            "now": str(new),
            "why": why.strip(),
            "changed_by": actor.membership_id,
            "at": at,
        },
    )
    said = {"correction": correction, "field": name}
    log(tx, actor, at, "put_right", Noun.RIGHTS, record_id, said, subject=f.subject_ref)
    for owner, referral_id in receivers(tx, f.person_id):
        tell(tx, f.system_id, at, owner, "details_corrected", str(Noun.REFERRAL), referral_id)
    return correction


# -- stopping its use ---------------------------------------------------------------------------

USES = (RightsKind.RESTRICTION, RightsKind.OBJECTION)
SIDES = ("link_worker", "provider")


def restrict(
    tx: Tx, actor: Actor, at: datetime, record_id: str, until: date, cal: Calendar = ENGLAND
) -> tuple[str, ...]:
    """Close the person's record to both sides until it is lifted; on this day it is looked at
    again. It reads like every other hold. Raises Refused as above, or a fault of the date."""
    f = _in_hand(tx, actor, at, record_id, "restrict", *USES)
    if not local_day(at) < until <= add(at, MOST_DAYS, cal).date():
        raise wrong(
            Noun.RIGHTS,
            "restrict",
            field("until", N_("Enter a day within the next 60 working days.")),
        )
    if restrictions_of(tx, f.person_id):
        raise wrong(
            Noun.RIGHTS,
            "restrict",
            field("until", N_("Its use is stopped already. Lift it first.")),
        )
    bump(tx, "person", f.person_id)
    made = []
    for side in SIDES:
        hold = put_hold(
            tx,
            f,
            at,
            cause=HoldCause.RECORDS,
            provider_id=None,
            referral_id=None,
            closed_to=side,
            owner=f.lead,
            due=end_of(until),
            cal=cal,
        )
        said = {"cause": str(HoldCause.RECORDS), "until": end_of(until), "side": side}
        log(tx, actor, at, "hold_placed", HOLD, hold, said, subject=f.subject_ref)
        made.append(hold)
    return tuple(made)


def lift_restriction(
    tx: Tx, actor: Actor, at: datetime, record_id: str, cal: Calendar = ENGLAND
) -> int:
    """Let the record be used again, whatever has become of the request; how many holds ended. The
    person is told before it is lifted: say how when the request is recorded as done."""
    f = facts.rights(tx, record_id, actor, at)
    if f is None or not TABLES[Noun.RIGHTS].hats(f, actor) & LEAD:
        raise Refused([NOT_FOUND], noun=Noun.RIGHTS, trigger="lift", record_id=record_id)
    bump(tx, "person", f.person_id)
    holds = restrictions_of(tx, f.person_id)
    for hold in holds:
        change(tx, "hold", hold, {"ended": at})
        end_hold_clock(tx, hold, at)
        log(tx, actor, at, "hold_lifted", HOLD, hold, subject=f.subject_ref)
        system = the_system(f.system_id, "hold.lifted")
        for escalation in picks.overtaken(tx, hold, True):
            step(tx, Noun.ESCALATION, escalation, "overtake", system, at, cal=cal)
    return len(holds)

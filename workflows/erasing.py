"""A person is erased: what tells of them goes, and the log says that it went.

No state, version, clock, step or leaf changes, so everything that was proved can still be proved.
Who asked, on which ground and who approved is decided before (a rights request, or retention);
here is what stands in the way whatever the ground."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from referral import erasures, keeping
from referral.actors import Actor, the_system
from referral.audit import log
from referral.erasures import Found, Line
from referral.ids import new_id
from referral.states import ConsentState, Noun, Role
from referral.store import TryAgain, Tx
from workflows.engine import Refused, step
from workflows.moves import N_, Refusal
from workflows.rules import field, missing, require, wrong
from workflows.tables.referrals import over

ERASERS = (Role.INFORMATION_GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER)
CAUSE = "person.erase"
AGAIN = "segue restore"
# An entry has room for 65,535 bytes: this many ids of entries, and what else it says.
IN_ONE_ENTRY = 1_000
_CODE = re.compile(r"[a-z][a-z_]{0,39}\Z")

ALREADY_ERASED = Refusal(
    "already_erased", N_("This person has been erased already."), N_("There is nothing left to do.")
)
REFERRAL_OPEN = Refusal(
    "referral_open",
    N_("A referral of theirs is still open."),
    N_("End it first: close it, withdraw it, or mark it as made in error."),
    "support goes on until it is ended",
)
CONCERN_OPEN = Refusal(
    "concern_open",
    N_("Something about them is still being looked into."),
    N_("Wait until it is closed. The request can be refused or answered in part meanwhile."),
    "safeguarding",
)
ESCALATION_OPEN = Refusal(
    "escalation_open",
    N_("A review about them is still open."),
    N_("Wait until it is decided and closed."),
    "a review needs what it is about",
)
OVERRIDE_OPEN = Refusal(
    "override_open",
    N_("Sharing without their agreement is in force, or has not been reviewed yet."),
    N_("End it, and have it reviewed."),
    "sharing without consent is reviewed",
)
HELD_STILL = Refusal(
    "held",
    N_("Their record is on hold."),
    N_("Ask whoever holds it to lift the hold."),
    "what is held is kept",
)
EMERGENCY_OPEN = Refusal(
    "emergency_open",
    N_("Somebody opened their record in an emergency, and that has not been reviewed yet."),
    N_("Have it reviewed first."),
    "every use is reviewed",
)
REQUEST_OPEN = Refusal(
    "request_open",
    N_("Something that this person asked about their own data is still open."),
    N_("Answer that first, or let them take it back. Then erase."),
    "UK GDPR articles 12 and 15",
)
IN_THE_WAY: tuple[tuple[Noun, Refusal], ...] = (
    (Noun.REFERRAL, REFERRAL_OPEN),
    (Noun.CONCERN, CONCERN_OPEN),
    (Noun.ESCALATION, ESCALATION_OPEN),
    (Noun.OVERRIDE, OVERRIDE_OPEN),
    (Noun.EMERGENCY, EMERGENCY_OPEN),
    (Noun.RIGHTS, REQUEST_OPEN),
)


@dataclass(frozen=True)
class Erased:
    """What an erasing came to: its number in the list of erasures, the records of people it took
    (one, or those that had been joined), and how many entries of the log lost their details."""

    id: str
    person_id: str
    people: tuple[str, ...]
    entries: int
    records: int


def in_the_way(tx: Tx, person_id: str) -> tuple[Refusal, ...]:
    """What stands in the way of erasing this person now, whoever asks and whatever the ground."""
    found = erasures.find(tx, person_id)
    if found is None:
        return ()
    return _refusals(tx, found, erasures.belongings(tx, found))


def _refusals(tx: Tx, found: Found, ids: Mapping[str, list[str]]) -> tuple[Refusal, ...]:
    if found.erased_at is not None:
        return (ALREADY_ERASED,)
    refusals = [refusal for noun, refusal in IN_THE_WAY if erasures.still_open(tx, noun, ids)]
    if erasures.held(tx, ids) or any(keeping.is_held(tx, one) for one in ids["person"]):
        refusals.append(HELD_STILL)
    return tuple(refusals)


def erase_person(
    tx: Tx, actor: Actor, person_id: str, *, ground: str, approved_by: str, at: datetime
) -> Erased:
    """Erase a person of the actor's place, and whoever's record was joined with theirs.

    `ground` is a code, never words; `approved_by` the membership of who approved it. Agreements
    that are in force end first, as taken back. Raises Refused: not_your_role, not_found,
    wrong_ground, wrong_approved_by, already_erased, or all of what is still open or held."""
    require(actor, ERASERS, "person", "erase")
    found = erasures.find(tx, person_id, locked=True)
    if found is None or found.system_id != actor.system_id or not _over(actor, found):
        raise missing("person", "erase")
    if not _CODE.match(ground):
        raise wrong("person", "erase", field("ground", N_("Choose the ground.")))
    if not erasures.is_member(tx, actor.system_id, approved_by):
        raise wrong("person", "erase", field("approved_by", N_("Say who approved it.")))
    ids = erasures.belongings(tx, found)
    refusals = _refusals(tx, found, ids)
    if refusals:
        raise wrong("person", "erase", *refusals)
    system = the_system(actor.system_id, CAUSE)
    for consent_id in erasures.still_open(tx, Noun.CONSENT, ids):
        _end_agreement(tx, system, consent_id, at)
    line = Line(new_id(at), found.system_id, found.id, at, ground, approved_by)
    return _erase(tx, actor, found, line, at)


def _over(actor: Actor, found: Found) -> bool:
    if actor.role is Role.SYSTEM:
        return True
    return over(actor, found.organisation_id, found.place_path)


def _end_agreement(tx: Tx, system: Actor, consent_id: str, at: datetime) -> None:
    """It can't be in force for nobody. One may have ended with another: then it isn't open now."""
    for trigger in ("withdraw", "refuse"):
        try:
            step(tx, Noun.CONSENT, consent_id, trigger, system, at)
            return
        except Refused as refused:
            if refused.state in (ConsentState.REFUSED, ConsentState.WITHDRAWN):
                return
            if refused.codes != ("no_such_move",):
                raise TryAgain from refused


def erase_again(tx: Tx, line: Line, at: datetime) -> Erased | None:
    """Erase a person once more, after a backup from before was restored: whatever the backup says
    is open. None when the store doesn't know them, or has erased them.

    What was open in the backup stays open, and somebody has to end it."""
    found = erasures.find(tx, line.person_id, locked=True)
    known = {one.id for one in erasures.of_person(tx, line.person_id)}
    if found is None or line.id in known:
        return None
    return _erase(tx, the_system(found.system_id, AGAIN), found, line, at)


def _erase(tx: Tx, actor: Actor, found: Found, line: Line, at: datetime) -> Erased:
    ids = erasures.belongings(tx, found)
    entries = erasures.entries(tx, found, ids)
    erasures.forget_answers(tx, found.system_id, ids)
    erasures.forget_details(tx, entries)
    keys = [key for subject in found.subjects for key in tx.ring.forget(subject)]
    erasures.blank(tx, ids, at)
    erasures.keep(tx, line)
    for first in range(0, max(len(entries), 1), IN_ONE_ENTRY):
        log(
            tx,
            actor,
            at,
            "erased",
            "person",
            None,
            approved_by=line.approved_by,
            erased=entries[first : first + IN_ONE_ENTRY],
            erasure=line.id,
            ground=line.ground,
            keys=keys if first == 0 else [],
        )
    return Erased(line.id, found.id, found.people, len(entries), len(ids["record"]))

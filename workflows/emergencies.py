"""Emergency access: opening one record that is out of reach, and what may be read while it is open.

Whoever opens it must know whose record it is: its reference, or two things about the person. There
is no list to look through. Every other way it can come to nothing is told in the same words: no
such person, more than one, a record that is closed to whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral import people_checks as checks
from referral.actors import Actor
from referral.ids import check_reference
from referral.scopes import EMERGENCY_ROLES, opened
from referral.states import Noun, Role
from referral.store import Sql, Tx
from workflows.engine import NOT_FOUND, TABLES, Done, Refused, step
from workflows.moves import N_, Refusal
from workflows.people import MOST_TEXT
from workflows.rules import field, require, wrong

OPEN = "open"
NOTHING_OPENED = Refusal(
    "nothing_opened",
    N_("No record was opened with what you typed."),
    N_("Check it. If it is right, ring the number that answers now: they can look for you."),
    "emergency access",
)
BY = ("nhs_number", "birth_date", "name", "phone")
TWO_NEEDED = N_("Enter a reference, or two things you know about the person.")
_FIND = """SELECT pe.id FROM person pe WHERE pe.system_id = :system_id
  AND pe.merged_into IS NULL AND {by} LIMIT 2"""
FIND = {
    "nhs_number": "pe.nhs_number = :nhs_number",
    "birth_date": "pe.birth_date = :birth_date",
    "name": "pe.name_key = :name",
    "phone": "pe.phone = :phone",
}
REFERENCE = """(pe.reference = :reference OR pe.id IN (SELECT r.person_id FROM referral r
  WHERE r.reference = :reference AND r.system_id = :system_id))"""


def open_record(
    tx: Tx, actor: Actor, at: datetime, values: Mapping[str, Any], key: str | None = None
) -> Done:
    """Open the record of somebody outside the actor's scope, for as long as the place of the team
    that holds them says. A second person is told with it, and it is reviewed once it has ended.

    `values`: reference, or two of nhs_number, birth_date, given_name with family_name, and phone;
    reason, why. Raises Refused: a fault for each field, or nothing_opened."""
    require(actor, EMERGENCY_ROLES, Noun.EMERGENCY, OPEN)
    person_id = _whose(tx, actor, values)
    if len(values.get("why") or "") > MOST_TEXT:
        raise wrong(Noun.EMERGENCY, OPEN, field("why", N_("Write less: this is too long to keep.")))
    if person_id is None:
        raise wrong(Noun.EMERGENCY, OPEN, NOTHING_OPENED)
    given = {"person_id": person_id, "reason": values.get("reason"), "why": values.get("why")}
    try:
        return step(tx, Noun.EMERGENCY, None, OPEN, actor, at, given, key=key)
    except Refused as refused:
        if refused.codes == (NOT_FOUND.code,):
            raise wrong(Noun.EMERGENCY, OPEN, NOTHING_OPENED) from None
        raise


def _whose(tx: Tx, actor: Actor, values: Mapping[str, Any]) -> str | None:
    """The one person meant; None for nobody, or for more than one."""
    known = _known(values)
    if "reference" in known:
        by, asked = REFERENCE, {"reference": known["reference"]}
    elif len(known) >= 2:
        by, asked = " AND ".join(FIND[name] for name in sorted(known)), known
    else:
        raise wrong(Noun.EMERGENCY, OPEN, field("reference", TWO_NEEDED))
    rows = tx.rows(Sql(_FIND.format(by=by)), system_id=actor.system_id, **asked)
    return str(rows[0][0]) if len(rows) == 1 else None


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed as it is kept. Raises Refused with a fault for each field."""
    said = {name: values[name] for name in ("reference", *BY) if values.get(name)}
    given, family = values.get("given_name") or "", values.get("family_name") or ""
    if given.strip() and family.strip():
        said["name"] = checks.name_key(family, given)
    faults = []
    for name, check in (
        ("reference", check_reference),
        ("nhs_number", checks.nhs_number),
        ("phone", checks.phone_number),
    ):
        if name in said:
            try:
                said[name] = check(said[name])
            except ValueError as error:
                faults.append(field(name, str(error)))
    if faults:
        raise wrong(Noun.EMERGENCY, OPEN, *faults)
    return said


READ = frozenset({Noun.REFERRAL, Noun.CONSENT})


def may_read(noun: Noun, f: Any, actor: Actor) -> bool:
    """Whether a record is there for the actor to read: by what they are to it, or while they have
    the person's record open. That lets nobody make a move."""
    if TABLES[noun].hats(f, actor):
        return True
    if not opened(actor, f.person_id):
        return False
    if noun is Noun.CONCERN:
        return actor.role is Role.SAFEGUARDING_LEAD and not f.actor_implicated
    return noun in READ

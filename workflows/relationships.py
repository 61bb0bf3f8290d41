"""Recording who is close to a person, and whether the person says that we may speak with them.

Whoever is to be called in an emergency stands in the person's record too, in words: what a provider
with a place given, a register and a printed sheet show is that, and nothing else of this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from referral import records, relationships
from referral.actors import Actor
from referral.audit import log
from referral.ids import new_id
from referral.people_checks import as_written_here, phone_number
from referral.records import PersonSeen
from referral.relationships import KINDS, MAY_SPEAK, RelationshipSeen
from referral.rows import change, put
from referral.schema import ERASED
from referral.store import Sql, Tx
from workflows.moves import N_, Refusal
from workflows.people import MOST_TEXT, OWN, SHORT_TEXT, WRITERS, change_person
from workflows.rules import field, missing, require, wrong
from workflows.working_time import local_day

HOW = ("in_person", "phone", "video", "written")
WHY = ("over", "mistake", "they_asked")
# With these reasons, what was written of them goes at once.
FORGOTTEN = frozenset({"mistake", "they_asked"})
WORDS = ("name", "relation", "phone")
CHANGED_SINCE = Refusal(
    "changed_since",
    N_("Somebody has changed or ended this meanwhile."),
    N_("Look at what stands on the person's page now."),
)
CHANGED = Sql(
    "UPDATE person SET gate = gate + 1, version = version + 1"
    " WHERE id = :id AND system_id = :system_id"
)
TOO_LONG = N_("Shorten this to 200 characters or fewer.")
TOO_MANY_WORDS = field(
    "name",
    N_(
        "Shorten this name or what they are to the person, or take somebody else off the list of"
        " whom to call in an emergency. Together they come to more than 4,000 characters."
    ),
)


def record_relationship(
    tx: Tx, actor: Actor, at: datetime, *, person_id: str, values: Mapping[str, Any]
) -> str:
    """Keep who is close to a person. Raises Refused: not_found, or a fault for each field."""
    p = _mine(tx, actor, at, person_id, "record")
    kept = _checked(values, at)
    made = _keep(tx, actor, at, p, {**kept, "replaces_id": None})
    before = relationships.of_person(tx, actor, p.id)
    _call(tx, actor, at, p, [row for row in before if row.id != made], before)
    _log(tx, actor, at, "relationship_recorded", p, {"relationship": made, "kind": kept["kind"]})
    return made


def change_relationship(
    tx: Tx, actor: Actor, at: datetime, *, relationship_id: str, values: Mapping[str, Any]
) -> str:
    """Keep what is different now; what stood there is kept beside it. Raises Refused: not_found,
    a fault for each field, or that somebody else was quicker."""
    row, p = _open(tx, actor, at, relationship_id, "change")
    kept = _checked(values, at)
    before = relationships.of_person(tx, actor, p.id)
    _end(tx, actor, at, row, "changed")
    made = _keep(tx, actor, at, p, {**kept, "replaces_id": row.id})
    _call(tx, actor, at, p, before, relationships.of_person(tx, actor, p.id))
    told = {"relationship": made, "replaces": row.id, "kind": kept["kind"]}
    _log(tx, actor, at, "relationship_changed", p, told)
    return made


def end_relationship(
    tx: Tx, actor: Actor, at: datetime, *, relationship_id: str, why: str
) -> RelationshipSeen:
    """It holds no longer. Where it was written by mistake, or they asked for it, their name and
    number are taken away, here and in what stood there before. Raises Refused: not_found, a fault
    of the reason, or that somebody else was quicker."""
    row, p = _open(tx, actor, at, relationship_id, "end")
    if why not in WHY:
        raise wrong("relationship", "end", field("why", N_("Choose why it ends.")))
    before = relationships.of_person(tx, actor, p.id)
    _end(tx, actor, at, row, why)
    _call(tx, actor, at, p, before, relationships.of_person(tx, actor, p.id))
    if why in FORGOTTEN:
        by_id = {one.id: one for one in before}
        earlier: RelationshipSeen | None = row
        while earlier is not None:
            gone = {"name": ERASED, "relation": None, "phone": None}
            change(tx, "relationship", earlier.id, gone)
            earlier = by_id.get(earlier.replaces_id or "")
    _log(tx, actor, at, "relationship_ended", p, {"relationship": row.id, "why": why})
    return row


def may_keep(tx: Tx, actor: Actor, at: datetime, person_id: str) -> PersonSeen | None:
    """The person, where the actor is of their team and the record isn't closed to them."""
    p = records.person(tx, actor, at, person_id)
    mine = {"system_id": actor.system_id, "org": actor.organisation_id}
    if p is None or p.closed_to_actor or tx.row(OWN, id=p.id, **mine) is None:
        return None
    return p


def _mine(tx: Tx, actor: Actor, at: datetime, person_id: str, what: str) -> PersonSeen:
    require(actor, WRITERS, "relationship", what)
    p = may_keep(tx, actor, at, person_id)
    if p is None:
        raise missing("relationship", what)
    return p


def _open(
    tx: Tx, actor: Actor, at: datetime, relationship_id: str, what: str
) -> tuple[RelationshipSeen, PersonSeen]:
    require(actor, WRITERS, "relationship", what)
    row = relationships.one(tx, actor, relationship_id)
    if row is None:
        raise missing("relationship", what)
    p = _mine(tx, actor, at, row.person_id, what)
    if row.ended_at is not None:
        raise wrong("relationship", what, CHANGED_SINCE)
    return row, p


def _checked(values: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    text = {name: str(values.get(name) or "").strip() for name in WORDS}
    said_on, said_how = values.get("said_on"), values.get("said_how")
    from_on, until_on = values.get("from_on"), values.get("until_on")
    faults = []
    if values.get("kind") not in KINDS:
        faults.append(field("kind", N_("Choose what they are for the person.")))
    if not text["name"]:
        faults.append(field("name", N_("Enter their name.")))
    faults += [field(name, TOO_LONG) for name in text if len(text[name]) > SHORT_TEXT]
    if text["phone"]:
        try:
            text["phone"] = phone_number(text["phone"])
        except ValueError as error:
            faults.append(field("phone", str(error)))
    elif values.get("in_emergency"):
        faults.append(field("phone", N_("Enter a phone number to call in an emergency.")))
    may = values.get("may_speak")
    if may not in MAY_SPEAK:
        faults.append(field("may_speak", N_("Choose what the person said about it.")))
    elif may == "not_asked":
        said_on = said_how = None
    else:
        if said_on is None:
            faults.append(field("said_on", N_("Enter the day on which the person said so.")))
        elif said_on > local_day(at):
            faults.append(field("said_on", N_("The day must be today or before.")))
        if said_how not in HOW:
            faults.append(field("said_how", N_("Choose how the person said so.")))
    if from_on and until_on and until_on < from_on:
        faults.append(field("until_on", N_("The last day must not be before the first.")))
    if faults:
        raise wrong("relationship", "record", *faults)
    return {
        "kind": values["kind"],
        **{name: text[name] or None for name in WORDS},
        "in_emergency": bool(values.get("in_emergency")),
        "may_speak": may,
        "said_on": said_on,
        "said_how": said_how,
        "from_on": from_on,
        "until_on": until_on,
    }


def _keep(tx: Tx, actor: Actor, at: datetime, p: PersonSeen, values: Mapping[str, Any]) -> str:
    made = new_id(at)
    whose = {"id": made, "system_id": actor.system_id, "person_id": p.id}
    recorded = {"recorded_by": actor.membership_id, "recorded_at": at}
    still = {"ended_at": None, "ended_by": None, "ended_why": None}
    put(tx, "relationship", {**whose, **values, **recorded, **still})
    return made


def _end(tx: Tx, actor: Actor, at: datetime, row: RelationshipSeen, why: str) -> None:
    ended = {"ended_at": at, "ended_by": actor.membership_id, "ended_why": why}
    change(tx, "relationship", row.id, ended)


def called(rows: Iterable[RelationshipSeen], at: datetime) -> str:
    """Who is to be called in an emergency, in words; empty for nobody."""
    return _called_on(rows, local_day(at))


def _called_on(rows: Iterable[RelationshipSeen], day: date) -> str:
    found = []
    for row in relationships.standing(rows, day):
        if row.in_emergency:
            number = as_written_here(row.phone or "")
            who = f"{row.name} ({row.relation})" if row.relation else row.name
            found.append(", ".join(part for part in (who, number) if part))
    return "; ".join(found)


def let_pass(tx: Tx, actor: Actor, at: datetime, person_id: str) -> bool:
    """The record names nobody as whom to call whose last day has passed, unless somebody wrote it
    there by hand. Returns whether it changed."""
    p, today = records.person_of(tx, actor, at, person_id), local_day(at)
    if p is None:
        return False
    rows = relationships.of_person(tx, actor, p.id)
    last = {row.until_on for row in rows if row.in_emergency and row.until_on}
    stood = {_called_on(rows, day) for day in last if day < today}
    now = _called_on(rows, today)
    if p.emergency_contact == now or p.emergency_contact not in stood:
        return False
    tx.run(CHANGED, id=p.id, system_id=actor.system_id)
    change(tx, "person", p.id, {"emergency_contact": now or None})
    _log(tx, actor, at, "person_changed", p, {"fields": ["emergency_contact"]})
    return True


def _call(
    tx: Tx,
    actor: Actor,
    at: datetime,
    p: PersonSeen,
    before: Iterable[RelationshipSeen],
    after: Iterable[RelationshipSeen],
) -> None:
    """What the record says of whom to call follows; what somebody wrote there by hand stays until
    there is somebody to say instead."""
    was, now = called(before, at), called(after, at)
    if len(now) > MOST_TEXT:
        raise wrong("relationship", "record", TOO_MANY_WORDS)
    if was != now and (now or p.emergency_contact == was):
        change_person(tx, actor, at, p.id, {"emergency_contact": now or None})


def _log(
    tx: Tx, actor: Actor, at: datetime, action: str, p: PersonSeen, told: Mapping[str, Any]
) -> None:
    log(tx, actor, at, action, "person", None, told, subject=p.subject_ref)

"""People: adding one, finding whether they are here already, and what matters to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from referral import people_checks as checks
from referral.actors import Actor
from referral.audit import log
from referral.ids import new_id, new_reference
from referral.rows import change, put
from referral.states import Role
from referral.store import Sql, Tx
from workflows.letters import tell_team_lead
from workflows.moves import N_, Refusal
from workflows.rules import field, missing, once, require, wrong
from workflows.working_time import local_day

WRITERS = (Role.LINK_WORKER, Role.TEAM_LEAD)
IDENTITY = ("nhs_number", "no_nhs_number", "given_name", "family_name", "birth_date", "practice")
CONTACT = (
    "phone",
    "email",
    "address",
    "postcode",
    "contact_method",
    "contact_times",
    "through_name",
    "through_phone",
    "message_safe",
    "language",
    "interpreter",
    "access_needs",
    "emergency_contact",
)
COLUMNS = (*IDENTITY, *CONTACT)
MOST_TEXT = 4_000
SHORT_TEXT = 200

# What each way to contact somebody needs, and what to say where that is missing.
NEEDS_FOR: Mapping[str, tuple[str, str]] = {
    "phone": ("phone", N_("Enter their phone number, or choose another way to contact them.")),
    "text": ("phone", N_("Enter their phone number, or choose another way to contact them.")),
    "email": ("email", N_("Enter their email address, or choose another way to contact them.")),
    "letter": ("address", N_("Enter their address, or choose another way to contact them.")),
    "someone_else": (
        "through_name",
        N_("Enter the name of who they are contacted through, or choose another way."),
    ),
}
NO_NUMBER_OF_THEIRS = field(
    "through_phone", N_("Enter the phone number of who they are contacted through.")
)
# As KNOWN_WAYS has them.
WAYS = ("contact_method", "phone", "email", "address", "contact_times", "through_name",
        "through_phone")  # fmt: skip

SAME_NUMBER = Sql(
    "SELECT id, organisation_id FROM guard.person"
    " WHERE system_id = :system_id AND nhs_number = :nhs"
)
SAME_NAME = Sql(
    "SELECT id, reference, given_name, family_name, birth_date, practice FROM person"
    " WHERE system_id = :system_id AND organisation_id = :org AND name_key = :name_key"
    " AND merged_into IS NULL"
    " AND birth_date = :born ORDER BY id LIMIT 10"
)
OWN = Sql(
    "SELECT id, gate, version FROM person WHERE id = :id AND system_id = :system_id"
    " AND organisation_id = :org AND merged_into IS NULL AND erased_at IS NULL"
)
KNOWN_WAYS = Sql(
    "SELECT contact_method, phone, email, address, contact_times, through_name, through_phone"
    " FROM person WHERE id = :id",
    sealed=(5, 6),
)
ELSEWHERE = Refusal(
    "held_by_another_team",
    N_("Another team holds this person. Ask your lead."),
    N_("Your team lead can ask the other team to pass the person on."),
    "one person, one team at a time",
    field="nhs_number",
)


def checked(values: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """The fields of a person as they are stored. Raises Refused with a sentence for each fault."""
    out: dict[str, Any] = {c: values[c] for c in COLUMNS if c in values}
    faults: list[Refusal] = []

    def check(name: str, how: Any) -> None:
        if out.get(name) in (None, ""):
            if name in out:
                out[name] = None
            return
        try:
            out[name] = how(out[name])
        except ValueError as error:
            faults.append(field(name, str(error)))

    check("nhs_number", checks.nhs_number)
    check("phone", checks.phone_number)
    check("through_phone", checks.phone_number)
    check("postcode", checks.postcode)
    check("birth_date", lambda born: checks.birth_date(born, local_day(at)))
    for name in ("given_name", "family_name"):
        if name in out and not str(out[name] or "").strip():
            words = {
                "given_name": N_("Enter a first name."),
                "family_name": N_("Enter a last name."),
            }
            faults.append(field(name, words[name]))
    for name, value in out.items():
        most = MOST_TEXT if name in ("access_needs", "emergency_contact") else SHORT_TEXT
        if isinstance(value, str):
            out[name] = value.strip() or None
            if len(value) > most:
                faults.append(field(name, N_("Write less: this is too long to keep.")))
    if faults:
        raise wrong("person", "save", *faults)
    return out


def no_way(known: Mapping[str, Any]) -> Refusal | None:
    """What is missing to contact a person in the way they want; None where nothing is."""
    method = known.get("contact_method") or ""
    if method == "someone_else" and known.get("through_name"):
        return None if known.get("through_phone") else NO_NUMBER_OF_THEIRS
    if method == "someone_else" and known.get("contact_times"):
        return None  # written there before it had boxes of its own
    name, why = NEEDS_FOR.get(method, ("", ""))
    return field(name, why) if name and not known.get(name) else None


def _reachable(trigger: str, known: Mapping[str, Any], changed: Mapping[str, Any]) -> None:
    """Raises Refused where the way to contact somebody is chosen, or what it needs is changed, and
    it leads nowhere. Whoever changes something else isn't asked."""
    lacking = no_way({**known, **changed})
    ways = any(name in changed and changed[name] != known.get(name) for name in WAYS)
    if lacking is not None and (ways or "contact_method" in changed):
        raise wrong("person", trigger, lacking)


def find_same(
    tx: Tx, actor: Actor, given_name: str, family_name: str, born: date | None
) -> list[tuple[Any, ...]]:
    """People of the actor's organisation who may be the same, by name and date of birth: rows of
    (id, reference, given name, family name, birth date, practice)."""
    if born is None:
        return []
    return tx.rows(
        SAME_NAME,
        system_id=actor.system_id,
        org=actor.organisation_id,
        name_key=checks.name_key(family_name, given_name),
        born=born,
    )


def find_by_nhs_number(tx: Tx, actor: Actor, at: datetime, nhs: str) -> str | None:
    """The id of the person with this number in the actor's organisation, or None. Raises Refused
    (held_by_another_team) where another team of the system holds them; that look is audited."""
    row = tx.row(SAME_NUMBER, system_id=actor.system_id, nhs=nhs)
    if row is None:
        return None
    if row[1] != actor.organisation_id:
        raise wrong("person", "find", ELSEWHERE)
    return str(row[0])


def add_person(
    tx: Tx,
    actor: Actor,
    at: datetime,
    values: Mapping[str, Any],
    key: str | None = None,
    *,
    unfinished: bool = False,
) -> dict[str, Any]:
    """A person of the actor's organisation. Returns id and reference. Raises Refused: a fault for
    each field, the number or address that the chosen way of contact lacks among them, unless it
    is `unfinished`; person_exists with the same NHS number here; held_by_another_team elsewhere."""
    require(actor, WRITERS, "person", "add")

    def do() -> dict[str, Any]:
        out = checked({"given_name": "", "family_name": "", **values}, at)
        if not unfinished:
            _reachable("add", {}, out)
        if out.get("nhs_number"):
            same = find_by_nhs_number(tx, actor, at, out["nhs_number"])
            if same is not None:
                raise wrong(
                    "person",
                    "add",
                    Refusal(
                        "person_exists",
                        N_("A person with this NHS number is already here."),
                        N_("Open their record and go on from there."),
                        field="nhs_number",
                    ),
                )
        person_id, reference = new_id(at), new_reference()
        row = {c: out.get(c) for c in COLUMNS}
        put(
            tx,
            "person",
            {
                **row,
                "id": person_id,
                "system_id": actor.system_id,
                "organisation_id": actor.organisation_id,
                "reference": reference,
                "subject_ref": new_id(),
                "gate": 0,
                "version": 1,
                "name_key": checks.name_key(out["family_name"], out["given_name"]),
                "created_at": at,
                "died_on": None,
                "died_about": None,
                "death_said_by": None,
                "death_recorded_at": None,
                "merged_into": None,
                "merged_at": None,
                "erased_at": None,
            },
        )
        log(tx, actor, at, "person_added", "person", None, subject=_subject(tx, person_id))
        return {"id": person_id, "reference": reference}

    return once(tx, actor, key, "person.add", dict(values), at, do)


def _subject(tx: Tx, person_id: str) -> str:
    row = tx.row(Sql("SELECT subject_ref FROM person WHERE id = :id"), id=person_id)
    return str(row[0]) if row else ""


def change_person(
    tx: Tx,
    actor: Actor,
    at: datetime,
    person_id: str,
    values: Mapping[str, Any],
    version: int | None = None,
    *,
    unfinished: bool = False,
) -> int:
    """Change fields of a person of the actor's organisation. Returns the new version. Raises
    Refused: not_found, stale, or a fault for each field, as when one is added. `unfinished`: what
    is missing is asked for later."""
    require(actor, WRITERS, "person", "change")
    row = tx.row(OWN, id=person_id, system_id=actor.system_id, org=actor.organisation_id)
    if row is None:
        raise missing("person", "change")
    if version is not None and version != row[2]:
        from workflows.engine import STALE

        raise wrong("person", "change", STALE)
    out = checked(values, at)
    if set(WAYS) & set(out) and not unfinished:
        kept = tx.row(KNOWN_WAYS, id=person_id) or ()
        _reachable("change", dict(zip(WAYS, kept, strict=True)), out)
    if out.get("nhs_number"):
        same = find_by_nhs_number(tx, actor, at, out["nhs_number"])
        if same is not None and same != person_id:
            raise wrong(
                "person",
                "change",
                field("nhs_number", N_("Another person here has this NHS number.")),
            )
    if "given_name" in out or "family_name" in out:
        names = tx.row(
            Sql("SELECT given_name, family_name FROM person WHERE id = :id"), id=person_id
        )
        was = names or ("", "")
        out["name_key"] = checks.name_key(
            out.get("family_name", was[1]), out.get("given_name", was[0])
        )
    # Who somebody is may be what a guard rests on (person_identified): the gate moves first.
    done = tx.run(
        Sql(
            "UPDATE person SET gate = gate + 1, version = version + 1"
            " WHERE id = :id AND version = :version"
        ),
        id=person_id,
        version=row[2],
    )
    if done != 1:
        from workflows.engine import STALE

        raise wrong("person", "change", STALE)
    if out:
        change(tx, "person", person_id, out)
    log(
        tx,
        actor,
        at,
        "person_changed",
        "person",
        None,
        {"fields": sorted(out)},
        subject=_subject(tx, person_id),
    )
    return int(row[2]) + 1


def save_plan(tx: Tx, actor: Actor, at: datetime, person_id: str, values: Mapping[str, Any]) -> str:
    """A plan for a person of the actor's organisation: what_matters, goals, needs, access."""
    require(actor, WRITERS, "plan", "save")
    if tx.row(OWN, id=person_id, system_id=actor.system_id, org=actor.organisation_id) is None:
        raise missing("person", "plan")
    for name in ("what_matters", "access"):
        if len(values.get(name) or "") > MOST_TEXT:
            raise wrong("plan", "save", field(name, N_("Write less: this is too long to keep.")))
    plan_id = new_id(at)
    put(
        tx,
        "plan",
        {
            "id": plan_id,
            "system_id": actor.system_id,
            "organisation_id": actor.organisation_id,
            "person_id": person_id,
            "what_matters": values.get("what_matters"),
            "goals": list(values.get("goals") or ()),
            "needs": list(values.get("needs") or ()),
            "access": values.get("access"),
            "created_at": at,
            "updated_at": at,
        },
    )
    log(tx, actor, at, "plan_saved", "plan", plan_id)
    return plan_id


PLAN = Sql(
    "SELECT person_id FROM plan WHERE id = :id AND system_id = :system_id"
    " AND organisation_id = :org"
)


def change_plan(
    tx: Tx, actor: Actor, at: datetime, plan_id: str, values: Mapping[str, Any]
) -> None:
    """Change what a plan of the actor's organisation says: what_matters, goals, needs, access.
    What was sent with a referral keeps its own copy. Raises Refused: not_found."""
    require(actor, WRITERS, "plan", "change")
    row = tx.row(PLAN, id=plan_id, system_id=actor.system_id, org=actor.organisation_id)
    if row is None:
        raise missing("plan", "change")
    for name in ("what_matters", "access"):
        if len(values.get(name) or "") > MOST_TEXT:
            raise wrong("plan", "change", field(name, N_("Write less: this is too long to keep.")))
    out = {c: values[c] for c in ("what_matters", "goals", "needs", "access") if c in values}
    change(tx, "plan", plan_id, {**out, "updated_at": at})
    log(
        tx,
        actor,
        at,
        "plan_changed",
        "plan",
        plan_id,
        {"fields": sorted(out)},
        subject=_subject(tx, row[0]),
    )


def say_two_people(
    tx: Tx, actor: Actor, at: datetime, person_id: str, others: list[str], *, sure: str | None
) -> None:
    """Somebody was added although others have the same number or name: whoever added them said
    these are two people and how they know (a code), or wasn't sure, and then the team lead is asked
    to look."""
    log(
        tx,
        actor,
        at,
        "not_the_same" if sure else "maybe_the_same",
        "person",
        None,
        {"others": others, "how": sure} if sure else {"others": others},
        subject=_subject(tx, person_id),
    )
    if not sure:
        organisation = actor.organisation_id
        tell_team_lead(tx, actor, at, organisation, "maybe_the_same_person", "person", person_id)


def write_note(tx: Tx, actor: Actor, at: datetime, person_id: str, text: str) -> str:
    """A note about a person of the actor's organisation, for the own team. Returns its id."""
    require(actor, WRITERS, "note", "write")
    if tx.row(OWN, id=person_id, system_id=actor.system_id, org=actor.organisation_id) is None:
        raise missing("person", "note")
    note_id = new_id(at)
    put(
        tx,
        "note",
        {
            "id": note_id,
            "system_id": actor.system_id,
            "organisation_id": actor.organisation_id,
            "person_id": person_id,
            "noun": "person",
            "record_id": person_id,
            "audience": "ours",
            "body": text,
            "written_by": actor.membership_id,
            "at": at,
        },
    )
    log(tx, actor, at, "note_written", "note", note_id, subject=_subject(tx, person_id))
    return note_id

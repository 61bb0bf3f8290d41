"""Systems, places, organisations and accounts: the commands that set the stage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from referral import caseloads
from referral.actors import Actor, the_system
from referral.audit import log
from referral.ids import new_id
from referral.organisations import ORGANISATION_KINDS
from referral.rows import change, put
from referral.states import Purpose, Role
from referral.store import Sql, Tx
from workflows.access import tell_of_role
from workflows.engine import Refused
from workflows.moves import N_, Refusal
from workflows.rules import field, missing, require, wrong

SETTERS = (Role.ADMINISTRATOR, Role.GOVERNANCE_LEAD)
# The roles that stand over others are given by an administrator; who answers for a whole place
# needs one.
ASSIGNABLE = tuple(role for role in Role if role not in (Role.PERSON, Role.SYSTEM))
BY_ADMINISTRATOR = frozenset(
    {
        Role.ADMINISTRATOR,
        Role.AUDITOR,
        Role.COMMISSIONER,
        Role.ACCOUNTABLE_OFFICER,
        Role.INFORMATION_GOVERNANCE_LEAD,
    }
)
OVER_A_PLACE = frozenset({Role.GOVERNANCE_LEAD, Role.ACCOUNTABLE_OFFICER})
PLACE = Sql("SELECT path, kind FROM place WHERE id = :id AND system_id = :system_id")
SYSTEM_EXISTS = Sql("SELECT id FROM system ORDER BY created_at LIMIT 1")
EMAIL = Sql("SELECT id FROM app_user WHERE email = :email")
USER = Sql("SELECT id FROM app_user WHERE id = :id AND system_id = :system_id")
ORGANISATION = Sql(
    "SELECT o.kind, p.path FROM organisation o JOIN place p ON p.id = o.place_id"
    " WHERE o.id = :id AND o.system_id = :system_id"
)

HELD_ALREADY = Sql(
    "SELECT place_id FROM membership WHERE user_id = :user_id"
    " AND organisation_id = :organisation_id AND role = :role AND ended_at IS NULL"
)

# The words read out for each purpose: examples, to be replaced by a system's own. What is read out
# is data, kept in its language with the answer: no catalogue may put other words in its place.
WORDINGS = {
    Purpose.SHARE_WITH_PROVIDER: (
        "We would like to pass your first name, what matters to you and what you need to the people"
        " who run this activity. If they have a place for you, we also pass on how to reach you and"
        " what keeps you safe. You can stop this at any time by telling us."
    ),
    Purpose.TELL_PRACTICE: (
        "We would like to tell your GP practice how it went. You can stop this at any time."
    ),
    Purpose.CONTACT: "We would like to keep in touch with you. You can stop this at any time.",
    Purpose.EVALUATION: (
        "We would like to count your answers, without your name, to learn what helps."
        " You can stop this at any time."
    ),
}

EASY_ENGLISH = "en-simple"
# The same in easy read: a short sentence for each thought. Pictures beside
# them are for whoever prints them.
EASY_WORDINGS = {
    Purpose.SHARE_WITH_PROVIDER: (
        "A group of people runs this activity. We want to tell them about you. We tell them your"
        " first name. We tell them what matters to you. We tell them what you need. They may have"
        " a place for you. Then we tell them how to reach you. We tell them how to keep you safe."
        " You can say yes. You can say no. You can stop this at any time. Tell us, and we stop."
    ),
    Purpose.TELL_PRACTICE: (
        "You have a doctor. We want to tell your doctor how it went. You can say yes. You can say"
        " no. You can stop this at any time. Tell us, and we stop."
    ),
    Purpose.CONTACT: (
        "We want to talk to you again later. You can say yes. You can say no. You can stop this at"
        " any time. Tell us, and we stop."
    ),
    Purpose.EVALUATION: (
        "You answer some questions. We want to count the answers. We leave your name out. It shows"
        " us what helps people. You can say yes. You can say no. You can stop this at any time."
        " Tell us, and we stop."
    ),
}

# What an escalation may show about the system: examples, to which reviewers add their own.
THEMES = (
    N_("Nobody answers in time"),
    N_("Too few places"),
    N_("Getting there and back"),
    N_("Access needs not met"),
    N_("Information not shared in time"),
    N_("Nobody knew who was responsible"),
    N_("What was offered did not fit"),
    N_("Money for the activity ran out"),
)


def setup_system(
    tx: Tx,
    name: str,
    at: datetime,
    *,
    admin_name: str | None = None,
    admin_email: str | None = None,
    password_hash: str | None = None,
) -> dict[str, str]:
    """A system with its root place, its board, the example wordings, and its first administrator
    if one is named. Returns system_id, place_id, organisation_id (and user_id, membership_id)."""
    if not name.strip():
        raise wrong("system", "setup", field("name", N_("Enter a name for the system.")))
    system_id, place_id, board_id = new_id(at), new_id(at), new_id(at)
    actor = the_system(system_id, "setup")
    put(tx, "system", {"id": system_id, "name": name.strip(), "created_at": at})
    put(
        tx,
        "place",
        {
            "id": place_id,
            "system_id": system_id,
            "parent_id": None,
            "kind": "system",
            "name": name.strip(),
            "path": f"/{place_id}",
        },
    )
    put(tx, "organisation", _organisation(board_id, system_id, place_id, name, "board", at, {}))
    for language, bodies in (("en", WORDINGS), (EASY_ENGLISH, EASY_WORDINGS)):
        for purpose, body in bodies.items():
            put(
                tx,
                "wording",
                {
                    "id": new_id(at),
                    "system_id": system_id,
                    "purpose": str(purpose),
                    "language": language,
                    "number": 1,
                    "body": body,
                    "from_at": at,
                    "published_by": None,
                },
            )
    for theme in THEMES:
        put(
            tx,
            "theme",
            {
                "id": new_id(at),
                "system_id": system_id,
                "name": theme,
                "created_by": None,
                "created_at": at,
            },
        )
    log(tx, actor, at, "system_set_up", "system", system_id)
    made = {"system_id": system_id, "place_id": place_id, "organisation_id": board_id}
    if admin_email:
        user_id = add_user(
            tx,
            actor,
            at,
            name=admin_name or admin_email,
            email=admin_email,
            password_hash=password_hash,
        )
        made["user_id"] = user_id
        made["membership_id"] = add_membership(
            tx,
            actor,
            at,
            user_id=user_id,
            organisation_id=board_id,
            role=Role.ADMINISTRATOR,
            place_id=place_id,
        )
    return made


def the_only_system(tx: Tx) -> str | None:
    """The id of the store's (first) system; None for an empty store."""
    row = tx.row(SYSTEM_EXISTS)
    return None if row is None else str(row[0])


def add_place(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    name: str,
    kind: str,
    parent_id: str,
    safeguarding_phone: str | None = None,
    out_of_hours_phone: str | None = None,
    outside_contact: str | None = None,
) -> str:
    """A place below another. Raises Refused: not_found for a parent in another system."""
    require(actor, SETTERS, "place", "add")
    parent = tx.row(PLACE, id=parent_id, system_id=actor.system_id)
    if parent is None:
        raise missing("place", "add")
    if not name.strip():
        raise wrong("place", "add", field("name", N_("Enter the name of the place.")))
    if kind not in ("place", "neighbourhood"):
        raise wrong("place", "add", field("kind", N_("Choose what kind of place it is.")))
    over_place(actor, parent[0], "place", "add")
    place_id = new_id(at)
    put(
        tx,
        "place",
        {
            "id": place_id,
            "system_id": actor.system_id,
            "parent_id": parent_id,
            "kind": kind,
            "name": name.strip(),
            "path": f"{parent[0]}/{place_id}",
            "safeguarding_phone": safeguarding_phone,
            "out_of_hours_phone": out_of_hours_phone,
            "outside_contact": outside_contact,
        },
    )
    log(tx, actor, at, "place_added", "place", place_id, {"parent": parent_id, "kind": kind})
    return place_id


def set_place_phones(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    place_id: str,
    safeguarding_phone: str | None,
    out_of_hours_phone: str | None,
    outside_contact: str | None,
) -> None:
    """Who answers in a place, in working hours and outside them, and who is outside the ladder."""
    require(actor, (*SETTERS, Role.SAFEGUARDING_LEAD), "place", "change")
    place = tx.row(PLACE, id=place_id, system_id=actor.system_id)
    if place is None:
        raise missing("place", "change")
    over_place(actor, place[0], "place", "change")
    change(
        tx,
        "place",
        place_id,
        {
            "safeguarding_phone": safeguarding_phone,
            "out_of_hours_phone": out_of_hours_phone,
            "outside_contact": outside_contact,
        },
    )
    log(tx, actor, at, "place_changed", "place", place_id)


def rename_place(tx: Tx, actor: Actor, at: datetime, *, place_id: str, name: str) -> None:
    """What a place is called. Raises Refused: not_found, or a fault of the name."""
    require(actor, SETTERS, "place", "rename")
    place = tx.row(PLACE, id=place_id, system_id=actor.system_id)
    if place is None:
        raise missing("place", "rename")
    over_place(actor, place[0], "place", "rename")
    if not name.strip():
        raise wrong("place", "rename", field("name", N_("Enter the name of the place.")))
    change(tx, "place", place_id, {"name": name.strip()})
    log(tx, actor, at, "place_renamed", "place", place_id)


def over_place(actor: Actor, path: str, noun: str, what: str) -> None:
    """Who sets the stage does it in the place they answer for. Raises Refused: what lies elsewhere
    isn't found."""
    if actor.role is Role.SYSTEM:
        return
    if actor.place_path is None or not f"{path}/".startswith(f"{actor.place_path}/"):
        raise missing(noun, what)


def roles_to_give(giver: Role) -> tuple[Role, ...]:
    """The roles that somebody in this role may give to an account."""
    if giver in (Role.ADMINISTRATOR, Role.SYSTEM):
        return ASSIGNABLE
    if giver is Role.GOVERNANCE_LEAD:
        return tuple(role for role in ASSIGNABLE if role not in BY_ADMINISTRATOR)
    return ()


def _organisation(
    record_id: str,
    system_id: str,
    place_id: str,
    name: str,
    kind: str,
    at: datetime,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "id": record_id,
        "system_id": system_id,
        "place_id": place_id,
        "name": name.strip(),
        "kind": kind,
        "ods_code": more.get("ods_code"),
        "description": more.get("description"),
        "email": more.get("email"),
        "phone": more.get("phone"),
        "url": more.get("url"),
        "created_at": at,
        "ended_at": None,
    }


def add_organisation(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    name: str,
    kind: str,
    place_id: str,
    **more: Any,
) -> str:
    """An organisation in a place. `more`: ods_code, description, email, phone, url."""
    require(actor, SETTERS, "organisation", "add")
    place = tx.row(PLACE, id=place_id, system_id=actor.system_id)
    if place is None:
        raise missing("place", "add")
    over_place(actor, place[0], "organisation", "add")
    faults = []
    if not name.strip():
        faults.append(field("name", N_("Enter the name of the organisation.")))
    if kind not in ORGANISATION_KINDS:
        faults.append(field("kind", N_("Choose what kind of organisation it is.")))
    if faults:
        raise wrong("organisation", "add", *faults)
    record_id = new_id(at)
    put(
        tx,
        "organisation",
        _organisation(record_id, actor.system_id, place_id, name, kind, at, more),
    )
    log(tx, actor, at, "organisation_added", "organisation", record_id, {"kind": kind})
    return record_id


def change_organisation(
    tx: Tx, actor: Actor, at: datetime, *, organisation_id: str, name: str, **more: Any
) -> None:
    """What an organisation is called and how it is reached. `more`: ods_code, description, email,
    phone, url: each as it is from now. Its kind and its place stay: who sees what hangs on them.
    Raises Refused: not_found outside the place the actor answers for, or a fault of the name."""
    require(actor, SETTERS, "organisation", "change")
    found = tx.row(ORGANISATION, id=organisation_id, system_id=actor.system_id)
    if found is None:
        raise missing("organisation", "change")
    over_place(actor, found[1], "organisation", "change")
    if not name.strip():
        why = field("name", N_("Enter the name of the organisation."))
        raise wrong("organisation", "change", why)
    how = {key: more.get(key) for key in ("ods_code", "description", "email", "phone", "url")}
    change(tx, "organisation", organisation_id, {"name": name.strip(), **how})
    log(tx, actor, at, "organisation_changed", "organisation", organisation_id)


def naming_faults(tx: Tx, name: str, address: str, user_id: str | None = None) -> list[Refusal]:
    """What is wrong with the name and the email address of an account: a new one, or this one."""
    faults = []
    if not name:
        faults.append(field("name", N_("Enter the person's name.")))
    if "@" not in address or " " in address:
        faults.append(field("email", N_("Enter an email address, like name@example.org.")))
    else:
        row = tx.row(EMAIL, email=address)
        if row is not None and str(row[0]) != user_id:
            taken = N_("There is already an account with this email address.")
            faults.append(field("email", taken))
    return faults


def add_user(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    name: str,
    email: str,
    password_hash: str | None = None,
    phone: str | None = None,
) -> str:
    """An account. Raises Refused for an address that already has one."""
    require(actor, SETTERS, "user", "add")
    address = email.strip().lower()
    faults = naming_faults(tx, name.strip(), address)
    if faults:
        raise wrong("user", "add", *faults)
    user_id = new_id(at)
    put(
        tx,
        "app_user",
        {
            "id": user_id,
            "system_id": actor.system_id,
            "name": name.strip(),
            "email": address,
            "phone": phone,
            "password_hash": password_hash,
            "active": True,
            "created_at": at,
        },
    )
    log(tx, actor, at, "user_added", "user", user_id)
    return user_id


def add_membership(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    user_id: str,
    organisation_id: str,
    role: Role,
    place_id: str | None = None,
) -> str:
    """A role in an organisation. `place_id` for those who answer for a whole place.

    Raises Refused: not_found outside the place the giver answers for; a role that isn't theirs to
    give, or given to themselves; a role over a place without the place."""
    require(actor, SETTERS, "membership", "add")
    if tx.row(USER, id=user_id, system_id=actor.system_id) is None:
        raise missing("user", "add")
    organisation = tx.row(ORGANISATION, id=organisation_id, system_id=actor.system_id)
    if organisation is None:
        raise missing("organisation", "add")
    over_place(actor, organisation[1], "membership", "add")
    faults = []
    if user_id == actor.user_id:
        # Who runs the service reads no records: giving themselves a role would be the way in.
        faults.append(
            field(
                "email",
                N_("You can't give yourself a role."),
                N_("Ask another administrator, or whoever runs the server."),
                code="not_to_yourself",
            )
        )
    if role not in roles_to_give(actor.role):
        faults.append(
            field(
                "role",
                N_("This role isn't yours to give."),
                N_("Choose another role, or ask an administrator."),
                code="role_not_yours_to_give",
            )
        )
    known = {"user_id": user_id, "organisation_id": organisation_id, "role": str(role)}
    if place_id in [row[0] for row in tx.rows(HELD_ALREADY, **known)]:
        faults.append(field("role", N_("They have this role here already.")))
    if role in OVER_A_PLACE and place_id is None:
        faults.append(field("place_id", N_("Choose the place they answer for.")))
    if faults:
        raise wrong("membership", "add", *faults)
    path = organisation[1]
    if place_id is not None:
        place = tx.row(PLACE, id=place_id, system_id=actor.system_id)
        if place is None:
            raise missing("place", "add")
        over_place(actor, place[0], "membership", "add")
        path = place[0]
    membership_id = new_id(at)
    put(
        tx,
        "membership",
        {
            "id": membership_id,
            "system_id": actor.system_id,
            "user_id": user_id,
            "organisation_id": organisation_id,
            "place_id": place_id,
            "role": str(role),
            "started_at": at,
            "ended_at": None,
            "away_from": None,
            "away_until": None,
        },
    )
    log(
        tx,
        actor,
        at,
        "membership_added",
        "membership",
        membership_id,
        {"user": user_id, "organisation": organisation_id, "role": str(role), "place": place_id},
    )
    tell_of_role(tx, actor, at, role, path, user_id)
    return membership_id


def set_away(
    tx: Tx,
    actor: Actor,
    at: datetime,
    *,
    membership_id: str,
    start: datetime | None,
    end: datetime | None,
) -> None:
    """A member is away from `start` until `end` (None: it isn't known until when): their team lead
    stands in. Without `start` they are back. By themselves, their team lead, or whoever answers for
    their organisation. Raises Refused: not_found, or a fault for each field."""
    home = caseloads.home(tx, actor, membership_id)
    if home is None:
        raise missing("membership", "away")
    if actor.membership_id != membership_id:
        over = (
            home.place_path.startswith(actor.place_path)
            if actor.place_path is not None
            else home.organisation_id == actor.organisation_id
        )
        if not over or actor.role not in (*SETTERS, Role.TEAM_LEAD):
            raise missing("membership", "away")
    if start is None and end is not None:
        raise wrong("membership", "away", field("away_from", N_("Enter the first day away.")))
    if start is not None and end is not None and end <= start:
        why = N_("Enter a day after the first day away.")
        raise wrong("membership", "away", field("away_until", why))
    change(tx, "membership", membership_id, {"away_from": start, "away_until": end})
    what = "member_back" if start is None else "member_away"
    log(tx, actor, at, what, "membership", membership_id)


__all__ = [
    "Refused",
    "add_membership",
    "add_organisation",
    "add_place",
    "add_user",
    "change_organisation",
    "over_place",
    "rename_place",
    "roles_to_give",
    "set_away",
    "set_place_phones",
    "setup_system",
    "the_only_system",
]

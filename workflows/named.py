"""Whoever and whatever a move names: that they are there, within reach, and not barred.

The tables say *that* a move needs a new link worker, a holder, an activity; here is asked whether
the one that was named can be one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from referral import capacity, dispatches, facts, ladder
from referral.actors import Actor
from referral.agreements import DUTIES
from referral.states import Noun, Relation, Role
from referral.store import Sql, Tx
from workflows.engine import SECOND_NEEDED, TABLES, Refused, decide
from workflows.moves import N_, Refusal
from workflows.rules import field
from workflows.tables.concerns import LADDER_ROLES, STAFF_ROLES

MEMBER = Sql(
    "SELECT m.role, m.organisation_id, m.user_id FROM membership m"
    " JOIN app_user u ON u.id = m.user_id"
    " WHERE m.id = :id AND m.system_id = :system_id AND u.active AND m.started_at <= :at"
    " AND (m.ended_at IS NULL OR m.ended_at > :at)"
)
POST = Sql(
    "SELECT m.user_id, m.organisation_id FROM membership m JOIN app_user u ON u.id = m.user_id"
    " WHERE m.system_id = :system_id AND m.role = :role AND u.active AND m.started_at <= :at"
    " AND (m.ended_at IS NULL OR m.ended_at > :at)"
    " AND (CAST(m.organisation_id AS text) = :place OR CAST(m.place_id AS text) = :place)"
)
ACTIVITY = Sql("SELECT provider_id FROM activity WHERE id = :id AND system_id = :system_id")
PROVIDER = Sql("SELECT id FROM provider WHERE id = :id AND system_id = :system_id")
PLAN = Sql("SELECT person_id FROM plan WHERE id = :id AND system_id = :system_id")
WORDING = Sql("SELECT purpose FROM wording WHERE id = :id AND system_id = :system_id")
CONSEQUENCE = Sql(
    "SELECT escalation_id, state FROM consequence WHERE id = :id AND system_id = :system_id"
)
USER = Sql("SELECT id FROM app_user WHERE id = :id AND system_id = :system_id")
ORGANISATION = Sql("SELECT id FROM organisation WHERE id = :id AND system_id = :system_id")


class _Asking:
    """One look at what a move names."""

    def __init__(self, tx: Tx, actor: Actor, at: datetime, f: Any, given: Mapping[str, Any]):
        self.tx, self.actor, self.at, self.f, self.given = tx, actor, at, f, given

    def row(self, query: Sql, record_id: Any) -> tuple[Any, ...] | None:
        return self.tx.row(query, id=record_id, system_id=self.actor.system_id)

    def member(self, membership_id: str) -> tuple[Any, ...] | None:
        return self.tx.row(MEMBER, id=membership_id, system_id=self.actor.system_id, at=self.at)

    def holders(self, owner: str) -> list[tuple[Role, str, str]]:
        """(role, user, organisation) of everyone who answers to an owner key now."""
        kind, _, where = owner.partition("@")
        if kind == "member":
            row = self.member(where)
            return [] if row is None else [(Role(row[0]), row[2], row[1])]
        if kind not in set(Role):
            return []
        rows = self.tx.rows(
            POST, system_id=self.actor.system_id, role=kind, place=where, at=self.at
        )
        return [(Role(kind), row[0], row[1]) for row in rows]


def _link_worker(a: _Asking) -> str | None:
    row = a.member(a.given["link_worker_id"])
    if row is None or row[0] != Role.LINK_WORKER or row[1] != a.f.organisation_id:
        return N_("Choose a link worker of this team.")
    return None


def _asked(a: _Asking) -> str | None:
    """Somebody who works here, or the person who raised it, where it is safe to write to them."""
    asked = a.given["asked"]
    kind, _, where = asked.partition("@")
    if kind == Role.PERSON and asked == a.f.raiser:
        reached = dispatches.person(a.tx, a.actor.system_id, where)
        if reached is not None and reached.may_be_written:
            return None
        return N_("It is not safe to write to them. Choose somebody who can ask them by voice.")
    return None if a.holders(asked) else N_("Choose somebody who works here now.")


def _holder(a: _Asking) -> str | None:
    """Nobody named as a source of harm, nor anyone of an organisation named, is handed a concern;
    the sentence doesn't tell why."""
    named = ladder.barred(a.tx, a.f.id)
    roles = STAFF_ROLES if a.given["holder"].startswith("member@") else LADDER_ROLES
    free = [
        role
        for role, user, organisation in a.holders(a.given["holder"])
        if role in roles and user not in named.users and organisation not in named.organisations
    ]
    return None if free else N_("Choose somebody who can hold this concern.")


def _conditional(a: _Asking) -> str | None:
    for activity_id in a.given["conditional_activities"] or ():
        row = a.row(ACTIVITY, activity_id)
        if row is None or row[0] != a.f.provider_id:
            return N_("Choose activities of this provider.")
    return None


def _provider(a: _Asking) -> str | None:
    found = a.row(PROVIDER, a.given["hold_provider_id"])
    return None if found else N_("Choose the provider.")


def _plan(a: _Asking) -> str | None:
    row = a.row(PLAN, a.given["plan_id"])
    if row is None or row[0] != a.f.person_id:
        return N_("Choose a plan of this person.")
    return None


def _alternatives(a: _Asking) -> str | None:
    for activity_id in a.given["alternatives"] or ():
        if a.row(ACTIVITY, activity_id) is None:
            return N_("Choose an activity.")
    return None


def _wording(a: _Asking) -> str | None:
    row = a.row(WORDING, a.given["wording_id"])
    if row is None or row[0] != a.f.purpose:
        return N_("Choose the words that were read out for this.")
    return None


def _capacity(a: _Asking) -> str | None:
    found = capacity.one(a.tx, a.actor.system_id, a.given["capacity_id"])
    if found is None or found.person_id != a.f.person_id or not found.lacks:
        return N_("Record the capacity assessment first.")
    return None


def _consequence(a: _Asking) -> str | None:
    row = a.row(CONSEQUENCE, a.given["consequence_id"])
    if row is None or row[0] != a.f.id or row[1] not in ("pending", "failed"):
        return N_("Choose something that was decided and isn't settled yet.")
    return None


def _replaces(a: _Asking) -> str | None:
    noun = Noun.AGREEMENT
    f = facts.LOADERS[noun](a.tx, a.given["replaces_id"], a.actor, a.at)
    worn = TABLES[noun].hats(f, a.actor) if f is not None else frozenset()
    if not any(relation is Relation.OVER for _, relation in worn):
        return N_("Choose an agreement that you look after.")
    return None


def _party(name: str) -> Callable[[_Asking], str | None]:
    def check(a: _Asking) -> str | None:
        return None if a.given[name] in a.f.parties else N_("Choose one of the parties.")

    return check


def _sources(a: _Asking) -> str | None:
    for source in a.given["sources"] or ():
        user, organisation = source.get("user_id"), source.get("organisation_id")
        if (user and a.row(USER, user) is None) or (
            organisation and a.row(ORGANISATION, organisation) is None
        ):
            return N_("Choose somebody from the list, or write who it is.")
    return None


def _source(a: _Asking) -> str | None:
    there = {source.id for source in a.f.sources}
    return None if a.given["source_id"] in there else N_("Choose who was named by mistake.")


CHECKS: Mapping[str, Callable[[_Asking], str | None]] = {
    "link_worker_id": _link_worker,
    "asked": _asked,
    "holder": _holder,
    "conditional_activities": _conditional,
    "hold_provider_id": _provider,
    "plan_id": _plan,
    "alternatives": _alternatives,
    "wording_id": _wording,
    "capacity_id": _capacity,
    "consequence_id": _consequence,
    "replaces_id": _replaces,
    "sources": _sources,
    "source_id": _source,
    **{f"{duty}_id": _party(f"{duty}_id") for duty in DUTIES},
}


def _could_be_made(
    noun: Noun, f: Any, trigger: str, actor: Actor, at: datetime, given: Mapping[str, Any]
) -> bool:
    try:
        decide(noun, f, trigger, actor, at, given)
    except Refused as refused:
        return set(refused.codes) == {SECOND_NEEDED.code}
    return True


def check_named(
    tx: Tx,
    actor: Actor,
    at: datetime,
    noun: Noun,
    record_id: str | None,
    trigger: str,
    given: Mapping[str, Any],
    *,
    even_if_refused: bool = False,
) -> None:
    """Raises Refused with a fault for each field that names what can't be named there.

    `even_if_refused`: for a command that goes on with another move where this one can't be made.

    What refuses the move itself is left to the move: nobody learns who is where by naming people
    in moves that aren't theirs to make."""
    names = [name for name in CHECKS if given.get(name) not in (None, "", [])]
    if not names:
        return
    f: Any
    if record_id is None:
        f = facts.NEW[noun](tx, {"id": "", "reference": "", **given}, actor, at)
    else:
        f = facts.LOADERS[noun](tx, record_id, actor, at)
    if f is None or not TABLES[noun].hats(f, actor):
        return
    if not even_if_refused and not _could_be_made(noun, f, trigger, actor, at, given):
        return
    asking = _Asking(tx, actor, at, f, given)
    faults: list[Refusal] = []
    for name in names:
        why = CHECKS[name](asking)
        if why is not None:
            faults.append(field(name, why))
    if faults:
        raise Refused(
            faults,
            noun=noun,
            trigger=trigger,
            record_id=record_id,
            subject=getattr(f, "subject_ref", None),
        )

"""The two ladders: who reviews an escalation at each level, who holds a concern at each rung.

A level is a rung on the tree of places. Only who *is* there is answered here; who may act and
when to climb is decided in `workflows/`."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from referral.clocks import role_key
from referral.states import Role
from referral.store import Sql, Tx


class Barred(NamedTuple):
    """Who is named as a source of harm."""

    users: frozenset[str]
    organisations: frozenset[str]


POSTS = Sql(
    """
SELECT m.role, m.organisation_id, m.place_id, m.user_id
FROM membership m JOIN app_user u ON u.id = m.user_id
WHERE m.system_id = :system_id AND m.ended_at IS NULL AND u.active
  AND ((m.organisation_id = :org AND m.role IN ('team_lead','safeguarding_lead','provider_leader'))
    OR (m.place_id IN (:place, :root)
        AND m.role IN ('governance_lead','safeguarding_lead','accountable_officer')))
"""
)
SOURCES = Sql("SELECT user_id, organisation_id FROM concern_source WHERE concern_id = :id")


def barred(tx: Tx, concern_id: str) -> Barred:
    """Who is named in this concern."""
    rows = tx.rows(SOURCES, id=concern_id)
    return Barred(frozenset(r[0] for r in rows if r[0]), frozenset(r[1] for r in rows if r[1]))


def levels(place_path: str) -> tuple[str, str]:
    """The place of level 2 and the root, from a place's path `/root/place/...`."""
    parts = place_path.strip("/").split("/")
    return parts[min(1, len(parts) - 1)], parts[0]


def reviewers(
    tx: Tx,
    system_id: str,
    organisation_id: str,
    place_path: str,
    level: int,
    ceiling: int,
    at: datetime,
    excluding: str | None = None,
) -> tuple[int, str]:
    """The first level from `level` up that has somebody to review, and its owner key.

    If nobody is found up to level 4, the accountable officer's key is given all the same: the
    health page names a level without anybody."""
    place, root = levels(place_path)
    posts = tx.rows(POSTS, system_id=system_id, org=organisation_id, place=place, root=root)
    found = {
        (role, where)
        for role, org, at_place, user in posts
        if user != excluding
        for where in ({org, at_place} if at_place else {org})
    }
    rungs = (
        (1, Role.TEAM_LEAD, organisation_id),
        (2, Role.GOVERNANCE_LEAD, place),
        (3, Role.GOVERNANCE_LEAD, root),
        (4, Role.ACCOUNTABLE_OFFICER, root),
    )
    for number, role, where in rungs:
        if number >= level and (role, where) in found:
            return number, role_key(role, where)
    number, role, where = rungs[max(level, min(ceiling, 4)) - 1]
    return number, role_key(role, where)


def safeguarding(
    tx: Tx,
    system_id: str,
    organisation_id: str,
    place_path: str,
    rung: int,
    named: Barred,
    at: datetime,
) -> tuple[int, str]:
    """The first rung from `rung` up that isn't barred: safeguarding lead of the organisation, of
    the place, of the system, then the accountable officer, then the place's outside contact."""
    place, root = levels(place_path)
    posts = tx.rows(POSTS, system_id=system_id, org=organisation_id, place=place, root=root)
    free = {
        (role, where)
        for role, org, at_place, user in posts
        if user not in named.users and org not in named.organisations
        for where in ({org, at_place} if at_place else {org})
    }
    rungs = (
        (1, Role.SAFEGUARDING_LEAD, organisation_id),
        (2, Role.SAFEGUARDING_LEAD, place),
        (3, Role.SAFEGUARDING_LEAD, root),
        (4, Role.ACCOUNTABLE_OFFICER, root),
    )
    for number, role, where in rungs:
        if number >= rung and (role, where) in free:
            return number, role_key(role, where)
    # Above the top: the clock starts again there; with nobody free at all, the outside contact.
    for number, role, where in reversed(rungs):
        if (role, where) in free:
            return number, role_key(role, where)
    return 5, role_key("outside", place)

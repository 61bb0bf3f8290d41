"""Who answers to an owner key, and the notices that reach them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from referral.actors import Actor
from referral.facts import ABSENT
from referral.members import actor_of
from referral.states import Role
from referral.store import Sql, Tx

POST = Sql(
    "SELECT m.id FROM membership m WHERE m.system_id = :system_id AND m.role = :role"
    " AND (m.organisation_id = :place OR m.place_id = :place) ORDER BY m.id"
)
EVERYWHERE = Sql(
    "SELECT m.id FROM membership m WHERE m.system_id = :system_id AND m.role = :role ORDER BY m.id"
)
HOME = Sql(
    f"SELECT lw.role, lw.organisation_id, {ABSENT} FROM membership lw"
    " WHERE lw.id = :id AND lw.system_id = :system_id"
)


def holders(tx: Tx, system_id: str, role: str, where: str, at: datetime) -> list[Actor]:
    """Everyone who has this role in this organisation, or over this place."""
    rows = tx.rows(POST, system_id=system_id, role=role, place=where)
    return members(tx, (row[0] for row in rows), at)


def everywhere(tx: Tx, system_id: str, role: Role, at: datetime) -> list[Actor]:
    """Everyone who has this role anywhere in the system."""
    rows = tx.rows(EVERYWHERE, system_id=system_id, role=str(role))
    return members(tx, (row[0] for row in rows), at)


def members(tx: Tx, ids: Iterable[str], at: datetime) -> list[Actor]:
    """The actors these memberships are now, without those who have left."""
    return [actor for actor in (actor_of(tx, i, at) for i in ids) if actor is not None]


def stand_ins(tx: Tx, system_id: str, membership_id: str, at: datetime) -> list[Actor]:
    """The team leads of a link worker's organisation; none for any other role."""
    row = tx.row(HOME, id=membership_id, system_id=system_id, at=at)
    if row is None or row[0] != Role.LINK_WORKER:
        return []
    return holders(tx, system_id, Role.TEAM_LEAD, row[1], at)


def is_absent(tx: Tx, system_id: str, membership_id: str, at: datetime) -> bool:
    """Whether this member has left or is away."""
    row = tx.row(HOME, id=membership_id, system_id=system_id, at=at)
    return row is None or bool(row[2])


GIVE = Sql(
    "INSERT INTO notice (system_id, outbox_id, membership_id, what, noun, record_id, at)"
    " VALUES (:system_id, :outbox_id, :membership_id, :what, :noun, :record_id, :at)"
    " ON CONFLICT (outbox_id, membership_id) DO NOTHING"
)


def give(
    tx: Tx, to: Actor, outbox_id: int, what: str, noun: str, record_id: str, at: datetime
) -> None:
    """Put one notice in a member's list; once for each letter."""
    tx.run(
        GIVE,
        system_id=to.system_id,
        outbox_id=outbox_id,
        membership_id=to.membership_id,
        what=what,
        noun=noun,
        record_id=record_id,
        at=at,
    )


READ = Sql(
    "UPDATE notice SET read_at = :at WHERE membership_id = :membership AND system_id = :system_id"
    " AND id <= :up_to AND read_at IS NULL"
)


def mark_read(tx: Tx, actor: Actor, at: datetime, up_to: int) -> int:
    """Mark a member's own notices as read, up to the newest they had on the page; how many."""
    return tx.run(
        READ, at=at, membership=actor.membership_id, system_id=actor.system_id, up_to=up_to
    )

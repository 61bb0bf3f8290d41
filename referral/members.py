"""Who an account is, in one of its roles: the actor behind a session, a token or a proposal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from referral.actors import Actor, Glass
from referral.scopes import OPEN_NOW
from referral.states import Role
from referral.store import Sql, Tx

GLASS_COLUMNS = "y.id, y.reference, y.person_id, yp.subject_ref, y.reason, y.until"
GLASS = f"""LEFT JOIN emergency y ON y.opened_by = m.id AND {OPEN_NOW}
LEFT JOIN person yp ON yp.id = y.person_id"""
ACTOR_COLUMNS = f"""m.id, m.system_id, m.user_id, m.organisation_id, m.role, m.place_id, p.path,
  u.name, o.name, {GLASS_COLUMNS}"""
ACTOR_TIMES = (14,)
ACTOR_TABLES = f"""JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
LEFT JOIN place p ON p.id = m.place_id
{GLASS}"""
ACTOR_NOW = "u.active AND m.started_at <= :at AND (m.ended_at IS NULL OR m.ended_at > :at)"
MEMBER = Sql(
    f"SELECT {ACTOR_COLUMNS} FROM membership m {ACTOR_TABLES} WHERE m.id = :id AND {ACTOR_NOW}",
    times=ACTOR_TIMES,
)


def actor_from(row: tuple[Any, ...]) -> Actor:
    """The actor of a row of `ACTOR_COLUMNS`."""
    return Actor(
        role=Role(row[4]),
        system_id=row[1],
        membership_id=row[0],
        user_id=row[2],
        organisation_id=row[3],
        place_id=row[5],
        place_path=row[6],
        name=row[7],
        organisation_name=row[8],
        glass=None if row[9] is None else Glass._make(row[9:]),
    )


def actor_of(tx: Tx, membership_id: str, at: datetime) -> Actor | None:
    """The actor this membership is now; None if it has ended or the account is suspended."""
    row = tx.row(MEMBER, id=membership_id, at=at)
    return None if row is None else actor_from(row)

"""Who an account is, in one of its roles: the actor behind a session, a token or a proposal."""

from __future__ import annotations

from datetime import datetime

from referral.actors import Actor
from referral.states import Role
from referral.store import Sql, Tx

MEMBER = Sql(
    """
SELECT m.id, m.system_id, m.user_id, m.organisation_id, m.role, m.place_id, p.path, u.name, o.name
FROM membership m
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
LEFT JOIN place p ON p.id = m.place_id
WHERE m.id = :id AND u.active AND m.started_at <= :at AND (m.ended_at IS NULL OR m.ended_at > :at)
"""
)


def actor_of(tx: Tx, membership_id: str, at: datetime) -> Actor | None:
    """The actor this membership is now; None if it has ended or the account is suspended."""
    row = tx.row(MEMBER, id=membership_id, at=at)
    if row is None:
        return None
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
    )

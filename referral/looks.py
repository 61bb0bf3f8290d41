"""Who looked at what: the reads that the audit log keeps, told of one record."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple

from referral.actors import Actor
from referral.audit import EMERGENCY_READ
from referral.facts import EmergencyFacts
from referral.store import Sql, Tx


class Look(NamedTuple):
    """One page that was opened."""

    at: datetime
    noun: str
    record_id: str | None


UNDER = Sql(
    "SELECT a.at, a.noun, a.record_id, a.leaf FROM audit a WHERE a.system_id = :system_id"
    " AND a.at >= :first AND a.at <= :last AND a.action = :action AND a.noun <> 'emergency'"
    " AND a.membership_id = :member_id ORDER BY a.at, a.seq LIMIT 500",
    times=(0,),
)


def under(tx: Tx, actor: Actor, f: EmergencyFacts, opened: datetime) -> list[Look]:
    """Every page that was opened under emergency access the actor was let at, in order."""
    rows = tx.rows(
        UNDER,
        system_id=actor.system_id,
        first=opened,
        last=f.until,
        action=EMERGENCY_READ,
        member_id=f.opened_by,
    )
    return [
        Look(at, noun, record_id)
        for at, noun, record_id, leaf in rows
        if json.loads(leaf).get("emergency") == f.id
    ]

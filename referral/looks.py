"""Who looked at what: the reads that the audit log keeps, told of one record."""

from __future__ import annotations

import json
from datetime import datetime
from typing import NamedTuple

from referral.actors import Actor
from referral.audit import EMERGENCY_READ, READ
from referral.facts import EmergencyFacts
from referral.states import Noun, Role, listed
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


# -- who looked at a person's record --------------------------------------------------------------

# What is told of: the record itself. What is kept about safety, and reviews, is left out by noun;
# those who look for safety's sake by role, whatever they looked at. Both always, for everybody: a
# line that is missing only now and then would tell.
TOLD = listed("person", "plan", Noun.REFERRAL, Noun.CONSENT)
LEFT_OUT = listed(Role.SAFEGUARDING_LEAD, Role.ACCOUNTABLE_OFFICER)
FAR = 2**62


class Looked(NamedTuple):
    """One reading of a person's record, by whom and why."""

    seq: int
    at: datetime
    noun: str
    role: str
    organisation: str | None
    name: str | None
    purpose: str | None
    emergency: bool


OF_PERSON = Sql(
    f"""SELECT a.seq, a.at, a.noun, a.action, a.leaf, o.name, u.name
  FROM audit a
  LEFT JOIN membership m ON m.id = a.membership_id
  LEFT JOIN app_user u ON u.id = m.user_id
  LEFT JOIN organisation o ON o.id = m.organisation_id
  WHERE a.subject = :subject AND a.system_id = :system_id AND a.seq < :before
    AND a.action IN ({listed(READ, EMERGENCY_READ)}) AND a.noun IN ({TOLD})
    AND (m.role IS NULL OR m.role NOT IN ({LEFT_OUT}))
  ORDER BY a.seq DESC LIMIT :most""",
    times=(1,),
)


def of_person(
    tx: Tx, system_id: str, subject: str, before: int | None = None, most: int = 100
) -> list[Looked]:
    """Who looked at the record of a person the asker was let at, or at their own: the newest first,
    those before this number. Nothing in it tells of a concern."""
    rows = tx.rows(
        OF_PERSON,
        system_id=system_id,
        subject=subject,
        before=FAR if before is None else before,
        most=most,
    )
    found = []
    for seq, at, noun, action, text, organisation, name in rows:
        leaf = json.loads(text)
        emergency = action == EMERGENCY_READ
        found.append(
            Looked(seq, at, noun, leaf["role"], organisation, name, leaf.get("purpose"), emergency)
        )
    return found


# -- who changed what -----------------------------------------------------------------------------


class Changed(NamedTuple):
    """The last change of something that no machine governs, and by whom."""

    at: datetime
    name: str
    organisation: str
    organisation_id: str


_LAST = """SELECT a.at, u.name, o.name, CAST(o.id AS text) FROM audit a
  JOIN membership m ON m.id = a.membership_id
  JOIN app_user u ON u.id = m.user_id
  JOIN organisation o ON o.id = m.organisation_id
  WHERE {of} AND a.system_id = :system_id AND a.action = :action
  ORDER BY a.seq DESC LIMIT 1"""
LAST_OF_RECORD = Sql(_LAST.format(of="a.record_id = :id"), times=(0,))
LAST_OF_PERSON = Sql(_LAST.format(of="a.subject = :id"), times=(0,))


def last_change(
    tx: Tx, actor: Actor, action: str, record_id: str, *, of_person: bool = False
) -> Changed | None:
    """Who last did this to a record the asker was let at; `of_person`: the id is what stands for a
    person in the log."""
    query = LAST_OF_PERSON if of_person else LAST_OF_RECORD
    row = tx.row(query, id=record_id, system_id=actor.system_id, action=action)
    return None if row is None else Changed._make(row)

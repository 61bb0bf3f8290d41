"""The only reading queries for lists. Each names its scope: the system, and the organisation,
provider, place or owner keys of the actor. What is outside it isn't found."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from referral.actors import Actor
from referral.states import Noun
from referral.store import Sql, Tx


class StepSeen(NamedTuple):
    """One step of a record, as its timeline tells it."""

    version: int
    trigger: str
    from_state: str | None
    to_state: str
    at: datetime
    role: str
    name: str | None
    organisation: str | None
    organisation_id: str | None
    behalf: str | None
    second: str | None
    cause: str | None
    reason: str | None
    note_id: str | None


STEPS = Sql(
    """
SELECT s.version, s.trigger, s.from_state, s.to_state, s.at, s.role, u.name, o.name,
  s.organisation_id, bu.name, cu.name, s.cause, s.reason, s.note_id
FROM step s
LEFT JOIN membership m ON m.id = s.membership_id
LEFT JOIN app_user u ON u.id = m.user_id
LEFT JOIN organisation o ON o.id = s.organisation_id
LEFT JOIN membership b ON b.id = s.on_behalf_of
LEFT JOIN app_user bu ON bu.id = b.user_id
LEFT JOIN membership c ON c.id = s.second_id
LEFT JOIN app_user cu ON cu.id = c.user_id
WHERE s.record_id = :record_id AND s.system_id = :system_id AND s.noun = :noun
  AND s.version > :after
ORDER BY s.version DESC
""",
    (4,),
)


def steps_since(
    tx: Tx, actor: Actor, at: datetime, noun: Noun, record_id: str, after: int = 0
) -> list[StepSeen]:
    """The steps of a record after a version, newest first. Whoever asks has been let at the record
    itself first."""
    rows = tx.rows(
        STEPS, record_id=record_id, system_id=actor.system_id, noun=str(noun), after=after
    )
    return [StepSeen(*row) for row in rows]

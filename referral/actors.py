"""Who acts: a member with a role in an organisation, the person, or the system with a cause."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from referral.clocks import member_key, person_key, role_key
from referral.states import Role

NOBODY = "00000000-0000-0000-0000-000000000000"


class Glass(NamedTuple):
    """Emergency access in force: whose record the actor has open besides, why, and until when."""

    id: str
    reference: str
    person_id: str
    subject_ref: str
    reason: str
    until: datetime


@dataclass(frozen=True)
class Actor:
    """An account in one of its roles, the person supported, or the system.

    `place_path` is set for those who answer for a whole place. `keys` are the owner keys the actor
    answers to. The system has a `cause`: what made it act. `glass` is the
    emergency access in force."""

    role: Role
    system_id: str
    membership_id: str = NOBODY
    user_id: str = NOBODY
    organisation_id: str = NOBODY
    place_id: str | None = None
    place_path: str | None = None
    person_id: str = NOBODY
    cause: str | None = None
    name: str = ""
    organisation_name: str = ""
    glass: Glass | None = None
    keys: frozenset[str] = field(default=frozenset())

    def __post_init__(self) -> None:
        keys = set()
        if self.membership_id != NOBODY:
            keys = {member_key(self.membership_id), role_key(self.role, self.organisation_id)}
            if self.place_id is not None:
                keys.add(role_key(self.role, self.place_id))
        if self.role is Role.PERSON:
            keys.add(person_key(self.person_id))
        object.__setattr__(self, "keys", frozenset(keys))

    @property
    def id(self) -> str:
        """What stands for the actor in idempotency keys and in the log."""
        return self.person_id if self.role is Role.PERSON else self.membership_id


def the_system(system_id: str, cause: str) -> Actor:
    """The system itself, acting because of `cause` (a clock, or a move that was made)."""
    return Actor(role=Role.SYSTEM, system_id=system_id, cause=cause)

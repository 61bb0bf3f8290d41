"""Who has looked at a person's record, as the person is told: by day, role and organisation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from referral.looks import Looked
from workflows.working_time import local_day

NAME = "name"


@dataclass(frozen=True)
class Told:
    """What somebody looked at on one day, and why; `name` only where the policy has it told."""

    day: date
    role: str
    organisation: str | None
    name: str | None
    why: str
    times: int


def told(looks: Iterable[Looked], shown: Iterable[str]) -> list[Told]:
    """The looks of each day put together, the newest first. `shown`: what the policy of the place
    has told of who looked."""
    names = NAME in set(shown)
    counted: dict[tuple[date, str, str | None, str | None, str], int] = {}
    for one in looks:
        name = one.name if names else None
        why = "emergency" if one.emergency else one.purpose or "care"
        key = (local_day(one.at), one.role, one.organisation, name, why)
        counted[key] = counted.get(key, 0) + 1
    return [Told(*key, times) for key, times in counted.items()]

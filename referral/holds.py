"""The ordinary holds: those that no concern placed. Who may lift one is decided elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from referral.schema import HOLD_LIVE, of
from referral.store import Sql, Tx

ORDINARY = Sql(
    f"""SELECT h.id, h.cause, h.started, h.until, h.closed_to, h.owner,
    coalesce((SELECT u.name FROM membership m JOIN app_user u ON u.id = m.user_id
      WHERE 'member@' || CAST(m.id AS text) = h.owner), '')
  FROM hold h WHERE h.person_id = :person_id AND {of("h", HOLD_LIVE)} AND h.cause <> 'concern'
    AND (h.provider_id IS NULL OR h.provider_id = :provider_id)
    AND (h.referral_id IS NULL OR h.referral_id = :id) ORDER BY h.started, h.id""",
    times=(2, 3),
)
ONE_HOLD = Sql(
    "SELECT h.id, h.system_id, h.owner, h.person_id, h.referral_id, h.ended FROM hold h"
    " WHERE h.id = :id",
    times=(5,),
)
END_HOLD_CLOCK = Sql("UPDATE clock SET ended = :at WHERE record_id = :id AND ended IS NULL")


class OrdinaryHold(NamedTuple):
    """A hold that no concern placed."""

    id: str
    cause: str
    started: datetime
    until: datetime
    closed_to: str | None
    owner: str
    owner_name: str


class HoldOf(NamedTuple):
    """What a hold's clock must know of it."""

    id: str
    system_id: str
    owner: str
    person_id: str
    referral_id: str | None
    ended: datetime | None


def ordinary_holds(tx: Tx, f: Any) -> list[OrdinaryHold]:
    """The ordinary holds in force that reach this referral, the oldest first."""
    asked = {"id": f.id, "person_id": f.person_id, "provider_id": f.provider_id}
    return [OrdinaryHold._make(row) for row in tx.rows(ORDINARY, **asked)]


def hold_of(tx: Tx, hold_id: str) -> HoldOf | None:
    """The hold a clock belongs to."""
    row = tx.row(ONE_HOLD, id=hold_id)
    return None if row is None else HoldOf._make(row)


def end_hold_clock(tx: Tx, hold_id: str, at: datetime) -> None:
    """A hold that is lifted has no deadline."""
    tx.run(END_HOLD_CLOCK, id=hold_id, at=at)

"""What a named person has to do by hand, because no message can do it: somebody who can't be
written to, or a message that came back."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ForeignKey, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from referral.ids import new_id
from referral.schema import Base, Key, Ref
from referral.states import UNFINISHED, Purpose, listed
from referral.store import Sql, Tx

ERRAND_TODO = "done_at IS NULL"


class Errand(Base):
    """One thing to do by hand. `owner` is an owner key; `whom` says who is to be reached, as one.
    `slot` names what it is for: the database refuses a second."""

    __tablename__ = "errand"
    id: Mapped[Key]
    system_id: Mapped[Ref] = mapped_column(ForeignKey("system.id"))
    slot: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str]
    what: Mapped[str]
    whom: Mapped[str]
    says: Mapped[str | None]  # the code of what they should have heard
    noun: Mapped[str]
    record_id: Mapped[Ref]
    at: Mapped[datetime]
    due: Mapped[datetime]
    done_at: Mapped[datetime | None]
    done_by: Mapped[Ref | None] = mapped_column(ForeignKey("membership.id"))
    __table_args__ = (
        Index(
            "ix_errand_todo",
            "owner",
            "due",
            sqlite_where=sql(ERRAND_TODO),
            postgresql_where=sql(ERRAND_TODO),
        ),
    )


class ErrandSeen(NamedTuple):
    """An errand as its owner sees it. `name` and `phone` are of the member to be reached; of a
    person they stand on the person's own page. `purpose` and `provider` are of the consent it is
    about; `practice` is the person's, where it is to be told, and then `phone` the practice's."""

    id: str
    owner: str
    what: str
    whom: str
    says: str | None
    noun: str
    record_id: str
    at: datetime
    due: datetime
    reference: str | None
    name: str | None
    phone: str | None
    purpose: str | None
    provider: str | None
    practice: str | None = None


OPEN = Sql(
    "INSERT INTO errand (id, system_id, slot, owner, what, whom, says, noun, record_id, at, due)"
    " VALUES (:id, :system_id, :slot, :owner, :what, :whom, :says, :noun, :record_id, :at, :due)"
    " ON CONFLICT (slot) DO NOTHING"
)
# Somebody's practice is kept by its name or code: its number is known where it is in the system.
PHONE_OF_PRACTICE = """(SELECT min(g.phone) FROM organisation g
    WHERE g.system_id = pe.system_id AND g.kind = 'practice' AND g.ended_at IS NULL
      AND (g.name = pe.practice OR g.ods_code = pe.practice))"""
# Nobody is to be told to renew a consent that nothing counts on any more.
LISTED = f"""
SELECT e.id, e.owner, e.what, e.whom, e.says, e.noun, e.record_id, e.at, e.due,
  coalesce(r.reference, k.reference, x.reference),
  (SELECT u.name FROM membership m JOIN app_user u ON u.id = m.user_id
    WHERE 'member@' || CAST(m.id AS text) = e.whom),
  coalesce((SELECT coalesce(u.phone, o.phone) FROM membership m JOIN app_user u ON u.id = m.user_id
    JOIN organisation o ON o.id = m.organisation_id
    WHERE 'member@' || CAST(m.id AS text) = e.whom), {PHONE_OF_PRACTICE}),
  c.purpose, po.name, pe.practice
FROM errand e
LEFT JOIN referral r ON e.noun = 'referral' AND r.id = e.record_id
LEFT JOIN concern k ON e.noun = 'concern' AND k.id = e.record_id
LEFT JOIN escalation x ON e.noun = 'escalation' AND x.id = e.record_id
LEFT JOIN consent c ON e.noun = 'consent' AND c.id = e.record_id
LEFT JOIN provider pr ON CAST(pr.id AS text) = c.recipient
LEFT JOIN organisation po ON po.id = pr.organisation_id
LEFT JOIN person pe ON e.what = 'tell_practice_by_hand' AND pe.id = r.person_id
WHERE e.system_id = :system_id AND e.done_at IS NULL AND
  (e.noun <> 'consent' OR e.says IS NULL OR e.says <> 'reminder'
    OR c.state <> 'given' OR EXISTS (SELECT 1 FROM referral cr WHERE cr.person_id = c.person_id
      AND (c.purpose <> '{Purpose.SHARE_WITH_PROVIDER}'
        OR CAST(cr.provider_id AS text) = c.recipient)
      AND cr.state IN ({listed(*UNFINISHED)}))) AND """
_ORDER = " ORDER BY e.due, e.id LIMIT 50"
_TIMES = (7, 8)
_OWN_PG, _OWN_SQLITE = "e.owner = ANY(:keys)", "e.owner IN (SELECT value FROM json_each(:keys))"
OWN_PG = Sql(f"{LISTED} {_OWN_PG} {_ORDER}", _TIMES)
OWN_SQLITE = Sql(f"{LISTED} {_OWN_SQLITE} {_ORDER}", _TIMES)
# And what a team has to do, for its lead; what is about safety isn't the team's.
_OF_TEAM = """e.noun <> 'concern' AND e.owner IN
  (SELECT 'member@' || CAST(m.id AS text) FROM membership m WHERE m.organisation_id = :org
    AND m.role = 'link_worker')"""


def _with_team(own: str) -> Sql:
    """As many of each, their own first."""
    return Sql(
        f"SELECT * FROM ({LISTED} {own} {_ORDER}) own UNION ALL"
        f" SELECT * FROM ({LISTED} NOT ({own}) AND {_OF_TEAM} {_ORDER}) team",
        _TIMES,
    )


TEAM_PG, TEAM_SQLITE = _with_team(_OWN_PG), _with_team(_OWN_SQLITE)
DONE = Sql(
    "UPDATE errand SET done_at = :at, done_by = :member WHERE id = :id AND done_at IS NULL"
    " AND system_id = :system_id"
)
IS_DONE = Sql(
    "SELECT 1 FROM errand WHERE id = :id AND system_id = :system_id AND done_at IS NOT NULL"
)


def put_on_list(
    tx: Tx,
    *,
    system_id: str,
    slot: str,
    owner: str,
    what: str,
    whom: str,
    says: str | None,
    noun: str,
    record_id: str,
    at: datetime,
    due: datetime,
) -> bool:
    """Ask a named owner to do something by hand. False when they have been asked already."""
    done = tx.run(
        OPEN,
        id=new_id(at),
        system_id=system_id,
        slot=slot,
        owner=owner,
        what=what,
        whom=whom,
        says=says,
        noun=noun,
        record_id=record_id,
        at=at,
        due=due,
    )
    return done == 1


def _keys(tx: Tx, keys: Iterable[str]) -> object:
    return sorted(keys) if tx.pg else json.dumps(sorted(keys))


def waiting(
    tx: Tx, system_id: str, keys: frozenset[str], of_team: str | None = None
) -> list[ErrandSeen]:
    """What whoever answers to these keys has to do, the most pressing first; `of_team`: then what
    the link workers of this organisation have to do by hand."""
    asked = {"system_id": system_id, "keys": _keys(tx, keys)}
    if of_team is None:
        rows = tx.rows(OWN_PG if tx.pg else OWN_SQLITE, **asked)
    else:
        rows = tx.rows(TEAM_PG if tx.pg else TEAM_SQLITE, **asked, org=of_team)
    found = [ErrandSeen._make(row) for row in rows]
    return sorted(found, key=lambda one: (one.owner not in keys, one.due, one.id))


def cross_off(tx: Tx, system_id: str, errand_id: str, member: str, at: datetime) -> bool:
    """It is done. False when it was."""
    return tx.run(DONE, id=errand_id, system_id=system_id, member=member, at=at) == 1


def is_done(tx: Tx, system_id: str, errand_id: str) -> bool:
    """Whether there is such an errand, and it is done."""
    return tx.row(IS_DONE, id=errand_id, system_id=system_id) is not None

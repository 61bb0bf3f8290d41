"""Who can see what: every account's role with when it was last used, and how many people each
organisation holds. For those who answer for the place; what is outside it isn't found."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from referral.actors import Actor
from referral.oversight import WITHIN
from referral.scopes import asked
from referral.states import Role
from referral.store import Sql, Tx

FIRST = ("", "00000000-0000-0000-0000-000000000000")


class Access(NamedTuple):
    """One role of one account, as it stands."""

    membership_id: str
    user_id: str
    name: str
    email: str
    active: bool
    role: str
    organisation_id: str
    organisation: str
    place: str | None
    path: str | None
    started_at: datetime
    ended_at: datetime | None
    seen_at: datetime | None
    live: int
    keys: int
    earlier: int
    second_step: int


ACCOUNTS = Sql(
    f"""
SELECT m.id, u.id, u.name, u.email, u.active, m.role, o.id, o.name, mp.name, mp.path,
  m.started_at, m.ended_at,
  (SELECT max(s.seen_at) FROM sign_in s WHERE s.user_id = u.id AND s.membership_id = m.id),
  (SELECT count(*) FROM sign_in s WHERE s.user_id = u.id AND s.revoked_at IS NULL
     AND s.idle_until > :at AND s.ends_at > :at),
  (SELECT count(*) FROM api_token t WHERE t.membership_id = m.id AND t.revoked_at IS NULL
     AND t.expires_at > :at),
  (SELECT count(*) FROM membership e WHERE e.user_id = u.id AND e.id <> m.id
     AND e.ended_at IS NOT NULL AND e.ended_at > :lately),
  (SELECT count(*) FROM second_step t WHERE t.user_id = u.id)
FROM membership m
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
JOIN place pl ON pl.id = o.place_id
LEFT JOIN place mp ON mp.id = m.place_id
WHERE m.system_id = :system_id AND {WITHIN}
  AND (m.ended_at IS NULL OR m.ended_at > :lately)
  AND (u.name, m.id) > (:name, :after)
ORDER BY u.name, m.id LIMIT :most
""",
    times=(10, 11, 12),
)


def accounts(
    tx: Tx,
    actor: Actor,
    at: datetime,
    lately: datetime,
    after: tuple[str, str] = FIRST,
    most: int = 1_000,
) -> list[Access]:
    """The accounts in the place the actor answers for, by name, with those that ended since
    `lately`. `after`: (name, membership) of the last row of the page before."""
    rows = tx.rows(
        ACCOUNTS, **asked(actor), at=at, lately=lately, name=after[0], after=after[1], most=most
    )
    return [Access._make(_plain(row)) for row in rows]


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:4], bool(row[4]), *row[5:13], *map(int, row[13:]))


HELD = Sql(
    "SELECT o.id, pl.path, count(pe.id) FROM organisation o JOIN place pl ON pl.id = o.place_id"
    " LEFT JOIN guard.person pe ON pe.organisation_id = o.id AND pe.merged_into IS NULL"
    " WHERE o.system_id = :system_id GROUP BY o.id, pl.path"
)
SENT = Sql(
    "SELECT v.organisation_id, count(DISTINCT r.person_id) FROM provider v"
    " JOIN guard.referral r ON r.provider_id = v.id AND r.sent_at IS NOT NULL"
    " AND r.state NOT IN ('draft','in_error')"
    " WHERE v.system_id = :system_id GROUP BY v.organisation_id"
)


class Numbers(NamedTuple):
    """How many people each organisation holds, by its id with its place; and how many each
    provider was sent."""

    held: dict[str, tuple[str, int]]
    sent: dict[str, int]


def numbers(tx: Tx, actor: Actor) -> Numbers:
    """Numbers only, for saying what a role reaches."""
    held = {row[0]: (row[1], int(row[2])) for row in tx.rows(HELD, system_id=actor.system_id)}
    sent = {row[0]: int(row[1]) for row in tx.rows(SENT, system_id=actor.system_id)}
    return Numbers(held, sent)


LAST = Sql(
    "SELECT a.at, u.name FROM audit a JOIN membership m ON m.id = a.membership_id"
    " JOIN app_user u ON u.id = m.user_id"
    " WHERE a.record_id = :place_id AND a.action = 'access_reviewed' ORDER BY a.seq DESC LIMIT 1",
    times=(0,),
)


def last_review(tx: Tx, place_id: str) -> tuple[datetime, str] | None:
    """When the access of a place was last reviewed, and by whom."""
    row = tx.row(LAST, place_id=place_id)
    return None if row is None else (row[0], str(row[1]))


WAITING = Sql(
    f"""SELECT count(*) FROM emergency y JOIN organisation o ON o.id = y.organisation_id
  JOIN place pl ON pl.id = o.place_id
  WHERE y.system_id = :system_id AND y.state = 'under_review' AND {WITHIN}"""
)


def emergencies_to_review(tx: Tx, actor: Actor) -> int:
    """How many uses of emergency access wait for their review: a number."""
    row = tx.row(WAITING, **asked(actor))
    return int(row[0]) if row else 0


# -- a role that was given ----------------------------------------------------------------------

GIVEN = "role_given"
LOOKS = Sql(
    "SELECT m.role, p.id FROM place p JOIN membership m ON m.place_id = p.id"
    " AND m.role IN ('governance_lead','accountable_officer','information_governance_lead')"
    " AND (m.ended_at IS NULL OR m.ended_at > :at)"
    " JOIN app_user u ON u.id = m.user_id AND u.active"
    " WHERE p.system_id = :system_id AND (p.path = :path OR :path LIKE p.path || '/%')"
    " AND CAST(m.user_id AS text) <> :user_id"
    " ORDER BY length(p.path) DESC, CASE m.role WHEN 'governance_lead' THEN 0"
    " WHEN 'accountable_officer' THEN 1 ELSE 2 END LIMIT 1"
)
TOLD = Sql(
    f"SELECT 1 FROM outbox WHERE to_owner = :to AND what = '{GIVEN}' AND at > :since LIMIT 1"
)


def who_looks(
    tx: Tx, system_id: str, path: str, user_id: str, at: datetime
) -> tuple[Role, str] | None:
    """The role and the place of whoever reviews who can see what there, the nearest first; never
    the account itself."""
    row = tx.row(LOOKS, system_id=system_id, path=path, user_id=user_id, at=at)
    return None if row is None else (Role(row[0]), str(row[1]))


def told_of_roles(tx: Tx, to: str, since: datetime) -> bool:
    """Whether they were told of a role that was given after that."""
    return tx.row(TOLD, to=to, since=since) is not None


# -- the quarter's review -----------------------------------------------------------------------

DUE, LATE = "access_review_due", "access_review_late"


class ToReview(NamedTuple):
    """A place with somebody who reviews who can see what: since when, when it was last reviewed,
    and when those concerned were last told that a review is due, and that it is late."""

    place_id: str
    system_id: str
    path: str
    since: datetime
    reviewed_at: datetime | None
    due_told_at: datetime | None
    late_told_at: datetime | None


def _newest(action: str) -> str:
    return (
        "(SELECT max(a.at) FROM audit a WHERE a.record_id = p.id AND a.noun = 'place'"
        f" AND a.action = '{action}')"
    )


_TO_REVIEW = f"""
SELECT p.id, p.system_id, p.path, min(m.started_at), {_newest("access_reviewed")}, {_newest(DUE)},
  {_newest(LATE)}
FROM place p JOIN membership m ON m.place_id = p.id AND m.role = 'governance_lead'
  AND (m.ended_at IS NULL OR m.ended_at > :at)
WHERE {{which}} GROUP BY p.id, p.system_id, p.path ORDER BY p.id
"""
TO_REVIEW = Sql(_TO_REVIEW.format(which="1 = 1"), times=(3, 4, 5, 6))
ONE_TO_REVIEW = Sql(_TO_REVIEW.format(which="p.id = :id"), times=(3, 4, 5, 6))
# Changes nothing: whoever else tells the same is waited for.
ALONE = Sql("UPDATE place SET name = name WHERE id = :id")
OFFICER = Sql(
    "SELECT p.id FROM place p JOIN membership m ON m.place_id = p.id"
    " AND m.role = 'accountable_officer' AND (m.ended_at IS NULL OR m.ended_at > :at)"
    " WHERE p.system_id = :system_id AND (p.path = :path OR :path LIKE p.path || '/%')"
    " ORDER BY length(p.path) DESC LIMIT 1"
)


def to_review(tx: Tx, at: datetime) -> list[ToReview]:
    """Every place that has a governance lead now."""
    return [_to_review(row) for row in tx.rows(TO_REVIEW, at=at)]


def one_to_review(tx: Tx, place_id: str, at: datetime) -> ToReview | None:
    """One of them as it stands now, nobody else telling of it meanwhile."""
    tx.run(ALONE, id=place_id)
    row = tx.row(ONE_TO_REVIEW, id=place_id, at=at)
    return None if row is None else _to_review(row)


def _to_review(row: tuple[Any, ...]) -> ToReview:
    return ToReview(str(row[0]), str(row[1]), *row[2:])


def officers_place(tx: Tx, seen: ToReview, at: datetime) -> str | None:
    """The nearest place with an accountable officer who answers for this one."""
    row = tx.row(OFFICER, system_id=seen.system_id, path=seen.path, at=at)
    return None if row is None else str(row[0])

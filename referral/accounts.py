"""Accounts as those who set up see them: narrowed, in pages, and what waits for one of their roles.

What is outside the place the actor answers for isn't found."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from referral.actors import Actor
from referral.clocks import member_key, role_key
from referral.oversight import ACCOUNT_COLUMNS, WITHIN, Account, account_made
from referral.scopes import asked
from referral.states import REFERRAL_OPEN, Role, listed
from referral.store import Sql, Tx

# Who was asked to choose a password and has none yet.
INVITED = "(u.invited_at IS NOT NULL AND u.password_hash IS NULL)"
# Which accounts: those whose role goes on and who can sign in, will once they chose a password, or
# can't, and roles that ended.
STANDING = {
    "here": f"(m.ended_at IS NULL OR m.ended_at > :at) AND u.active AND NOT {INVITED}",
    "invited": f"(m.ended_at IS NULL OR m.ended_at > :at) AND u.active AND {INVITED}",
    "suspended": "(m.ended_at IS NULL OR m.ended_at > :at) AND NOT u.active",
    "ended": "m.ended_at <= :at",
}
_FROM = f"""
FROM membership m
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
JOIN place pl ON pl.id = o.place_id
LEFT JOIN place mp ON mp.id = m.place_id
WHERE m.system_id = :system_id AND {WITHIN}
"""
_NARROWED = """ AND (:role = '' OR m.role = :role)
  AND (:organisation = '' OR CAST(o.id AS text) = :organisation)
  AND (:called = '' OR lower(u.name) LIKE :called ESCAPE '!'
    OR lower(u.email) LIKE :called ESCAPE '!')"""
_AFTER = """ AND (:after = '' OR (u.name, CAST(m.id AS text)) > (
    SELECT fu.name, CAST(fm.id AS text) FROM membership fm JOIN app_user fu ON fu.id = fm.user_id
    WHERE CAST(fm.id AS text) = :after))
  ORDER BY u.name, m.id LIMIT :most"""
PAGES = {
    name: Sql(f"SELECT {ACCOUNT_COLUMNS} {_FROM} AND {which} {_NARROWED} {_AFTER}", (9, 10))
    for name, which in STANDING.items()
}
COUNTS = Sql(
    "SELECT "
    + ", ".join(
        f"coalesce(sum(CASE WHEN {which} THEN 1 ELSE 0 END), 0)" for which in STANDING.values()
    )
    + _FROM
    + _NARROWED
)


def within(words: str) -> str:
    """A part of a name or an email address, as a pattern that takes every sign as it is typed."""
    typed = " ".join(words.split()).lower()
    for sign in ("!", "%", "_"):
        typed = typed.replace(sign, f"!{sign}")
    return f"%{typed}%" if typed else ""


def page(
    tx: Tx,
    actor: Actor,
    at: datetime,
    standing: str,
    role: str = "",
    organisation: str = "",
    after: str = "",
    most: int = 51,
    called: str = "",
) -> list[Account]:
    """Accounts by name. `after`: the membership of the last row of the page before. `called`: a
    part of the name or of the email address."""
    rows = tx.rows(
        PAGES[standing],
        **asked(actor),
        at=at,
        role=role,
        organisation=organisation,
        called=within(called),
        after=after,
        most=most,
    )
    return [account_made(row) for row in rows]


def counts(
    tx: Tx, actor: Actor, at: datetime, role: str = "", organisation: str = "", called: str = ""
) -> dict[str, int]:
    """How many there are of each standing."""
    row = tx.row(
        COUNTS,
        **asked(actor),
        at=at,
        role=role,
        organisation=organisation,
        called=within(called),
    )
    return dict(zip(STANDING, map(int, row or (0,) * len(STANDING)), strict=True))


OF_USER = Sql(
    f"SELECT {ACCOUNT_COLUMNS} {_FROM} AND u.id IN (SELECT um.user_id FROM membership um"
    " WHERE um.id = :id AND um.system_id = :system_id) ORDER BY m.started_at, m.id",
    (9, 10),
)


def roles_of(tx: Tx, actor: Actor, membership_id: str) -> list[Account]:
    """Every role, in the place the actor answers for, of the account that has this one."""
    return [account_made(row) for row in tx.rows(OF_USER, **asked(actor), id=membership_id)]


EVERY_ROLE = Sql(
    """
SELECT m.role, p.path FROM membership m JOIN organisation o ON o.id = m.organisation_id
JOIN place p ON p.id = o.place_id
WHERE m.user_id = :user_id AND (m.ended_at IS NULL OR m.ended_at > :at)
"""
)


def every_role(tx: Tx, user_id: str, at: datetime) -> list[tuple[Role, str]]:
    """(role, path of its organisation's place) of an account, wherever it is."""
    return [(Role(row[0]), row[1]) for row in tx.rows(EVERY_ROLE, user_id=user_id, at=at)]


LAST_SEEN = Sql("SELECT max(s.seen_at) FROM sign_in s WHERE s.user_id = :user_id", (0,))


def last_seen(tx: Tx, user_id: str) -> datetime | None:
    """When the account was last used."""
    row = tx.row(LAST_SEEN, user_id=user_id)
    return row[0] if row else None


# -- what waits for a role ----------------------------------------------------------------------


class Waiting(NamedTuple):
    """What one role of an account holds.

    `referrals`: open, with them by name. `reviews`: escalations they took. `others`: all else that
    waits for them by name. `shared`: what waits for whoever has the role there. `next_due`: the
    first of what is theirs by name, referrals aside."""

    referrals: int
    reviews: int
    others: int
    shared: int
    next_due: datetime | None


WAITING = Sql(
    f"""
SELECT
  (SELECT count(*) FROM guard.referral r WHERE CAST(r.link_worker_id AS text) = :member
     AND r.state IN ({listed(*REFERRAL_OPEN)})),
  coalesce(sum(CASE WHEN c.owner = :own AND c.noun = 'escalation' THEN 1 ELSE 0 END), 0),
  coalesce(sum(CASE WHEN c.owner = :own AND c.noun NOT IN ('escalation', 'referral')
    THEN 1 ELSE 0 END), 0),
  coalesce(sum(CASE WHEN c.owner <> :own THEN 1 ELSE 0 END), 0),
  min(CASE WHEN c.owner = :own AND c.noun <> 'referral' THEN c.due END)
FROM clock c
WHERE c.system_id = :system_id AND c.ended IS NULL AND c.owner IN (:own, :there, :over)
""",
    (4,),
)


def waiting(tx: Tx, one: Account, system_id: str) -> Waiting:
    """What the role of a member the actor was let at holds: numbers only, and of safeguarding none
    by itself."""
    row = tx.row(
        WAITING,
        system_id=system_id,
        member=one.membership_id,
        own=member_key(one.membership_id),
        there=role_key(one.role, one.organisation_id),
        over=role_key(one.role, one.place_id or ""),
    )
    found: tuple[Any, ...] = row or (0, 0, 0, 0, None)
    return Waiting(int(found[0]), int(found[1]), int(found[2]), int(found[3]), found[4])


BESIDE = Sql(
    """
SELECT u.name FROM membership m JOIN app_user u ON u.id = m.user_id
WHERE m.system_id = :system_id AND u.active AND m.started_at <= :at
  AND (m.ended_at IS NULL OR m.ended_at > :at)
  AND CAST(m.user_id AS text) <> :user_id AND m.role = :role
  AND (CAST(m.organisation_id AS text) = :organisation OR CAST(m.place_id AS text) = :place)
ORDER BY u.name, m.id LIMIT 5
"""
)


def beside(tx: Tx, one: Account, system_id: str, at: datetime) -> list[str]:
    """Who answers for the work of this role when its holder can't: the team's leads for a link
    worker, for the others whoever has the same role there."""
    lead = one.role == Role.LINK_WORKER
    rows = tx.rows(
        BESIDE,
        system_id=system_id,
        at=at,
        user_id=one.user_id,
        role=Role.TEAM_LEAD if lead else one.role,
        organisation=one.organisation_id,
        place="" if lead else one.place_id or "",
    )
    return [str(row[0]) for row in rows]


ONE = Sql(
    f"SELECT {ACCOUNT_COLUMNS} FROM membership m JOIN app_user u ON u.id = m.user_id"
    " JOIN organisation o ON o.id = m.organisation_id LEFT JOIN place mp ON mp.id = m.place_id"
    " WHERE m.id = :id AND m.system_id = :system_id",
    (9, 10),
)


def stand_ins(tx: Tx, system_id: str, membership_id: str, at: datetime) -> list[str]:
    """Who answers for the work of this role while its holder is away."""
    row = tx.row(ONE, id=membership_id, system_id=system_id)
    return [] if row is None else beside(tx, account_made(row), system_id, at)


# -- changing an account ------------------------------------------------------------------------

SYSTEM_OF = Sql("SELECT active FROM app_user WHERE id = :id AND system_id = :system_id")


class SignsIn(NamedTuple):
    """How an account signs in: its kept password, empty where it has none yet; when it was last
    invited to choose one, and when its password was chosen by whoever signs in with it."""

    system_id: str
    active: bool
    password_hash: str
    email: str
    invited_at: datetime | None
    chose_at: datetime | None


SIGNS_IN = Sql(
    "SELECT system_id, active, coalesce(password_hash, ''), email, invited_at, chose_password_at"
    " FROM app_user WHERE id = :id",
    (4, 5),
)
# Only over the password it was asked for: of two who come at once by one link, one.
CHOSEN = Sql(
    "UPDATE app_user SET password_hash = :new, chose_password_at = :at WHERE id = :id AND active"
    " AND coalesce(password_hash, '') = :old"
)


def signs_in(tx: Tx, user_id: str) -> SignsIn | None:
    """How an account signs in, suspended or not."""
    row = tx.row(SIGNS_IN, id=user_id)
    return None if row is None else SignsIn._make(row)._replace(active=bool(row[1]))


def replace_password(tx: Tx, at: datetime, user_id: str, old: str, new: str) -> bool:
    """Keep a password that was chosen in place of this one. False where another stands there
    now."""
    return tx.run(CHOSEN, at=at, id=user_id, old=old, new=new) == 1


DELIVERY = Sql(
    "SELECT result FROM dispatch WHERE record_id = :id AND noun = 'user' AND what = :what"
    " ORDER BY id DESC LIMIT 1"
)


def delivery(tx: Tx, user_id: str, what: str) -> str | None:
    """What became of the newest message of this kind to an account; None while it is on its
    way."""
    row = tx.row(DELIVERY, id=user_id, what=what)
    return None if row is None else row[0]


def is_active(tx: Tx, actor: Actor, user_id: str) -> bool | None:
    """Whether an account of the actor's system can sign in; None where there is none."""
    row = tx.row(SYSTEM_OF, id=user_id, system_id=actor.system_id)
    return None if row is None else bool(row[0])

"""Sign-ins: the sessions kept here and not in the cookie, wrong tries, and who an address is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from referral.actors import Actor
from referral.members import ACTOR_COLUMNS, ACTOR_NOW, ACTOR_TABLES, ACTOR_TIMES, actor_from
from referral.rows import put
from referral.states import Role
from referral.store import Sql, Tx

ACCOUNT = Sql("SELECT id, system_id, password_hash, active FROM app_user WHERE email = :email")
MEMBERSHIPS = Sql(
    """
SELECT m.id, m.role, o.name, p.name FROM membership m
JOIN app_user u ON u.id = m.user_id
JOIN organisation o ON o.id = m.organisation_id
LEFT JOIN place p ON p.id = m.place_id
WHERE m.user_id = :user_id AND u.active AND m.started_at <= :at
  AND (m.ended_at IS NULL OR m.ended_at > :at) AND m.role NOT IN ('person','system')
ORDER BY m.started_at, m.id
"""
)
FOUND = Sql(
    f"""
SELECT {ACTOR_COLUMNS},
  s.seen_at, s.idle_until, s.ends_at, s.revoked_at, {ACTOR_NOW},
  (SELECT count(*) FROM membership x WHERE x.user_id = s.user_id AND x.started_at <= :at
     AND (x.ended_at IS NULL OR x.ended_at > :at)),
  (SELECT count(*) FROM notice n WHERE n.membership_id = m.id AND n.read_at IS NULL),
  EXISTS (SELECT 1 FROM concern k WHERE k.raised_by = m.id
     AND (k.state = 'raised' OR k.acknowledged_at > :lately)),
  u.language,
  EXISTS (SELECT 1 FROM second_step t WHERE t.user_id = s.user_id)
FROM sign_in s
JOIN membership m ON m.id = s.membership_id
{ACTOR_TABLES}
WHERE s.token_hash = :token_hash
""",
    (*ACTOR_TIMES, 15, 16, 17, 18),
)
TOUCH = Sql(
    "UPDATE sign_in SET seen_at = :at, idle_until = :idle_until"
    " WHERE token_hash = :token_hash AND revoked_at IS NULL"
)
REVOKE = Sql(
    "UPDATE sign_in SET revoked_at = :at WHERE token_hash = :token_hash AND revoked_at IS NULL"
)
REVOKE_ALL = Sql(
    "UPDATE sign_in SET revoked_at = :at WHERE user_id = :user_id AND revoked_at IS NULL"
)
REVOKE_OTHERS = Sql(
    "UPDATE sign_in SET revoked_at = :at WHERE user_id = :user_id AND token_hash <> :token_hash"
    " AND revoked_at IS NULL"
)
COUNT_TRY = Sql(
    "INSERT INTO sign_in_try (key, window_start, count) VALUES (:key, :window_start, 1)"
    " ON CONFLICT (key, window_start) DO UPDATE SET count = sign_in_try.count + 1"
)
TRIES = Sql(
    "SELECT coalesce(sum(count), 0), min(window_start) FROM sign_in_try"
    " WHERE key = :key AND window_start > :since",
    (1,),
)
FORGET_TRY = Sql(
    "UPDATE sign_in_try SET count = count - 1"
    " WHERE key = :key AND window_start = :window_start AND count > 0"
)
FORGET_TRIES = Sql("DELETE FROM sign_in_try WHERE window_start < :before")


SEEN_LATELY = timedelta(days=1)
"""How long every page says who has read a concern one raised."""


@dataclass(frozen=True)
class Account:
    """An account found by its address. `password_hash` None: it can't sign in with a password."""

    id: str
    system_id: str
    password_hash: str | None
    active: bool


@dataclass(frozen=True)
class Post:
    """One role somebody may sign in with."""

    membership_id: str
    role: Role
    organisation: str
    place: str | None


@dataclass(frozen=True)
class Session:
    """A sign-in as it stands. `live`: it may be used now. `actor` is who it was for, even once it
    has ended, so that answers kept for them reach nobody else."""

    actor: Actor
    live: bool
    seen_at: datetime
    idle_until: datetime
    ends_at: datetime
    posts: int
    unread: int
    unseen: bool  # a concern they raised that nobody has read, or that somebody just has
    language: str | None = None
    second_step: bool = False  # whether the account has one


def account(tx: Tx, email: str) -> Account | None:
    """The account with this address."""
    row = tx.row(ACCOUNT, email=email.strip().lower())
    return None if row is None else Account(row[0], row[1], row[2], bool(row[3]))


OWN = Sql("SELECT email, password_hash FROM app_user WHERE id = :id")


def own(tx: Tx, user_id: str) -> tuple[str, str | None]:
    """The address and the kept password of an account that is signed in."""
    row = tx.row(OWN, id=user_id)
    return ("", None) if row is None else (row[0], row[1])


def posts(tx: Tx, user_id: str, at: datetime) -> list[Post]:
    """The roles this account has now."""
    rows = tx.rows(MEMBERSHIPS, user_id=user_id, at=at)
    return [Post(row[0], Role(row[1]), row[2], row[3]) for row in rows]


def begin(
    tx: Tx,
    *,
    token_hash: str,
    actor: Actor,
    at: datetime,
    idle_until: datetime,
    ends_at: datetime,
) -> None:
    """Keep a new session."""
    put(
        tx,
        "sign_in",
        {
            "token_hash": token_hash,
            "system_id": actor.system_id,
            "user_id": actor.user_id,
            "membership_id": actor.membership_id,
            "created_at": at,
            "seen_at": at,
            "idle_until": idle_until,
            "ends_at": ends_at,
            "revoked_at": None,
        },
    )


def find(tx: Tx, token_hash: str, at: datetime) -> Session | None:
    """The session of a token; `live` says whether it may still be used."""
    row = tx.row(FOUND, token_hash=token_hash, at=at, lately=at - SEEN_LATELY)
    if row is None:
        return None
    *who, seen, idle, ends, revoked, member, posts, unread, unseen, language, second = row
    live = bool(member) and revoked is None and at < idle and at < ends
    return Session(
        actor_from(tuple(who)),
        live,
        seen,
        idle,
        ends,
        int(posts),
        int(unread),
        bool(unseen),
        language,
        bool(second),
    )


def touch(tx: Tx, token_hash: str, at: datetime, idle_until: datetime) -> None:
    """The session was used: its idle time begins anew."""
    tx.run(TOUCH, token_hash=token_hash, at=at, idle_until=idle_until)


def revoke(tx: Tx, token_hash: str, at: datetime) -> None:
    """End one session at once."""
    tx.run(REVOKE, token_hash=token_hash, at=at)


def revoke_all(tx: Tx, user_id: str, at: datetime) -> int:
    """End every session of an account at once; how many there were."""
    return tx.run(REVOKE_ALL, user_id=user_id, at=at)


def count_try(tx: Tx, key: str, window_start: datetime) -> None:
    """Count one wrong try."""
    tx.run(COUNT_TRY, key=key, window_start=window_start)


def tries(tx: Tx, key: str, since: datetime) -> tuple[int, datetime | None]:
    """How many wrong tries since then, and when the first of those was."""
    row = tx.row(TRIES, key=key, since=since) or (0, None)
    return int(row[0]), row[1]


def forget_try(tx: Tx, key: str, window_start: datetime) -> None:
    """The try counted at this time proved right."""
    tx.run(FORGET_TRY, key=key, window_start=window_start)


def forget_tries(tx: Tx, before: datetime) -> None:
    """Throw away the counts of long ago."""
    tx.run(FORGET_TRIES, before=before)

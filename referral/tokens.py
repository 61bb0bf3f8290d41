"""The bearer tokens of programs: each stands for one membership. Only hashes are kept."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from referral.actors import Actor
from referral.members import ACTOR_COLUMNS, ACTOR_NOW, ACTOR_TABLES, ACTOR_TIMES, actor_from
from referral.rows import put
from referral.store import Sql, Tx

HOLDER = Sql(
    f"""
SELECT {ACTOR_COLUMNS}
FROM api_token t
JOIN membership m ON m.id = t.membership_id
{ACTOR_TABLES}
WHERE t.token_hash = :token_hash AND t.revoked_at IS NULL AND t.created_at <= :at
  AND t.expires_at > :at AND {ACTOR_NOW}
""",
    times=ACTOR_TIMES,
)
TOKEN = Sql(
    "SELECT t.membership_id, t.revoked_at FROM api_token t"
    " WHERE t.id = :id AND t.system_id = :system_id",
    times=(1,),
)
KNOWN = Sql("SELECT t.id, t.system_id FROM api_token t WHERE t.token_hash = :token_hash")
OF_MEMBER = Sql(
    "SELECT t.id, t.name, t.created_at, t.expires_at, t.revoked_at FROM api_token t"
    " WHERE t.membership_id = :membership_id ORDER BY t.created_at, t.id",
    times=(2, 3, 4),
)
REVOKE = Sql("UPDATE api_token SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL")


class Token(NamedTuple):
    """A token as it may be shown: never the secret, nor its hash."""

    id: str
    name: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def holder(tx: Tx, token_hash: str, at: datetime) -> Actor | None:
    """The actor a token stands for now. None: unknown, expired or revoked, or its membership has
    ended or its account is suspended."""
    row = tx.row(HOLDER, token_hash=token_hash, at=at)
    return None if row is None else actor_from(row)


def keep(
    tx: Tx,
    *,
    token_id: str,
    system_id: str,
    membership_id: str,
    name: str,
    token_hash: str,
    at: datetime,
    expires_at: datetime,
) -> None:
    """Keep the hash of a new token."""
    put(
        tx,
        "api_token",
        {
            "id": token_id,
            "system_id": system_id,
            "membership_id": membership_id,
            "name": name,
            "token_hash": token_hash,
            "created_at": at,
            "expires_at": expires_at,
            "revoked_at": None,
        },
    )


def member_of(tx: Tx, system_id: str, token_id: str) -> str | None:
    """The membership a token of this system stands for."""
    row = tx.row(TOKEN, id=token_id, system_id=system_id)
    return None if row is None else str(row[0])


def of_member(tx: Tx, membership_id: str) -> list[Token]:
    """Every token of a membership, the oldest first."""
    return [Token(*row) for row in tx.rows(OF_MEMBER, membership_id=membership_id)]


def revoke(tx: Tx, token_id: str, at: datetime) -> int:
    """End a token at once; how many there were to end."""
    return tx.run(REVOKE, id=token_id, at=at)


def known(tx: Tx, token_hash: str) -> tuple[str, str] | None:
    """The id and the system of a token, also one that doesn't work any more."""
    row = tx.row(KNOWN, token_hash=token_hash)
    return None if row is None else (row[0], row[1])

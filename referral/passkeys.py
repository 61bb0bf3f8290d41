"""Passkeys: what a phone, a computer or a key that is plugged in shows at sign-in in place of a
code. Here lies the half that is no secret, and what its holder calls it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from referral.ids import new_id
from referral.rows import put
from referral.store import Sql, Tx


class Passkey(NamedTuple):
    """One passkey as its holder sees it."""

    id: str
    name: str
    made_at: datetime
    used_at: datetime | None


class Half(NamedTuple):
    """What a passkey is known by: its public half, and how often it has signed."""

    id: str
    credential_id: str
    credential: str
    sign_count: int


OF = Sql(
    "SELECT id, name, made_at, used_at FROM passkey WHERE second_step_id = :id"
    " ORDER BY made_at, id",
    (2, 3),
    sealed=(1,),
)
HALVES = Sql(
    "SELECT id, credential_id, credential, sign_count FROM passkey WHERE second_step_id = :id"
    " ORDER BY made_at, id"
)
KNOWN = Sql("SELECT 1 FROM passkey WHERE credential_id = :credential_id")
# A passkey that counts and shows a number again was copied; many don't count, and say 0.
USE = Sql(
    "UPDATE passkey SET sign_count = :count, used_at = :at WHERE id = :id"
    " AND (sign_count < :count OR (sign_count = 0 AND :count = 0))"
)
REMOVE = Sql("DELETE FROM passkey WHERE id = :id AND second_step_id = :step_id")


def of(tx: Tx, step_id: str) -> list[Passkey]:
    """The passkeys of a second step, oldest first."""
    return [Passkey(str(row[0]), str(row[1]), row[2], row[3]) for row in tx.rows(OF, id=step_id)]


def halves(tx: Tx, step_id: str) -> list[Half]:
    """What the passkeys of a second step are known by."""
    rows = tx.rows(HALVES, id=step_id)
    return [Half(str(row[0]), str(row[1]), str(row[2]), int(row[3])) for row in rows]


def is_known(tx: Tx, credential_id: str) -> bool:
    """Whether this passkey is kept already, for whomever."""
    return tx.row(KNOWN, credential_id=credential_id) is not None


def keep(tx: Tx, system_id: str, step_id: str, half: Half, name: str, at: datetime) -> None:
    """Keep a passkey for a second step."""
    put(
        tx,
        "passkey",
        {
            "id": half.id or new_id(at),
            "system_id": system_id,
            "second_step_id": step_id,
            "credential_id": half.credential_id,
            "credential": half.credential,
            "sign_count": half.sign_count,
            "name": name,
            "made_at": at,
            "used_at": None,
        },
    )


def use(tx: Tx, passkey_id: str, count: int, at: datetime) -> bool:
    """A passkey has signed. False where it says a number it said before."""
    return tx.run(USE, id=passkey_id, count=count, at=at) == 1


def remove(tx: Tx, step_id: str, passkey_id: str) -> bool:
    """A passkey of this second step counts no more. False: there is no such one."""
    return tx.run(REMOVE, id=passkey_id, step_id=step_id) == 1

"""The second step at sign-in: what a phone shares with an account, and the codes for when the phone
is lost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from referral.ids import new_id
from referral.rows import put
from referral.store import Sql, Tx


class Step(NamedTuple):
    """The second step of an account, its secret aside."""

    id: str
    user_id: str
    started_at: datetime
    devices_from: datetime
    codes_left: int


ON = Sql(
    "SELECT t.id, t.user_id, t.started_at, t.devices_from,"
    " (SELECT count(*) FROM recovery_code k WHERE k.second_step_id = t.id)"
    " FROM second_step t WHERE t.user_id = :user_id",
    (2, 3),
)
SECRET = Sql("SELECT secret FROM second_step WHERE id = :id", sealed=(0,))
USE_PERIOD = Sql("UPDATE second_step SET period = :period WHERE id = :id AND period < :period")
USE_CODE = Sql("DELETE FROM recovery_code WHERE second_step_id = :id AND code_hash = :code_hash")
HAS_CODE = Sql("SELECT 1 FROM recovery_code WHERE second_step_id = :id AND code_hash = :code_hash")
FORGET_CODES = Sql("DELETE FROM recovery_code WHERE second_step_id = :id")
FORGET_PASSKEYS = Sql("DELETE FROM passkey WHERE second_step_id = :id")
END = Sql("DELETE FROM second_step WHERE id = :id")
DEVICES_FROM = Sql("UPDATE second_step SET devices_from = :at WHERE user_id = :user_id")


def of(tx: Tx, user_id: str) -> Step | None:
    """The second step of an account; None where it has none."""
    row = tx.row(ON, user_id=user_id)
    return None if row is None else Step(str(row[0]), str(row[1]), row[2], row[3], int(row[4]))


def secret_of(tx: Tx, step_id: str) -> str:
    """What the phone shares with the account."""
    return str(tx.rows(SECRET, id=step_id)[0][0])


def start(
    tx: Tx, system_id: str, user_id: str, secret: str, period: int, at: datetime, since: datetime
) -> str:
    """Keep a second step; its id. `since`: the time devices are remembered by."""
    step_id = new_id()
    put(
        tx,
        "second_step",
        {
            "id": step_id,
            "system_id": system_id,
            "user_id": user_id,
            "secret": secret,
            "period": period,
            "started_at": at,
            "devices_from": since,
        },
    )
    return step_id


def keep_codes(tx: Tx, system_id: str, step_id: str, hashes: Iterable[str]) -> None:
    """Keep these recovery codes, in place of those there were."""
    tx.run(FORGET_CODES, id=step_id)
    for code_hash in hashes:
        put(
            tx,
            "recovery_code",
            {"second_step_id": step_id, "code_hash": code_hash, "system_id": system_id},
        )


def use_period(tx: Tx, step_id: str, period: int) -> bool:
    """Use up the code of this period, and of every one before it. False: it was used already."""
    return tx.run(USE_PERIOD, id=step_id, period=period) == 1


def use_code(tx: Tx, step_id: str, code_hash: str) -> bool:
    """Use up a recovery code. False: there is no such code any more."""
    return tx.run(USE_CODE, id=step_id, code_hash=code_hash) == 1


def has_code(tx: Tx, step_id: str, code_hash: str) -> bool:
    """Whether this recovery code was made, and not used yet."""
    return tx.row(HAS_CODE, id=step_id, code_hash=code_hash) is not None


def end(tx: Tx, step_id: str) -> None:
    """No second step any more, nor any code or passkey of it."""
    tx.run(FORGET_PASSKEYS, id=step_id)
    tx.run(FORGET_CODES, id=step_id)
    tx.run(END, id=step_id)


def forget_devices(tx: Tx, user_id: str, at: datetime) -> None:
    """Every device of this account is asked for a code again."""
    tx.run(DEVICES_FROM, user_id=user_id, at=at)

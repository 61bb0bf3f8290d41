"""Counting tries in the store, so that every process sees the same number."""

from __future__ import annotations

import hashlib
import hmac
import math
from datetime import datetime, timedelta

from flask import current_app, request

from referral import sign_ins
from referral.store import Tx

WINDOW = timedelta(minutes=1)


def _name(kind: str, what: str) -> str:
    secret = str(current_app.config["SECRET_KEY"]).encode()
    key = hmac.new(secret, b"limits", hashlib.sha256).digest()
    return f"{kind}:{hmac.new(key, what.encode(), hashlib.sha256).hexdigest()[:32]}"


def _named(kind: str, what: str | None) -> str:
    return _name(kind, what if what is not None else request.remote_addr or "")


def seconds_to_wait(
    tx: Tx,
    at: datetime,
    kind: str,
    most: int,
    what: str | None = None,
    window: timedelta = WINDOW,
) -> int:
    """Count one try of this kind, and say how long to wait before the next: 0 while there were no
    more than `most` in a minute, or in the window given. `what` is what is tried; the address of
    the browser where it isn't said. Nothing of either is kept but a keyed hash."""
    number, first = count(tx, at, kind, what, window)
    if number <= most:
        return 0
    return max(1, math.ceil((first + window - at).total_seconds()))


def count(
    tx: Tx, at: datetime, kind: str, what: str | None = None, window: timedelta = WINDOW
) -> tuple[int, datetime]:
    """Count one try of this kind: how many there were in the window with it, and when the first
    was."""
    name = _named(kind, what)
    sign_ins.count_try(tx, name, at.replace(microsecond=0))
    number, first = sign_ins.tries(tx, name, at - window)
    return number, first or at


def forget(tx: Tx, at: datetime, kind: str, what: str | None = None) -> None:
    """The try that was counted at this time proved right."""
    sign_ins.forget_try(tx, _named(kind, what), at.replace(microsecond=0))

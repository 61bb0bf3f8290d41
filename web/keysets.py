"""Where the next page of a list begins, as an address carries it.

The word is closed to everybody but this program: a number that counts what happens to everyone
would tell how much happened to others meanwhile."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import abort, current_app, request


def _lock() -> AESGCM:
    key = f"where a page begins {current_app.config['SECRET_KEY']}"
    return AESGCM(sha256(key.encode()).digest())


def pack(*parts: Any) -> str:
    """The last row seen, as one word. It holds times, ranks and ids, never a name."""
    said = [p.astimezone(UTC).isoformat() if isinstance(p, datetime) else p for p in parts]
    number = secrets.token_bytes(12)
    closed = number + _lock().encrypt(number, json.dumps(said).encode(), None)
    return base64.urlsafe_b64encode(closed).decode().rstrip("=")


def unpack(word: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The parts again; None where there is no word. A word that isn't ours is not found."""
    if not word:
        return None
    try:
        closed = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))
        parts = json.loads(_lock().decrypt(closed[:12], closed[12:], None))
        if not isinstance(parts, list) or len(parts) != len(kinds):
            raise ValueError
        return tuple(_as(kind, part) for kind, part in zip(kinds, parts, strict=True))
    except (ValueError, InvalidTag, binascii.Error):
        abort(404)


def _as(kind: type, part: Any) -> Any:
    if kind is datetime:
        found = datetime.fromisoformat(str(part))
        if found.tzinfo is None:
            raise ValueError
        return found
    if type(part) is not kind:
        raise ValueError
    return part


def after(*kinds: type) -> Any:
    """Where this request's page begins: `?after=...`."""
    return unpack(request.args.get("after"), *kinds)

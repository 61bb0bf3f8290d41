"""The bytes the audit log stands on: one text for one content, its hash, and a promise of details.

The text is stored as it was hashed and never made again to verify it."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from unicodedata import is_normalized, normalize

MOST_BYTES = 65_535
"""What fits the two bytes of length that stand before an entry in a tile."""

MOST_DETAILS_BYTES = 4 * 1024 * 1024
"""Details stand beside the tree: a decision with hundreds of consequences fits."""

KEY_BYTES = 32

_PLAIN = frozenset({str, int, bool, type(None), datetime})


def canonical(value: Any, most: int = MOST_BYTES) -> str:
    """The one JSON text for this value: keys in the order of their characters, no spaces between.

    Texts are in NFC, times in UTC with six digits of a second, keys ASCII. TypeError for a float
    and whatever else has no one text, ValueError for a result over 65,535 bytes of UTF-8."""
    if type(value) not in _PLAIN:
        _refuse_what_has_no_one_text(value)
    text = _ENCODER.encode(value)
    if text.isascii():
        size = len(text)
    else:
        if not is_normalized("NFC", text):
            text = _ENCODER.encode(_composed(value))
        size = len(text.encode())
    if size > most:
        raise ValueError(f"An audit entry holds {most} bytes at most, not {size}")
    return text


def leaf_hash(text: str) -> bytes:
    """The hash of an entry as a leaf of an RFC 6962 tree."""
    return hashlib.sha256(b"\x00" + text.encode()).digest()


def commitment(key: bytes, payload: str) -> str:
    """HMAC-SHA-256 in hex: it proves the details as long as their random key is kept."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"The key of an entry has {KEY_BYTES} bytes")
    return hmac.digest(key, payload.encode(), "sha256").hex()


def _refuse_what_has_no_one_text(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            # Other keys would be turned into text, or sort differently once in NFC: two could meet.
            if type(key) is not str or not key.isascii():
                raise TypeError(f"A key of an audit entry is ASCII text, not {key!r}")
            if type(inner) not in _PLAIN:
                _refuse_what_has_no_one_text(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            if type(inner) not in _PLAIN:
                _refuse_what_has_no_one_text(inner)
    elif isinstance(value, float):
        raise TypeError("A float has more than one text: write a whole number or a text instead")


def _composed(value: Any) -> Any:
    """The same with each text in NFC: in the finished JSON an accent could join the n of a \\n."""
    if isinstance(value, str):
        return normalize("NFC", value)
    if isinstance(value, dict):
        return {key: _composed(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_composed(inner) for inner in value]
    return value


def _time(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"An audit entry can't hold a {type(value).__name__}")
    if value.tzinfo is None:
        raise TypeError("A time in an audit entry needs its zone")
    return _utc(value)


@lru_cache(maxsize=64)  # an entry and its details say the same moment
def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


_ENCODER = json.JSONEncoder(
    ensure_ascii=False,
    check_circular=False,
    allow_nan=False,
    sort_keys=True,
    separators=(",", ":"),
    default=_time,
)

"""Ids for records, and references for people to say aloud."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_HEARD_AS = str.maketrans("OIL", "011", " \t\r\n\u00a0-\u2010\u2011\u2012\u2013\u2014\u2212")
_EXAMPLE = "SG-7K4Q-2M"
_BODY = 6


def new_id(at: datetime | None = None) -> str:
    """A new UUID as text: version 7 (RFC 9562), in the order of `at`, to the millisecond.

    Without a time it is version 4: all chance, and it tells nothing of when it was made."""
    number = secrets.randbits(128)
    if at is None:
        version = 4
    else:
        version = 7
        since = (at - _EPOCH) // _MILLISECOND
        if not 0 <= since < 1 << 48:
            raise ValueError("An id can't hold a time before 1970")
        number = since << 80 | number & (1 << 80) - 1
    number = number & ~(0xF << 76) | version << 76  # the version
    number = number & ~(0x3 << 62) | 0x2 << 62  # the variant
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_reference(prefix: str = "SG") -> str:
    """A new random reference like SG-7K4Q-2M. There are 33 million: the column has to be unique,
    and whoever writes one that is taken asks for another."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(_BODY - 1))
    body += _check_character(body)
    return f"{prefix}-{body[:4]}-{body[4:]}"


def check_reference(text: str, prefix: str = "SG") -> str:
    """The reference as we write it, from however it was typed: small letters, spaces, O for 0.

    Every single wrong character and every two swapped ones are noticed: ValueError."""
    typed = text.upper().translate(_HEARD_AS)
    body = typed.removeprefix(prefix.translate(_HEARD_AS))
    if not typed:
        raise ValueError(f"Enter a reference, for example {_EXAMPLE}")
    if len(typed) != len(prefix) + _BODY or len(body) != _BODY or not _VALUE.keys() >= set(body):
        raise ValueError(f"Enter the whole reference, for example {_EXAMPLE}")
    if _check_character(body[:-1]) != body[-1]:
        raise ValueError("Check the reference: some of its characters are not as we gave it")
    return f"{prefix}-{body[:4]}-{body[4:]}"


def part_of_reference(text: str, prefix: str = "SG") -> str | None:
    """At least four signs in a row of a reference, without its dashes, from however they were
    typed: 4Q-2M, sg 7k4q. None where it can't be one."""
    typed = text.upper().translate(_HEARD_AS)
    most = len(prefix) + _BODY
    least = 4 + (len(prefix) if typed.startswith(prefix) else 0)
    return typed if least <= len(typed) <= most and _VALUE.keys() >= set(typed) else None


def _check_character(body: str) -> str:
    """The character that makes the sum of all, weighted by powers of 2 in the field of 32, nothing.

    Different weights, none of them zero: hence no single error and no swap can leave the sum."""
    total = 0
    for character in body:
        total = _doubled(total ^ _VALUE[character])
    return ALPHABET[total]


def _doubled(value: int) -> int:
    return (value << 1) ^ 0b100101 if value & 0b10000 else value << 1

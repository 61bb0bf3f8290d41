"""Passwords: how they are kept, and whether one is right."""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

HASHER = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
# The hash of a password nobody has, made with the same numbers: an account that isn't there takes
# as long as one that is.
NOBODYS = (
    "$argon2id$v=19$m=65536,t=3,p=4$bAiTMUFHcUuvFaOECKFEug$"
    "G1cxMOQIwALKfUnXUWo4Uq698lbniNuswZyX1OuVvV0"
)
# Sounds that are said and spelt without a doubt: none of c, p, q, s, v, x, y, z, and no u. Two of
# these 48 are a group, six groups 67 bits.
SYLLABLES = tuple(a + b for a in "bdfghjklmnrt" for b in "aeio")
GROUPS = 6


def hash_password(password: str) -> str:
    """What the store keeps of a password."""
    return HASHER.hash(password)


def new_password() -> str:
    """A password nobody guesses, to be shown once and said over the phone: `koti-bamo-...`."""
    return "-".join("".join(secrets.choice(SYLLABLES) for _ in range(2)) for _ in range(GROUPS))


def is_right(password_hash: str | None, password: str) -> bool:
    """Whether the password is right. Takes as long where there is no hash, and is then wrong."""
    try:
        HASHER.verify(password_hash or NOBODYS, password)
    except (Argon2Error, InvalidHashError):
        return False
    return password_hash is not None

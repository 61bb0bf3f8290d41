"""The secrets of links: made from the link's id and the service's own secret, so that none is ever
kept and the same link can be written twice. What the store keeps of them are hashes."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from uuid import UUID

from itsdangerous import BadSignature, Signer

from referral.ids import ALPHABET

SALT = b"segue.link"
RESET_SALT = b"segue.password"
ADDRESS_SALT = b"segue.address"
INVITATION_SALT = b"segue.invitation"
CODE = 12
# Where a session keeps that a person's own page is open on this device, and since when.
OPENED = "own_page"
_HEARD_AS = str.maketrans("OILU", "011V", " \t\r\n-\u2010\u2011\u2012\u2013\u2014")


def hashed(secret: str) -> str:
    """What the store keeps of a secret, and what it is found by."""
    return hashlib.sha256(secret.encode()).hexdigest()


class LinkTokens:
    """Signs and reads the tokens and codes of links."""

    def __init__(self, secret_key: str) -> None:
        self.signer = Signer(secret_key, salt=SALT, digest_method=hashlib.sha256)
        self.resets = Signer(secret_key, salt=RESET_SALT, digest_method=hashlib.sha256)
        self.invitations = Signer(secret_key, salt=INVITATION_SALT, digest_method=hashlib.sha256)
        self.addresses = Signer(secret_key, salt=ADDRESS_SALT, digest_method=hashlib.sha256)
        self.key = hashlib.sha256(SALT + b"|code|" + secret_key.encode()).digest()

    def token(self, link_id: str) -> str:
        """What stands in the address: the link's id, signed."""
        body = urlsafe_b64encode(UUID(link_id).bytes).rstrip(b"=")
        return self.signer.sign(body).decode()

    def token_hash(self, link_id: str) -> str:
        """What is kept of it."""
        return hashed(self.token(link_id))

    def read(self, token: str) -> str | None:
        """The id of the link; None for a token we didn't sign, or that was changed."""
        if len(token) > 100 or not token.isascii():
            return None
        try:
            body = self.signer.unsign(token.encode())
            return str(UUID(bytes=urlsafe_b64decode(body + b"==")))
        except (BadSignature, ValueError):
            return None

    def reset_token(self, user_id: str, asked_at: datetime, mark: str) -> str:
        """What stands in the address by which a new password is chosen: whose it is, when it was
        asked for and a mark of the password it replaces, signed."""
        return _for_password(self.resets, user_id, asked_at, mark)

    def read_reset(self, token: str) -> tuple[str, datetime, str] | None:
        """The same again; None for a token we didn't sign, or that was changed."""
        return _read_for_password(self.resets, token)

    def invitation_token(self, user_id: str, invited_at: datetime, mark: str) -> str:
        """What stands in the address by which a first password is chosen; no use for another."""
        return _for_password(self.invitations, user_id, invited_at, mark)

    def read_invitation(self, token: str) -> tuple[str, datetime, str] | None:
        """The same again; None for a token we didn't sign, or that was changed."""
        return _read_for_password(self.invitations, token)

    def address_token(self, user_id: str, asked_at: datetime, mark: str) -> str:
        """What stands in the address that shows that mail to an account is read."""
        return _for_password(self.addresses, user_id, asked_at, mark)

    def read_address(self, token: str) -> tuple[str, datetime, str] | None:
        """The same again; None for a token we didn't sign, or that was changed."""
        return _read_for_password(self.addresses, token)

    def code(self, link_id: str) -> str:
        """The same as 12 characters to be read from paper and said aloud: `7K4Q-2M9D-P3XT`."""
        number = int.from_bytes(hmac.digest(self.key, UUID(link_id).bytes, "sha256")[:8], "big")
        text = "".join(ALPHABET[(number >> (5 * n)) & 31] for n in range(CODE))
        return "-".join(text[n : n + 4] for n in range(0, CODE, 4))

    def code_hash(self, link_id: str) -> str:
        """What is kept of the code."""
        return hashed(self.code(link_id).replace("-", ""))


def _for_password(signer: Signer, user_id: str, asked_at: datetime, mark: str) -> str:
    when = int(asked_at.timestamp()).to_bytes(8, "big")
    body = urlsafe_b64encode(UUID(user_id).bytes + when + bytes.fromhex(mark)).rstrip(b"=")
    return signer.sign(body).decode()


def _read_for_password(signer: Signer, token: str) -> tuple[str, datetime, str] | None:
    if len(token) > 200 or not token.isascii():
        return None
    try:
        body = signer.unsign(token.encode())
        said = urlsafe_b64decode(body + b"=" * (-len(body) % 4))
        when = datetime.fromtimestamp(int.from_bytes(said[16:24], "big"), UTC)
        return str(UUID(bytes=said[:16])), when, said[24:].hex()
    except (BadSignature, ValueError, OverflowError):
        return None


def typed_code(text: str) -> str | None:
    """What would be kept of a code as somebody typed it; None where it can't be one."""
    typed = text.upper().translate(_HEARD_AS)
    if len(typed) != CODE or not set(typed) <= set(ALPHABET):
        return None
    return hashed(typed)

"""Mails that came back: which of ours a delivery status notification (RFC 3464) is about."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message


def numbers_in(raw: bytes) -> list[str]:
    """The Message-IDs a mail that came back says could not be delivered. None for any other mail,
    for a delay, and for a notification of success."""
    found = message_from_bytes(raw)
    if found.get_content_type() != "multipart/report" or not _has_failed(found):
        return []
    numbers = []
    for part in found.walk():
        if part.get_content_type() in ("message/rfc822", "text/rfc822-headers"):
            original = _original(part)
            if original is not None and original["Message-ID"]:
                numbers.append(str(original["Message-ID"]).strip())
    return numbers


def _original(part: Message) -> Message | None:
    inner = part.get_payload()
    if isinstance(inner, list) and inner and isinstance(inner[0], Message):
        return inner[0]
    body = part.get_payload(decode=True)
    return message_from_bytes(body) if isinstance(body, bytes) else None


def _has_failed(report: Message) -> bool:
    """Whether any recipient's action is `failed`."""
    for part in report.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        blocks = part.get_payload()
        for block in blocks if isinstance(blocks, list) else []:
            if isinstance(block, Message) and str(block["Action"]).strip().lower() == "failed":
                return True
    return False

"""Asking a witness to sign the newest head of our log."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

from referral.notes import (
    NotANote,
    NotSigned,
    Verifier,
    checkpoint,
    note,
    open_note,
    size_in,
    split,
)
from web.witness import MOST_REQUEST, PATH, request

PATIENCE = 10.0  # seconds for the answer
USER_AGENT = "Segue-audit/1"

Prove = Callable[[int, int], list[bytes]]
"""The consistency proof from one size of our log to another."""


class NoAnswer(Exception):
    """The witness couldn't be asked, or didn't say anything to go by: try again later."""


class Contradicted(Exception):
    """The witness knows another history than the one it was shown: an alarm, not a disturbance.

    `size` is how long the log was when it last signed, where it said so."""

    def __init__(self, why: str, size: int | None = None) -> None:
        super().__init__(why)
        self.size = size


class Cosigned(NamedTuple):
    """What the witness signed: a line for the note, and when it says that was."""

    line: str
    at: int


def ask_witness(
    address: str,
    signed: str,
    witness: Verifier,
    prove: Prove,
    old: int = 0,
    patience: float = PATIENCE,
) -> Cosigned:
    """The witness's signature under this note, checked against its key, to be joined to it
    (`notes.join`). `old` is the size it signed last, as far as we know: it says if it was another.

    NoAnswer and Contradicted as they say; ValueError for an address that isn't one."""
    size = checkpoint(split(signed)[0]).size
    if old > size:
        raise Contradicted("The witness has signed a longer log than this one", old)
    for last_try in (False, True):
        status, text = _post(address, request(old, prove(old, size), signed), patience)
        if status == HTTPStatus.OK:
            return _checked(signed, text, witness)
        if status == HTTPStatus.CONFLICT:
            known = size_in(text.removesuffix("\n"))
            if known is None:
                raise NoAnswer("The witness says our last size is wrong, and not which is right")
            if known > size:
                raise Contradicted("The witness has signed a longer log than this one", known)
            if last_try or known == old:
                raise NoAnswer("The witness is being asked by somebody else at the same time")
            old = known
        elif status == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise Contradicted("The witness has signed another history than this one", old)
        else:
            raise NoAnswer(f"The witness answered {status}: {_first_line(text)}")
    raise AssertionError("the second try always ends")


def _checked(signed: str, text: str, witness: Verifier) -> Cosigned:
    body = split(signed)[0]
    try:
        opened = open_note(note(body, [text]), [witness])
    except (NotANote, NotSigned) as wrong:
        raise NoAnswer(f"What the witness sent is no signature of its own: {wrong}") from wrong
    mine = opened.by[witness]
    return Cosigned(mine.line, mine.at)


def _post(address: str, body: bytes, patience: float) -> tuple[int, str]:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("The address of a witness begins with https:// and a name")
    asked = urllib.request.Request(  # noqa: S310 - http and https alone
        address.rstrip("/") + PATH,
        data=body,
        headers={"Content-Type": "text/plain; charset=utf-8", "User-Agent": USER_AGENT},
    )
    try:
        with _OPENER.open(asked, timeout=patience) as answer:
            return answer.status, answer.read(MOST_REQUEST).decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(MOST_REQUEST).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"The witness doesn't answer: {type(error).__name__}") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects())


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:120] or "nothing"

"""Asking a witness to sign the newest head of our log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

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
from web.audit_outlets import Address
from web.auditing import NotPublished
from web.witness import PATH, request

Post = Callable[[bytes], tuple[int, bytes]]
"""Brings a request to the witness; the status and the answer."""
Prove = Callable[[int, int], list[bytes]]
"""The consistency proof from one size of our log to another."""


class NoAnswer(Exception):
    """The witness didn't say anything to go by: try again later."""


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


def ask_witness(post: Post, signed: str, witness: Verifier, prove: Prove, old: int = 0) -> Cosigned:
    """The witness's signature under this note, checked against its key, to be joined to it
    (`notes.join`). `old` is the size it signed last, as far as we know: it says if it was another.

    NoAnswer and Contradicted as they say; what `post` raises goes through."""
    size = checkpoint(split(signed)[0]).size
    if old > size:
        raise Contradicted("The witness has signed a longer log than this one", old)
    for last_try in (False, True):
        status, answer = post(request(old, prove(old, size), signed))
        text = answer.decode(errors="replace")
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


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:120] or "nothing"


@dataclass(frozen=True)
class WitnessOutlet:
    """A witness as a place that takes our heads. `address` is the one its operator gave out."""

    address: Address
    key: Verifier

    @property
    def name(self) -> str:
        return f"witness {self.key.name}"

    def known(self) -> str | None:
        return None

    def publish(self, note: str, last: int, prove: Prove) -> Mapping[str, str]:
        to = Address(self.address.url.rstrip("/") + PATH, self.address.private)
        try:
            cosigned = ask_witness(to.post, note, self.key, prove, last)
        except NoAnswer as why:
            raise NotPublished(f"{why}.") from why
        except Contradicted as why:
            seen = "" if why.size is None else f" It last signed one of {why.size} entries."
            raise NotPublished(f"{why}.{seen} {_WHAT_TO_DO}", alarm=True) from why
        return {self.key.name: cosigned.line}


_WHAT_TO_DO = (
    "Was an older backup restored? Else somebody changed the log: keep a copy of the database as"
    " it is, and run `segue audit verify` with --since a head kept outside."
)

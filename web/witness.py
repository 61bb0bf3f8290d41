"""A witness: it keeps the newest head it saw of each log, and signs one that only adds to it.

It runs on its own, with its own key and its own file, for somebody who isn't the one whose log it
watches. The protocol is C2SP's tlog-witness; a log it doesn't know, or a head that takes back what
was signed, gets no signature."""

from __future__ import annotations

import base64
import binascii
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from referral.merkle import EMPTY_ROOT, HASH_BYTES, NotProved, verify_consistency
from referral.notes import (
    MOST_BYTES,
    Checkpoint,
    Kind,
    NotANote,
    NotSigned,
    Signer,
    Verifier,
    checkpoint,
    open_checkpoint,
    size_in,
    split,
)

MOST_PROOF = 63
MOST_REQUEST = MOST_BYTES + 64 * 64
PATH = "/add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
PATIENCE = 10.0  # seconds for another process to let go of the file


class Answer(NamedTuple):
    """What the witness says: an HTTP status, and a text."""

    status: int
    text: str
    kind: str = "text/plain; charset=utf-8"


class Known(NamedTuple):
    """The newest head of a log that was cosigned."""

    origin: str
    size: int
    root: bytes
    note: str
    at: int


NOTHING_YET = (0, EMPTY_ROOT)


class Heads:
    """The file of a witness: one row a log. A new head takes the place of the one that it was
    checked against, or of none: whoever was slower is told so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS head (origin TEXT PRIMARY KEY, size INTEGER NOT NULL,"
                " root BLOB NOT NULL, note TEXT NOT NULL, at INTEGER NOT NULL)"
            )

    def _open(self) -> sqlite3.Connection:
        # In autocommit: each statement is a transaction, on the disk before it returns.
        db = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None)
        db.execute("PRAGMA synchronous = EXTRA")
        return db

    def all(self) -> list[Known]:
        with closing(self._open()) as db:
            rows = db.execute("SELECT origin, size, root, note, at FROM head ORDER BY origin")
            return [Known(*row) for row in rows]

    def latest(self, origin: str) -> tuple[int, bytes]:
        """Size and root of the newest head of this log; those of an empty log when none is kept."""
        with closing(self._open()) as db:
            row = db.execute("SELECT size, root FROM head WHERE origin = ?", (origin,)).fetchone()
        return row or NOTHING_YET

    def replace(self, old: tuple[int, bytes], new: Checkpoint, note: str, at: int) -> bool:
        """Keep the new head if the old one is still the newest; False when it isn't any more."""
        with closing(self._open()) as db:
            changed = db.execute(
                "UPDATE head SET size = ?, root = ?, note = ?, at = ?"
                " WHERE origin = ? AND size = ? AND root = ?",
                (new.size, new.root, note, at, new.origin, *old),
            )
            if not changed.rowcount and old == NOTHING_YET:
                changed = db.execute(
                    "INSERT INTO head (origin, size, root, note, at) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (origin) DO NOTHING",
                    (new.origin, new.size, new.root, note, at),
                )
            return changed.rowcount == 1


class Witness:
    """Answers `add-checkpoint` for the logs whose keys it was given."""

    def __init__(
        self,
        signer: Signer,
        logs: Iterable[Verifier],
        heads: Heads,
        now: Callable[[], float] = time.time,
    ) -> None:
        if signer.kind != Kind.COSIGNATURE:
            raise ValueError("A witness signs with a key for cosignatures")
        self._signer, self._heads, self._now = signer, heads, now
        self._logs: dict[str, list[Verifier]] = {}
        for log in logs:
            if log.kind != Kind.NOTE:
                raise ValueError(f"{log.name} is the key of a witness, not of a log")
            self._logs.setdefault(log.name, []).append(log)

    def add_checkpoint(self, body: bytes) -> Answer:
        """The signature, as soon as the head is kept; or why there is none.

        400 not a request, or the old size above the new; 403 not signed by a key of that log; 404
        a log not known here; 409 the old size isn't the newest cosigned, which stands in the
        answer; 422 the head isn't shown to add to the newest, or the proof isn't wanted."""
        try:
            old, proof, note = read_request(body)
            head = checkpoint(split(note)[0])
        except (NotANote, UnicodeDecodeError, ValueError) as wrong:
            return _refusal(HTTPStatus.BAD_REQUEST, str(wrong))
        keys = self._logs.get(head.origin)
        if keys is None:
            return _refusal(HTTPStatus.NOT_FOUND, "This log isn't known here")
        try:
            head, opened = open_checkpoint(note, keys)
        except NotSigned as wrong:
            return _refusal(HTTPStatus.FORBIDDEN, str(wrong))
        if old > head.size:
            return _refusal(HTTPStatus.BAD_REQUEST, "The old size is above the new one")
        newest = self._heads.latest(head.origin)
        if old != newest[0]:
            return _conflict(newest[0])
        try:
            verify_consistency(old, head.size, proof, newest[1], head.root)
        except NotProved as wrong:
            return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(wrong))
        at = int(self._now())
        if not self._heads.replace(newest, head, note, at):
            return _conflict(self._heads.latest(head.origin)[0])
        return Answer(HTTPStatus.OK, self._signer.sign(opened.body, at))

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """The same over HTTP, as a WSGI application."""
        answer = self._answer(environ)
        status = HTTPStatus(answer.status)
        data = answer.text.encode()
        headers = [
            ("Content-Type", answer.kind),
            ("Content-Length", str(len(data))),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ]
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", "POST"))
        start_response(f"{status.value} {status.phrase}", headers)
        return [data]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        if environ.get("PATH_INFO") != PATH:
            return _refusal(HTTPStatus.NOT_FOUND, f"A witness answers at {PATH}")
        if environ.get("REQUEST_METHOD") != "POST":
            return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Send the head by POST")
        length = environ.get("CONTENT_LENGTH") or "0"
        if environ.get("wsgi.input_terminated"):
            length = str(MOST_REQUEST + 1)  # the server itself knows where the body ends
        if not length.isascii() or not length.isdigit():
            return _refusal(HTTPStatus.BAD_REQUEST, "The length of the request isn't a number")
        body = environ["wsgi.input"].read(min(int(length), MOST_REQUEST + 1))
        if len(body) > MOST_REQUEST:
            return _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too long")
        return self.add_checkpoint(body)


def request(old: int, proof: Iterable[bytes], note: str) -> bytes:
    """The body of an `add-checkpoint`."""
    lines = "".join(f"{base64.b64encode(each).decode()}\n" for each in proof)
    return f"old {old}\n{lines}\n{note}".encode()


def read_request(body: bytes) -> tuple[int, list[bytes], str]:
    """The old size, the proof and the note. ValueError for any other form, and for more than 63
    lines of proof."""
    head, blank, note = body.decode().partition("\n\n")
    first, *lines = head.split("\n")
    word, space, number = first.partition(" ")
    old = size_in(number)
    if not blank or word != "old" or not space or old is None:
        raise ValueError("A request begins with the old size, and a blank line before the head")
    if len(lines) > MOST_PROOF:
        raise ValueError(f"A proof has at most {MOST_PROOF} lines")
    return old, [_hash(line) for line in lines], note


def _hash(line: str) -> bytes:
    try:
        found = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != HASH_BYTES or base64.b64encode(found).decode() != line:
        raise ValueError(f"A line of a proof is {HASH_BYTES} bytes in base64")
    return found


def _refusal(status: HTTPStatus, why: str) -> Answer:
    return Answer(status, f"{why}.\n")


def _conflict(size: int) -> Answer:
    return Answer(HTTPStatus.CONFLICT, f"{size}\n", SIZE_TYPE)

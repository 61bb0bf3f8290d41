"""The signed head of the log: checkpoints and signed notes as C2SP writes them, and their keys.

A note is a text, a blank line, and lines of signatures. The text of ours is a checkpoint: where the
log is from, how long it is, and its root. Anything that isn't written in the one right way is
refused: of two ways of writing the same, one would go unseen by somebody's tool."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from referral.merkle import HASH_BYTES, MOST_LEAVES

MOST_BYTES = 128 * 1024
MOST_SIGNATURES = 100
_DASH = "\u2014 "
_PRIVATE = "PRIVATE+KEY"
_KEY_BYTES = 32
_SIGNATURE_BYTES = 64
_ID_BYTES = 4
_TIME_BYTES = 8
_MOST_TIME = 253_402_300_799  # the end of the year 9999
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class NotAKey(ValueError):
    """The text isn't a key as it must be written."""


class NotANote(ValueError):
    """The text isn't a signed note, or not one that holds a checkpoint."""


class NotSigned(ValueError):
    """A known key's signature is wrong, or none of the known keys has signed."""


class Kind(IntEnum):
    """What a key signs, by the byte that stands for it in the key's id."""

    NOTE = 0x01
    """Ed25519 over the text: the log itself."""
    COSIGNATURE = 0x04
    """Ed25519 over the time and the text: a witness, who saw that the log only grew."""


class Checkpoint(NamedTuple):
    """How long a log is, and its root."""

    origin: str
    size: int
    root: bytes

    @property
    def body(self) -> str:
        """The three lines that are signed. ValueError for what could not be read back."""
        _refuse_name(self.origin, ValueError)
        if not 0 <= self.size <= MOST_LEAVES:
            raise ValueError(f"No log has {self.size} entries")
        if len(self.root) != HASH_BYTES:
            raise ValueError(f"A root has {HASH_BYTES} bytes")
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True)
class Verifier:
    """A key that checks signatures: what is given out."""

    name: str
    key: bytes = field(repr=False)
    kind: Kind = Kind.NOTE

    def __post_init__(self) -> None:
        _refuse_name(self.name, NotAKey)
        if len(self.key) != _KEY_BYTES:
            raise NotAKey(f"An Ed25519 key has {_KEY_BYTES} bytes, not {len(self.key)}")

    @cached_property
    def id(self) -> bytes:
        """Four bytes that point at the key. They prove nothing: the key does."""
        return sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.key).digest()[:4]

    @property
    def text(self) -> str:
        """`name+id+key`, as signed notes' tools read it."""
        key = base64.b64encode(bytes([self.kind]) + self.key).decode()
        return f"{self.name}+{self.id.hex()}+{key}"

    @classmethod
    def read(cls, text: str) -> Verifier:
        """NotAKey for another form, another id than the key has, or a kind not known here. Spaces
        and line ends around it are let go."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise NotAKey("A public key reads NAME+ID+KEY")
        kind, key = _kind_and_key(parts[2])
        found = cls(parts[0], key, kind)
        if found.id.hex() != parts[1]:
            raise NotAKey(f"The id of this key is {found.id.hex()}, not {parts[1][:8]}")
        return found

    def accepts(self, body: str, signature: bytes) -> bool:
        """Whether this key signed the body; `signature` is what stands behind the id."""
        signed = body.encode()
        if self.kind == Kind.COSIGNATURE:
            if len(signature) != _TIME_BYTES + _SIGNATURE_BYTES:
                return False
            at = int.from_bytes(signature[:_TIME_BYTES], "big")
            if at > _MOST_TIME:
                return False
            signed, signature = _cosigned(body, at), signature[_TIME_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, signed)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Signer:
    """A key that signs: what is kept in a file that nobody else reads, and never in the store."""

    name: str
    seed: bytes = field(repr=False)
    kind: Kind = Kind.NOTE

    def __post_init__(self) -> None:
        _refuse_name(self.name, NotAKey)
        if len(self.seed) != _KEY_BYTES:
            raise NotAKey(f"The seed of an Ed25519 key has {_KEY_BYTES} bytes")

    @classmethod
    def new(cls, name: str, kind: Kind = Kind.NOTE) -> Signer:
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw(), kind)

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self._private.public_key().public_bytes_raw(), self.kind)

    @property
    def text(self) -> str:
        """`PRIVATE+KEY+name+id+key`, the one line of a key file."""
        key = base64.b64encode(bytes([self.kind]) + self.seed).decode()
        return f"{_PRIVATE}+{self.name}+{self.verifier.id.hex()}+{key}"

    @classmethod
    def read(cls, text: str) -> Signer:
        """NotAKey as `Verifier.read` says it; the words never repeat what was read."""
        parts = text.strip().split("+", 4)
        if len(parts) != 5 or "+".join(parts[:2]) != _PRIVATE:
            raise NotAKey(f"A private key reads {_PRIVATE}+NAME+ID+KEY")
        kind, seed = _kind_and_key(parts[4])
        found = cls(parts[2], seed, kind)
        if found.verifier.id.hex() != parts[3]:
            raise NotAKey("The id of this private key isn't the one it has by its name")
        return found

    def sign(self, body: str, at: int | None = None) -> str:
        """The line of this key's signature. A witness says when: `at`, in whole seconds since 1970.

        ValueError when a witness is told no time, or the log one."""
        if (at is None) != (self.kind == Kind.NOTE):
            raise ValueError("A cosignature has a time, and nothing else has")
        if at is None:
            signature = self._private.sign(body.encode())
        elif 0 <= at <= _MOST_TIME:
            signature = at.to_bytes(_TIME_BYTES, "big") + self._private.sign(_cosigned(body, at))
        else:
            raise ValueError(f"A cosignature isn't of the time {at}")
        return f"{_DASH}{self.name} {base64.b64encode(self.verifier.id + signature).decode()}\n"


class Signature(NamedTuple):
    """One line of a note: `signature` is what stands behind the id."""

    name: str
    id: bytes
    signature: bytes
    line: str

    @property
    def at(self) -> int:
        """When a witness says it cosigned. Means nothing on another key's line."""
        return int.from_bytes(self.signature[:_TIME_BYTES], "big")


class Note(NamedTuple):
    """A note whose signatures were checked: `by` are the known keys that signed it, all rightly."""

    body: str
    by: dict[Verifier, Signature]
    unknown: tuple[Signature, ...]

    @property
    def checkpoint(self) -> Checkpoint:
        return checkpoint(self.body)


def note(body: str, lines: Sequence[str]) -> str:
    """The note of this body with these lines of signatures."""
    return f"{body}\n{''.join(lines)}"


def join(signed: str, lines: str) -> str:
    """The note with more lines of signatures behind it, but for keys that stand in it already."""
    body, signatures = split(signed)
    known = {(each.name, each.id) for each in signatures}
    more = [
        each.line for each in split(note(body, [lines]))[1] if (each.name, each.id) not in known
    ]
    return signed + "".join(more)


def checkpoint(body: str) -> Checkpoint:
    """NotANote unless the body is exactly the three lines of a checkpoint: each ended by a line
    feed, an origin that could name a key, a size without leading zeros, a root of 32 bytes in the
    one standard base64."""
    lines = body.split("\n")
    if len(lines) != 4 or lines[3]:
        raise NotANote("A checkpoint has three lines")
    origin, size, root = lines[:3]
    _refuse_name(origin, NotANote)
    number = size_in(size)
    if number is None:
        raise NotANote("The size of a checkpoint is a plain number without leading zeros")
    hashed = _decoded(root)
    if hashed is None or len(hashed) != HASH_BYTES:
        raise NotANote(f"The root of a checkpoint is {HASH_BYTES} bytes in base64")
    return Checkpoint(origin, number, hashed)


def size_in(text: str) -> int | None:
    """The size of a log as it must be written: plain digits, no leading zeros, below 2**63."""
    return int(text) if _NUMBER.fullmatch(text) and int(text) <= MOST_LEAVES else None


def split(text: str) -> tuple[str, list[Signature]]:
    """The body and the lines of a note, none of them checked.

    NotANote for more than 128 KiB or 100 signatures, a control character other than a line feed,
    half a character, no blank line, no signature, a line that isn't one, and two of one key."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as half:
        raise NotANote("A note is written in UTF-8") from half
    if size > MOST_BYTES:
        raise NotANote(f"A note has at most {MOST_BYTES} bytes")
    if any(character < " " and character != "\n" for character in text):
        raise NotANote("A note has no control character but the line feed")
    body, blank, lines = text.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise NotANote("A note is a text, a blank line and lines of signatures")
    written = lines[:-1].split("\n")
    if len(written) > MOST_SIGNATURES:
        raise NotANote(f"A note has at most {MOST_SIGNATURES} signatures")
    found = [_signature(line) for line in written]
    if len({(each.name, each.id) for each in found}) < len(found):
        raise NotANote("A key signs a note once")
    return body + "\n", found


def open_note(text: str, known: Iterable[Verifier]) -> Note:
    """The note, once every known key that signed it signed it rightly and at least one did.

    Lines of other keys are left aside, also of a key that shares its name or its id with a known
    one. NotSigned when a known key's line is wrong, or no known key signed; NotANote as `split`."""
    body, signatures = split(text)
    keys = {(key.name, key.id): key for key in known}
    by: dict[Verifier, Signature] = {}
    unknown = []
    for each in signatures:
        key = keys.get((each.name, each.id))
        if key is None:
            unknown.append(each)
        elif not key.accepts(body, each.signature):
            raise NotSigned(f"The signature of {key.name} isn't right")
        else:
            by[key] = each
    if not by:
        raise NotSigned("No known key signed this note")
    return Note(body, by, tuple(unknown))


def open_checkpoint(text: str, known: Iterable[Verifier]) -> tuple[Checkpoint, Note]:
    """A checkpoint signed by the key of its own origin, with what witnesses say of it.

    NotSigned when only witnesses, or a log of another name, have signed it."""
    opened = open_note(text, known)
    head = opened.checkpoint
    if not any(key.kind == Kind.NOTE and key.name == head.origin for key in opened.by):
        raise NotSigned(f"No known key of {head.origin} signed this checkpoint")
    return head, opened


def _signature(line: str) -> Signature:
    name, space, text = line.removeprefix(_DASH).partition(" ")
    found = _decoded(text)
    if not line.startswith(_DASH) or not space or found is None or len(found) <= _ID_BYTES:
        raise NotANote("A line of a signature reads: dash, name, base64")
    _refuse_name(name, NotANote)
    return Signature(name, found[:_ID_BYTES], found[_ID_BYTES:], f"{line}\n")


def _cosigned(body: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{body}".encode()


def _kind_and_key(text: str) -> tuple[Kind, bytes]:
    found = _decoded(text)
    if not found:
        raise NotAKey("A key stands in base64")
    try:
        kind = Kind(found[0])
    except ValueError:
        raise NotAKey(f"Keys of kind {found[0]} are not known here") from None
    return kind, found[1:]


def _decoded(text: str) -> bytes | None:
    """The bytes, if this is the one standard base64 of them."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if base64.b64encode(found).decode() == text else None


def _refuse_name(name: str, refusal: type[ValueError]) -> None:
    if not name or "+" in name or any(character.isspace() or character < " " for character in name):
        raise refusal("A name has at least a letter, no space, no plus and no control character")

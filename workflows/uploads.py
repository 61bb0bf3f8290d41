"""What a file is, by what is in it, and the name it is kept under. Pure; nothing is unpacked.

What somebody calls a file is never believed: its first bytes say what it is, and its name must say
the same. A short list is taken; the rest is refused in a sentence that says what to do."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from typing import NamedTuple

from workflows.moves import N_, Refusal
from workflows.pictures import Unreadable, bare_jpeg, bare_png
from workflows.rules import field

MOST_BYTES = 5_000_000
MOST_NAME = 100
MOST_PARTS = 2_000  # of a Word document: what it lists is read, never what is packed in it

NO_FILE = field("file", N_("Choose the file."))
EMPTY = field("file", N_("Choose a file that has something in it. This one is empty."))
TOO_LARGE = field(
    "file", N_("Choose a file of 5 MB or less. Save a photo or a scan smaller, then choose it.")
)
NOT_TAKEN = field(
    "file",
    N_("Choose a PDF, a picture (PNG or JPEG), a Word document (.docx) or plain text (.txt)."),
)
NOT_AS_NAMED = field(
    "file",
    N_("What is in this file is not what its name says. Open it, save it anew, and choose it."),
)
NOT_READ = field(
    "file", N_("This picture can't be read to its end. Open it, save it anew, and choose it.")
)
MACROS = field(
    "file", N_("This Word document has a program in it. Save it without macros, and choose it.")
)

NOT_BASE64 = field("content", N_("Give the file's bytes as base64."))

# Each kind by the endings that may stand for it, the first being the one that is kept.
ENDINGS: dict[str, tuple[str, ...]] = {
    "application/pdf": ("pdf",),
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("docx",),
    "text/plain": ("txt",),
}
PDF, PNG, JPEG, DOCX, TEXT = ENDINGS
ACCEPTED = ",".join(f".{ending}" for endings in ENDINGS.values() for ending in endings)
# Names that a computer keeps for its own devices.
DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)\Z")
UNSAFE = frozenset('<>:"/\\|?*%;`$&')


class Upload(NamedTuple):
    """A file that may be kept."""

    name: str
    media_type: str
    content: bytes


def checked(name: str, content: bytes) -> Upload:
    """The file under a clean name, by what it is; of a picture what is seen, without what its
    camera wrote beside it. Raises `NotThis` with what to do."""
    if not content:
        raise NotThis(EMPTY if name.strip() else NO_FILE)
    if len(content) > MOST_BYTES:
        raise NotThis(TOO_LARGE)
    media_type = media_type_of(content)
    stem, ending = _parted(name)
    if media_type is None or ending not in {e for all_ in ENDINGS.values() for e in all_}:
        raise NotThis(NOT_TAKEN)
    if ending not in ENDINGS[media_type]:
        raise NotThis(NOT_AS_NAMED)
    return Upload(f"{stem}.{ENDINGS[media_type][0]}", media_type, _bare(media_type, content))


def _bare(media_type: str, content: bytes) -> bytes:
    bare = {PNG: bare_png, JPEG: bare_jpeg}.get(media_type)
    try:
        return bare(content) if bare else content
    except Unreadable as unreadable:
        raise NotThis(NOT_READ) from unreadable


class NotThis(ValueError):
    """The file can't be kept. `refusal` says why, and what to do."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__("This file can't be kept.")
        self.refusal = refusal


def media_type_of(content: bytes) -> str | None:
    """What a file is, by its bytes; None for what isn't taken. Raises `NotThis` for a document
    that carries a program."""
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content.startswith(b"PK\x03\x04"):
        return DOCX if _is_docx(content) else None
    return TEXT if _is_text(content) else None


def _is_docx(content: bytes) -> bool:
    """By the list of parts at its end. No part is opened, however large it says it is."""
    # The last record counts the parts: a list of a million is left unread.
    end = content.rfind(b"PK\x05\x06")
    if end < 0 or int.from_bytes(content[end + 10 : end + 12], "little") > MOST_PARTS:
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            names = packed.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
    if any(name.rsplit("/", 1)[-1].lower().startswith("vbaproject") for name in names):
        raise NotThis(MACROS)
    return "[Content_Types].xml" in names and "word/document.xml" in names


def _is_text(content: bytes) -> bool:
    """Words and nothing a program would run: no byte that no text has, and no page of markup."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")  # as older Windows saves it
    if any(unicodedata.category(c) == "Cc" and c not in "\t\n\r\f" for c in text):
        return False
    return not text.lstrip().startswith("<") and "\ufffd" not in text


def _parted(name: str) -> tuple[str, str]:
    """What a file is called without its folder, and its ending: nothing in it that a computer reads
    as more than a name, or that shows an ending which isn't there."""
    base = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    said = "".join(
        " " if c in UNSAFE or unicodedata.category(c).startswith(("C", "Z")) else c for c in base
    )
    stem, _dot, ending = " ".join(said.split()).rpartition(".")
    # One dot, before the ending: "letter.exe.pdf" is a letter, whatever else it would be.
    stem = " ".join(stem.replace(".", " ").split()).strip("-_ ")[:MOST_NAME].strip()
    if not stem or DEVICES.match(stem):
        stem = "document"
    return stem, ending.strip().lower()

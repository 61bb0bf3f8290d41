"""A picture without what its camera wrote beside it: where and when it was taken, with what, by
whom, and smaller pictures of what was cut away. Pure, and nothing is drawn: what is seen stays byte
for byte as it was, and which way up it is stays too."""

from __future__ import annotations

import struct
from typing import Literal

# What a picture can't be shown without, or shows wrongly without. The rest goes.
PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT"}
    | {b"bKGD", b"pHYs"}
)
SIGNATURE = b"\x89PNG\r\n\x1a\n"
START, END, SCAN = 0xD8, 0xD9, 0xDA
EXIF = b"Exif\x00\x00"
ORIENTATION = 0x0112
UPRIGHT, ORIENTATIONS = 1, range(1, 9)


class Unreadable(ValueError):
    """This isn't built as a picture of its kind is."""


def bare_png(content: bytes) -> bytes:
    """A PNG with what is seen alone. Raises Unreadable."""
    found, at, name = [SIGNATURE], len(SIGNATURE), b""
    while name != b"IEND":
        size, name = _big(content, at), content[at + 4 : at + 8]
        end = at + 12 + size
        if end > len(content):
            raise Unreadable
        if name in PNG_KEPT:
            found.append(content[at:end])
        at = end
    return b"".join(found)


def bare_jpeg(content: bytes) -> bytes:
    """A JPEG with what is seen alone, and which way up it is. What comes after its end goes too:
    a telephone keeps a film or a second picture there. Raises Unreadable."""
    found, at, orientation = [], 2, UPRIGHT
    while True:
        marker = _marker(content, at)
        while marker == 0xFF:  # it may be filled up before a marker
            at += 1
            marker = _marker(content, at)
        if marker == END:
            break
        size = int.from_bytes(content[at + 2 : at + 4], "big")
        end = at + 2 + size
        if size < 2 or end > len(content):
            raise Unreadable
        body = content[at + 4 : end]
        if marker == 0xE1 and body.startswith(EXIF):
            orientation = _orientation(body[len(EXIF) :])
        if marker == SCAN:
            end = _end_of_scan(content, end)
        if _is_seen(marker, body):
            found.append(content[at:end])
        at = end
    if not any(part[1] == SCAN for part in found):
        raise Unreadable
    first = 1 if found[0][1] == 0xE0 else 0
    if orientation != UPRIGHT:
        found.insert(first, _turned(orientation))
    return b"\xff\xd8" + b"".join(found) + b"\xff\xd9"


def _is_seen(marker: int, body: bytes) -> bool:
    if marker == 0xE0:
        return body.startswith(b"JFIF\x00")
    if marker == 0xE2:
        return body.startswith(b"ICC_PROFILE\x00")
    if marker == 0xEE:  # how its colours are to be read
        return body.startswith(b"Adobe")
    return not (0xE0 <= marker <= 0xEF or marker == 0xFE)


def _marker(content: bytes, at: int) -> int:
    if at + 1 >= len(content) or content[at] != 0xFF:
        raise Unreadable
    return content[at + 1]


def _end_of_scan(content: bytes, at: int) -> int:
    """Where the next marker stands that is no part of the picture's own bytes."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            raise Unreadable
        follows = content[at + 1]
        if follows not in (0x00, 0xFF) and not 0xD0 <= follows <= 0xD7:
            return at
        at += 1 if follows == 0xFF else 2


def _orientation(tiff: bytes) -> int:
    """Which way up the camera says that the picture is; upright where it doesn't say."""
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    start = number(4, 4)
    for entry in range(min(number(start, 2), 500)):
        at = start + 2 + 12 * entry
        if number(at, 2) == ORIENTATION:
            found = number(at + 8, 2)
            return found if found in ORIENTATIONS else UPRIGHT
    return UPRIGHT


def _turned(orientation: int) -> bytes:
    """The part of a JPEG that says which way up it is, and nothing else."""
    told = struct.pack(">HHIHH", ORIENTATION, 3, 1, orientation, 0)
    body = EXIF + b"MM\x00\x2a" + struct.pack(">IH", 8, 1) + told + bytes(4)
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _big(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 4], "big")

"""Files of a feed, read as a stream: one item is in memory at a time, however long the file is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import ijson  # type: ignore[import-untyped]

from web.directory.fields import shorten
from web.directory.items import Limits, Problem

ENDINGS = (".json", ".ndjson", ".jsonl")
LINE_ENDINGS = (".ndjson", ".jsonl")
SHOWN_BYTES = 60
_PIECE = 65_536


@dataclass(frozen=True, slots=True)
class Found:
    """A value that stands where an item should, not looked at yet."""

    value: Any
    where: str
    listed: bool  # it came in a list, not by itself
    expected: int | None = None  # how many the list says it has


@dataclass(frozen=True, slots=True)
class Page:
    """What a list says of itself, and how much of it came."""

    where: str
    head: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    asked: int | None = None  # the number of the page that was asked for, on the web


class TooDeep:
    """Stands for an item nested deeper than any real one."""


class _ItemTooBigError(Exception):
    """One item is larger than any real one."""


def documents_in(folder: Path) -> list[Path]:
    """The files of a feed in a folder and below it, page 2 before page 10."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    return sorted((path for path in found if path.is_file()), key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    pieces: list[tuple[int, str]] = []
    for piece in path.parts:
        letters = ""
        for sign in [*piece, ""]:
            if letters and (not sign or sign.isdecimal() != letters[-1].isdecimal()):
                pieces.append((int(letters), "") if letters.isdecimal() else (-1, letters))
                letters = ""
            letters += sign
    return pieces


def read_document(
    stream: BinaryIO, where: str, limits: Limits, *, by_lines: bool = False
) -> Iterator[Found | Page | Problem]:
    """Each item of a document; then, of a list, its Page; last, a Problem if it breaks off.

    Takes a list with an envelope, a bare list, one item, several of these one after another, or
    one item a line. The stream must be able to go back to its start.
    """
    opening = stream.read(4096)
    reason = _not_json(opening)
    if reason:
        yield _refusal(where, "not_json", reason, opening[:SHOWN_BYTES])
        return
    stream.seek(3 if opening.startswith(b"\xef\xbb\xbf") else 0)
    if by_lines or _one_a_line(stream, limits):
        yield from _lines(stream, where, limits)
    else:
        yield from _stream(stream, where, limits)


def _not_json(opening: bytes) -> str:
    """Why this can't be a feed, or ""."""
    text = opening.removeprefix(b"\xef\xbb\xbf").lstrip()
    if opening.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in opening[:64]:
        return "This is not written in UTF-8. Save it as UTF-8 and try again."
    if opening.startswith((b"PK", b"\x1f\x8b")):
        return "This is packed. Unpack it and try again."
    if not text:
        return "This is empty. A feed holds at least one item."
    if text.startswith(b"<"):
        return "This is a web page or XML. A feed is JSON."
    if not text.startswith((b"{", b"[")):
        return "This is not JSON. A feed begins with { or [."
    return ""


def _one_a_line(stream: BinaryIO, limits: Limits) -> bool:
    """Whether each line is an item. Leaves the stream where it was."""
    start = stream.tell()
    first_sign = last_sign = next_sign = b""
    while stream.tell() - start <= limits.item_bytes:
        piece = stream.readline(_PIECE)
        words = piece.strip()
        first_sign, last_sign = first_sign or words[:1], words[-1:] or last_sign
        if not piece.endswith(b"\n"):
            if not piece:
                break
            continue
        if first_sign:
            next_sign = _next_sign(stream)
            break
    stream.seek(start)
    return first_sign == next_sign == b"{" and last_sign not in b"{[,:"


def _next_sign(stream: BinaryIO) -> bytes:
    while piece := stream.readline(_PIECE):
        if words := piece.strip():
            return words[:1]
    return b""


def _lines(stream: BinaryIO, where: str, limits: Limits) -> Iterator[Found | Page | Problem]:
    number = 0
    while line := stream.readline(limits.item_bytes + 1):
        number += 1
        spot = f"{where}, line {number}"
        if len(line) > limits.item_bytes:
            while line and not line.endswith(b"\n"):
                line = stream.readline(limits.item_bytes)
            reason = f"This item is larger than {_bytes(limits.item_bytes)}."
            yield _refusal(spot, "too_big", reason, kind="item")
            continue
        if not line.strip():
            continue
        try:
            value = json.loads(line, parse_constant=_no_constant)
        except (ValueError, RecursionError) as trouble:
            if not line.endswith(b"\n"):
                reason = f"It stops in the middle of line {number}. What came before it was read."
                yield _refusal(where, "cut_off", reason, line[-SHOWN_BYTES:])
            else:
                yield _refusal(spot, "not_json", _why(trouble), line[:SHOWN_BYTES], kind="item")
            continue
        yield from _one_value(value, spot, limits)


def _one_value(value: Any, spot: str, limits: Limits) -> Iterator[Found | Page]:
    if isinstance(value, dict) and isinstance(value.get("contents"), list):
        contents = value.pop("contents")
        expected = _total(value)
        for one in contents:
            yield Found(_shallow(one, limits), spot, True, expected)
        yield Page(spot, value, len(contents))
    else:
        yield Found(_shallow(value, limits), spot, True)


def _shallow(value: Any, limits: Limits) -> Any:
    level = [value]
    for _ in range(limits.depth):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return value
    return TooDeep()


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


class _Meter:
    """Counts what is read of a stream, and stops an item that never ends."""

    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        self._stream = stream
        self._limit = limits.item_bytes
        self._of_this_item = 0
        self.bytes = 0
        self.lines = 1
        self.ended = False
        self.items = 0
        self.last = ""

    def read(self, size: int = -1) -> bytes:
        if self._of_this_item > self._limit:
            raise _ItemTooBigError
        chunk = self._stream.read(size)
        self.ended = not chunk and size != 0
        self.bytes += len(chunk)
        self.lines += chunk.count(b"\n")
        self._of_this_item += len(chunk)
        return chunk

    def item_ended(self, value: Any) -> None:
        self._of_this_item = 0
        self.items += 1
        if isinstance(value, dict):
            self.last = shorten(value.get("name") or value.get("id"))

    def so_far(self) -> str:
        if not self.items:
            return "before the first whole item"
        last = f", the last of them “{self.last}”" if self.last else ""
        return f"after {self.items:,} whole item{'s' if self.items > 1 else ''}{last}"


def _stream(stream: BinaryIO, where: str, limits: Limits) -> Iterator[Found | Page | Problem]:
    meter = _Meter(stream, limits)
    try:
        yield from _values(meter, where, limits)
    except _ItemTooBigError:
        reason = f"An item is larger than {_bytes(limits.item_bytes)}. Reading stopped"
        yield _refusal(where, "too_big", f"{reason} {meter.so_far()}.")
    except (ijson.JSONError, ValueError, OverflowError) as trouble:
        if meter.ended:
            spot = f"at line {meter.lines:,}, byte {meter.bytes:,}, {meter.so_far()}"
            reason = f"It stops in the middle, {spot}."
            yield _refusal(where, "cut_off", reason)
        else:
            reason = f"This is not JSON any more {meter.so_far()}, so reading stopped there."
            yield _refusal(where, "not_json", f"{reason} {_why(trouble)}")


def _values(meter: _Meter, where: str, limits: Limits) -> Iterator[Found | Page]:
    # Not ijson.items: it keeps the path of each open bracket, so a file of brackets fills memory.
    events = ijson.basic_parse(meter, multiple_values=True)
    for event, value in events:
        if event == "start_array":
            for inner, first in events:
                if inner == "end_array":
                    break
                item = _build(inner, first, events, limits.depth)
                meter.item_ended(item)
                yield Found(item, where, True)
        elif event == "start_map":
            yield from _envelope(events, meter, where, limits)
        else:
            yield Found(value, where, False)


def _envelope(
    events: Iterator[tuple[str, Any]], meter: _Meter, where: str, limits: Limits
) -> Iterator[Found | Page]:
    """A list with its envelope, or one item: which it is shows in its fields."""
    head: dict[str, Any] = {}
    count: int | None = None
    too_deep = False
    for event, key in events:
        if event == "end_map":
            break
        event, value = next(events)
        if key != "contents" or event != "start_array":
            head[key] = _build(event, value, events, limits.depth - 1)
            too_deep = too_deep or isinstance(head[key], TooDeep)
            continue
        count = count or 0
        for inner, first in events:
            if inner == "end_array":
                break
            item = _build(inner, first, events, limits.depth)
            meter.item_ended(item)
            count += 1
            yield Found(item, where, True, _total(head))
    if count is not None:
        yield Page(where, head, count)
    else:
        meter.item_ended(head)
        yield Found(TooDeep() if too_deep else head, where, False)


def _build(event: str, value: Any, events: Iterator[tuple[str, Any]], depth: int) -> Any:
    """The value that begins with this event. Deeper than `depth` it is passed over."""
    if event not in ("start_map", "start_array"):
        return value
    root: Any = {} if event == "start_map" else []
    stack: list[Any] = [root]
    keys = [""]
    passing_over, too_deep = 0, False
    while stack:
        event, value = next(events)
        opens = event in ("start_map", "start_array")
        if event in ("end_map", "end_array"):
            if passing_over:
                passing_over -= 1
            else:
                stack.pop()
                keys.pop()
        elif passing_over or (opens and len(stack) >= depth):
            passing_over += opens
            too_deep = True
        elif event == "map_key":
            keys[-1] = value
        else:
            if opens:
                value = {} if event == "start_map" else []
            top = stack[-1]
            if isinstance(top, dict):
                top[keys[-1]] = value
            else:
                top.append(value)
            if opens:
                stack.append(value)
                keys.append("")
    return TooDeep() if too_deep else root


def _total(head: dict[str, Any]) -> int | None:
    total = head.get("total_items")
    return total if isinstance(total, int) and not isinstance(total, bool) else None


def _why(trouble: Exception) -> str:
    """What the parser found, in one line, without its drawing of the place."""
    lines = [line.strip() for line in str(trouble).split("\n")]
    first = lines[0].removeprefix("b'").removesuffix("\\n") if lines else ""
    return f"The reader says: {shorten(first)}." if first else ""


def _bytes(number: int) -> str:
    return f"{number / 1_000_000:g} MB"


def _refusal(
    where: str, code: str, reason: str, value: bytes | str = "", kind: str = "feed"
) -> Problem:
    shown = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return Problem(
        kind, None, None, None, reason, shorten(shown), refused=True, code=code, where=where
    )

"""Pictures of a few numbers, drawn by the server: where each bar, line and word of them stands.

A picture is drawn twice, once for a wide page and once for a phone, and never shrunk: its words
keep their size. It prints without colour: what differs differs in pattern, shape or dash, and
carries its own words, so that there is no key to look up. The same numbers stand in a table, and
one sentence says what they show. Where a sentence is enough, draw nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from textwrap import wrap

WIDE, NARROW = 640, 288
LETTER = 16  # high, in both drawings; a little more than half as wide on average
LINE = 20
ADVANCE = 8.8
LOOKS = ("solid", "hatched", "missing", "hidden")
DASHES = ("none", "8 5", "2 5", "12 4 2 4")
SHAPES = ("circle", "square", "diamond", "triangle")


@dataclass(frozen=True)
class Cell:
    """One cell of the table beside a picture."""

    text: str
    href: str | None = None
    number: bool = False


@dataclass(frozen=True)
class Table:
    """The same numbers in words. The first cell of a row is its heading."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Bar:
    """One bar. `value` None: nothing may be drawn of it, its words alone are shown.

    `label`: nothing where it belongs to the bar above it. `look`: solid, hatched for what is set
    apart, missing for what nobody knows."""

    label: str
    value: float | None
    text: str
    look: str = "solid"


@dataclass(frozen=True)
class Point:
    """One value of a line, when it was, and both in words."""

    at: datetime
    when: str
    value: float
    text: str


@dataclass(frozen=True)
class Line:
    """One line, with its name at its end."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Words:
    """Words in a drawing. `anchor`: start, middle or end."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    strong: bool = False


@dataclass(frozen=True)
class Box:
    """One bar of a drawing."""

    x: float
    y: float
    width: float
    height: float
    look: str


@dataclass(frozen=True)
class Trail:
    """A line, or with no `dash` of its own a rule behind the lines."""

    path: str
    dash: str = "none"
    rule: bool = False


@dataclass(frozen=True)
class Mark:
    """One point of a line, as a shape."""

    path: str


@dataclass(frozen=True)
class Drawing:
    """All that one of the two drawings holds."""

    name: str
    width: int
    height: float
    boxes: list[Box] = field(default_factory=list)
    trails: list[Trail] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)


@dataclass(frozen=True)
class Chart:
    """What `chart.jinja` draws. `key` is unique on its page; `finding` says what is to be seen."""

    key: str
    title: str
    finding: str
    drawings: Sequence[Drawing]
    table: Table


def bars(key: str, title: str, finding: str, given: Sequence[Bar], table: Table) -> Chart:
    """Bars from the left, one for each row, from nothing up to the greatest."""
    return Chart(key, title, finding, (_bars("wide", WIDE, given), _bars("narrow", NARROW, given)),
                 table)  # fmt: skip


def _bars(name: str, width: int, given: Sequence[Bar]) -> Drawing:
    beside = 240 if name == "wide" else 0  # the names stand left of the bars, or above each
    thick = 24
    most = max((bar.value or 0 for bar in given), default=0)
    room = width - beside - max((len(bar.text) for bar in given), default=0) * ADVANCE - 10
    drawn = Drawing(name, width, 0)
    y = 0.0
    for bar in given:
        lines = wrap(bar.label, int((beside or width) / ADVANCE))
        above = 0 if beside or not lines else len(lines) * LINE + 6
        tall = max(len(lines) * LINE, thick) if beside else above + thick
        if not lines:  # it belongs to the bar above it
            y -= 10
        for number, line in enumerate(lines):
            at = y + 17 + number * LINE
            if beside and len(lines) == 1:
                at += (thick - LINE) / 2
            drawn.words.append(Words(0, at, line))
        top = y + (tall - thick) / 2 if beside else y + above
        long = 0.0
        if bar.value is None:
            long = 6.0
            drawn.boxes.append(Box(beside, top, long, thick, "hidden"))
        elif bar.value and most:
            long = round(max(room * bar.value / most, 2), 1)
            drawn.boxes.append(Box(beside, top, long, thick, bar.look))
        drawn.words.append(Words(round(beside + long + 8, 1), top + 17, bar.text, strong=True))
        y += tall + 12
    return Drawing(name, width, max(y - 8, 1), drawn.boxes, [], [], drawn.words)


def lines(
    key: str,
    title: str,
    finding: str,
    given: Sequence[Line],
    low: float,
    high: float,
    table: Table,
) -> Chart:
    """Lines over time on a scale from `low` to `high`, at most four, each with its own dash and
    shape, and its name where it ends."""
    if not 0 < len(given) <= len(DASHES) or not all(line.points for line in given):
        raise ValueError("Draw one to four lines, each with a point; a sentence does for none.")
    both = tuple(_lines(name, width, given, low, high) for name, width in
                 (("wide", WIDE), ("narrow", NARROW)))  # fmt: skip
    return Chart(key, title, finding, both, table)


def _lines(name: str, width: int, given: Sequence[Line], low: float, high: float) -> Drawing:
    left = max(len(f"{edge:g}") for edge in (low, high)) * ADVANCE + 8
    right = 190 if name == "wide" else 104
    top, tall = 16.0, 220.0
    times = [point.at.timestamp() for line in given for point in line.points]
    first, span = min(times), (max(times) - min(times)) or 1.0
    across, scale = width - left - right, (high - low) or 1.0

    def place(point: Point) -> tuple[float, float]:
        x = left + across * (point.at.timestamp() - first) / span
        y = top + tall * (1 - (point.value - low) / scale)
        return round(x, 1), round(y, 1)

    drawn = Drawing(name, width, 0)
    for edge in (low, (low + high) / 2, high):
        y = top + tall * (1 - (edge - low) / scale)
        drawn.trails.append(Trail(f"M{left:.1f} {y:.1f}H{width - right:.1f}", rule=True))
        drawn.words.append(Words(round(left - 8, 1), round(y + 5, 1), f"{edge:g}", "end"))
    ends: list[tuple[float, list[str]]] = []
    for number, line in enumerate(given):
        spots = [place(point) for point in line.points]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
        drawn.trails.append(Trail(path, DASHES[number]))
        drawn.marks.extend(Mark(_shape(SHAPES[number], x, y)) for x, y in spots)
        said = f"{line.name}: {line.points[-1].text}"
        ends.append((spots[-1][1], wrap(said, int((right - 16) / ADVANCE)) or [""]))
    free = 0.0
    for y, said_lines in sorted(ends, key=lambda one: one[0]):  # so that no name lies on another
        y = max(y + 5, free)
        for number, words in enumerate(said_lines):
            at = round(y + number * LINE, 1)
            drawn.words.append(Words(width - right + 14, at, words, strong=True))
        free = y + len(said_lines) * LINE + 4
    whens = {point.at: point.when for line in given for point in line.points}
    foot = top + tall + 28
    drawn.words.append(Words(round(left, 1), foot, whens[min(whens)]))
    if len(whens) > 1:
        last = foot if name == "wide" else foot + LINE
        drawn.words.append(Words(width - right, last, whens[max(whens)], "end"))
        foot = last
    tallest = max(foot, free - LINE) + 8
    return Drawing(name, width, round(tallest, 1), [], drawn.trails, drawn.marks, drawn.words)


def _shape(shape: str, x: float, y: float) -> str:
    if shape == "square":
        return f"M{x - 5:.1f} {y - 5:.1f}h10v10h-10z"
    if shape == "diamond":
        return f"M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7 -7z"
    if shape == "triangle":
        return f"M{x:.1f} {y - 7:.1f}l7 12h-14z"
    return f"M{x - 5:.1f} {y:.1f}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z"

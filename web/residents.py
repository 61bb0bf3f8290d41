"""Loading who lives in a place: a small table that anybody can make from the census.

All of the file is read before anything is changed; what it says of a place takes the place of all
that was loaded of it."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from referral import policies, residents
from referral.actors import Actor, the_system
from referral.audit import log
from referral.counts import AGES
from referral.residents import KINDS, Line
from referral.store import Door, Tx
from web.edge import Edge
from web.postcodes import WrongFile
from workflows.organisations import the_only_system

COLUMNS = ("place", "kind", "group", "number", "source")
HOW = "docs/population.md says how to make one."
UNCHANGED = "Nothing was changed."
# What the census calls its groups, beside the names they have here.
CALLED: Final = {
    "ethnic_group": {
        "asian, asian british or asian welsh": "asian",
        "black, black british, black welsh, caribbean or african": "black",
        "mixed or multiple ethnic groups": "mixed",
        "other ethnic group": "other",
    },
    "disability": {
        "disabled under the equality act": "yes",
        "not disabled under the equality act": "no",
        "disabled": "yes",
        "not disabled": "no",
    },
}
_FIRST_AGES = (0, 18, 35, 50, 65, 80)
BANDS: Final = dict(
    zip(AGES, zip(_FIRST_AGES, (*(age - 1 for age in _FIRST_AGES[1:]), None), strict=True),
        strict=True)
)  # fmt: skip
_AGE_WORDS = re.compile(r"\b(?:aged?|years?|old)\b")
_AGES = (
    (re.compile(r"under (\d{1,3})"), lambda n: (0, n - 1)),
    (re.compile(r"(\d{1,3}) (?:and|or) under"), lambda n: (0, n)),
    (re.compile(r"(\d{1,3}) ?(?:\+|(?:and|or) over)"), lambda n: (n, None)),
    (re.compile(r"(\d{1,3}) ?(?:to|-|\u2013) ?(\d{1,3})"), lambda n, m: (n, m)),
    (re.compile(r"(\d{1,3})"), lambda n: (n, n)),
)


class _Wrong(Exception):
    """What is wrong with a line, as the rest of a sentence."""


@dataclass(frozen=True)
class _Read:
    """One line of the file. `ages`: from which age to which, where it is of ages."""

    number: int
    place: policies.PlaceSeen
    line: Line
    ages: tuple[int, int | None] | None = None


def load(edge: Edge, file: Path, place: str | None = None) -> list[str]:
    """Load who lives in the places of a file; `place`: all of it is about this one. The names of
    the places. Raises WrongFile; then nothing was changed."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise WrongFile(
            f"{file.name} can't be loaded: it is not a CSV file in UTF-8. {UNCHANGED} {HOW}"
        ) from wrong
    return load_text(edge, file.name, text, place)


def load_text(edge: Edge, name: str, text: str, place: str | None = None) -> list[str]:
    """The same of a table that is at hand, by the name it is to have."""
    with edge.store.begin(door=Door.WHOLE) as tx:
        system_id, known = _places(tx)
        only = _place(place, known) if place is not None else None
        try:
            found = _whole(list(_rows(name, text, known, only)))
        except csv.Error as wrong:
            raise WrongFile(
                f"{name} can't be loaded: it is not a CSV file. {UNCHANGED} {HOW}"
            ) from wrong
        at, actor = edge.clock(), _who(system_id, "load")
        for where, lines in found.items():
            residents.put(tx, where.id, lines, at)
            told = {"file": name, "sources": sorted({line.source for line in lines})}
            log(tx, actor, at, "population_loaded", "place", where.id, told)
    return [where.name for where in found]


def remove(edge: Edge, place: str) -> bool:
    """Take out what is loaded of a place; whether anything was."""
    with edge.store.begin(door=Door.WHOLE) as tx:
        system_id, known = _places(tx)
        where, at = _place(place, known), edge.clock()
        if not residents.put(tx, where.id, (), at):
            return False
        actor = _who(system_id, "remove")
        log(tx, actor, at, "population_removed", "place", where.id)
    return True


def _who(system_id: str, what: str) -> Actor:
    return the_system(system_id, f"segue population {what}")


def _places(tx: Tx) -> tuple[str, list[policies.PlaceSeen]]:
    system_id = the_only_system(tx)
    if system_id is None:
        raise WrongFile("There is no system in this database yet. Run `segue setup` first.")
    return system_id, policies.places(tx, system_id)


def _place(name: str, known: Sequence[policies.PlaceSeen]) -> policies.PlaceSeen:
    plain = name.strip().casefold()
    fitting = [one for one in known if plain in (one.id, one.name.casefold())]
    if len(fitting) != 1:
        how = "there is no place" if not fitting else "there is more than one place"
        names = ", ".join(one.name for one in known)
        raise WrongFile(f"{how} called “{name}”. The places are: {names}. {UNCHANGED}")
    return fitting[0]


def _rows(
    name: str, text: str, known: Sequence[policies.PlaceSeen], only: policies.PlaceSeen | None
) -> Iterator[_Read]:
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [" ".join(one.split()).lower() for one in next(reader, [])]
    needed = COLUMNS if only is None else COLUMNS[1:]
    missing = [one for one in needed if one not in header]
    if missing:
        raise WrongFile(
            f"{name} can't be loaded: it has no column {' and no column '.join(missing)}."
            f" {UNCHANGED} {HOW}"
        )
    named = set()
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        each = dict(zip(header, (cell.strip() for cell in cells), strict=False))
        try:
            read = _row(reader.line_num, each, known, only)
        except _Wrong as wrong:
            raise WrongFile(f"Line {reader.line_num}: {wrong}. {UNCHANGED} {HOW}") from wrong
        except WrongFile as wrong:
            raise WrongFile(f"Line {reader.line_num}: {wrong}") from wrong
        named.add(each.get("place", ""))
        yield read
    if only is not None and len(named) > 1:
        raise WrongFile(
            f"The file names more than one place: {', '.join(sorted(named))}. {UNCHANGED}"
            " Leave out --place, or take the others out of the file."
        )


def _row(
    number: int,
    cells: dict[str, str],
    known: Sequence[policies.PlaceSeen],
    only: policies.PlaceSeen | None,
) -> _Read:
    kind = cells.get("kind", "").lower().replace(" ", "_")
    if kind not in KINDS:
        raise _Wrong(f"its kind is “{cells.get('kind', '')[:40]}”, and not one of"
                     f" {', '.join(sorted(KINDS))}")  # fmt: skip
    group, source = cells.get("group", ""), cells.get("source", "")
    people = cells.get("number", "").replace(",", "")
    if not people.isascii() or not people.isdigit() or len(people) > 9:
        raise _Wrong(f"its number is “{cells.get('number', '')[:20]}”, which is not a whole number"
                     " of people")  # fmt: skip
    if not re.search(r"\b(19|20)\d\d\b", source):
        raise _Wrong("its source names no year: say who published it and of when it is")
    if len(source) > 200:
        raise _Wrong("its source is longer than 200 characters")
    ages = _ages(group) if kind == "age" else None
    part = _part(kind, group) if ages is None else _band(group, ages)
    place = only if only is not None else _place(cells.get("place", ""), known)
    return _Read(number, place, Line(kind, part, int(people), source), ages)


def _part(kind: str, group: str) -> str:
    plain = " ".join(group.split()).lower()
    part = CALLED.get(kind, {}).get(plain, plain)
    if part not in KINDS[kind]:
        raise _Wrong(f"its group is “{group[:60]}”, and {kind} has {', '.join(KINDS[kind])}")
    return part


def _ages(group: str) -> tuple[int, int | None]:
    plain = " ".join(_AGE_WORDS.sub(" ", group.lower()).split())
    for pattern, read in _AGES:
        if found := pattern.fullmatch(plain):
            return read(*(int(one) for one in found.groups()))
    raise _Wrong(f"its group is “{group[:60]}”, which is no age: write 18, 20 to 24 or 80 and over")


def _band(group: str, ages: tuple[int, int | None]) -> str:
    first, last = ages
    for band, (least, most) in BANDS.items():
        if first >= least and (most is None or (last is not None and last <= most)):
            return band
    raise _Wrong(
        f"“{group[:60]}” lies in more than one of Segue's bands, which begin at"
        f" {', '.join(map(str, _FIRST_AGES[1:]))}: take the census by single year of age (TS007)"
    )


def _whole(rows: Sequence[_Read]) -> dict[policies.PlaceSeen, list[Line]]:
    """The lines of each place, every kind of them whole. Raises WrongFile."""
    if not rows:
        raise WrongFile(f"There is no line in the file. {UNCHANGED} {HOW}")
    kinds: dict[tuple[policies.PlaceSeen, str], list[_Read]] = defaultdict(list)
    for row in rows:
        kinds[row.place, row.line.kind].append(row)
    found: dict[policies.PlaceSeen, list[Line]] = defaultdict(list)
    for (place, kind), each in kinds.items():
        for row in each[1:]:
            if row.line.source != each[0].line.source:
                raise WrongFile(
                    f"Line {row.number}: its source is not that of line {each[0].number}, and"
                    f" {kind} of {place.name} has one. {UNCHANGED}"
                )
        if kind == "age":
            _each_age_once(place, each)
        else:
            _each_group_once(place, kind, each)
        added: dict[str, int] = defaultdict(int)
        for row in each:
            added[row.line.part] += row.line.number
        if not sum(added.values()):
            raise WrongFile(f"By {kind} nobody lives in {place.name}. {UNCHANGED}")
        source = each[0].line.source
        found[place] += [
            Line(kind, part, added[part], source) for part in KINDS[kind] if part in added
        ]
    return found


def _each_group_once(place: policies.PlaceSeen, kind: str, rows: Sequence[_Read]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        if row.line.part in seen:
            raise WrongFile(
                f"Line {row.number} says again what line {seen[row.line.part]} says: {place.name},"
                f" {kind}, {row.line.part}. {UNCHANGED}"
            )
        seen[row.line.part] = row.number
    missing = [part for part in KINDS[kind] if part not in seen]
    if missing:
        raise WrongFile(
            f"{place.name}, {kind}: there is no line for {' and none for '.join(missing)}."
            f" {UNCHANGED} Where nobody of a group lives there, write 0."
        )


def _each_age_once(place: policies.PlaceSeen, rows: Sequence[_Read]) -> None:
    """Ages begin at 0, or at 18 where only adults are compared, and leave none out."""
    inorder = sorted(rows, key=lambda row: row.ages[0] if row.ages else 0)
    wanted: int | None = 0 if inorder[0].ages and inorder[0].ages[0] < BANDS[AGES[1]][0] else 18
    for row in inorder:
        first, last = row.ages or (0, None)
        if wanted is None or first < wanted:
            raise WrongFile(
                f"Line {row.number}: the age of {first} of {place.name} stands in another line,"
                f" too. {UNCHANGED}"
            )
        if first > wanted:
            raise WrongFile(
                f"{place.name}, age: there is no line for the age of {wanted}. {UNCHANGED}"
            )
        wanted = None if last is None else last + 1
    if wanted is not None:
        raise WrongFile(f"{place.name}, age: the last line must be so many and over. {UNCHANGED}")

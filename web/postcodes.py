"""Loading published tables: where postcodes lie, and how deprived their areas are.

A file is read as it is published, as CSV or in its ZIP, a line at a time. What is there stays until
the new edition is whole."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from referral import postcodes
from referral.actors import the_system
from referral.audit import log
from referral.people_checks import MONTHS
from referral.postcodes import DEGREE, DEPRIVATION, POSTCODES, Edition
from referral.rekeying import systems
from referral.store import Door, TryAgain
from web.edge import Edge

A_COMMIT = 5_000  # rows; a long writing transaction would keep everybody else waiting
Progress = Callable[[str, int, int | None], None]
Row = tuple[object, ...]

PORTAL = "https://geoportal.statistics.gov.uk"
INDICES = "https://www.gov.uk/government/statistics/english-indices-of-deprivation-2025"


class WrongFile(Exception):
    """A file that can't be loaded. The sentence says why and what to do."""


@dataclass(frozen=True)
class Table:
    """What a published table is called, what its columns have been called over the years, where it
    is to be had, and how one of its lines is kept: None leaves it out."""

    kind: str
    called: str
    columns: Mapping[str, tuple[str, ...]]
    where: str
    read: Callable[[Mapping[str, str]], Row | None]


# As postcodes were, too: some that ended long ago are written in ways that none is today.
_ANY_POSTCODE = re.compile(r"[A-Z]{1,3}[0-9A-Z]{0,2}[0-9][A-Z]{2}")
# A small area of no country, as the directory writes it.
_NO_AREA = re.compile(r"[A-Z]?9+|")
# Where the directory knows of no place it says 99.999999 north.
_NO_PLACE = 99
# Postcodes of Northern Ireland: their licence is another one.
NORTHERN_IRELAND = "BT"


def _degrees(row: Mapping[str, str], name: str, most: int) -> float:
    try:
        found = float(row[name])
    except ValueError:
        raise ValueError(f"its {name} is “{row[name]}”, which is not a number") from None
    if not -most <= found <= most:
        raise ValueError(f"its {name} is {row[name]}, which is nowhere on earth")
    return found


def _postcode(row: Mapping[str, str]) -> Row | None:
    plain = row["postcode"].upper().replace(" ", "")
    if not _ANY_POSTCODE.fullmatch(plain):
        raise ValueError(f"“{row['postcode'][:20]}” is not a postcode")
    if not row["latitude"]:
        return None
    north, east = _degrees(row, "latitude", 100), _degrees(row, "longitude", 180)
    if north >= _NO_PLACE:
        return None
    area = row["area"].upper()
    kept = None if _NO_AREA.fullmatch(area) else area
    return plain, round(north * DEGREE), round(east * DEGREE), kept


def _tenth(row: Mapping[str, str]) -> Row | None:
    area, tenth = row["area"].upper(), row["tenth"]
    if not re.fullmatch(r"[EW]01[0-9]{6}", area):
        raise ValueError(f"“{area[:20]}” is not the code of an LSOA")
    if tenth not in map(str, range(1, 11)):
        raise ValueError(f"its decile is “{tenth[:20]}”, which is not a number from 1 to 10")
    return area, int(tenth)


TABLES: Final[Mapping[str, Table]] = {
    POSTCODES: Table(
        POSTCODES,
        "the ONS Postcode Directory or the National Statistics Postcode Lookup",
        {
            "postcode": ("pcds", "pcd8", "pcd2", "pcd7", "pcd"),
            "latitude": ("lat", "latitude"),
            "longitude": ("long", "longitude"),
            "area": ("lsoa21cd", "lsoa21"),
        },
        PORTAL,
        _postcode,
    ),
    DEPRIVATION: Table(
        DEPRIVATION,
        "the English Indices of Deprivation 2025, File 7",
        {
            "area": ("lsoa code (2021)", "lsoa21cd"),
            "tenth": (
                "index of multiple deprivation (imd) decile",
                "index of multiple deprivation (imd) decile"
                " (where 1 is most deprived 10% of lsoas)",
            ),
        },
        INDICES,
        _tenth,
    ),
}


def load(
    edge: Edge,
    kind: str,
    source: Path,
    *,
    only: Sequence[str] = (),
    name: str = "",
    progress: Progress = lambda stage, done, total: None,
) -> Edition:
    """Load a published table and read by it from then on. `only`: how the postcodes to load begin;
    none: all of Great Britain. Raises WrongFile; then the edition before is still there."""
    table = TABLES[kind]
    try:
        starts = tuple(postcodes.compact_start(one) for one in only)
    except ValueError as wrong:
        raise WrongFile(str(wrong)) from wrong
    with ExitStack() as held:
        named, lines = _opened(source, table, held)
        return _kept(edge, table, name or edition_name(named), lines, starts, progress)


def load_text(edge: Edge, kind: str, name: str, text: str) -> Edition:
    """The same of a table that is at hand, by the name it is to have."""
    table = TABLES[kind]
    return _kept(edge, table, name, _lines(io.StringIO(text), table), (), lambda *told: None)


def _kept(
    edge: Edge,
    table: Table,
    name: str,
    lines: Iterator[tuple[int, Mapping[str, str]]],
    starts: tuple[str, ...],
    progress: Progress,
) -> Edition:
    kind = table.kind
    with edge.store.begin(door=Door.WHOLE) as tx:
        number = postcodes.begin(tx, kind, name, ", ".join(starts) or None, edge.clock())
    try:
        _fill(edge, table, number, name, _read(lines, table, starts), progress)
    except BaseException as wrong:
        with edge.store.begin(door=Door.WHOLE) as tx:
            postcodes.give_up(tx, number)
        _sweep(edge)
        why = _said(wrong, table)
        if why is None:
            raise
        raise why from wrong
    _sweep(edge)
    with edge.store.read(door=Door.WHOLE) as tx:
        return next(one for one in postcodes.editions(tx) if one.kind == kind)


def _said(wrong: BaseException, table: Table) -> WrongFile | None:
    unchanged = "Nothing was changed."
    if isinstance(wrong, postcodes.Overtaken):
        return WrongFile(f"Somebody else began to load {table.called} meanwhile. {unchanged}")
    if isinstance(wrong, TryAgain):
        return WrongFile(
            f"A line stands in the file twice, or the database was busy. {unchanged} Try again, or"
            f" take the file anew from {table.where}."
        )
    if isinstance(wrong, (UnicodeDecodeError, csv.Error, zipfile.BadZipFile, EOFError)):
        return WrongFile(
            f"The file can't be read to its end. {unchanged} Download it again from {table.where}."
        )
    return None


def _fill(
    edge: Edge, table: Table, number: int, name: str, rows: Iterator[Row], progress: Progress
) -> None:
    done = 0
    while some := list(islice(rows, A_COMMIT)):
        with edge.store.begin(door=Door.WHOLE) as tx:
            done += postcodes.add(tx, table.kind, number, some)
        progress("Loading", done, None)
    if not done:
        raise WrongFile(
            "No line of the file is to be kept. Nothing was changed. Look at what --only says."
        )
    with edge.store.begin(door=Door.WHOLE) as tx:
        at = edge.clock()
        postcodes.finish(tx, table.kind, number, at)
        told = {"kind": table.kind, "edition": name, "number": done}
        for system_id in systems(tx):
            actor = the_system(system_id, f"segue {table.kind} load")
            log(tx, actor, at, "table_loaded", "system", system_id, told)


def _sweep(edge: Edge) -> None:
    more = True
    while more:
        with edge.store.begin(door=Door.WHOLE) as tx:
            more = postcodes.sweep(tx, A_COMMIT)


def _read(
    lines: Iterable[tuple[int, Mapping[str, str]]], table: Table, starts: tuple[str, ...]
) -> Iterator[Row]:
    for number, line in lines:
        try:
            row = table.read(line)
        except ValueError as wrong:
            raise WrongFile(
                f"Line {number}: {wrong}. Nothing was changed. Download the file again from"
                f" {table.where}; if it says the same there, take out that line."
            ) from wrong
        if row is not None and (table.kind != POSTCODES or _wanted(str(row[0]), starts)):
            yield row


def _wanted(plain: str, starts: tuple[str, ...]) -> bool:
    if not starts:
        return not plain.startswith(NORTHERN_IRELAND)
    # LS1 is not LS10: the last three belong to the second half.
    return any(
        plain[:-3] == start or (start.isalpha() and re.match(rf"{start}[0-9]", plain))
        for start in starts
    )


# -- the file -----------------------------------------------------------------------------------


def _opened(
    source: Path, table: Table, held: ExitStack
) -> tuple[str, Iterator[tuple[int, Mapping[str, str]]]]:
    """What the file inside is called, and its lines with their numbers. Raises WrongFile."""
    if zipfile.is_zipfile(source) and source.suffix.lower() not in (".xlsx", ".ods"):
        archive = held.enter_context(zipfile.ZipFile(source))
        members = sorted(
            (one for one in archive.infolist() if one.filename.lower().endswith(".csv")),
            key=lambda one: -one.file_size,
        )
        why = "there is no CSV file in it"
        for member in members:
            held.enter_context(inside := archive.open(member))
            stream = io.TextIOWrapper(inside, "utf-8-sig", newline="")
            try:
                return Path(member.filename).stem, _lines(stream, table)
            except WrongColumns as wrong:
                why = str(wrong)
                if len(members) > 1:
                    why = "none of the CSV files in it has them all"
        raise _wrong_file(source, table, why)
    if source.suffix.lower() in (".xlsx", ".xls", ".ods"):
        raise _wrong_file(source, table, "it is a spreadsheet, and the CSV file is read")
    plain = held.enter_context(source.open(encoding="utf-8-sig", newline=""))
    try:
        return source.stem, _lines(plain, table)
    except (WrongColumns, UnicodeDecodeError, csv.Error) as wrong:
        why = str(wrong) if isinstance(wrong, WrongColumns) else "it is not a CSV file"
        raise _wrong_file(source, table, why) from wrong


class WrongColumns(Exception):
    """Columns that are needed aren't there."""


def _wrong_file(source: Path, table: Table, why: str) -> WrongFile:
    return WrongFile(
        f"{source.name} can't be loaded: {why}. Nothing was changed. What is read is"
        f" {table.called}, as published at {table.where}."
    )


def _lines(
    stream: Iterable[str], table: Table
) -> Iterator[tuple[int, Mapping[str, str]]]:  # fmt: skip
    reader = csv.reader(stream)
    header = [" ".join(one.split()).lower() for one in next(reader, [])]
    at, missing = {}, []
    for column, names in table.columns.items():
        found = next((header.index(one) for one in names if one in header), None)
        if found is None:
            missing.append(names[0])
        else:
            at[column] = found
    if missing:
        raise WrongColumns(f"it has no column {' and no column '.join(missing)}")
    most = max(at.values())

    def each() -> Iterator[tuple[int, Mapping[str, str]]]:
        for line in reader:
            if not any(line):
                continue
            if len(line) <= most:
                raise WrongFile(
                    f"Line {reader.line_num} is shorter than the first. Nothing was changed."
                    f" Download the file again from {table.where}."
                )
            yield reader.line_num, {column: line[n].strip() for column, n in at.items()}

    return each()


_MONTH = re.compile(r"(?:^|_)([A-Z]{3,9})[_ ](20[0-9]{2})(?:_|$)", re.IGNORECASE)


def edition_name(stem: str) -> str:
    """What an edition is called, by the name of its file: “ONSPD May 2026”."""
    plain = stem.replace("-", "_").replace(" ", "_")
    found = _MONTH.search(plain)
    if found and found[1].lower() in MONTHS:
        head = plain.split("_")[0]
        return f"{head} {found[1].capitalize()} {found[2]}"
    return stem.replace("_", " ")[:80]

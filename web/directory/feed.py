"""Reads a directory feed in the Open Referral UK 3.0 form: a file, a folder or an address.

`read_feed` gives what it finds as frozen items and names what is not right as problems. It stores
nothing. Ids stay those of the feed.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import SplitResult

from web.directory.documents import (
    ENDINGS,
    LINE_ENDINGS,
    Found,
    Page,
    documents_in,
    read_document,
)
from web.directory.fetch import Fetcher, FetchError, feed_address, item_address, page_address
from web.directory.fields import Report, shorten
from web.directory.intake import (
    ACTIVITY,
    FEED,
    ORGANISATION,
    TAXONOMY,
    TERM,
    UNKNOWN,
    Intake,
    kind_by_name,
    kind_of,
)
from web.directory.items import (
    FeedActivity,
    FeedOrganisation,
    FeedTaxonomy,
    FeedTerm,
    Item,
    Json,
    Limits,
    Problem,
)
from web.directory.mapping import to_activity, to_organisation, to_taxonomy, to_term
from web.directory.shelf import Record, Shelf
from web.directory.totals import number, page_problems

__all__ = [
    "CHECKING",
    "READING",
    "FeedActivity",
    "FeedOrganisation",
    "FeedTaxonomy",
    "FeedTerm",
    "Item",
    "Limits",
    "Problem",
    "Progress",
    "read_feed",
]

READING, CHECKING = "reading", "checking"
Progress = Callable[[str, int, int | None], None]
_HasParent = TypeVar("_HasParent", FeedTerm, FeedOrganisation)


def read_feed(
    source: str | os.PathLike[str],
    progress: Progress | None = None,
    *,
    limits: Limits | None = None,
) -> Iterator[Item | Problem]:
    """Everything in a feed: a file, a folder, or an address beginning with http:// or https://.

    Each source id of a kind comes once, in its fullest copy, and its problems follow it. The order:
    items that were refused (while reading), then taxonomies, terms, organisations and activities,
    then what is wrong with the feed as a whole: pages that don't add up, a file that breaks off.
    No fault of a feed raises. `progress(stage, done, total)` is told of READING and of CHECKING;
    `total` is None while the feed has not said how much there is.
    """
    limits = limits or Limits()
    tell = progress or _nobody
    with Shelf() as shelf:
        reader = _Reader(shelf, limits, tell)
        yield from reader.read(os.fspath(source))
        yield from _items(shelf, limits, tell)
        yield from reader.endings()


def _nobody(stage: str, done: int, total: int | None) -> None:
    """Nobody asked how far it is."""


class _Reader:
    """Goes through a source, document by document, and keeps what is to be told last."""

    def __init__(self, shelf: Shelf, limits: Limits, tell: Progress) -> None:
        self._shelf = shelf
        self._limits = limits
        self._tell = tell
        self._intake = Intake(shelf, limits)
        self._read = 0
        self._expected: int | None = None
        self._endings: list[Problem] = []
        self._pages: dict[tuple[str, str], list[Page]] = {}
        self._all_pages_asked = True

    def read(self, source: str) -> Iterator[Problem]:
        if re.match(r"[a-z][a-z0-9+.-]+://", source, re.I):
            yield from self._address(source)
        elif not source or not os.path.exists(source):
            reason = "There is no such file or folder. Check the name."
            self._end("not_found", reason, shorten(os.path.basename(source)))
        elif os.path.isdir(source):
            yield from self._folder(Path(source))
        else:
            yield from self._file(Path(source), Path(source).name, ACTIVITY)

    def endings(self) -> Iterator[Problem]:
        """What is wrong with the feed as a whole."""
        for pages in self._pages.values():
            yield from page_problems(pages, whole=self._all_pages_asked)
        for kind, source_id, activity, where in self._shelf.points_to_nothing():
            report = Report(kind, source_id, None, where, self._limits)
            reason = "This activity is not in the feed, so what is said of it here has no place."
            report.add("service_id", "missing_activity", reason, activity, dropped=True)
            yield from report.problems
        yield from self._endings
        if not self._intake.seen_any and not self._endings:
            yield _of_the_feed("empty", "There is nothing in this feed.", "")

    def _end(self, code: str, reason: str, where: str) -> None:
        self._endings.append(_of_the_feed(code, reason, where))

    def _now_or_later(self, problems: list[Problem]) -> Iterator[Problem]:
        """Problems of an item are told now, those of the feed last."""
        self._endings.extend(one for one in problems if one.kind == FEED)
        yield from (one for one in problems if one.kind != FEED)

    def _expect(self, found: Found) -> None:
        self._expected = max(found.expected or 0, self._expected or 0) or None

    def _tell_read(self) -> None:
        self._read += 1
        self._tell(READING, self._read, self._expected)

    def _folder(self, folder: Path) -> Iterator[Problem]:
        files = documents_in(folder)
        if not files:
            reason = "There is no file of a feed in this folder. The name of one ends in .json."
            self._end("empty", reason, folder.name)
        for file in files:
            where = file.relative_to(folder).as_posix()
            yield from self._file(file, where, kind_by_name(where))

    def _file(self, file: Path, where: str, hint: str) -> Iterator[Problem]:
        by_lines = file.suffix.lower() in LINE_ENDINGS
        try:
            with file.open("rb") as stream:
                yield from self._document(stream, where, hint, by_lines=by_lines)
        except OSError as trouble:
            reason = f"This can't be opened or read: {trouble.strerror or 'no reason is given'}."
            self._end("not_readable", reason, where)

    def _document(
        self, stream: BinaryIO, where: str, hint: str, *, by_lines: bool
    ) -> Iterator[Problem]:
        """One file. In a list, an item that doesn't show its kind is of the kind before it."""
        pages: list[Page] = []
        for thing in read_document(stream, where, self._limits, by_lines=by_lines):
            if isinstance(thing, Problem):
                yield from self._now_or_later([thing])
            elif isinstance(thing, Page):
                pages.append(thing)
            else:
                kind = kind_of(thing.value, hint)
                hint = kind if kind != UNKNOWN and thing.listed else hint
                yield from self._now_or_later(self._intake.accept(thing, kind)[1])
                if kind == ACTIVITY:
                    self._expect(thing)
                    self._tell_read()
        self._pages.setdefault((where.rpartition("/")[0], hint), []).extend(pages)

    def _address(self, source: str) -> Iterator[Problem]:
        fetcher = Fetcher(self._limits)
        try:
            feed = feed_address(source)
            name = feed.path.rpartition("/")[2]
            if name.lower().endswith(ENDINGS):
                with fetcher.get(source) as body:
                    by_lines = name.lower().endswith(LINE_ENDINGS)
                    hint = kind_by_name(name) or ACTIVITY
                    yield from self._document(body, name, hint, by_lines=by_lines)
                return
        except FetchError as trouble:
            self._end(trouble.code, str(trouble), "")
            return
        yield from self._page_by_page(feed, fetcher)

    def _page_by_page(self, feed: SplitResult, fetcher: Fetcher) -> Iterator[Problem]:
        known: set[str] = set()
        full = _FullItems(feed, fetcher, self._limits)
        for asked in range(1, self._limits.pages + 1):
            where = f"page {asked}"
            fresh: list[str] = []
            head, broke_off = None, False
            try:
                with fetcher.get(page_address(feed, asked)) as body:
                    for thing in read_document(body, where, self._limits):
                        if isinstance(thing, Problem):
                            broke_off = broke_off or thing.kind == FEED
                            yield from self._now_or_later([thing])
                        elif isinstance(thing, Page):
                            head = replace(thing, asked=asked)
                            self._pages.setdefault(("", ACTIVITY), []).append(head)
                        else:
                            self._expect(thing)
                            source_id, problems = self._intake.accept(thing, ACTIVITY)
                            yield from self._now_or_later(problems)
                            if source_id is not None and source_id not in known:
                                known.add(source_id)
                                fresh.append(source_id)
            except FetchError as trouble:
                broke_off = True
                self._end(trouble.code, f"{trouble} Reading stopped {_after(asked)}.", where)
            for source_id in fresh:
                yield from self._full_item(full, source_id)
                self._tell_read()
            if head is not None and asked > 1 and head.count and not fresh:
                broke_off = True
                reason = "This page holds nothing new. Reading stopped here."
                self._end("page_repeats", reason, where)
            if broke_off:
                self._all_pages_asked = False
                return
            if head is None or not head.count or _is_last(head):
                return
        self._all_pages_asked = False
        reason = f"The feed has more than {self._limits.pages:,} pages. The rest was not read."
        self._end("too_many_pages", reason, "")

    def _full_item(self, full: "_FullItems", source_id: str) -> Iterator[Problem]:
        """Puts the full item beside what the list says of it; the fuller wins."""
        if full.gave_up():
            return
        listed = self._shelf.find(ACTIVITY, source_id)
        where = f"services/{shorten(source_id)}"
        report = Report(ACTIVITY, source_id, listed.name if listed else None, where, self._limits)
        used, came = "What the list says is used.", False
        try:
            with full.get(source_id) as body:
                for thing in read_document(body, where, self._limits):
                    came = True
                    if isinstance(thing, Problem):
                        reason = f"The full item is not whole. {used} {thing.reason}"
                        report.add(None, "no_full_item", reason, thing.value)
                    elif isinstance(thing, Found):
                        yield from self._now_or_later(self._take_full(thing, source_id, report))
            if not came:
                report.add(None, "no_full_item", f"The full item holds nothing. {used}")
        except FetchError as trouble:
            report.add(None, "no_full_item", f"The full item could not be had. {used} {trouble}")
            if full.gave_up():
                often = (
                    f"Full items could not be had {self._limits.failures_in_a_row} times in a row"
                )
                reason = f"{often}, so we stopped asking. What the list says is used from here on."
                self._end("no_full_items", reason, where)
        yield from report.problems

    def _take_full(self, found: Found, source_id: str, report: Report) -> list[Problem]:
        answered: Json = found.value.get("id") if isinstance(found.value, dict) else None
        if str(answered) == source_id:
            return self._intake.accept(replace(found, listed=False), ACTIVITY)[1]
        reason = "We asked for this item and got another. What the list says is used."
        report.add("id", "other_item", reason, answered, dropped=True)
        return []


class _FullItems:
    """Fetches full items, and gives up when too many could not be had in a row."""

    def __init__(self, feed: SplitResult, fetcher: Fetcher, limits: Limits) -> None:
        self._feed = feed
        self._fetcher = fetcher
        self._most = limits.failures_in_a_row
        self._failures = 0

    def gave_up(self) -> bool:
        return self._failures >= self._most

    def get(self, source_id: str) -> BinaryIO:
        self._failures += 1
        body = self._fetcher.get(item_address(self._feed, source_id))
        self._failures = 0
        return body


def _items(shelf: Shelf, limits: Limits, tell: Progress) -> Iterator[Item | Problem]:
    """Everything on the shelf, each item followed by what is not right about it."""

    @lru_cache(maxsize=4096)
    def find_term(source_id: str) -> FeedTerm | None:
        record = shelf.find(TERM, source_id)
        return make_term(record, _silent(record, limits)) if record else None

    @lru_cache(maxsize=4096)
    def find_organisation(source_id: str) -> FeedOrganisation | None:
        record = shelf.find(ORGANISATION, source_id)
        return make_organisation(record, _silent(record, limits)) if record else None

    def make_taxonomy(record: Record, report: Report) -> FeedTaxonomy:
        return to_taxonomy(record.raw, report)

    def make_term(record: Record, report: Report) -> FeedTerm:
        return _check_parent(to_term(record.raw, report), "parent_id", shelf, report)

    def make_organisation(record: Record, report: Report) -> FeedOrganisation:
        item = to_organisation(record.raw, report, find_term)
        return _check_parent(item, "parent_organization_id", shelf, report)

    def make_activity(record: Record, report: Report) -> FeedActivity:
        _bring_together(record, shelf)
        return to_activity(record.raw, report, find_term, find_organisation)

    makers: dict[str, Callable[[Record, Report], Item]] = {
        TAXONOMY: make_taxonomy,
        TERM: make_term,
        ORGANISATION: make_organisation,
        ACTIVITY: make_activity,
    }
    done, total = 0, shelf.count()
    for kind, make in makers.items():
        for record in shelf.all(kind):
            report = _silent(record, limits)
            item = make(record, report)
            for name in shelf.other_names(record):
                reason = f"This id comes with two names. The fuller item says “{item.name}”."
                report.add("name", "two_names", reason, name, dropped=True)
            yield item
            yield from report.finish()
            done += 1
            tell(CHECKING, done, total)


def _silent(record: Record, limits: Limits) -> Report:
    return Report(record.kind, record.source_id, record.name, record.where, limits)


def _check_parent(item: _HasParent, field: str, shelf: Shelf, report: Report) -> _HasParent:
    """A parent that isn't there stays as text; a line of parents that comes back is cut."""
    parent = item.parent_source_id
    if parent is None:
        return item
    seen, above = {item.source_id}, parent
    while above not in seen:
        record = shelf.find(report.kind, above)
        if record is None:
            if above == parent:
                reason = f"The {report.kind} above it is not in the feed. Its id is kept as text."
                report.add(field, "missing_parent", reason, parent)
            return item
        seen.add(above)
        higher = record.raw.get(field)
        if not isinstance(higher, str) or not higher:
            return item
        above = higher
    if above == item.source_id:
        reason = "Its parents lead back to itself."
        report.add(field, "own_parent", reason, parent, dropped=True)
        return replace(item, parent_source_id=None)
    return item


def _bring_together(record: Record, shelf: Shelf) -> None:
    """Puts what came apart from the activity where it belongs."""
    raw = record.raw
    if not raw.get("organization_id") and not raw.get("organization"):
        organisation_id = shelf.who_runs(record.source_id)
        if organisation_id is not None:
            raw["organization_id"] = organisation_id
    inside = raw.get("service_at_locations")
    if inside is None or isinstance(inside, list):
        known = {str(one.get("id")) for one in inside or [] if isinstance(one, dict)}
        apart = shelf.locations_of(record.source_id)
        added: list[Json] = [one for one in apart if str(one.get("id")) not in known]
        if added:
            raw["service_at_locations"] = [*(inside or []), *added]


def _is_last(page: Page) -> bool:
    if isinstance(page.head.get("last_page"), bool):
        return bool(page.head["last_page"])
    pages, here = number(page.head, "total_pages"), number(page.head, "page_number")
    return pages is not None and (here or page.asked or 1) >= pages


def _after(asked: int) -> str:
    return "before the first page" if asked == 1 else f"after page {asked - 1}"


def _of_the_feed(code: str, reason: str, where: str) -> Problem:
    return Problem(FEED, None, None, None, reason, refused=True, code=code, where=where)

"""Whether the pages of a list add up: what it says of itself against what came."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from web.directory.documents import Page
from web.directory.fields import shorten
from web.directory.items import Problem

_COUNTS = ("total_items", "total_pages", "page_number", "size")
_FLAGS = ("first_page", "last_page", "empty")


def page_problems(pages: Sequence[Page], *, whole: bool = True) -> Iterator[Problem]:
    """What doesn't add up, each sort once with the first page that shows it.

    `whole` is False where reading stopped early: then no page and no item is missed.
    """
    seen: dict[tuple[str, str], list[tuple[Page, str, Any]]] = {}
    for page in pages:
        for field, code, reason in _one_page(page):
            seen.setdefault((field, code), []).append((page, reason, page.head.get(field)))
    for (field, code), shown in seen.items():
        page, reason, value = shown[0]
        others = len(shown) - 1
        more = f" {others} other page{'s' if others > 1 else ''} the same." if others else ""
        yield _problem(page.where, field, code, f"{reason}{more}", value)
    yield from _together([page for page in pages if page.head], whole)


def number(head: dict[str, Any], key: str) -> int | None:
    """A count of an envelope, or None where it isn't one."""
    value = head.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _one_page(page: Page) -> Iterator[tuple[str, str, str]]:
    head, count = page.head, page.count
    for key in _COUNTS:
        if head.get(key) is not None and number(head, key) is None:
            yield key, "page_count", "A count stands here, from 0 up."
    for key in _FLAGS:
        if head.get(key) is not None and not isinstance(head[key], bool):
            yield key, "page_flag", "A yes or no stands here."
    items, pages = number(head, "total_items"), number(head, "total_pages")
    here, size = number(head, "page_number"), number(head, "size")
    middle = bool(here and pages and here < pages)
    if page.asked is not None and here is not None and here != page.asked:
        yield "page_number", "page_other", f"We asked for page {page.asked} and got page {here}."
    if size is not None and count > size:
        yield "size", "page_size", f"It says {size:,} to a page; {count:,} came."
    if size is not None and count < size and middle:
        reason = f"It says {size:,} to a page; {count:,} came, and this is not the last page."
        yield "size", "page_short", reason
    if None not in (items, pages, size) and not _makes(items or 0, pages or 0, size or 0, middle):
        reason = f"{items:,} items at {size:,} to a page do not make {pages:,} pages."
        yield "total_pages", "page_total", reason
    if here is not None and pages and here > pages:
        yield "page_number", "page_beyond", f"Page {here:,} of {pages:,} can't be."
    yield from _flag(head, "empty", count == 0, f"{count:,} items came")
    if here:
        yield from _flag(head, "first_page", here == 1, f"this is page {here:,}")
    if here and pages:
        yield from _flag(head, "last_page", here >= pages, f"this is page {here:,} of {pages:,}")


def _flag(
    head: dict[str, Any], key: str, expected: bool, seen: str
) -> Iterator[tuple[str, str, str]]:
    said = head.get(key)
    if isinstance(said, bool) and said is not expected:
        yield key, "page_flag_wrong", f"It says {'yes' if said else 'no'}, and {seen}."


def _makes(items: int, pages: int, size: int, middle: bool) -> bool:
    """Whether the counts fit: `size` is how many a page may hold, or how many this page holds."""
    if items == 0 or size == 0:
        return pages <= 1
    if pages == -(-items // size):
        return True
    before = items - size
    last_is_short = pages > 1 and before % (pages - 1) == 0 and before // (pages - 1) >= size
    return not middle and last_is_short


def _together(pages: Sequence[Page], whole: bool) -> Iterator[Problem]:
    if not pages:
        return
    where = pages[0].where if len(pages) == 1 else f"{pages[0].where} to {pages[-1].where}"
    totals = sorted(
        {count for page in pages if (count := number(page.head, "total_items")) is not None}
    )
    if len(totals) > 1:
        reason = f"The pages do not agree how many items there are: {_some(totals)}."
        yield _problem(where, "total_items", "page_totals_differ", reason, totals)
    numbers = [n for page in pages if (n := number(page.head, "page_number")) is not None]
    twice = sorted(n for n, times in Counter(numbers).items() if times > 1)
    if twice:
        reason = f"More than one page has this number: {_some(twice)}."
        yield _problem(where, "page_number", "page_twice", reason, twice)
    if not whole:
        return
    said = max((number(page.head, "total_pages") or 0 for page in pages), default=0)
    missing = sorted(set(range(1, min(said, 1_000_000) + 1)) - set(numbers))
    if missing and numbers:
        reason = f"It says {said:,} pages. Not here: {_some(missing)}."
        yield _problem(where, "total_pages", "page_missing", reason, said)
    came = sum(page.count for page in pages)
    if len(totals) == 1 and totals[0] != came:
        reason = f"It says {totals[0]:,} items; {came:,} came."
        yield _problem(where, "total_items", "page_items", reason, totals[0])


def _some(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(n) for n in numbers[:5])
    return f"{shown} and {len(numbers) - 5:,} more" if len(numbers) > 5 else shown


def _problem(where: str, field: str, code: str, reason: str, value: object) -> Problem:
    return Problem("feed", None, None, field, reason, shorten(value), code=code, where=where)

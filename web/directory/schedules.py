"""When an activity is held, as people say it."""

from collections.abc import Sequence
from datetime import date, time

_DAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
DAY_CODES = tuple(_DAYS)
UNITS = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
_PLACES = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"} | {-1: "last"}


def schedule_words(
    frequency: str,
    interval: int | None,
    by_day: Sequence[str],
    by_month_day: Sequence[int],
    opens_at: time | None,
    closes_at: time | None,
    valid_from: date | None,
    valid_to: date | None,
) -> str:
    """One line: "Every Thursday and Friday, 10am to 6pm, from 1 May 2026 to 3 July 2026"."""
    parts = [
        _how_often(frequency, interval or 1, by_day, by_month_day),
        _hours(opens_at, closes_at),
    ]
    parts.append(_span(valid_from, valid_to))
    line = ", ".join(part for part in parts if part)
    return line[:1].upper() + line[1:]


def _how_often(
    frequency: str, interval: int, by_day: Sequence[str], by_month_day: Sequence[int]
) -> str:
    unit = UNITS.get(frequency, "")
    days = _joined([_day_words(code) for code in by_day])
    if unit in ("month", "year") and not by_day and by_month_day:
        days = f"the {_joined([_day_of_month(number) for number in by_month_day])}"
    if unit == "week" and interval == 1 and days:
        return f"every {days}"
    every = f"every {unit}" if interval == 1 else f"every {interval} {unit}s"
    if not unit:
        return f"on {days}" if days else ""
    if not days:
        return every
    return f"on {days} of {every}" if unit in ("month", "year") else f"{every} on {days}"


def _day_words(code: str) -> str:
    day, place = _DAYS[code[-2:]], code[:-2]
    if not place:
        return day
    number = int(place)
    return f"the {_PLACES.get(number) or _day_of_month(number)} {day}"


def _day_of_month(number: int) -> str:
    if number == -1:
        return "last day"
    if number < 0:
        return f"{_ordinal(-number)} to last day"
    return _ordinal(number)


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


def _hours(opens_at: time | None, closes_at: time | None) -> str:
    if opens_at and closes_at:
        return f"{clock_words(opens_at)} to {clock_words(closes_at)}"
    if opens_at:
        return f"from {clock_words(opens_at)}"
    return f"until {clock_words(closes_at)}" if closes_at else ""


def clock_words(at: time) -> str:
    """A time of day: 2:05pm, 10am, midday, midnight."""
    if (at.hour, at.minute) in ((0, 0), (12, 0)):
        return "midday" if at.hour else "midnight"
    minutes = f":{at.minute:02}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minutes}{'am' if at.hour < 12 else 'pm'}"


def _span(first: date | None, last: date | None) -> str:
    if first and last:
        return f"on {_day(first)}" if first == last else f"from {_day(first)} to {_day(last)}"
    if first:
        return f"from {_day(first)}"
    return f"until {_day(last)}" if last else ""


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _joined(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""

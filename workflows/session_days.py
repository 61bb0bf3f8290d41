"""The days of an activity's sessions, read from the words its leader wrote. Pure.

Those words are for people, and nobody is asked for more. Where they name weekdays plainly, in
English or in Welsh, the days are known; where they say anything that could mean fewer of them
("every other", "the first"), nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = r"\b(mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:days?)?\b"
_SPAN = re.compile(rf"{_DAY}\s*(?:to|until|-|\u2013)\s*{_DAY}")
_NAMED = re.compile(_DAY)
# In Welsh a day of the week says that it is one ("dydd Mawrth"); "3 Mawrth" is in March.
_WELSH = ("llun", "mawrth", "mercher", "iau", "gwener", "sadwrn", "sul")
_IN_WELSH = re.compile(r"\b(?:dd?ydd|dyddiau|nos|nosweithiau|bore|prynhawn)\b")
_WELSH_OF = {"lun": "llun", "fawrth": "mawrth", "fercher": "mercher", "wener": "gwener"}
_SOFT = re.compile(rf"\b({'|'.join(_WELSH_OF)})\b")  # as they are after "nos"
_WELSH_DAY = rf"({'|'.join(_WELSH)})\b"
_NAMED_IN_WELSH = re.compile(rf"(?<!\d )\b{_WELSH_DAY}")
_WELSH_SPAN = re.compile(rf"{_WELSH_DAY}\s+(?:i|hyd)\s+(?:ddydd\s+|nos\s+)?{_WELSH_DAY}")
_UNSURE = re.compile(
    r"\b(1st|2nd|3rd|4th|first|second|third|fourth|last|other|alternate|fortnight\w*|month\w*"
    r"|except|not|no|but|once|some\w*|biweekly"
    r"|ail|[cg]yntaf|trydydd|pedwerydd|olaf|pythefnos\w*|mis\w*|fis\w*|heblaw|ond|nid|weithiau)\b"
)
FAR = 60


@dataclass(frozen=True)
class Run:
    """From when until when a group meets, and the days between on which it doesn't."""

    starts_on: date | None = None
    ends_on: date | None = None
    breaks: tuple[tuple[date, date], ...] = ()

    def meets(self, day: date) -> bool:
        """Whether a session can be on this day at all."""
        if self.starts_on is not None and day < self.starts_on:
            return False
        if self.ends_on is not None and day > self.ends_on:
            return False
        return not any(first <= day <= last for first, last in self.breaks)


def weekdays(words: str | None) -> frozenset[int]:
    """The weekdays (Monday is 0) that these words name; none where they can't be told."""
    said = (words or "").lower()
    if _UNSURE.search(said):
        return frozenset()
    found = {WEEKDAYS.index(name[:3]) for name in _NAMED.findall(said)}
    spans = [(first[:3], last[:3], WEEKDAYS) for first, last in _SPAN.findall(said)]
    if _IN_WELSH.search(said):
        said = _SOFT.sub(lambda soft: _WELSH_OF[soft[0]], said)
        found |= {_WELSH.index(name) for name in _NAMED_IN_WELSH.findall(said)}
        spans += [(first, last, _WELSH) for first, last in _WELSH_SPAN.findall(said)]
    for first, last, names in spans:
        a, b = names.index(first), names.index(last)
        found.update((a + n) % 7 for n in range((b - a) % 7 + 1))
    return frozenset(found)


def session_on(words: str | None, runs: Iterable[Run], day: date) -> bool:
    """Whether these words and any of these groups have a session on this day."""
    return day.weekday() in weekdays(words) and any(run.meets(day) for run in runs)


def next_session(words: str | None, runs: Iterable[Run], today: date) -> date | None:
    """The next day with a session, today included; None where it can't be told."""
    return _first(words, tuple(runs), (today + timedelta(n) for n in range(FAR)))


def sessions_ahead(words: str | None, runs: Iterable[Run], today: date, n: int) -> list[date]:
    """The next days with a session after today, so many at most; none where they can't be told."""
    named, known = weekdays(words), tuple(runs)
    days = (today + timedelta(ahead) for ahead in range(1, FAR))
    found = (d for d in days if d.weekday() in named and any(run.meets(d) for run in known))
    return list(islice(found, n))


def last_session(words: str | None, runs: Iterable[Run], today: date) -> date | None:
    """The newest day before today that had a session, at most two weeks back."""
    return _first(words, tuple(runs), (today - timedelta(n) for n in range(1, 15)))


def _first(words: str | None, runs: tuple[Run, ...], days: Iterable[date]) -> date | None:
    named = weekdays(words)
    if not named:
        return None
    return next((d for d in days if d.weekday() in named and any(r.meets(d) for r in runs)), None)

"""One part of a feed's item, read field by field: what can't be right is dropped and named."""

import json
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from web.directory.items import Json, Limits, Problem

SHOWN = 80
FIRST_YEAR, LAST_YEAR = 1900, 2200

# Control characters, those that turn the direction of text, halves of pairs, non-characters.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
_LINE_END = re.compile("\r\n|[\r\x85\u2028\u2029]")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
_EMAIL = re.compile(r"[^@\s<>(),;:\"\\]+@[^@\s<>(),;:\"\\.]+(\.[^@\s<>(),;:\"\\.]+)+")
_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:Z|[+-]\d\d:?\d\d)?)?"
)
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?"
)
_CLOCK = re.compile(r"(\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
_PHONE = re.compile(r"\+?[0-9 ().\-/]{3,30}(?:\s*(?:x|ext\.?|extension)\s*\d{1,8})?", re.I)
# As the postal service writes them, with the overseas and crown territories that use the pattern.
_POSTCODE = re.compile(
    r"(GIR|[A-Z]{1,2}[0-9][0-9A-Z]?|[A-Z]{4})\s*([0-9][ABD-HJLNP-UW-Z]{2})", re.I
)


def clean_text(text: str) -> str:
    """Plain text: without what can't be seen, lines ended by a line feed."""
    return _UNSEEN.sub("", _LINE_END.sub("\n", text))


def has_unseen(text: str) -> bool:
    """Whether a text holds characters that can't be shown or stored."""
    return bool(_UNSEEN.search(text))


def tidy(value: Any) -> Json:
    """The same value with every text in it cleaned and every number fit for JSON.

    An id stays as it came, to be judged: cleaned, two could become one.
    """
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {
            clean_text(key): inner if key == "id" and isinstance(inner, str) else tidy(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [tidy(inner) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int) and value.bit_length() < 1000:
        return value
    largest = sys.float_info.max  # JSON has no infinity
    return max(-largest, min(largest, float(value) if abs(value) < largest else value))


def is_uuid(text: str) -> bool:
    """Whether an id has the form the standard asks for."""
    return bool(_UUID.fullmatch(text))


def shorten(value: object) -> str:
    """What stood in a field, in one short line that is safe to show."""
    if isinstance(value, str):
        text = clean_text(value)
    elif value is None:
        return ""
    else:
        text = clean_text(json.dumps(value, ensure_ascii=False, default=str))
    text = " ".join(text[: 4 * SHOWN].split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1].rstrip() + "…"


def called(value: object) -> str:
    """What sort of value this is, in words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a yes or no"
    if isinstance(value, int | float | Decimal):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a group of fields"


@dataclass
class Report:
    """Collects the problems of one item."""

    kind: str
    source_id: str | None
    name: str | None
    where: str
    limits: Limits
    problems: list[Problem] = field(default_factory=list)
    foreign_ids: list[tuple[str, str]] = field(default_factory=list)

    def add(
        self,
        path: str | None,
        code: str,
        reason: str,
        value: object = None,
        *,
        dropped: bool = False,
        refused: bool = False,
    ) -> None:
        self.problems.append(
            Problem(
                self.kind,
                self.source_id,
                self.name,
                path,
                reason,
                shorten(value),
                dropped=dropped,
                refused=refused,
                code=code,
                where=self.where,
            )
        )

    def finish(self) -> list[Problem]:
        """All problems, ids of another form gathered into one: a feed has them by the thousand."""
        if self.foreign_ids:
            path, value = self.foreign_ids[0]
            others = len(self.foreign_ids) - 1
            more = f", and so are {others} more ids of this item" if others > 1 else ""
            more = ", and so is one more id of this item" if others == 1 else more
            reason = f"The standard asks for a UUID. This id is of another form{more}."
            self.add(path, "not_a_uuid", reason, value)
            self.foreign_ids = []
        return self.problems


class Part:
    """A group of fields. Each reader takes its field away; `rest` is what nobody took."""

    def __init__(self, raw: dict[str, Json], report: Report, path: str = "") -> None:
        self._left = dict(raw)
        self._report = report
        self._path = path

    def path(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def drop(self, key: str, code: str, reason: str, value: object = None) -> None:
        self._report.add(self.path(key), code, reason, value, dropped=True)

    def note(self, key: str, code: str, reason: str, value: object = None) -> None:
        self._report.add(self.path(key), code, reason, value)

    def require(self, *keys: str) -> None:
        """Names the fields that the standard asks for and that aren't there."""
        for key in keys:
            if self._left.get(key) in (None, "", []):
                self.note(key, "missing", "The standard asks for this field, and it is empty here.")

    def text(self, key: str) -> str:
        value = self._left.pop(key, None)
        if value is None:
            return ""
        if not isinstance(value, str):
            reason = f"This field holds text; here it is {called(value)}."
            self.drop(key, "not_text", reason, value)
            return ""
        return self._short_enough(key, value).strip()

    def id(self, key: str = "id") -> str | None:
        """A foreign id as it is; a number becomes the text of it."""
        value = self._left.pop(key, None)
        if value is None or value == "":
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            self.note(key, "id_is_number", "An id is text; this number is kept as text.", value)
            return str(value)
        if not isinstance(value, str):
            self.drop(key, "not_an_id", f"An id is text; here it is {called(value)}.", value)
            return None
        if len(value) > self._report.limits.id:
            reason = f"An id may have {self._report.limits.id} characters; this has {len(value):,}."
            self.drop(key, "too_long", reason, value)
            return None
        if has_unseen(value):
            self.drop(key, "not_an_id", "This id has characters that can't be shown.", value)
            return None
        if not value.strip():
            return None
        if not is_uuid(value):
            self._report.foreign_ids.append((self.path(key), value))
        return value

    def back(self, key: str, owner: str | None) -> None:
        """Takes an id that repeats what the part stands in; one that says otherwise stays."""
        value = self._left.get(key)
        if value is None or value == owner or (isinstance(value, int) and str(value) == owner):
            self._left.pop(key, None)
        else:
            reason = "This points to something other than what it stands in."
            self.note(key, "points_elsewhere", reason, value)

    def email(self, key: str) -> str:
        text = self.text(key)
        if text and not _EMAIL.fullmatch(text):
            self.drop(key, "not_an_email", "This is not an e-mail address.", text)
            return ""
        return text

    def link(self, key: str) -> str:
        """An address that a page may link to: http or https and nothing else."""
        text = self.text(key)
        if not text:
            return ""
        if text.lower().startswith("www.") and _is_web_address(f"https://{text}"):
            reason = "This web address has no https:// in front. We put it there."
            self.note(key, "no_scheme", reason, text)
            return f"https://{text}"
        if not _is_web_address(text):
            reason = "A web address begins with http:// or https:// and the name of a site."
            self.drop(key, "not_a_link", reason, text)
            return ""
        return text

    def phone(self, key: str) -> str:
        text = self.text(key)
        if text and not (_PHONE.fullmatch(text) and sum(c.isdigit() for c in text) >= 3):
            self.drop(key, "not_a_phone", "This is not a phone number.", text)
            return ""
        return text

    def postcode(self, key: str) -> str:
        text = self.text(key)
        if not text:
            return ""
        found = _POSTCODE.fullmatch(text)
        if not found:
            self.drop(key, "not_a_postcode", "This is not a postcode of the United Kingdom.", text)
            return ""
        return f"{found[1]} {found[2]}".upper()

    def choice(self, key: str, *allowed: str) -> str:
        text = self.text(key)
        for word in allowed:
            if text.casefold() == word.casefold():
                return word
        if text:
            reason = f"The standard knows {_listed(allowed)} here."
            self.drop(key, "not_a_choice", reason, text)
        return ""

    def number(self, key: str, lowest: float, highest: float) -> float | None:
        value = self._left.pop(key, None)
        if value is None or value == "":
            return None
        number = _as_number(value)
        if number is None:
            self.drop(key, "not_a_number", f"A number stands here; this is {called(value)}.", value)
        elif not lowest <= number <= highest:
            reason = f"It must be from {lowest:g} to {highest:g}."
            self.drop(key, "out_of_range", reason, value)
        else:
            return number
        return None

    def whole(self, key: str, lowest: int, highest: int) -> int | None:
        value = self._left.get(key)
        number = self.number(key, lowest, highest)
        if number is None:
            return None
        if number != int(number):
            self.drop(key, "not_whole", "It must be a whole number.", value)
            return None
        return int(number)

    def money(self, key: str) -> Decimal | None:
        value = self._left.get(key)
        number = self.number(key, 0, 1_000_000)
        return None if number is None else Decimal(str(value).strip())

    def day(self, key: str) -> date | None:
        text = self.text(key)
        if not text:
            return None
        found = _DATE.fullmatch(text)
        day = _date_of(found[1]) if found else None
        if found is None or day is None:
            reason = "This is not a date. The standard writes 2026-05-21 for 21 May 2026."
            self.drop(key, "not_a_date", reason, text)
        elif found[2] and found[2].strip("0:."):
            reason = "A date stands here. The time of day in it is left out."
            self.drop(key, "time_in_date", reason, text)
        return day

    def moment(self, key: str) -> datetime | None:
        text = self.text(key)
        if not text:
            return None
        moment = _moment_of(text) if _MOMENT.fullmatch(text) else None
        if moment is None:
            reason = "This is not a date and time. The standard writes 2026-05-21T14:05:00Z."
            self.drop(key, "not_a_date", reason, text)
            return None
        if moment.tzinfo is None:
            self.note(key, "no_zone", "This time names no zone. It is taken as UTC.", text)
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)

    def clock(self, key: str) -> time | None:
        text = self.text(key)
        if not text:
            return None
        found = _CLOCK.fullmatch(text)
        hour, minute, second = (int(found[i] or 0) for i in (1, 2, 3)) if found else (99, 99, 99)
        if found is None or hour > 23 or minute > 59 or second > 59:
            reason = "This is not a time of day. The standard writes 14:05."
            self.drop(key, "not_a_time", reason, text)
            return None
        if found[4]:
            reason = "A time of day is local. The zone in it is left out."
            self.drop(key, "zone_in_time", reason, text)
        return time(hour, minute, second)

    def words(self, key: str) -> list[str]:
        """What a field holds between commas, or as a list of texts."""
        value = self._left.get(key)
        if isinstance(value, list) and all(isinstance(one, str | int) for one in value):
            self._left[key] = ",".join(str(one) for one in value)
        elif isinstance(value, int) and not isinstance(value, bool):
            self._left[key] = str(value)
        return [word.strip() for word in self.text(key).split(",") if word.strip()]

    def part(self, key: str) -> "Part | None":
        value = self._left.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, dict):
            reason = f"A group of fields stands here; this is {called(value)}."
            self.drop(key, "not_a_group", reason, value)
            return None
        return Part(value, self._report, self.path(key))

    def parts(self, key: str) -> Iterator["Part"]:
        value = self._left.pop(key, None)
        if value is None:
            return
        if isinstance(value, dict):
            self.note(key, "not_a_list", "A list stands here; this is one group of fields.")
            value = [value]
        if not isinstance(value, list):
            self.drop(key, "not_a_list", f"A list stands here; this is {called(value)}.", value)
            return
        for place, one in enumerate(value):
            spot = f"{key}[{place}]"
            if isinstance(one, dict):
                yield Part(one, self._report, self.path(spot))
            else:
                reason = f"A group of fields stands here; this is {called(one)}."
                self.drop(spot, "not_a_group", reason, one)

    def rest(self) -> dict[str, Json]:
        """What no field of ours took, for `extra`; over-long texts are dropped and named."""
        kept: dict[str, Json] = {}
        for key, value in self._left.items():
            if len(key) > self._report.limits.id:
                self.drop(shorten(key), "too_long", "The name of this field is too long.", value)
                continue
            inner = self._keep(key, value)
            if inner is not None:
                kept[key] = inner
        self._left = {}
        return kept

    def _keep(self, spot: str, value: Json) -> Json:
        if isinstance(value, str):
            return self._short_enough(spot, clean_text(value)) or None
        if isinstance(value, dict):
            part = Part(value, self._report, self.path(spot))
            return part.rest() or None
        if isinstance(value, list):
            kept = (self._keep(f"{spot}[{place}]", one) for place, one in enumerate(value))
            return [one for one in kept if one is not None] or None
        return value

    def _short_enough(self, key: str, text: str) -> str:
        limit = self._report.limits.text
        if len(text) <= limit:
            return text
        reason = f"This text has {len(text):,} characters. We take up to {limit:,}."
        self.drop(key, "too_long", reason, text)
        return ""


def _is_web_address(text: str) -> bool:
    if re.search(r"[\s<>\"'\\]", text):
        return False
    try:
        split = urlsplit(text)
        return split.scheme.lower() in ("http", "https") and bool(split.hostname)
    except ValueError:
        return False


def _as_number(value: Json) -> float | None:
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,15}(\.\d{1,15})?\s*", value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def _date_of(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else None


def _moment_of(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return moment if FIRST_YEAR <= moment.year <= LAST_YEAR else None


def _listed(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]

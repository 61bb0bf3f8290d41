"""The kinds of things people type or programs send: what is kept, and what is said when it can't.

A page's form and the API's body go through the same fields. A form sends only text (`yes`, three
boxes of a date); the API is held to its types. Which of the two it is, and what day it is today,
is said once for a whole load (`web.schemas.base.load`)."""

from __future__ import annotations

import json
import re
import unicodedata
import uuid
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from marshmallow import ValidationError, fields, validate

from referral import people_checks as checks
from workflows.moves import N_
from workflows.working_time import LONDON, local_day


@dataclass(frozen=True)
class Loading:
    """What the fields must know about the load they are part of."""

    at: datetime
    form: bool

    @property
    def today(self) -> date:
        return local_day(self.at)


LOADING: ContextVar[Loading] = ContextVar("loading")

SHORT, NOTE, LONG, STORY = 200, 500, 4_000, 20_000
TOO_LONG = {
    NOTE: N_("Shorten this to 500 characters or fewer. Nothing has been lost."),
    SHORT: N_("Shorten this to 200 characters or fewer. Nothing has been lost."),
    LONG: N_("Shorten this to 4,000 characters or fewer. Nothing has been lost."),
    STORY: N_("Shorten this to 20,000 characters or fewer. Nothing has been lost."),
}
ENTER_THIS = N_("Enter something here.")
CHOOSE_THIS = N_("Choose one of the answers.")
NOT_TEXT = N_("Write this as text.")
UNSEEN = N_("Remove the characters that can't be seen.")
ENTER_DATE = N_("Enter a date.")
WRONG_DATE = N_("Enter a real date, for example 15 3 2026.")
WRONG_DAY = N_("Enter a real date as year-month-day, for example 2026-03-15.")
WRONG_HOUR = N_("Enter a time, like 9am or 17:30.")
WRONG_TIME = N_("Enter a time, like 2:15pm, or a day and a time, like 16 May 2026 at 10pm.")
WHOLE_YEAR = N_("Enter the year in full, for example 2026.")
PAST_DATE = N_("Enter a date that is still to come.")
TO_COME = N_("Enter a date that has come already.")
TOO_LONG_AGO = N_("Enter a later date: this one is more than 120 years ago.")
TOO_FAR = N_("Enter a date within the next 10 years.")
YES_OR_NO = N_("Choose yes or no.")
TRUE_OR_FALSE = N_("Give true or false.")
WHOLE_NUMBER = N_("Enter a whole number.")
NOT_ID = N_("Give the record's id.")
MANY = N_("Give a list.")
TOO_MANY = N_("That is more than can be kept here. Leave some out.")
YEARS_AHEAD = 10
YEARS_BACK = 120


def _missing(needed: str | None) -> dict[str, Any]:
    """What a field without an answer does: asks for one, or is nothing."""
    if needed is None:
        return {"required": False, "allow_none": True}
    return {"required": True, "allow_none": False}


def _errors(needed: str | None, wrong: str) -> dict[str, Any]:
    sentence = needed or wrong
    return {"required": sentence, "null": sentence, "invalid": wrong, "validator_failed": wrong}


def plain(text: str) -> str:
    """Text as it is kept: stripped, lines ended one way, nothing in it that no store can hold."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t":
            raise ValidationError(UNSEEN)
    return text


class Text(fields.String):
    """Words. `needed` is the sentence that asks for them; without it they may be left out."""

    def __init__(self, needed: str | None = None, most: int = SHORT, **more: Any) -> None:
        self.needed = needed
        self.most = most
        super().__init__(
            **_missing(needed),
            validate=validate.Length(max=most, error=TOO_LONG[most]),
            error_messages={
                **_errors(needed, NOT_TEXT),
                "invalid_utf8": UNSEEN,
            },
            **more,
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = plain(super()._deserialize(value, *args, **kwargs))
        if text:
            return text
        if self.needed is not None:
            raise self.make_error("required")
        return None

    def _validate(self, value: Any) -> None:
        if value is not None:
            super()._validate(value)


class Checked(Text):
    """Words that one of the checks on people knows: kept in its form, refused in its words."""

    def __init__(self, how: Callable[[str], str], needed: str | None = None, **more: Any) -> None:
        self.how = how
        super().__init__(needed, **more)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if text is None or len(text) > self.most:
            return text
        try:
            return self.how(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class Email(Text):
    """An address to write to."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if text is None:
            return None
        try:
            validate.Email()(text)
        except ValidationError:
            raise ValidationError(N_("Enter an email address, like name@example.org.")) from None
        return text


class WebAddress(Text):
    """An address of a page, with its https:// or http://."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if text is None:
            return None
        try:
            validate.URL(schemes={"http", "https"}, require_tld=False)(text)
        except ValidationError:
            raise ValidationError(
                N_("Enter the whole web address, like https://www.example.org.")
            ) from None
        return text


class Choice(fields.String):
    """One of a list of codes."""

    def __init__(
        self,
        values: Sequence[str],
        needed: str | None = None,
        wrong: str = CHOOSE_THIS,
        **more: Any,
    ) -> None:
        sentence = needed or wrong
        self.needed = needed
        choices: list[Any] = [str(value) for value in values]
        self.values = tuple(choices)
        super().__init__(
            **_missing(needed),
            validate=validate.OneOf(choices, error=sentence),
            error_messages=_errors(needed, sentence),
            **more,
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if text == "" and LOADING.get().form:
            if self.needed is not None:
                raise self.make_error("required")
            return None
        return text

    def _validate(self, value: Any) -> None:
        if value is not None:
            super()._validate(value)


class Listed(Choice):
    """One code of a list that places may have of their own: which ones hold is asked of the
    record's place, by the move itself. `values` are the shipped examples."""

    def __init__(
        self,
        values: Sequence[str],
        needed: str | None = None,
        wrong: str = CHOOSE_THIS,
        **more: Any,
    ) -> None:
        super().__init__(values, needed, wrong, metadata={"examples": list(values)}, **more)
        self.validators = [
            validate.Regexp(r"[a-z][a-z0-9_]{0,39}\Z", error=needed or wrong),
        ]


class YesNo(fields.Boolean):
    """Yes or no; a box that is ticked or not. `yes` and `no` are for forms."""

    form_words: Mapping[str, bool | None] = {"yes": True, "no": False, "": None, "on": True}

    def __init__(self, needed: str | None = None, **more: Any) -> None:
        self.needed = needed
        super().__init__(
            **_missing(needed), error_messages=_errors(needed, needed or YES_OR_NO), **more
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if LOADING.get().form and isinstance(value, str):
            if value not in self.form_words:
                raise self.make_error("invalid")
            known = self.form_words[value]
            if known is None and self.needed is not None:
                raise self.make_error("required")
            return known
        if not isinstance(value, bool):
            raise ValidationError(TRUE_OR_FALSE)
        return value


class Danger(YesNo):
    """Is anyone in danger now? Not being sure counts as yes: somebody looks within the hour."""

    form_words: Mapping[str, bool | None] = {"yes": True, "not_sure": True, "no": False, "": None}


def _boxes(value: Any) -> tuple[str, str, str] | None:
    """The three boxes of a date, from a form's boxes or from one line; None when all are empty."""
    if isinstance(value, Mapping):
        day, month, year = (str(value.get(b) or "").strip() for b in ("day", "month", "year"))
    else:
        parts = str(value).replace("/", " ").replace(".", " ").split()
        if not parts:
            return None
        if len(parts) == 1 and parts[0].count("-") == 2:
            year, month, day = parts[0].split("-")
        elif len(parts) == 3:
            day, month, year = parts
        else:
            raise ValidationError(WRONG_DATE)
    return None if not (day or month or year) else (day, month, year)


def typed_day(value: Any) -> date | None:
    """A date as people type it: three boxes, a month by number or by name."""
    boxes = _boxes(value)
    if boxes is None:
        return None
    day, month, year = boxes
    number = checks.MONTHS.get(month.casefold(), month)
    if not (day.isascii() and day.isdigit() and year.isascii() and year.isdigit()):
        raise ValidationError(WRONG_DATE)
    if not isinstance(number, int) and not (number.isascii() and number.isdigit()):
        raise ValidationError(WRONG_DATE)
    try:
        return date(int(year), int(number), int(day))
    except (ValueError, OverflowError):
        raise ValidationError(WRONG_DATE) from None


def sent_day(value: Any) -> date:
    """A date as a program sends it."""
    if not isinstance(value, str) or len(value) != 10:
        raise ValidationError(WRONG_DAY)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValidationError(WRONG_DAY) from None


def _rule(found: date, today: date, when: str) -> None:
    if found.year < 1000:
        raise ValidationError(WHOLE_YEAR)
    if when == "to_come" and found <= today:
        raise ValidationError(PAST_DATE)
    if when == "today_or_before" and found > today:
        raise ValidationError(TO_COME)
    if found.year > today.year + YEARS_AHEAD:
        raise ValidationError(TOO_FAR)
    if found.year < today.year - YEARS_BACK:
        raise ValidationError(TOO_LONG_AGO)


class Day(fields.Date):
    """A calendar day. `when`: to_come, today_or_before, or any."""

    def __init__(self, needed: str | None = None, when: str = "any", **more: Any) -> None:
        self.needed = needed
        self.when = when
        super().__init__(
            **_missing(needed), error_messages=_errors(needed, needed or ENTER_DATE), **more
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        loading = LOADING.get()
        found = typed_day(value) if loading.form else sent_day(value)
        if found is None:
            if self.needed is not None:
                raise self.make_error("required")
            return None
        self.judge(found, loading.today)
        return found

    def judge(self, found: date, today: date) -> None:
        _rule(found, today, self.when)


class DayOrMonth(Day):
    """A day that is past, or its month alone where no more is known: read as the last day it can
    have been, and whether that is the month alone."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        loading = LOADING.get()
        first = _first_of_month(value, form=loading.form)
        if first is None:
            found = super()._deserialize(value, *args, **kwargs)
            return None if found is None else (found, False)
        self.judge(first, loading.today)
        last = first.replace(day=monthrange(first.year, first.month)[1])
        return min(last, loading.today), True


def _first_of_month(value: Any, *, form: bool) -> date | None:
    """The first day of a month that was said without a day."""
    if not form:
        whole = isinstance(value, str) and len(value) == len("2026-05")
        return sent_day(f"{value}-01") if whole else None
    boxes = _boxes(value)
    if boxes is None or boxes[0] or not (boxes[1] and boxes[2]):
        return None
    return typed_day({"day": "1", "month": boxes[1], "year": boxes[2]})


class BirthDate(Day):
    """A day somebody alive now can have been born on."""

    def judge(self, found: date, today: date) -> None:
        try:
            checks.birth_date(found, today)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class Moment(fields.DateTime):
    """A day that stands for a moment, kept as a time in UTC: the beginning of the day in England,
    or its end (`through=True`, for a day that still counts)."""

    def __init__(
        self,
        needed: str | None = None,
        when: str = "any",
        through: bool = False,
        **more: Any,
    ) -> None:
        self.needed = needed
        self.when = when
        self.through = through
        super().__init__(
            **_missing(needed), error_messages=_errors(needed, needed or ENTER_DATE), **more
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        loading = LOADING.get()
        found = typed_day(value) if loading.form else sent_day(value)
        if found is None:
            if self.needed is not None:
                raise self.make_error("required")
            return None
        _rule(found, loading.today, self.when)
        day = found + timedelta(days=1) if self.through else found
        return datetime.combine(day, time(), LONDON).astimezone(UTC)


HALF_DAY = 12
_HOUR = re.compile(r"(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?\Z", re.IGNORECASE)
_HOURS = {"midnight": time(0), "midday": time(12), "noon": time(12)}


def typed_hour(text: str) -> time:
    """An hour as people type it: 9am, 2:15pm, 17:30, midnight."""
    said = text.strip().casefold()
    if said in _HOURS:
        return _HOURS[said]
    found = _HOUR.match(said)
    if found is None:
        raise ValidationError(WRONG_HOUR)
    hour, minute, half = int(found[1]), int(found[2] or 0), found[3]
    if half is not None:
        if not 1 <= hour <= HALF_DAY:
            raise ValidationError(WRONG_HOUR)
        hour = hour % HALF_DAY + (HALF_DAY if half == "pm" else 0)
    elif found[2] is None:
        raise ValidationError(WRONG_HOUR)
    try:
        return time(hour, minute)
    except ValueError:
        raise ValidationError(WRONG_HOUR) from None


class Hour(Text):
    """An hour of the day, kept as 09:00."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        return None if text is None else typed_hour(text).strftime("%H:%M")


class SaidTime(fields.AwareDateTime):
    """When something happened, to the minute and not later than now. A form takes an hour, which
    is the last such hour, or a day and an hour: 2:15pm; Tuesday 2:15pm; 16 May 2026 at 10pm."""

    def __init__(self, needed: str | None = None, **more: Any) -> None:
        self.needed = needed
        super().__init__(
            **_missing(needed), error_messages=_errors(needed, needed or WRONG_TIME), **more
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        loading = LOADING.get()
        if loading.form:
            text = str(value).strip()
            if not text:
                if self.needed is not None:
                    raise self.make_error("required")
                return None
            found = _typed_time(text, loading.at)
        else:
            found = super()._deserialize(value, *args, **kwargs).astimezone(UTC)
        if found > loading.at:
            raise ValidationError(N_("Enter a time that has come already."))
        _rule(found.astimezone(LONDON).date(), loading.today, "today_or_before")
        return found


WEEKDAYS = (
    ("monday", "mon", "llun"),
    ("tuesday", "tue", "mawrth"),
    ("wednesday", "wed", "mercher"),
    ("thursday", "thu", "iau"),
    ("friday", "fri", "gwener"),
    ("saturday", "sat", "sadwrn"),
    ("sunday", "sun", "sul"),
)


def _typed_time(text: str, at: datetime) -> datetime:
    words = text.replace(",", " ").split()
    words = [word for word in words if word.casefold() not in ("at", "am", "dydd")]
    hour = typed_hour(words[-1] if words else "")
    today = local_day(at)
    if len(words) == 1:
        found = datetime.combine(today, hour, LONDON)
        earlier = datetime.combine(today - timedelta(days=1), hour, LONDON)
        return (found if found <= at else earlier).astimezone(UTC)
    spoken = {"today": today, "yesterday": today - timedelta(days=1)}
    for weekday, names in enumerate(WEEKDAYS):  # the last such day, today where the hour has come
        last = today - timedelta(days=(today.weekday() - weekday) % 7)
        if datetime.combine(last, hour, LONDON) > at:
            last -= timedelta(days=7)
        spoken |= dict.fromkeys(names, last)
    on = spoken.get(words[0].casefold()) if len(words) == 2 else None
    if on is None:
        on = typed_day(" ".join(words[:-1] if len(words) > 3 else (*words[:-1], str(today.year))))
    if on is None:
        raise ValidationError(WRONG_TIME)
    return datetime.combine(on, hour, LONDON).astimezone(UTC)


class Number(fields.Integer):
    """A whole number between two others."""

    def __init__(
        self, needed: str | None = None, least: int = 0, most: int = 100_000, **more: Any
    ) -> None:
        self.needed = needed
        super().__init__(
            **_missing(needed),
            strict=True,
            validate=validate.Range(
                min=least, max=most, error=N_("Enter a whole number that can be right here.")
            ),
            error_messages=_errors(needed, WHOLE_NUMBER) | {"too_large": WHOLE_NUMBER},
            **more,
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if LOADING.get().form and isinstance(value, str):
            text = value.strip().replace(",", "")
            if not text:
                if self.needed is not None:
                    raise self.make_error("required")
                return None
            if not (text.isascii() and text.isdigit() and len(text) < 10):
                raise self.make_error("invalid")
            return int(text)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid")
        return value

    def _validate(self, value: Any) -> None:
        if value is not None:
            super()._validate(value)


class Id(fields.UUID):
    """The id of a record, as text."""

    def __init__(self, needed: str | None = None, **more: Any) -> None:
        self.needed = needed
        super().__init__(
            **_missing(needed),
            error_messages=_errors(needed, needed or NOT_ID) | {"invalid_uuid": needed or NOT_ID},
            **more,
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if value == "" and LOADING.get().form:
            if self.needed is not None:
                raise self.make_error("required")
            return None
        if not isinstance(value, str) or len(value) != 36:
            raise self.make_error("invalid")
        try:
            return str(uuid.UUID(value))
        except ValueError:
            raise self.make_error("invalid") from None


class Many(fields.List[Any]):
    """A list with an end. A form's one answer is a list of one; its empty lines fall out."""

    def __init__(
        self, inner: fields.Field[Any], needed: str | None = None, most: int = 50, **more: Any
    ) -> None:
        self.needed = needed
        self.most = most
        super().__init__(
            inner,
            **_missing(needed),
            error_messages=_errors(needed, MANY),
            metadata={"maxItems": most},
            **more,
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if LOADING.get().form:
            value = [value] if isinstance(value, (str, Mapping)) else value
            value = [v for v in value if not isinstance(v, str) or v.strip()]
        if not isinstance(value, list):
            raise self.make_error("invalid")
        if len(value) > self.most:
            raise ValidationError(TOO_MANY)
        found = super()._deserialize(value, *args, **kwargs)
        if not found and self.needed is not None:
            raise self.make_error("required")
        return found


class Answers(fields.Dict):
    """Answers to an activity's own questions: the question's words to the answer's. Kept as one
    text, since they are sealed as one."""

    def __init__(self, **more: Any) -> None:
        super().__init__(
            keys=fields.String(validate=validate.Length(min=1, max=SHORT, error=TOO_LONG[SHORT])),
            values=Text(most=SHORT),
            allow_none=True,
            error_messages={"invalid": N_("Give each question with its answer.")},
            **more,
        )

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        found: dict[str, Any] = super()._deserialize(value, *args, **kwargs)  # type: ignore[no-untyped-call]
        if len(found) > 50:
            raise ValidationError(TOO_MANY)
        for question in found:
            plain(question)
        return json.dumps(found, ensure_ascii=False) if found else None


OWNER_KEY = r"[a-z_]+@[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z"


class OwnerKey(fields.String):
    """Who owns a next step: `member@<id>`, or a role in an organisation or place
    (`governance_lead@<id>`)."""

    def __init__(self, needed: str, **more: Any) -> None:
        super().__init__(
            required=True,
            validate=validate.Regexp(OWNER_KEY, error=needed),
            error_messages=_errors(needed, needed),
            **more,
        )

"""What people type about a person: each check gives back the form we keep, or refuses.

A refusal is a ValueError with a sentence for the page that says what to do."""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from datetime import date

import phonenumbers
from nhs_number.validate import is_valid

EARLIEST_BIRTH = date(1900, 1, 1)

_SPACES_AND_DASHES = re.compile(r"[\s\-\u2010-\u2015\u2212]+")
_TEN_DIGITS = re.compile(r"[0-9]{10}")
_PHONE = re.compile(r"[0-9+().\s\-\u2010-\u2015]+")
# Kept by Ofcom for stories and examples, so not given out to anybody: phonenumbers refuses them.
_PHONE_OF_NOBODY = re.compile(r"\+44(7700900|1632960)[0-9]{3}")
_POSTCODE = re.compile(
    r"""
    (?: [A-PR-UWYZ] [0-9]{1,2}
      | [A-PR-UWYZ] [A-HK-Y] [0-9]{1,2}
      | [A-PR-UWYZ] [0-9] [A-HJKPSTUW]
      | [A-PR-UWYZ] [A-HK-Y] [0-9] [ABEHMNPRVWXY]
    ) [0-9] [ABD-HJLNP-UW-Z]{2}
    | GIR0AA
    | ZZ99 [0-9] [A-Z]{2}    # in health records: no fixed home, or home not known
    """,
    re.VERBOSE,
)
# Letters that Unicode does not take apart into a plain one and a mark.
_PLAIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i"}
)


def nhs_number(text: str) -> str:
    """An NHS number as 10 digits."""
    digits = _SPACES_AND_DASHES.sub("", _seen(text))
    if not digits:
        raise ValueError("Enter an NHS number")
    if not _TEN_DIGITS.fullmatch(digits):
        raise ValueError("NHS number must be 10 digits, for example 999 012 3454")
    # Ten times the same digit passes the sum, and is typed to get past a form.
    if len(set(digits)) == 1 or not is_valid(digits):
        raise ValueError("Check the NHS number: at least one of its digits is not right")
    return digits


def phone_number(text: str) -> str:
    """A phone number with its country, like +447700900123; without one it is taken as British."""
    typed = _seen(text).strip()
    if not typed:
        raise ValueError("Enter a phone number")
    if not _PHONE.fullmatch(typed):
        raise ValueError("Phone number must have digits only, for example 07700 900 982")
    try:
        number = phonenumbers.parse(typed, "GB")
    except phonenumbers.NumberParseException:
        raise ValueError("Enter the whole phone number, for example 07700 900 982") from None
    kept = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not (_PHONE_OF_NOBODY.fullmatch(kept) or phonenumbers.is_valid_number(number)):
        raise ValueError("Check the phone number: no phone has a number like it")
    return kept


def as_written_here(number: str) -> str:
    """A phone number as people here write it: 07700 900 982."""
    digits = ("0" + number[3:] if number.startswith("+44") else number).replace(" ", "")
    if len(digits) == 11 and digits.startswith("07"):
        return f"{digits[:5]} {digits[5:8]} {digits[8:]}"
    if len(digits) == 11 and digits.startswith("01"):
        return f"{digits[:5]} {digits[5:]}"
    return digits if number.startswith("+44") else number


def postcode(text: str) -> str:
    """A British postcode with one space, in capitals: LS1 4AP. ZZ99 3VZ says no fixed home."""
    plain = _SPACES_AND_DASHES.sub("", _seen(text)).upper()
    if not plain:
        raise ValueError("Enter a postcode")
    if not _POSTCODE.fullmatch(plain):
        raise ValueError("Enter a full postcode, for example LS1 4AP")
    return f"{plain[:-3]} {plain[-3:]}"


def birth_date(born: date, today: date) -> date:
    """A date of birth that somebody alive today can have."""
    if born.year < 1000:
        raise ValueError("Enter the year of birth in full, for example 1984")
    if born < EARLIEST_BIRTH:
        raise ValueError("Year of birth must be 1900 or later")
    if born >= today:
        raise ValueError("Date of birth must be in the past")
    return born


def name_key(*names: str) -> str:
    """What is left of a name for finding it again: no accents, capitals, signs or inner spaces.

    Each name becomes one word, so `name_key("O’Neil-Smith", "Zoë")` is "oneilsmith zoe", and
    sorts by the first. A name in another alphabet keeps its letters."""
    return " ".join(filter(None, map(_plain, names)))


def _seen(text: str) -> str:
    """Without the marks nobody sees, which come along when a number is copied from a message."""
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name).casefold().translate(_PLAIN)
    return "".join(filter(str.isalnum, folded))


# As they are called in English, for short, and in Welsh.
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january", "ionawr"),
            ("feb", "february", "chwefror"),
            ("mar", "march", "mawrth"),
            ("apr", "april", "ebrill"),
            ("may", "mai"),
            ("jun", "june", "mehefin"),
            ("jul", "july", "gorffennaf"),
            ("aug", "august", "awst"),
            ("sep", "sept", "september", "medi"),
            ("oct", "october", "hydref"),
            ("nov", "november", "tachwedd"),
            ("dec", "december", "rhagfyr"),
        ),
        1,
    )
    for name in names
}
_BETWEEN = re.compile(r"[\s./,\-\u2010-\u2015]+")
_ORDINAL = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)")


def born_between(text: str) -> tuple[date, date] | None:
    """The first and the last day that are meant where somebody looks for a birthday: a day, like
    15 3 1984, 15/03/1984, 1984-03-15 or 15 March 1984, or a month, like March 1984 or 3/1984. None
    where it is neither."""
    parts = [_ORDINAL.sub(r"\1", p) for p in _BETWEEN.split(_seen(text).strip().casefold()) if p]
    if len(parts) == 3 and len(parts[0]) == 4:
        parts.reverse()
    elif len(parts) == 3 and parts[0] in MONTHS:
        parts[:2] = reversed(parts[:2])
    if len(parts) not in (2, 3) or len(parts[-1]) != 4:
        return None
    *day, month, year = (str(MONTHS.get(part, part)) for part in parts)
    if not all(part.isascii() and part.isdigit() for part in (*day, month, year)):
        return None
    try:
        first = date(int(year), int(month), int(day[0]) if day else 1)
    except ValueError:
        return None
    return first, first if day else first.replace(day=monthrange(first.year, first.month)[1])


def end_of_phone(text: str) -> str | None:
    """The digits where somebody looks for the end of a phone number: at least four."""
    digits = _SPACES_AND_DASHES.sub("", _seen(text))
    return digits if re.fullmatch(r"[0-9]{4,10}", digits) else None


GROWN_UP = 18


def under_age(born: date | None, today: date) -> bool | None:
    """Whether somebody born then is under 18 on this day; None where the date isn't known."""
    if born is None:
        return None
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return years < GROWN_UP

"""Times, deadlines and numbers in words, as people say them in London."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from markupsafe import Markup
from phonenumbers import Leniency, PhoneNumberFormat, PhoneNumberMatcher, format_number

from referral.people_checks import as_written_here
from web.say import ENGLISH, _, language, ngettext, pgettext
from workflows.working_time import ENGLAND, LONDON, Calendar, local_day, working_days_between


def month_name(number: int) -> str:
    """The month's name in the reader's language."""
    return [
        _("January"), _("February"), _("March"), _("April"), _("May"), _("June"), _("July"),
        _("August"), _("September"), _("October"), _("November"), _("December"),
    ][number - 1]  # fmt: skip


def weekday_name(number: int) -> str:
    """The weekday's name, Monday being 0."""
    return [
        _("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"),
        _("Sunday"),
    ][number]  # fmt: skip


def day_words(day: date | None, *, weekday: bool = False, now: datetime | None = None) -> str:
    """ "21 May 2026", or "Thursday 21 May 2026". With `now`, the year is left out in its own."""
    if day is None:
        return ""
    words = f"{day.day} {month_name(day.month)}"
    if now is None or local_day(now).year != day.year:
        words += f" {day.year}"
    return f"{weekday_name(day.weekday())} {words}" if weekday else words


def died_words(day: date, about: str | None) -> str:
    """The day somebody died, as far as it is known: "10 May 2026", "May 2026", "Day not known"."""
    if about is None:
        return day_words(day)
    return f"{month_name(day.month)} {day.year}" if about == "month" else _("Day not known")


def clock_words(at: datetime) -> str:
    """ "2:05pm", "midday", "midnight"."""
    local = at.astimezone(LONDON)
    if (local.hour, local.minute) == (0, 0):
        return _("midnight")
    if (local.hour, local.minute) == (12, 0):
        return _("midday")
    half = _("am") if local.hour < 12 else _("pm")
    hour = local.hour % 12 or 12
    return f"{hour}:{local.minute:02d}{half}" if local.minute else f"{hour}{half}"


def file_size(size: int) -> str:
    """How large a file is, as people say it."""
    if size < 1_000_000:
        return _("%(num)s KB", num=max(1, round(size / 1_000)))
    return _("%(num)s MB", num=f"{size / 1_000_000:.1f}")


def time_words(at: datetime | None) -> str:
    """ "21 May 2026 at 2:05pm"."""
    if at is None:
        return ""
    return _("%(day)s at %(time)s", day=day_words(local_day(at)), time=clock_words(at))


def printed(who: str, where: str | None, at: datetime) -> str:
    """By whom and when a paper that names people was printed: its foot."""
    return _("Printed by %(who)s, %(where)s, %(when)s.", who=who, where=where, when=time_words(at))


def iso(at: datetime | date | None) -> str:
    """The same moment for machines, in `<time datetime>`."""
    if at is None:
        return ""
    if isinstance(at, datetime):
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return at.isoformat()


def last_day(due: datetime, cal: Calendar = ENGLAND) -> date:
    """The day by the end of which something is due. What is due as a day begins was to be done
    by the end of the working day before."""
    local = due.astimezone(LONDON)
    day = local.date()
    if local.time() != time(0, 0):
        return day
    day -= timedelta(days=1)
    while not cal.is_working_day(day):
        day -= timedelta(days=1)
    return day


class Deadline(NamedTuple):
    """What `deadline.jinja` draws."""

    tone: str
    text: str
    at: str | None = None


SOON = 5


def deadline(
    due: datetime | None, now: datetime, cal: Calendar = ENGLAND, *, hours: bool = False
) -> Deadline:
    """A deadline in words and tone. None: the clock stands still. `hours`: it counts by the clock,
    and its hour is said too."""
    if due is None:
        return Deadline("paused", _("Clock paused while on hold"))
    if hours:
        return _by_the_hour(due, now)
    day, today = last_day(due, cal), local_day(now)
    overdue = due <= now
    at = iso(due)
    if overdue:
        late = working_days_between(_noon(day), now, cal)
        if late <= 0:
            return Deadline("overdue", _("Overdue since %(day)s", day=_day(day, now)), at)
        text = ngettext("%(num)s working day overdue", "%(num)s working days overdue", late)
        return Deadline("overdue", f"{text}. {_('It was due %(day)s', day=_day(day, now))}", at)
    if day <= today:
        return Deadline("today", _("Due today"), at)
    if day == today + timedelta(days=1):
        return Deadline("soon", _("Due tomorrow"), at)
    left = working_days_between(now, _noon(day), cal)
    text = ngettext(
        "Due %(day)s (%(num)s working day left)",
        "Due %(day)s (%(num)s working days left)",
        left,
        day=_day(day, now),
    )
    return Deadline("soon" if left <= SOON else "later", text, at)


def _by_the_hour(due: datetime, now: datetime) -> Deadline:
    said = _("%(day)s at %(time)s", day=_day(local_day(due), now), time=clock_words(due))
    if due <= now:
        return Deadline("overdue", _("Overdue since %(time)s", time=said), iso(due))
    if local_day(due) == local_day(now):
        return Deadline("today", _("Due today by %(time)s", time=clock_words(due)), iso(due))
    return Deadline("soon", _("Due %(time)s", time=said), iso(due))


def by_when(due: datetime | None, now: datetime, cal: Calendar = ENGLAND) -> str:
    """ "Tuesday 19 May", for "They have until ... to reply."."""
    return "" if due is None else _day(last_day(due, cal), now)


def _day(day: date, now: datetime) -> str:
    return day_words(day, weekday=True, now=now)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), LONDON)


def nhs_number(number: str | None) -> str:
    """Grouped 3 3 4, as it is read out."""
    return f"{number[:3]} {number[3:6]} {number[6:]}" if number else ""


def message_words(safe: bool | None) -> str:
    """Whether a message may be left where they are called; nothing where nobody has asked."""
    if safe is None:
        return ""
    return _("Safe to leave a message") if safe else _("Do not leave a message")


def phone_words(number: str | None) -> str:
    """A phone number as people here write it: 07700 900 982."""
    return as_written_here(number) if number else ""


def dialled(text: str, *, close: bool = False) -> Markup:
    """The text with each phone number in it as a link that rings it. What does not begin as a
    number here or abroad does is left: a reference, an NHS number, a date. `close`: no taller than
    the words beside it."""
    kind = "" if close else "app-number"
    found, done = Markup(), 0
    for match in PhoneNumberMatcher(text, "GB", leniency=Leniency.POSSIBLE):
        if match.raw_string[0] not in "0+(":
            continue
        number = format_number(match.number, PhoneNumberFormat.E164)
        found += text[done : match.start]
        found += Markup('<a class="{}" href="tel:{}">{}</a>').format(kind, number, match.raw_string)
        done = match.end
    return found + text[done:]


def written(text: Any) -> Any:
    """What staff and groups wrote, for a page in another language than theirs: a screen reader is
    told to say it in English, where those who use Segue write. On a page in English it is as it
    is."""
    if not text or language() == ENGLISH:
        return text
    return Markup('<span lang="{}" dir="auto">{}</span>').format(ENGLISH, text)


# A reference, as `referral.ids` makes it; a command in a sentence for whoever runs Segue.
REFERENCE = re.compile(r"\b(SG-[0-9A-Z]{4}-[0-9A-Z]{2})\b")
COMMAND = re.compile("`([^`]+)`")


def whole(text: Any) -> Markup:
    """The same with each reference in one piece: at its hyphens a narrow page would break it."""
    return _set(text, REFERENCE, '<span class="app-reference">{}</span>')


def with_commands(text: Any) -> Markup:
    """The same with each command, written between backticks, set as what is typed."""
    return _set(text, COMMAND, "<code>{}</code>")


def _set(text: Any, which: re.Pattern[str], markup: str) -> Markup:
    parts: list[str] = which.split(str(text))
    parts[1::2] = [Markup(markup).format(part) for part in parts[1::2]]  # noqa: S704  # ours, above
    return Markup("").join(parts)


def safety_told(answers: Mapping[str, Any] | None) -> tuple[list[tuple[str, str]], ...]:
    """The answers to an activity's questions about safety, each with its question: what is to be
    known first, and what says that there is nothing."""
    told = [(str(asked), str(said)) for asked, said in (answers or {}).items()]
    warns = [one for one in told if not _is_no(one[1])]
    return warns, [one for one in told if _is_no(one[1])]


def _is_no(told: str) -> bool:
    """Whether an answer says that there is nothing to know; any word more may be something."""
    return told.strip(" .").casefold() in (
        "no",
        "none",
        "na",
        "nac oes",
        "nag oes",
        "nac ydy",
        "nac ydw",
        "naddo",
    )


def age_band(code: str | None) -> str:
    """The words of an age band: "70 to 79"."""
    if not code:
        return ""
    if code == "under_18":
        return _("Under 18")
    if code == "90_over":
        return _("90 or over")
    low, high = code.split("_")
    return _("%(low)s to %(high)s", low=low, high=high)


VOWELS = frozenset("aeiouwyâêîôûŵŷ")


def listed(words: list[str]) -> str:
    """ "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    two = {"first": ", ".join(words[:-1]), "last": words[-1]}
    if words[-1][:1].casefold() in VOWELS:  # Welsh has another "and" there
        return pgettext("before a vowel", "%(first)s and %(last)s", **two)
    return _("%(first)s and %(last)s", **two)

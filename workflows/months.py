"""Calendar months, as the law counts the time for answering a request about one's own data.

One month from the day of receipt is the same date of the next month, or the last day of a month
that is too short; days for which the person was asked something come on top; and what would end on
a day off ends with the next working day. Source: Information Commissioner's Office, right of
access, how long to respond. Pure: every day is told."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta

from workflows.working_time import Calendar, local_day

FIRST = 1
EXTENDED = 3  # two months more, counted from the receipt as well


def corresponding(day: date, months: int) -> date:
    """The same date so many months on, or the last day of a month that is too short."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def answer_by(received: date, cal: Calendar, *, extended: bool = False, stopped: int = 0) -> date:
    """The last day on which a request received on this day is answered in time. `stopped`: the
    days on which it waited for the person's answer."""
    last = corresponding(received, EXTENDED if extended else FIRST) + timedelta(stopped)
    while not cal.is_working_day(last):
        last += timedelta(1)
    return last


def days_stopped(asked: datetime, answered: datetime) -> int:
    """How many days the time stood still: from the day of the question to that of the answer, by
    London dates."""
    return max(0, (local_day(answered) - local_day(asked)).days)

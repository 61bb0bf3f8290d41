from __future__ import annotations

from datetime import date

import holidays

from referral import bank_holidays


def library(first: int, last: int) -> dict[date, str]:
    return dict(holidays.country_holidays("GB", subdiv="ENG", years=range(first, last + 1)))


def test_the_table_is_what_the_library_says_for_every_year_it_covers():
    assert dict(bank_holidays.ENGLAND) == library(2019, 2029)


def test_the_table_covers_whole_years_and_no_day_outside_them():
    assert date(2019, 1, 1) == bank_holidays.SINCE
    assert date(2029, 12, 31) == bank_holidays.UNTIL
    days = bank_holidays.ENGLAND
    assert bank_holidays.SINCE <= min(days) < max(days) <= bank_holidays.UNTIL
    assert list(days) == sorted(days)


def test_substitute_and_single_days_are_in_it():
    england = bank_holidays.ENGLAND
    assert date(2026, 12, 28) in england  # Boxing Day 2026 is a Saturday
    assert {date(2027, 12, 27), date(2027, 12, 28)} <= set(england)
    assert date(2020, 5, 8) in england  # moved from Monday the 4th
    assert date(2020, 5, 4) not in england
    assert date(2023, 5, 8) in england  # given once


def test_it_is_the_table_of_england_and_of_no_other_nation():
    assert date(2026, 1, 2) not in bank_holidays.ENGLAND  # Scotland
    assert date(2026, 3, 17) not in bank_holidays.ENGLAND  # Northern Ireland

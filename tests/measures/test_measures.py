"""Every journey keeps to its measures."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Browser

from referral.store import Store
from tests.measures import screens
from tests.measures.table import Measure, gathered, printed
from tests.web.client import app_of
from tests.world import build


@pytest.mark.parametrize("what", gathered())
def test_it_keeps_to_its_measure(sqlite_url: str, what: str) -> None:
    store = Store(sqlite_url)
    missed = [row for row in gathered()[what](build(store)) if not row.met]
    store.dispose()
    assert missed == []


@pytest.mark.browser
def test_who_is_accountable_is_seen_without_scrolling(
    sqlite_url: str, chromium: Browser, serve: Callable[[Flask], str]
) -> None:
    store = Store(sqlite_url)
    w = build(store)
    assert screens.who_is_accountable(chromium, w, serve(app_of(w))).met
    store.dispose()


def test_what_is_missed_is_marked() -> None:
    kept, missed = list(printed([Measure("kept", 2, 2), Measure("missed", 2, 2.5)]))[1:]
    assert kept.split() == ["kept", "2", "2"]
    assert missed.split() == ["missed", "2", "2.5", "MISSED"]

"""A browser opens lines ahead of need; one that says nothing must not keep the others waiting."""

from __future__ import annotations

from socket import socketpair
from typing import Any

import pytest
from gunicorn.workers.sync import SyncWorker

from web import serving


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found: list[Any] = []
    monkeypatch.setattr(serving, "SPEAKS_WITHIN", 0)
    monkeypatch.setattr(SyncWorker, "handle", lambda self, listener, client, addr: found.append(1))
    return found


def test_a_line_that_stays_silent_is_closed_unanswered(served: list[Any]) -> None:
    browser, client = socketpair()
    serving.PatientWorker.handle(object.__new__(serving.PatientWorker), None, client, None)
    assert served == []
    with browser:
        assert browser.recv(1) == b""


def test_a_line_that_speaks_is_served(served: list[Any]) -> None:
    browser, client = socketpair()
    with browser, client:
        browser.sendall(b"GET / HTTP/1.1\r\n\r\n")
        serving.PatientWorker.handle(object.__new__(serving.PatientWorker), None, client, None)
        assert served == [1]

"""What was counted, printed at the end of a run: "none missed" says nothing without how much was
tried. Also where several processes share the tests, whose own words nobody hears."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Counted = Callable[[str], None]
COUNTED = "counted"


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Counted:
    """Says how much was tried, whatever becomes of it."""
    return lambda text: record_property(COUNTED, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        f"{report.nodeid.partition('::')[2]}: {value}"
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, value in report.user_properties
        if name == COUNTED and report.when == "call"
    ]
    if lines:
        terminalreporter.section("counted")
        for line in sorted(lines):
            terminalreporter.line(line)

"""Prints what was counted: "no failures" says nothing without how much was looked at."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        value
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "foreign" and report.when == "call"
    ]
    missing = [
        report.longrepr[2]
        for report in terminalreporter.getreports("skipped")
        if "tests/foreign" in report.nodeid
    ]
    if lines or missing:
        terminalreporter.section("verifiers of others")
        for line in sorted(lines) + sorted(missing):
            terminalreporter.line(line)

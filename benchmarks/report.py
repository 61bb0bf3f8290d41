"""What is printed: the machine, the table of commands, the table of reads, what failed."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version
from statistics import median
from typing import Any

from benchmarks.auditing import Log
from benchmarks.commands import LOOP, OURS, READY, WAYS, Outcome
from benchmarks.reading import LISTS, Readings

# How much quicker than the raw loop, neighbours apart; see docs/performance.md.
FLOORS = {"postgresql": 1.1, "sqlite": 0.55}
MOST_CPU_MS = 0.9  # of the client for a command, at its best
MOST_DEEP = 1.5  # a deep page to the first
MOST_ADDED = 0.15  # to a command, by its place in the tree, and by its entry
LEAST_CHECKED = 0.15  # of a bare loop of hashes
MOST_PROVING_MS = 50


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "cores": os.cpu_count(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("psycopg", "sqlalchemy", "transitions")},
    }


def said_of_the_machine(known: dict[str, Any]) -> str:
    load = ", ".join(str(one) for one in known["load"])
    versions = ", ".join(f"{k} {v}" for k, v in known.items() if k not in ("cores", "load"))
    return f"{known['cores']} cores, load {load} at the start. {versions}."


def commands_table(outcome: Outcome) -> list[str]:
    plan = outcome.plan
    settings = ", ".join(f"{name}={value}" for name, value in outcome.settings.items())
    clients = f"{plan.clients} client" + "s" * (plan.clients > 1)
    lines = [
        "",
        f"Commands on {outcome.kind}, {clients}: {plan.repeats} x {plan.lives} lives of nine"
        f" commands, {plan.behind:,} referrals behind them; {settings}",
        f"{'':24}{'commands/s':>11}{'least..best':>14}{'quiet ms':>10}{'p50':>7}{'p95':>7}"
        f"{'CPU ms':>8}{'ours x: quiet':>15}{'best':>6}{'median':>8} (least..most)",
    ]
    for way in WAYS:
        measured = outcome.ways[way]
        summary = measured.summary()
        spread = f"{summary['least']:.0f}..{summary['best']:.0f}"
        line = (
            f"{way:24}{summary['median']:11.0f}{spread:>14}{summary['quiet_ms']:10.3f}"
            f"{summary['p50_ms']:7.2f}{summary['p95_ms']:7.2f}{summary['cpu_ms']:8.3f}"
        )
        if way != OURS:
            each = outcome.ratios(way)
            line += (
                f"{outcome.quiet(way):15.2f}{outcome.best(way):6.2f}{median(each):8.2f}"
                f" ({min(each):.2f}..{max(each):.2f})"
            )
        lines.append(line)
    return lines


def reads_table(readings: Readings) -> list[str]:
    lines = [
        "",
        f"Reads on {readings.kind} among {readings.referrals:,} referrals, in ms",
        f"{'':40}{'rows':>7}{'p50':>9}{'p95':>9}{'least':>9}",
    ]
    for name, timed in readings.reads.items():
        summary = timed.summary()
        lines.append(
            f"{name:40}{summary['rows']:7.0f}{summary['p50_ms']:9.2f}{summary['p95_ms']:9.2f}"
            f"{summary['least_ms']:9.2f}"
        )
    for name in LISTS:
        lines.append(f"{name}: a deep page x {readings.deep(name):.2f} of the first")
    return lines


def failures_of_commands(outcome: Outcome, timings: bool = True) -> list[str]:
    """Why this run fails; `timings` False: only for what was written."""
    found = [f"{outcome.kind}: not written alike: {one}" for one in outcome.differing]
    if not timings or outcome.differing or outcome.plan.clients > 1:
        return found
    ratio, floor = outcome.quiet(LOOP), FLOORS[outcome.kind]
    if ratio < floor:
        found.append(f"{outcome.kind}: {ratio:.2f} of the raw loop, less than {floor}")
    cpu = min(outcome.ways[OURS].cpu)
    if cpu > MOST_CPU_MS:
        found.append(f"{outcome.kind}: {cpu:.2f} ms of CPU a command, more than {MOST_CPU_MS}")
    return found


def failures_of_reads(readings: Readings, timings: bool = True) -> list[str]:
    """Why this run fails; `timings` False: only for how the database goes about it."""
    found = [
        f"{readings.kind}: {name} goes through all of {', '.join(tables)}"
        for name, tables in readings.scans.items()
    ]
    if timings:
        for name in LISTS:
            ratio = readings.deep(name)
            if ratio > MOST_DEEP:
                found.append(f"{readings.kind}: a deep page of the {name} takes x {ratio:.2f}")
    return found


def log_table(log: Log) -> list[str]:
    said = log.summary()
    return [
        "",
        f"The audit log on {log.kind}, {log.entries:,} entries",
        f"a command with its entry {said['command_with_ms']:.3f} ms, without"
        f" {said['command_without_ms']:.3f}: the entry adds {said['entry_adds']:.1%};"
        f" of processor time, ours and the database's, {said['entry_adds_to_the_processor']:.1%}"
        f" (by turns {_spread(said['entry_adds_by_turns'])})",
        f"a place in the tree {said['placing_an_entry_ms'] * 1e3:.1f} us an entry:"
        f" {said['placing_to_a_command']:.1%} of a command, in the worker",
        f"checking the tree {said['checking_s']:.1f} s:"
        f" {said['of_a_bare_loop']:.2f} of a bare loop",
        f"proving one {said['prove_p50_ms']:.2f} ms, at most {said['prove_most_ms']:.1f}",
    ]


def _spread(each: list[float]) -> str:
    return f"{median(each):.1%}, {min(each):.0%} to {max(each):.0%}"


def failures_of_log(log: Log, timings: bool = True) -> list[str]:
    """Why this run fails."""
    said = log.summary()
    found = []
    if timings and said["placing_to_a_command"] > MOST_ADDED:
        found.append(f"{log.kind}: a place takes {said['placing_to_a_command']:.0%} of a command")
    # On SQLite a command is so cheap that two more rows show: said, and no fault (decision 40).
    least = min(said["entry_adds"], said["entry_adds_to_the_processor"])
    if timings and log.kind == "postgresql" and least > MOST_ADDED:
        found.append(f"{log.kind}: its entry adds {least:.0%} to a command")
    if timings and said["of_a_bare_loop"] < LEAST_CHECKED:
        found.append(f"{log.kind}: checked at {said['of_a_bare_loop']:.2f} of a bare loop")
    if timings and said["prove_p50_ms"] > MOST_PROVING_MS:
        found.append(f"{log.kind}: a proof takes {said['prove_p50_ms']:.0f} ms")
    return found


def as_data(
    known: dict[str, Any], outcomes: list[Outcome], readings: list[Readings], logs: list[Log]
) -> Any:
    """The same for a program."""
    return {
        "machine": known,
        "floors": {"commands": FLOORS, "cpu_ms": MOST_CPU_MS, "deep_page": MOST_DEEP},
        "log": [{"database": log.kind, **log.summary()} for log in logs],
        "commands": [
            {
                "database": o.kind,
                "clients": o.plan.clients,
                "settings": o.settings,
                "ways": {way: measured.summary() for way, measured in o.ways.items()},
                "ratio_quiet": {way: o.quiet(way) for way in (LOOP, READY)},
                "ratio_best": {way: o.best(way) for way in (LOOP, READY)},
                "ratio_median": {way: median(o.ratios(way)) for way in (LOOP, READY)},
                "not_alike": o.differing,
            }
            for o in outcomes
        ],
        "reads": [
            {
                "database": r.kind,
                "referrals": r.referrals,
                "ms": {name: timed.summary() for name, timed in r.reads.items()},
                "deep_page": {name: r.deep(name) for name in LISTS},
                "scans": r.scans,
            }
            for r in readings
        ],
    }

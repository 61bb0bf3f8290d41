"""`python -m benchmarks`: measure, print, and fail when a floor is not met."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace

from benchmarks import auditing, commands, reading, report, wall
from benchmarks.databases import KINDS, ground


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=KINDS, help="one kind of database")
    parser.add_argument("--part", choices=("commands", "reads", "log", "wall"), help="one part")
    parser.add_argument("--clients", type=int, default=4, help="clients at once, besides one")
    parser.add_argument("--repeats", type=int, help="how often each takes its turn")
    parser.add_argument("--referrals", type=int, default=100_000, help="to read among")
    parser.add_argument("--entries", type=int, default=1_000_000, help="in the log to check")
    parser.add_argument("--quick", action="store_true", help="try everything, measure nothing")
    parser.add_argument("--json", action="store_true", help="for a program to read")
    asked = parser.parse_args(given)

    plan = commands.QUICK if asked.quick else commands.Plan()
    if asked.repeats:
        plan = replace(plan, repeats=asked.repeats)
    several = replace(plan, repeats=min(plan.repeats, 5), clients=asked.clients)
    referrals = 200 if asked.quick else asked.referrals
    times = 2 if asked.quick else 40
    known = report.machine()
    entries = 2_000 if asked.quick else asked.entries
    outcomes, readings, logs = [], [], []
    failures: list[str] = []

    def say(lines: list[str]) -> None:
        if not asked.json:
            print("\n".join(lines), flush=True)

    say([report.said_of_the_machine(known)])
    for kind in KINDS if asked.only is None else (asked.only,):
        with ground(kind) as at_hand:
            for wanted in [plan] + [several] * (asked.clients > 1):
                if asked.part not in (None, "commands"):
                    break
                outcomes.append(commands.measure(at_hand, wanted))
                say(report.commands_table(outcomes[-1]))
                failures += report.failures_of_commands(outcomes[-1], not asked.quick)
            if asked.part in (None, "log"):
                logs.append(auditing.measure(at_hand, plan, entries))
                say(report.log_table(logs[-1]))
                failures += report.failures_of_log(logs[-1], not asked.quick)
            if asked.part in (None, "reads"):
                readings.append(reading.measure(at_hand, referrals, times))
                say(report.reads_table(readings[-1]))
                failures += report.failures_of_reads(readings[-1], not asked.quick)
            if asked.part in (None, "wall"):
                costs = wall.measure(at_hand, referrals, times)
                say(wall.table(kind, costs))
                say(wall.commands(at_hand, plan).lines(kind))
                failures += wall.failures(kind, costs, not asked.quick)
    if asked.json:
        print(json.dumps({**report.as_data(known, outcomes, readings, logs), "failures": failures}))
    else:
        say(["", *(f"FAILED: {failure}" for failure in failures)])
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

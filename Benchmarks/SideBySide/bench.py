#!/usr/bin/env python3
"""Compares heddle-proxy with Envoy, HAProxy, nginx, Traefik and a bare C floor on the same work, in one run.

Needs Python 3.11 and nothing beyond its standard library. See ../README.md for what is measured and how.
"""

import argparse
import itertools
import json
import os
import platform
import resource
import sys
import tempfile
import time

import contenders as table
import equivalence
import idle
import measure
import report
import steady
from processes import Cores, HarnessError
from scenarios import IDLE, SCENARIOS, STEADY
from syscalls import Counter

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments(given):
    names = [scenario.name for scenario in SCENARIOS] + sorted({s.group for s in SCENARIOS} | {"idle", "steady"} | set(IDLE + STEADY))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--heddle", metavar="PATH", default=".build-release/release/heddle-proxy", help="the program under test")
    parser.add_argument("--venv", metavar="PATH", default=".venv", help="where Envoy and Traefik are installed")
    parser.add_argument("--contenders", metavar="A,B", default=",".join(one.name for one in table.TABLE))
    parser.add_argument("--under-test", metavar="NAME", default="heddle", help="whose ratios are shown; it must be there")
    parser.add_argument("--only", metavar="A,B", action="append", default=[], help="scenarios or groups: " + " ".join(dict.fromkeys(names)))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of load, for each contender in each round")
    parser.add_argument("--connections", type=int, default=10_000, help="idle connections that are opened")
    parser.add_argument("--json", metavar="FILE", help="write all numbers there")
    parser.add_argument("--gate", action="store_true", help="fail where a threshold is missed")
    parser.add_argument("--thresholds", metavar="FILE", default=os.path.join(HERE, "..", "thresholds.json"))
    settings = parser.parse_args(given)
    # Contenders are started in folders of their own.
    settings.heddle, settings.venv = os.path.abspath(settings.heddle), os.path.abspath(settings.venv)
    only = {name for part in settings.only for name in part.split(",")}
    unknown = only - set(names)
    if unknown:
        parser.error(f"no scenario is called {' '.join(sorted(unknown))}; there are: {' '.join(dict.fromkeys(names))}")
    settings.scenarios = [s for s in SCENARIOS if not only or s.name in only or s.group in only]
    settings.idle = [part for part in IDLE if not only or part in only or "idle" in only]
    settings.steady = [part for part in STEADY if not only or part in only or "steady" in only]
    if settings.rounds < 1 or settings.seconds < 1:
        parser.error("--rounds and --seconds are at least 1")
    return settings


def say(text):
    print(text, flush=True)


def open_files():
    """All the files that the hard limit allows: load and idle connections need them, and children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run(settings):
    with tempfile.TemporaryDirectory(prefix="heddle-bench-") as directory:
        # nginx workers that have given up root must be able to read what is served.
        os.chmod(directory, 0o755)
        settings.directory = directory
        settings.cores = Cores.divide()
        settings.syscalls = Counter(directory)
        settings.certificate = equivalence.certificate(directory)
        names = [name for name in settings.contenders.split(",") if name]
        # A peers-only run has nobody under test.
        under_test = settings.under_test if settings.under_test in names else names[0]
        found = table.available(names, under_test, settings, say)
        versions = {contender.name: table.version(contender, program) for contender, program in found}
        say("contenders: " + ", ".join(f"{name} {number}".strip() for name, number in versions.items()))
        say(f"proxy on core {sorted(settings.cores.proxy)}, load and upstream on {sorted(settings.cores.load)}; "
            f"{settings.rounds} rounds of {settings.seconds} s; system calls by {settings.syscalls.tool or 'nobody'}\n")
        started = time.time()
        cells, tables, failures = [], [], []
        for group, scenarios in itertools.groupby(settings.scenarios, lambda one: one.group):
            scenarios = list(scenarios)
            say(f"{group}: " + "; ".join(one.title for one in scenarios))
            new, failed = measure.Measurement(scenarios, found, settings, say).run()
            cells += new
            failures += failed
            for scenario in scenarios:
                tables += report.scenario_table(scenario, [c for c in new if c.scenario == scenario.name], under_test)
            tables += report.added_table(scenarios, new, under_test)
        idle_cells = []
        if settings.idle:
            say("idle: " + ", ".join(settings.idle))
            idle_cells, failed = idle.measure(settings.idle, found, settings, say)
            failures += failed
            tables += report.idle_table(idle_cells)
        steady_cells = []
        tested = next(((contender, program) for contender, program in found if contender.name == under_test), None)
        if settings.steady and tested:
            say("steady: " + ", ".join(settings.steady))
            cell, failed = steady.measure(settings.steady, *tested, settings, say)
            steady_cells.append(cell)
            failures += failed
            tables += report.steady_table(steady_cells)
        say("\nMedians over rounds; CPU of all processes of the proxy, a request; ratios are paired by round.\n")
        say("\n".join(tables))
        if settings.json:
            facts = {"started": int(started), "seconds_taken": round(time.time() - started), "versions": versions,
                     "machine": {"cores": os.cpu_count(), "kernel": platform.release(), "processor": platform.machine()},
                     "settings": {"rounds": settings.rounds, "seconds": settings.seconds,
                                  "connections": settings.connections, "syscalls_by": settings.syscalls.tool}}
            with open(settings.json, "w", encoding="utf-8") as file:
                file.write(report.as_json(cells, idle_cells, steady_cells, facts, under_test))
            say(f"numbers of every round: {settings.json}")
        if failures:
            say("left out:\n" + "\n".join(failures))
        if not settings.gate:
            return 1 if failures else 0
        with open(settings.thresholds, encoding="utf-8") as file:
            thresholds = json.load(file)
        measured = {one.name for one in settings.scenarios} | set(settings.idle) | set(settings.steady)
        lines, holds = report.gate(thresholds, cells, idle_cells, steady_cells, under_test, measured)
        say("\n".join(lines))
        return 0 if holds and not failures else 1


def main():
    settings = arguments(sys.argv[1:])
    open_files()
    try:
        return run(settings)
    except HarnessError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

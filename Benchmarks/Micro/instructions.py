#!/usr/bin/env python3
"""Counts instructions an operation of the hot parts, under callgrind, and compares with thresholds.json.

The program under test takes `NAME COUNT`: it prepares, then calls one function that does the operation COUNT times. That
function's symbol contains the benchmark's `collect` pattern, and only what runs inside it is counted. To leave out what
the first operations cost, each benchmark runs with two counts and the difference is divided.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


class BenchmarkError(Exception):
    pass


def collected(output):
    """The instructions that callgrind says it collected."""
    found = re.search(r"Collected\s*:\s*(\d+)", output)
    if not found:
        raise BenchmarkError(f"output of callgrind not understood:\n{output}")
    return int(found[1])


def without_debug_information(program, directory):
    """A copy that callgrind can read: it gives up on what the Swift compiler writes for debuggers."""
    copy = os.path.join(directory, "program")
    result = subprocess.run(["strip", "--strip-debug", "-o", copy, program], capture_output=True, text=True)
    if result.returncode != 0:
        raise BenchmarkError(f"{program}: {result.stderr.strip()}")
    return copy


def run(program, name, count, pattern, directory):
    result = subprocess.run(
        ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--toggle-collect={pattern}",
         f"--callgrind-out-file={directory}/callgrind.out", program, name, str(count)],
        capture_output=True, text=True)
    if result.returncode != 0:
        raise BenchmarkError(f"{name} ended with status {result.returncode}:\n{result.stdout}{result.stderr}")
    instructions = collected(result.stderr)
    if instructions == 0:
        raise BenchmarkError(f"{name}: no function matches {pattern!r}, so that nothing was counted")
    return instructions


def an_operation(program, name, rule, directory):
    few, many = rule["counts"]
    first = run(program, name, few, rule["collect"], directory)
    second = run(program, name, many, rule["collect"], directory)
    return (second - first) / (many - few)


def judge(name, measured, rule, tolerance):
    """A line to print and whether the number is in its range. Less than the range is a miss too: then the threshold is old."""
    expected, percent = rule["instructions"], rule.get("tolerance_percent", tolerance)
    change = 100 * (measured - expected) / expected
    good = abs(change) <= percent
    advice = "" if good else " - more than before" if change > 0 else " - better than before: lower the threshold"
    return f"{'holds ' if good else 'MISSED'}  {name}: {measured:.1f} instructions, {change:+.1f} % of {expected} (±{percent} %){advice}", good


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--thresholds", default=os.path.join(HERE, "thresholds.json"))
    parser.add_argument("--only", metavar="NAME", action="append")
    parser.add_argument("--update", action="store_true", help="write the measured numbers as the new thresholds")
    settings = parser.parse_args()
    with open(settings.thresholds, encoding="utf-8") as file:
        thresholds = json.load(file)
    rules = {name: rule for name, rule in thresholds["benchmarks"].items() if not settings.only or name in settings.only}
    if not rules:
        print("micro: no benchmark to run", file=sys.stderr)
        return 2
    all_hold = True
    with tempfile.TemporaryDirectory() as directory:
        for name, rule in rules.items():
            try:
                program = without_debug_information(settings.program, directory)
                measured = an_operation(program, name, rule, directory)
            except (BenchmarkError, FileNotFoundError) as error:
                print(f"micro: {error}", file=sys.stderr)
                return 2
            if settings.update:
                rule["instructions"] = round(measured, 1)
            line, good = judge(name, measured, rule, thresholds["tolerance_percent"])
            all_hold &= good
            print(line, flush=True)
    if settings.update:
        with open(settings.thresholds, "w", encoding="utf-8") as file:
            file.write(json.dumps(thresholds, indent=2) + "\n")
    return 0 if all_hold else 1


if __name__ == "__main__":
    sys.exit(main())

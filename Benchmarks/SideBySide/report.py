"""Measured numbers as a table, as JSON, and against thresholds."""

import json
from statistics import median

COLUMNS = [
    ("cpu µs", "cpu_us", "{:.2f}"), ("user", "user_us", "{:.2f}"), ("sys", "system_us", "{:.2f}"),
    ("req/s", "rate", "{:.0f}"), ("p50 ms", "p50_ms", "{:.2f}"), ("p99 ms", "p99_ms", "{:.2f}"),
    ("PSS MiB", "pss_mib", "{:.1f}"), ("syscalls", "syscalls", "{:.2f}"), ("busy %", "busy_percent", "{:.0f}"),
    ("others %", "other_percent", "{:.0f}"),
]
IDLE_COLUMNS = [
    ("idle MiB", "pss_mib", "{:.1f}"), ("1,000 clusters MiB", "pss_mib_1000_clusters", "{:.1f}"),
    ("start ms", "start_ms", "{:.0f}"), ("1,000 clusters ms", "start_ms_1000_clusters", "{:.0f}"),
    ("KiB/conn fresh", "kib_a_fresh_connection", "{:.2f}"), ("KiB/conn used", "kib_a_used_connection", "{:.2f}"),
]

STEADY_COLUMNS = [
    ("h1", "allocations_h1", "{:.3f}"), ("h2", "allocations_h2", "{:.3f}"), ("tls", "allocations_tls", "{:.3f}"),
    ("lua", "allocations_lua", "{:.3f}"), ("body-64k", "allocations_body_64k", "{:.3f}"),
    ("upload-64k", "allocations_upload_64k", "{:.3f}"), ("KiB requests", "growth_kib_requests", "{:.0f}"),
    ("KiB connections", "growth_kib_connections", "{:.0f}"),
]


def paired_ratio(mine, theirs):
    """The median over rounds of mine divided by theirs of the same round."""
    pairs = [a / b for a, b in zip(mine, theirs) if b > 0]
    return median(pairs) if pairs else None


def table(title, headings, rows):
    """Lines of a text table; the first column stands left, the others right."""
    widths = [max(len(row[index]) for row in [headings, *rows]) for index in range(len(headings))]
    def line(row):
        first = row[0].ljust(widths[0])
        return "  ".join([first] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])])
    return [title, line(headings), *map(line, rows), ""]


def added(cell, base):
    """µs of CPU that a script adds to a request: the median of the differences of the same rounds."""
    pairs = [a - b for a, b in zip(cell.cpu_us, base.cpu_us)]
    return median(pairs) if pairs else None


def added_table(scenarios, cells, under_test):
    """What scripts cost: CPU beyond that of the scenario without them, and the ratio of the one under test."""
    by_name = {(cell.scenario, cell.contender): cell for cell in cells}
    rows = []
    for scenario in (one for one in scenarios if one.base):
        costs = {cell.contender: added(cell, by_name[scenario.base, cell.contender]) for cell in cells
                 if cell.scenario == scenario.name and (scenario.base, cell.contender) in by_name}
        mine = costs.get(under_test)
        for name, cost in costs.items():
            ratio = mine / cost if name != under_test and mine is not None and cost and cost > 0 else None
            rows.append([f"{scenario.name}, {name}", f"{cost:.2f}", f"{ratio:.2f}" if ratio is not None else "–"])
    return table("scripts: µs of CPU that they add to a request", ["scenario", "added µs", f"{under_test} ÷"], rows) if rows else []


def _number(values, style):
    return style.format(median(values)) if values else "–"


def scenario_table(scenario, cells, under_test):
    """The table of one scenario; its last column is the CPU time of the one under test divided by this one's."""
    mine = next((cell for cell in cells if cell.contender == under_test), None)
    rows = []
    for cell in cells:
        ratio = paired_ratio(mine.cpu_us, cell.cpu_us) if mine and cell is not mine else None
        rows.append([cell.contender] + [_number(getattr(cell, name), style) for _, name, style in COLUMNS]
                    + ([f"{ratio:.2f}" if ratio else "–"] if mine else []))
    headings = ["contender"] + [heading for heading, _, _ in COLUMNS] + ([f"{under_test} ÷"] if mine else [])
    return table(f"{scenario.name}: {scenario.title}", headings, rows)


def idle_table(cells):
    rows = [[cell.contender] + [_number(getattr(cell, name), style) for _, name, style in IDLE_COLUMNS] for cell in cells]
    return table("idle: memory (PSS of all processes) and start to first answer",
                 ["contender"] + [heading for heading, _, _ in IDLE_COLUMNS], rows)


def steady_table(cells):
    rows = [[cell.contender] + [_number(getattr(cell, name), style) for _, name, style in STEADY_COLUMNS] for cell in cells]
    title = "steady: allocations a request once warm; growth of PSS by requests and by connections that came and went"
    return table(title, ["contender"] + [heading for heading, _, _ in STEADY_COLUMNS], rows)


def as_json(cells, idle_cells, steady_cells, facts, under_test):
    def summary(cell):
        lists = {name: values for name, values in vars(cell).items() if isinstance(values, list)}
        rest = {name: value for name, value in vars(cell).items() if not isinstance(value, list) and value}
        return {**rest, "median": {name: round(median(values), 4) for name, values in lists.items() if values},
                "rounds": {name: [round(value, 4) for value in values] for name, values in lists.items()}}
    mine = {cell.scenario: cell for cell in cells if cell.contender == under_test}
    ratios = [
        {"scenario": cell.scenario, "of": under_test, "to": cell.contender,
         "cpu": round(paired_ratio(mine[cell.scenario].cpu_us, cell.cpu_us), 4)}
        for cell in cells if cell.scenario in mine and cell.contender != under_test]
    return json.dumps({**facts, "cells": [summary(cell) for cell in cells],
                       "idle": [summary(cell) for cell in idle_cells],
                       "steady": [summary(cell) for cell in steady_cells], "ratios": ratios}, indent=2) + "\n"


def gate(thresholds, cells, idle_cells, steady_cells, under_test, measured):
    """Compares with the thresholds. Returns lines to print and whether all that could be measured hold.

    `measured` names what this run was asked for; a threshold on anything else is passed over, one on something that was
    asked for and has no number is missed.
    """
    by_name = {(cell.scenario, cell.contender): cell for cell in cells}
    single = {"idle": {cell.contender: cell for cell in idle_cells},
              "steady": {cell.contender: cell for cell in steady_cells}}
    lines, holds = [], True
    for rule in thresholds["cpu_ratios"]:
        if rule["scenario"] not in measured:
            continue
        other = rule.get("to", under_test)
        mine = by_name.get((rule["scenario"], under_test))
        theirs = by_name.get((rule.get("to_scenario", rule["scenario"]), other))
        value = paired_ratio(mine.cpu_us, theirs.cpu_us) if mine and theirs else None
        against = other if "to" in rule else rule["to_scenario"]
        holds &= _judge(lines, f"{rule['scenario']}: CPU {under_test} ÷ {against}", value, rule["most"], rule.get("aim"), "{:.2f}")
    for rule in thresholds.get("added", []):
        if rule["scenario"] not in measured:
            continue
        costs = [added(by_name[rule["scenario"], name], by_name[rule["base"], name])
                 if (rule["scenario"], name) in by_name and (rule["base"], name) in by_name else None
                 for name in (under_test, rule["to"])]
        holds &= _judge(lines, f"{rule['scenario']}: µs added by {under_test}", costs[0], rule["most_us"], None, "{:.2f}")
        ratio = costs[0] / costs[1] if None not in costs and costs[1] > 0 else None
        holds &= _judge(lines, f"{rule['scenario']}: added by {under_test} ÷ {rule['to']}", ratio, rule["most_ratio"], None, "{:.2f}")
    for kind, rule in [(kind, rule) for kind in single for rule in thresholds[kind]]:
        if rule["part"] not in measured:
            continue
        cell = single[kind].get(under_test)
        values = getattr(cell, rule["metric"]) if cell else []
        holds &= _judge(lines, f"{rule['metric']} of {under_test}", median(values) if values else None,
                        rule["most"], rule.get("aim"), "{:.2f}")
    if not lines:
        return ["no threshold applies to what was measured"], False
    return lines, holds


def _judge(lines, what, value, most, aim, style):
    good = value is not None and value <= most
    shown = style.format(value) if value is not None else "not measured"
    wanted = f"at most {most}" + (f", aim {aim}" if aim is not None else "")
    lines.append(f"{'holds ' if good else 'MISSED'}  {what}: {shown} ({wanted})")
    return good

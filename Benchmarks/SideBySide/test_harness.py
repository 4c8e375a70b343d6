"""Tests of the harness itself: what it reads, how it judges, that its own C programs work."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import types
import unittest

import configurations
import contenders
import load
import processes
import report
import syscalls
from bench import arguments
from configurations import Plan
from idle import IdleCell, _read_answer
from measure import Cell
from processes import HarnessError
from programs import compiled
from scenarios import CURRENCY, LARGE, SCENARIOS, SMALL, json_order, script_text
from steady import SteadyCell, _counted

WRK = """Running 3s test @ http://127.0.0.1:1/small
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.46ms  170.00us   6.21ms   91.58%
  Latency Distribution
     50%    1.43ms
     75%    1.48ms
     90%    1.56ms
     99%  950.00us
  65423 requests in 3.00s, 76.54MB read
Requests/sec:  21805.55
"""
H2LOAD = """finished in 2.00s, 33420.00 req/s, 34.00MB/s
requests: 66840 total, 66920 started, 66840 done, 66840 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 66840 2xx, 0 3xx, 0 4xx, 0 5xx
"""


class Reading(unittest.TestCase):
    def test_wrk(self):
        result = load.parse_wrk(WRK)
        self.assertEqual((result.requests, result.seconds, result.p50), (65423, 3.0, 1.43))
        self.assertAlmostEqual(result.p99, 0.95)

    def test_wrk_with_errors_is_no_measurement(self):
        for line in ("  Socket errors: connect 0, read 3, write 0, timeout 0\n", "  Non-2xx or 3xx responses: 7\n"):
            with self.assertRaises(HarnessError):
                load.parse_wrk(WRK + line)
        with self.assertRaises(HarnessError):
            load.parse_wrk("")

    def test_h2load(self):
        result = load.parse_h2load(H2LOAD, [f"1\t200\t{number}\n" for number in range(1, 201)])
        self.assertEqual((result.requests, result.seconds), (66840, 2.0))
        self.assertEqual((result.p50, result.p99), (0.101, 0.199))

    def test_h2load_with_errors_is_no_measurement(self):
        with self.assertRaises(HarnessError):
            load.parse_h2load(H2LOAD.replace("0 5xx", "1 5xx"), ["1\t200\t1\n"])
        with self.assertRaises(HarnessError):
            load.parse_h2load(H2LOAD, [])

    def test_perf_and_strace(self):
        self.assertEqual(syscalls.parse_perf("# started\n\n12345,,raw_syscalls:sys_enter,1,100.00,,\n"), 12345)
        self.assertIsNone(syscalls.parse_perf("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n"))
        text = (" 60.00    0.000020           1        20           sendto\n 40.00    0.000010           1        10         2 recvfrom\n"
                "------ ----------- ----------- --------- --------- ----------------\n100.00    0.000030           1        30         2 total\n")
        self.assertEqual(syscalls.parse_strace(text), 30)
        self.assertEqual(syscalls.parse_strace(text.replace("        30         2 total", "        30           total")), 30)


class Configuring(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = folder.name

    def test_heddle_gets_the_configuration_of_envoy_but_for_the_ports(self):
        texts = []
        for name, ports in (("heddle", (10001, 10002)), ("envoy", (10003, 10004))):
            for scenario in SCENARIOS:
                script = "-- the same" if scenario.script else ""
                plan = Plan(self.directory, *ports, 10005, scenario.downstream, scenario.upstream, script, scenario.routes,
                            certificate="c.pem", key="k.pem")
                with open(contenders.named(name).configure(plan), encoding="utf-8") as file:
                    texts.append(re.sub("1000[1-4]", "PORT", file.read()))
        half = len(texts) // 2
        self.assertEqual(texts[:half], texts[half:])

    def test_the_route_that_matches_stands_after_the_others(self):
        prefixes = Plan(self.directory, 1, 2, 3, routes=1000).prefixes()
        self.assertEqual(len(prefixes), 1001)
        self.assertEqual(prefixes[-1], ("/hit", "service"))
        self.assertFalse(any("/hit/small".startswith(prefix) for prefix, _ in prefixes[:-1]))

    def test_yaml(self):
        value = {"a": [{"b": 1, "@type": "x"}, {"c": []}], "d": {"e": ["f", True]}, "g": {}}
        self.assertEqual(configurations.yaml(value), '\n'.join([
            "a:", "- b: 1", '  "@type": "x"', "- c: []", "d:", "  e:", '  - "f"', "  - true", "g: {}"]))


    def test_a_script_may_be_a_contenders_own(self):
        self.assertEqual(script_text("empty", "heddle"), script_text("empty", "envoy"))
        self.assertNotEqual(script_text("json", "heddle"), script_text("json", "envoy"))
        self.assertIn("clearRouteCache", script_text("json", "heddle"))

    def test_the_order_is_json_of_the_size_asked_for(self):
        import json
        text = json_order(SMALL)
        self.assertEqual(len(text), SMALL)
        self.assertEqual(json.loads(text)["order"]["payment"]["amount"]["currency"], CURRENCY)
        self.assertNotIn("]]", text)


class Finding(unittest.TestCase):
    def settings(self):
        return types.SimpleNamespace(heddle="absent/heddle-proxy", venv="absent", directory="absent")

    def test_a_missing_peer_is_said_and_left_out(self):
        said = []
        self.assertEqual(contenders.available(["heddle"], "envoy", self.settings(), said.append), [])
        self.assertEqual(said, ["heddle: not found, left out"])

    def test_the_one_under_test_must_be_there(self):
        with self.assertRaisesRegex(HarnessError, "absent/heddle-proxy"):
            contenders.available(["heddle"], "heddle", self.settings(), print)
        with self.assertRaisesRegex(HarnessError, "no contender is called apache"):
            contenders.available(["apache"], "heddle", self.settings(), print)

    def test_only_takes_scenarios_and_groups(self):
        self.assertEqual([one.name for one in arguments(["--only", "h2,lua"]).scenarios], 
                         ["h2-8x10", "h2-32x1", "lua-none", "lua-empty", "lua"])
        self.assertEqual(arguments(["--only", "start"]).idle, ["start"])
        self.assertEqual(len(arguments([]).scenarios), len(SCENARIOS))


class Judging(unittest.TestCase):
    rules = {"cpu_ratios": [{"scenario": "h1", "to": "envoy", "most": 0.35},
                            {"scenario": "routes-1000", "to_scenario": "routes-1", "most": 1.1}],
             "idle": [{"part": "memory", "metric": "pss_mib", "most": 20}],
             "steady": [{"part": "allocations", "metric": "allocations_h1", "most": 0.1}]}

    def test_ratios_are_paired_by_round(self):
        self.assertAlmostEqual(report.paired_ratio([10, 30, 11], [20, 60, 10]), 0.5)
        self.assertIsNone(report.paired_ratio([], [1]))

    def test_what_a_script_adds_is_paired_by_round(self):
        rules = {"cpu_ratios": [], "idle": [], "steady": [],
                 "added": [{"scenario": "lua", "base": "lua-none", "to": "envoy", "most_us": 2, "most_ratio": 0.5}]}

        def lines(mine, theirs):
            cells = [Cell("lua-none", "heddle", cpu_us=[10, 20, 30]), Cell("lua-none", "envoy", cpu_us=[50, 60, 70]),
                     Cell("lua", "heddle", cpu_us=[10 + mine, 20 + mine, 90]), Cell("lua", "envoy", cpu_us=[50 + theirs, 60 + theirs, 0])]
            return report.gate(rules, cells, [], [], "heddle", {"lua"})
        self.assertTrue(lines(2, 4)[1])
        self.assertFalse(lines(2.1, 5)[1])
        self.assertFalse(lines(2, 3.9)[1])
        self.assertFalse(report.gate(rules, [], [], [], "heddle", {"lua"})[1])
        scenarios = [one for one in SCENARIOS if one.name == "lua"]
        cells = [Cell("lua-none", "heddle", cpu_us=[10]), Cell("lua-none", "envoy", cpu_us=[50]),
                 Cell("lua", "heddle", cpu_us=[12]), Cell("lua", "envoy", cpu_us=[58])]
        self.assertEqual([line.split() for line in report.added_table(scenarios, cells, "heddle")[2:4]],
                         [["lua,", "heddle", "2.00", "–"], ["lua,", "envoy", "8.00", "0.25"]])

    def gate(self, mine, measured=("h1",), idle=(), steady=()):
        cells = [Cell("h1", "heddle", cpu_us=[mine]), Cell("h1", "envoy", cpu_us=[100.0])]
        return report.gate(self.rules, cells, list(idle), list(steady), "heddle", set(measured))

    def test_a_threshold_holds_at_its_value_and_not_above(self):
        self.assertTrue(self.gate(35.0)[1])
        lines, holds = self.gate(35.1)
        self.assertFalse(holds)
        self.assertTrue(lines[0].startswith("MISSED"))

    def test_what_was_asked_for_and_not_measured_is_missed(self):
        self.assertFalse(self.gate(1.0, ("h1", "routes-1000"))[1])
        self.assertFalse(self.gate(1.0, ("h1", "memory"))[1])
        self.assertTrue(self.gate(1.0, ("h1", "memory"), [IdleCell("heddle", pss_mib=[19.0])])[1])

    def test_an_allocation_a_request_is_missed(self):
        for allocations, holds in ((0.01, True), (1.01, False)):
            cell = SteadyCell("heddle", allocations_h1=[allocations])
            self.assertEqual(self.gate(1.0, ("h1", "allocations"), (), [cell])[1], holds)

    def test_a_gate_without_any_threshold_does_not_pass(self):
        self.assertFalse(self.gate(1.0, ("bodies",))[1])

    def test_committed_thresholds_name_scenarios_and_metrics_that_exist(self):
        import json
        with open(arguments([]).thresholds, encoding="utf-8") as file:
            rules = json.load(file)
        names = {scenario.name for scenario in SCENARIOS}
        for rule in rules["cpu_ratios"]:
            self.assertIn(rule["scenario"], names)
            self.assertTrue(rule.get("to_scenario") in names or contenders.named(rule["to"]))
        for rule in rules["added"]:
            self.assertLessEqual({rule["scenario"], rule["base"]}, names)
        for rule in rules["idle"]:
            self.assertIn(rule["metric"], vars(IdleCell("x")))
        for rule in rules["steady"]:
            self.assertIn(rule["metric"], vars(SteadyCell("x")))


class Running(unittest.TestCase):
    """The programs of the harness, started for real."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = folder.name

    def start(self, name, command):
        running = processes.Running(name, command, os.sched_getaffinity(0), self.directory)
        self.addCleanup(running.stop)
        return running

    def test_a_request_through_the_floor(self):
        upstream_port, port = processes.free_ports(2)
        upstream = self.start("upstream", [compiled("upstream", self.directory), str(upstream_port)])
        floor = self.start("floor", [compiled("floor", self.directory), str(port), str(upstream_port)])
        upstream.wait_for_port(upstream_port)
        floor.wait_for_port(port)
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            for request, size in (
                    (b"GET /small HTTP/1.1\r\nhost: x\r\n\r\n", SMALL), (b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n", LARGE),
                    (b"POST /upload HTTP/1.1\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000, SMALL),
                    (b"GET /small HTTP/1.1\r\n\r\n", SMALL)):
                # In two parts, so that a head arrives split.
                client.sendall(request[:7])
                client.sendall(request[7:])
                head = _read_answer(client)
                self.assertTrue(head.startswith(b"HTTP/1.1 200 OK"), head)
                self.assertIn(f"content-length: {size}".encode(), head)

    def test_memory_and_cpu_count_children_too(self):
        script = ("import subprocess, sys\n"
                  "child = subprocess.Popen([sys.executable, '-c', "
                  "\"import time\\nwhile time.process_time() < 0.3: pass\\nprint('spent', flush=True)\\nimport sys; sys.stdin.read()\"], "
                  "stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
                  "child.stdout.readline()\nprint('ready', flush=True)\nsys.stdin.readline()\n")
        parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            parent.stdout.readline()
            members = processes.tree(parent.pid)
            self.assertEqual(len(members), 2)
            self.assertGreater(processes.cpu_of_tree(parent.pid).total, 0.25)
            self.assertGreater(processes.pss_of_tree(parent.pid), 1000)
        finally:
            parent.stdin.close()
            parent.wait(10)
            parent.stdout.close()

    def test_allocations_are_counted_one_by_one(self):
        counter = compiled("allocations", self.directory, "-shared", "-fPIC")
        script = ("import ctypes, sys\nlibc = ctypes.CDLL(None)\nlibc.malloc(10)\nprint('ready', flush=True)\n"
                  "for line in sys.stdin:\n [libc.malloc(10) for _ in range(100_000)]\n print('done', flush=True)\n")
        with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env={**os.environ, "LD_PRELOAD": counter, "HEDDLE_ALLOCATIONS": self.directory}) as child:
            child.stdout.readline()
            before = _counted(self.directory, child.pid)
            child.stdin.write(b"\n")
            child.stdin.flush()
            child.stdout.readline()
            added = _counted(self.directory, child.pid) - before
            child.stdin.close()
            child.wait(10)
        self.assertGreaterEqual(added, 100_000)
        self.assertLess(added, 110_000)

    def test_a_program_that_ends_is_reported_with_its_output(self):
        running = self.start("quitter", ["sh", "-c", "echo wrong configuration; exit 3"])
        with self.assertRaisesRegex(HarnessError, "quitter ended with status 3:\nwrong configuration"):
            running.wait_for_port(processes.free_ports(1)[0])


if __name__ == "__main__":
    unittest.main()

"""Tests of the instruction gate, with a C program in the place of the benchmarks."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import instructions

# Fifty passes over a volatile counter an operation: the same number of instructions each time.
PROGRAM = """
#include <stdlib.h>
volatile unsigned counter;
__attribute__((noinline)) void measured_loop(long count) {
    while (count-- > 0) for (int i = 0; i < 50; i++) counter += 1;
}
int main(int count, char **arguments) { measured_loop(atol(arguments[2])); return 0; }
"""


class Judging(unittest.TestCase):
    def test_more_and_less_than_the_range_are_misses(self):
        rule = {"instructions": 100}
        for measured, good in ((97, True), (103, True), (103.1, False), (96.9, False)):
            self.assertEqual(instructions.judge("x", measured, rule, 3)[1], good, measured)

    def test_reading(self):
        self.assertEqual(instructions.collected("==1== Events    : Ir\n==1== Collected : 12345\n"), 12345)
        with self.assertRaises(instructions.BenchmarkError):
            instructions.collected("")


@unittest.skipUnless(shutil.which("valgrind") and shutil.which("cc"), "needs valgrind and cc")
class Counting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = folder.name
        source, self.program = os.path.join(self.directory, "p.c"), os.path.join(self.directory, "p")
        with open(source, "w", encoding="ascii") as file:
            file.write(PROGRAM)
        subprocess.run(["cc", "-O1", "-o", self.program, source], check=True)

    def gate(self, rule, *more):
        path = os.path.join(self.directory, "thresholds.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"tolerance_percent": 2, "benchmarks": {"loop": {"counts": [10, 110], **rule}}}, file)
        result = subprocess.run([sys.executable, instructions.__file__, "--program", self.program, "--thresholds", path, *more],
                                capture_output=True, text=True)
        with open(path, encoding="utf-8") as file:
            return result, json.load(file)["benchmarks"]["loop"]

    def test_the_gate_holds_what_it_has_itself_measured_and_misses_another_number(self):
        _, rule = self.gate({"collect": "measured_loop", "instructions": 1}, "--update")
        self.assertGreater(rule["instructions"], 100)
        self.assertEqual(self.gate(rule)[0].returncode, 0)
        result, _ = self.gate({**rule, "instructions": rule["instructions"] * 0.9})
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("MISSED  loop", result.stdout)

    def test_a_pattern_that_matches_nothing_is_an_error(self):
        result, _ = self.gate({"collect": "no_such_function", "instructions": 1})
        self.assertEqual(result.returncode, 2, result.stdout)


if __name__ == "__main__":
    unittest.main()

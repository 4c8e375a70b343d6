"""`heddle demo` as a program: how it starts, what it says, and that nothing is left of it, however it ends."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import unittest.mock

from shop import PROGRAMS, ROOT, Demo, eventually

HEDDLE = os.path.join(PROGRAMS, "heddle")
STARTED = ("heddle", "hipstershop", "redis-", "envoy")


def processes(network):
    """Numbers and programs of what a demo in a network has started: what it is told names the network or its folder."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            program = os.path.basename(os.readlink(f"/proc/{name}/exe").removesuffix(" (deleted)"))
            errors = os.readlink(f"/proc/{name}/fd/2")
        except OSError:
            continue
        if program.startswith(STARTED) and f"/heddle-demo-{network}/logs/" in errors:
            found[int(name)] = program
    return found


def heddle(*arguments, **environment):
    return subprocess.run([HEDDLE, *arguments], capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment}, timeout=120)


class Ending(unittest.TestCase):
    network = "127.48"

    def tearDown(self):
        for process in processes(self.network):
            os.kill(process, signal.SIGKILL)

    def demo(self):
        demo = Demo(self.network, "--users", "2")
        self.addCleanup(demo.stop)
        names = sorted(processes(self.network).values())
        proxies = 14 if shutil.which("redis-server") else 13
        # Each proxy has a supervisor and a worker; the keeper is one of `heddle`; the load generator may be there already.
        self.assertEqual((names.count("heddle-proxy"), names.count("heddle")), (2 * proxies, 1))
        self.assertIn(names.count("hipstershop"), (13, 14))
        return demo

    def assert_nothing_is_left(self, seconds=20):
        eventually(lambda: not processes(self.network), "nothing is left", seconds)

    # The time that Swift takes for the picture of a crash is not the question.
    @unittest.mock.patch.dict(os.environ, SWIFT_BACKTRACE="enable=no")
    def test_nothing_is_left_whatever_signal_ends_it(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL, signal.SIGSEGV):
            with self.subTest(number):
                demo = self.demo()
                demo.process.send_signal(number)
                demo.process.wait(30)
                if number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT):
                    self.assertEqual((demo.process.returncode, processes(self.network)), (0, {}))
                self.assert_nothing_is_left()

    def test_nothing_is_left_of_one_that_is_killed_while_it_starts(self):
        for pause in (0.05, 0.2, 0.5):
            demo = subprocess.Popen([HEDDLE, "demo", "--json", "--network", self.network], cwd=ROOT,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(pause)
            demo.kill()
            demo.wait()
            self.assert_nothing_is_left()

    def test_what_is_left_without_a_keeper_is_ended_at_the_next_start(self):
        demo = self.demo()
        keeper, = [process for process, program in processes(self.network).items() if program == "heddle"]
        # Both at once, so that neither acts on the end of the other.
        for process in (demo.process.pid, keeper):
            os.kill(process, signal.SIGSTOP)
        for process in (keeper, demo.process.pid):
            os.kill(process, signal.SIGKILL)
        demo.process.wait()
        left = set(processes(self.network))
        self.assertGreater(len(left), 20)
        self.demo().stop()
        self.assertFalse(left & set(processes(self.network)))
        self.assert_nothing_is_left()

    def test_what_somebody_else_runs_is_left_alone(self):
        demo = self.demo()
        folder = demo.ready["folder"]
        with open(os.path.join(folder, "logs", "other.log"), "w") as log:
            other = subprocess.Popen(["sleep", "60"], stderr=log)
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        demo.stop()
        self.demo().stop()
        self.assertIsNone(other.poll())

    def test_a_record_of_a_number_that_is_used_again_does_not_count(self):
        demo = self.demo()
        record = os.path.join(demo.ready["folder"], "processes.json")
        with open(record) as file:
            noted = json.load(file)
        self.assertEqual(noted["demo"], demo.process.pid)
        self.assertEqual({entry["process"]["id"] for entry in noted["processes"]} - set(processes(self.network)), set())
        self.assertTrue(all(entry["process"]["start"] > 0 for entry in noted["processes"]))
        second = heddle("demo", "--network", self.network)
        self.assertEqual(second.returncode, 1)
        self.assertIn(f"a demo runs already (process {demo.process.pid},", second.stderr)
        demo.stop()
        # As if a demo had been killed, and its number were this test's now.
        with open(record, "w") as file:
            json.dump({**noted, "demo": os.getpid()}, file)
        self.demo().stop()

    def test_a_load_generator_that_dies_is_reported(self):
        demo = self.demo()

        def generator():
            with open(os.path.join(demo.ready["folder"], "processes.json")) as file:
                return [entry["process"]["id"] for entry in json.load(file)["processes"] if entry["name"] == "loadgenerator"]

        os.kill(eventually(generator, "there is load")[0], signal.SIGKILL)
        _, error = demo.process.communicate(timeout=60)
        self.assertEqual(demo.process.returncode, 1)
        self.assertIn(b"loadgenerator ended by signal 9", error)
        self.assertEqual(processes(self.network), {})

    def test_whoever_reads_only_the_first_lines_ends_it(self):
        demo = subprocess.Popen([HEDDLE, "demo", "--network", self.network, "--wait", "100ms"], cwd=ROOT, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        for _ in range(3):
            self.assertTrue(demo.stdout.readline())
        demo.stdout.close()
        error = demo.stderr.read()
        demo.stderr.close()
        self.assertEqual((demo.wait(60), error), (0, b""))
        self.assertEqual(processes(self.network), {})


class Starting(unittest.TestCase):
    network = "127.49"

    def test_slow_services_make_the_start_slow_and_no_failure(self):
        started = time.monotonic()
        with unittest.mock.patch.dict(os.environ, EXTRA_LATENCY="500ms"):
            demo = Demo(self.network, "--users", "1", "--wait", "10ms", "--for", "9s")
        self.assertGreater(time.monotonic() - started, 6)
        result, status = demo.result()
        self.assertEqual((status, result["load"]["failures"]), (0, 0), result)

    def test_services_that_fail_on_purpose_do_not_keep_it_from_starting(self):
        demo = Demo(self.network, "--users", "0", "--set", "currency:ERROR_RATE=100%")
        self.addCleanup(demo.stop)
        self.assertEqual(demo.visitor().get("/").status, 500)

    def screen(self, *arguments):
        """What it writes on a terminal until the shop is ready."""
        parent, child = pty.openpty()
        demo = subprocess.Popen([HEDDLE, "demo", "--network", self.network, "--users", "0", *arguments], cwd=ROOT, stdout=child,
                                stderr=child, stdin=subprocess.DEVNULL)
        os.close(child)
        text = ""
        try:
            while "switch off" not in text:
                readable, _, _ = select.select([parent], [], [], 60)
                self.assertTrue(readable, text)
                text += os.read(parent, 65536).decode()
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(30)
            os.close(parent)
        return text

    def test_a_terminal_shows_how_far_it_is_and_what_to_try_next(self):
        text = self.screen()
        self.assertRegex(text, r"\r\x1b\[K\d+ of \d+ ready, waiting for [a-z-]+")
        for command in ("switch frontend-by-uri", "switch checkout-by-body", "filter my.lua"):
            self.assertIn(f"{HEDDLE} demo {command} --network {self.network}", text)

    def test_where_nothing_can_be_switched_nobody_is_told_to(self):
        run = heddle("demo", "--network", self.network, "--users", "0", "--for", "1s", "--mesh", "bare")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("is the shop", run.stdout)
        self.assertNotIn("demo switch", run.stdout)

    def test_a_folder_that_cannot_be_made_is_named_with_the_reason(self):
        run = heddle("demo", "--network", self.network, "--users", "0", "--for", "1s", TMPDIR="/proc/nowhere")
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertIn(f"Error: /proc/nowhere/heddle-demo-{self.network}: ", run.stderr)
        self.assertNotIn("Domain", run.stderr)

    def test_elsewhere_it_says_so_in_lines(self):
        run = heddle("demo", "--network", self.network, "--users", "0", "--for", "1s", EXTRA_LATENCY="500ms")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"\n\d+ of \d+ ready, waiting for the front page\n")

    def test_each_line_is_of_all_that_happened_since_the_line_before(self):
        run = heddle("demo", "--network", self.network, "--users", "1", "--wait", "2s", "--for", "16s")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        lines = re.findall(r"\n *(\d+) s +([\d.]+) pages/s .* 0 failed of (\d+)", run.stdout)
        # The last one is of the rest of the time.
        self.assertEqual([int(seconds) for seconds, _, _ in lines], [5, 10, 15, 16])
        before = 0
        for _, rate, total in lines[:3]:
            self.assertAlmostEqual(float(rate), (int(total) - before) / 5, delta=0.1)
            self.assertGreater(int(total), before)
            before = int(total)

    def test_it_waits_for_each_service(self):
        # Email, which no page needs at first, is somewhere else.
        demo = subprocess.Popen([HEDDLE, "demo", "--network", self.network, "--users", "0", "--set", f"email:LISTEN_ADDR={self.network}.200.1"],
                                cwd=ROOT, stdout=subprocess.PIPE, text=True)
        lines = []
        while not lines or "waiting for email" not in lines[-1]:
            lines.append(demo.stdout.readline())
            self.assertTrue(lines[-1] and "is the shop" not in lines[-1], lines)
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=30)
        self.assertEqual(demo.returncode, 0)
        self.assertRegex(lines[-1], r"^\d+ of \d+ ready, waiting for email$")

    def test_a_process_that_ends_is_reported_and_not_called_ready(self):
        run = heddle("demo", "--network", self.network, "--users", "0", "--set", "email:PORT=no-number")
        self.assertEqual(run.returncode, 1)
        self.assertIn("email ended", run.stderr)
        self.assertIn('PORT is "no-number"', run.stderr)
        self.assertEqual(processes(self.network), {})


class Usage(unittest.TestCase):
    def test_what_has_no_meaning_is_refused_with_the_reason(self):
        for arguments, reason in [
            (("--for", "-5s"), "-5s is no time"), (("--users", "-1"), "--users 0 to 10000"), (("--concurrency", "-1"), "--concurrency is 1"),
            (("--compare", "--wait", "1s", "--set", "ad:ERROR_RATE=1%"), "--wait, --set have no meaning"),
            (("--wait", "5x"), "--wait 5x is no pause"), (("--wait", "2s..1s"), "the shorter one first"),
            (("--network", "foo"), "--network foo is not"), (("--network", "10.7"), "--network 10.7 is not"),
            (("--network", "127.256"), "--network 127.256 is not"), (("--gate",), "--gate is for --compare"),
            (("--set", "ad:EROR_RATE=1%"), "ad does not read EROR_RATE, but: ERROR_RATE, EXTRA_LATENCY"),
            (("--set", "redis:PORT=1"), "no workload called redis has a service of the shop"),
            (("--compare", "--set", "ad:ERROR_RATE=1%"), "--set has no meaning"), (("--compare", "--use", "x"), "--use has no meaning"),
            (("--compare", "--mesh", "heddle"), "--mesh has no meaning"), (("--compare", "--wait", "1s"), "--wait has no meaning"),
            (("--compare", "--network", "127.7"), "--network has no meaning"),
            (("--compare", "--kill-every", "5s"), "--kill-every has no meaning"), (("--compare", "--users", "0"), "needs a user"),
        ]:
            with self.subTest(arguments):
                answer = heddle("demo", *arguments)
                self.assertEqual((answer.returncode, answer.stdout), (64, ""))
                self.assertIn(reason, answer.stderr)
        for command in (("switch", "off"), ("filter", "x.lua")):
            self.assertEqual(heddle("demo", *command, "--network", "foo").returncode, 64)

    def test_a_missing_envoy_is_noticed_before_anything_starts(self):
        with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.realpath(PROGRAMS))) as folder:
            # A checkout without .venv.
            os.makedirs(os.path.join(folder, "samples"))
            os.symlink(os.path.join(ROOT, "samples", "hipstershop"), os.path.join(folder, "samples", "hipstershop"))
            for name in ("heddle", "heddle-proxy", "hipstershop"):
                os.link(os.path.realpath(os.path.join(PROGRAMS, name)), os.path.join(folder, name))
            answer = subprocess.run([os.path.join(folder, "heddle"), "demo", "--compare"], capture_output=True, text=True, cwd=folder,
                                    env={**os.environ, "PATH": "/nowhere"}, timeout=60)
        self.assertEqual((answer.returncode, answer.stdout), (1, ""))
        self.assertIn("envoy not found", answer.stderr)


if __name__ == "__main__":
    unittest.main()

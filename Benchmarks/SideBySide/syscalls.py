"""System calls of a process tree during a load: counted by perf where it may, else by strace (which slows the proxy)."""

import os
import re
import shutil
import signal
import subprocess
import time

from processes import HarnessError, tree

EVENT = "raw_syscalls:sys_enter"


def perf_works():
    if not shutil.which("perf"):
        return False
    result = subprocess.run(["perf", "stat", "-x,", "-e", EVENT, "true"], capture_output=True, text=True)
    return parse_perf(result.stderr) is not None


def parse_perf(text):
    for line in text.splitlines():
        fields = line.split(",")
        if len(fields) > 2 and fields[2].startswith(EVENT) and fields[0].isdigit():
            return int(fields[0])
    return None


def parse_strace(text):
    """The sum of the calls column: the line that ends with `total`."""
    found = re.search(r"^\s*[\d.]+\s+[\d.]+\s+\d*\s*(\d+)(?:\s+\d+)?\s+total\s*$", text, re.MULTILINE)
    return int(found[1]) if found else None


class Counter:
    """Counts with the better tool that works here."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "syscalls.txt")
        self.tool = "perf" if perf_works() else "strace" if shutil.which("strace") else None

    def count(self, pid, run):
        """`run(prefix)` runs a load, wrapped into the command `prefix`; returns system calls and what `run` returned."""
        if self.tool == "perf":
            pids = ",".join(map(str, tree(pid)))
            # With -p and a command, perf counts these processes for as long as the command runs.
            result = run(["perf", "stat", "-x,", "-o", self.path, "-e", EVENT, "-p", pids, "--"])
            with open(self.path, encoding="utf-8") as file:
                return parse_perf(file.read()), result
        if self.tool == "strace":
            return self._strace(pid, run)
        return None, None

    def _strace(self, pid, run):
        arguments = [part for member in tree(pid) for part in ("-p", str(member))]
        tracer = subprocess.Popen(["strace", "-q", "-f", "-c", "-o", self.path, *arguments], stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 10
            while not _is_traced(pid):
                if tracer.poll() is not None or time.monotonic() > deadline:
                    raise HarnessError("strace could not attach")
                time.sleep(0.01)
            result = run([])
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
        with open(self.path, encoding="utf-8") as file:
            return parse_strace(file.read()), result


def _is_traced(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in file)

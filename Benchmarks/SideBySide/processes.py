"""Processes of the harness: started, pinned, measured from /proc and stopped."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass

TICK = 1.0 / os.sysconf("SC_CLK_TCK")


class HarnessError(Exception):
    """Something that makes a measurement impossible; its message is for the user."""


@dataclass(frozen=True)
class Cores:
    """Which core the proxy has for itself, and which ones load and upstream share."""

    proxy: frozenset
    load: frozenset

    @staticmethod
    def divide():
        usable = sorted(os.sched_getaffinity(0))
        if len(usable) < 2:
            return Cores(frozenset(usable), frozenset(usable))
        return Cores(frozenset(usable[-1:]), frozenset(usable[:-1]))


def free_ports(count):
    """Ports that were free a moment ago; all are held together, so that no two are the same."""
    sockets = []
    try:
        for _ in range(count):
            holder = socket.socket()
            holder.bind(("127.0.0.1", 0))
            sockets.append(holder)
        return [holder.getsockname()[1] for holder in sockets]
    finally:
        for holder in sockets:
            holder.close()


def tree(pid):
    """The process and all its descendants."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _stat_fields(int(name))
            if fields:
                parents[int(name)] = int(fields[1])
    found, queue = [], [pid]
    while queue:
        current = queue.pop()
        if current in parents:
            found.append(current)
            queue += [child for child, parent in parents.items() if parent == current]
    return found


def _stat_fields(pid):
    """The fields of /proc/PID/stat after the command's name, or None when the process has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


@dataclass(frozen=True)
class CPU:
    """CPU seconds of a process tree, all threads, ended children of it included."""

    user: float
    system: float

    @property
    def total(self):
        return self.user + self.system

    def __sub__(self, other):
        return CPU(self.user - other.user, self.system - other.system)


def cpu_of_tree(pid):
    user = system = 0
    for member in tree(pid):
        fields = _stat_fields(member)
        if fields:
            # utime, stime, cutime, cstime: fields 14 to 17 of the line, 12 to 15 after the name and state.
            user += int(fields[11]) + int(fields[13])
            system += int(fields[12]) + int(fields[14])
    return CPU(user * TICK, system * TICK)


def busy_of_cores(cores):
    """Seconds that these cores have been busy with anything, since boot."""
    total = 0
    with open("/proc/stat", encoding="ascii") as file:
        for line in file:
            name, *values = line.split()
            if name[:3] == "cpu" and name[3:].isdigit() and int(name[3:]) in cores:
                user, nice, system, _idle, _iowait, irq, softirq = map(int, values[:7])
                total += user + nice + system + irq + softirq
    return total * TICK


def pss_of_tree(pid):
    """Proportional set size of a process tree, in KiB: shared pages are divided among those who map them."""
    total = 0
    for member in tree(pid):
        try:
            with open(f"/proc/{member}/smaps_rollup", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


class Running:
    """A started program: pinned to cores, its output in a file, stopped with all it started."""

    def __init__(self, name, command, cores, directory, environment=None):
        self.name = name
        self.output = os.path.join(directory, name + ".output")
        own = os.sched_getaffinity(0)
        # The child inherits the mask. Setting it here and not in the child keeps the start fast.
        os.sched_setaffinity(0, cores)
        try:
            with open(self.output, "wb") as output:
                self.started = time.perf_counter()
                self.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=directory,
                    env={**os.environ, **(environment or {})})
        finally:
            os.sched_setaffinity(0, own)

    @property
    def pid(self):
        return self.process.pid

    def last_output(self, lines=12):
        with open(self.output, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:]).strip()

    def check(self):
        if self.process.poll() is not None:
            raise HarnessError(f"{self.name} ended with status {self.process.returncode}:\n{self.last_output()}")

    def wait_for_port(self, port, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.01)
        raise HarnessError(f"{self.name} does not listen on port {port} after {seconds} s:\n{self.last_output()}")

    def stop(self, seconds=5):
        members = tree(self.pid)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for member in members:
            if member != self.pid and _stat_fields(member):
                try:
                    os.kill(member, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

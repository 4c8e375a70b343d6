"""Start every contender of a scenario, check that they do the same work, load them in turn for some rounds, stop them."""

import os
import time
from dataclasses import dataclass, field

import equivalence
import load
import upstreams
from configurations import Plan
from processes import HarnessError, Running, busy_of_cores, cpu_of_tree, free_ports, pss_of_tree
from scenarios import script_text


@dataclass
class Cell:
    """What was measured of one contender in one scenario; one entry in each list a round."""

    scenario: str
    contender: str
    cpu_us: list = field(default_factory=list)
    user_us: list = field(default_factory=list)
    system_us: list = field(default_factory=list)
    rate: list = field(default_factory=list)
    p50_ms: list = field(default_factory=list)
    p99_ms: list = field(default_factory=list)
    pss_mib: list = field(default_factory=list)
    busy_percent: list = field(default_factory=list)
    other_percent: list = field(default_factory=list)
    syscalls: list = field(default_factory=list)
    tls: str = ""


def plan_for(scenario, contender, settings, upstream_port, **more):
    directory = os.path.join(settings.directory, f"{scenario.name}-{contender.name}")
    os.makedirs(directory, exist_ok=True)
    listen, admin = free_ports(2)
    script = script_text(scenario.script, contender.name) if scenario.script else ""
    return Plan(directory, listen, admin, upstream_port, scenario.downstream, scenario.upstream, script, scenario.routes,
                certificate=settings.certificate[0], key=settings.certificate[1], **more)


def start(contender, program, plan, cores, environment=None):
    command = contender.command(program, contender.configure(plan), plan)
    return Running(contender.name, command, cores, plan.directory,
                   {**dict(contender.environment), **(environment or {})})


@dataclass
class Entry:
    """A contender that runs for a scenario."""

    scenario: object
    contender: object
    plan: Plan
    running: Running
    cell: Cell


class Measurement:
    """Scenarios that are compared with each other, all measured in the same rounds.

    A contender that fails is said, stopped and left out; the others go on.
    """

    def __init__(self, scenarios, contenders, settings, say):
        self.scenarios, self.contenders, self.settings, self.say = scenarios, contenders, settings, say
        self.ports = {kind: free_ports(1)[0] for kind in {scenario.upstream for scenario in scenarios}}
        self.entries = []
        self.failures = []
        self.upstreams = []

    def run(self):
        """Returns the cells of those that came through, and what went wrong with the others."""
        try:
            self._start_upstreams(observing=True)
            for scenario in self.scenarios:
                for contender, program in self.contenders:
                    if contender.name in scenario.contenders:
                        self._start(scenario, contender, program)
            self._stop_upstreams()
            self._start_upstreams(observing=False)
            for entry in list(self.entries):
                self._guard(entry, lambda one: self._load(one, 1))
            for number in range(self.settings.rounds):
                # The order turns, so that no contender always follows the same one.
                turn = number % max(1, len(self.entries))
                for entry in self.entries[turn:] + self.entries[:turn]:
                    self._guard(entry, lambda one: self._round(one, number))
            for entry in list(self.entries):
                self._guard(entry, self._count_syscalls)
        finally:
            for entry in self.entries:
                entry.running.stop()
            self._stop_upstreams()
        return [entry.cell for entry in self.entries], self.failures

    def _start_upstreams(self, observing):
        for kind, port in self.ports.items():
            self.upstreams.append(
                upstreams.start(kind, port, self.settings.directory, self.settings.cores.load, observing))

    def _stop_upstreams(self):
        while self.upstreams:
            self.upstreams.pop().stop()

    def _start(self, scenario, contender, program):
        plan = plan_for(scenario, contender, self.settings, self.ports[scenario.upstream])
        running = start(contender, program, plan, self.settings.cores.proxy)
        self.entries.append(Entry(scenario, contender, plan, running, Cell(scenario.name, contender.name)))
        self._guard(self.entries[-1], self._check)

    def _guard(self, entry, action):
        try:
            action(entry)
        except HarnessError as error:
            self.failures.append(f"{entry.scenario.name}, {entry.contender.name}: {error}")
            self.say(f"  left out: {self.failures[-1]}")
            entry.running.stop()
            self.entries.remove(entry)

    def _check(self, entry):
        port = entry.plan.listen_port
        entry.running.wait_for_port(port)
        equivalence.check(entry.contender, entry.scenario, port)
        if entry.scenario.downstream == "tls":
            entry.cell.tls = equivalence.tls_facts(port, self.settings.directory)

    def _load(self, entry, seconds, prefix=()):
        entry.running.check()
        return load.run(entry.scenario, entry.plan.listen_port, seconds, self.settings.directory,
                        self.settings.cores.load, prefix)

    def _round(self, entry, number):
        cores, pid, cell = self.settings.cores.proxy, entry.running.pid, entry.cell
        busy, cpu, started = busy_of_cores(cores), cpu_of_tree(pid), time.perf_counter()
        result = self._load(entry, self.settings.seconds)
        spent, elapsed = cpu_of_tree(pid) - cpu, time.perf_counter() - started
        others = max(0.0, busy_of_cores(cores) - busy - spent.total)
        cell.cpu_us.append(spent.total / result.requests * 1e6)
        cell.user_us.append(spent.user / result.requests * 1e6)
        cell.system_us.append(spent.system / result.requests * 1e6)
        cell.rate.append(result.rate)
        cell.p50_ms.append(result.p50)
        cell.p99_ms.append(result.p99)
        cell.pss_mib.append(pss_of_tree(pid) / 1024)
        cell.busy_percent.append(100 * spent.total / elapsed)
        cell.other_percent.append(100 * others / elapsed)
        self.say(f"  round {number + 1}/{self.settings.rounds}  {cell.scenario:12} {cell.contender:8} "
                 f"{cell.cpu_us[-1]:7.2f} µs  {cell.rate[-1]:8.0f}/s")

    def _count_syscalls(self, entry):
        calls, result = self.settings.syscalls.count(entry.running.pid, lambda prefix: self._load(entry, 1, prefix))
        if calls:
            entry.cell.syscalls.append(calls / result.requests)

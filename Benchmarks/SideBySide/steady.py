"""What must not grow with the number of requests: allocations once warm, and memory. For the one under test alone."""

import os
import resource
import socket
import time
from dataclasses import dataclass, field

import load
import upstreams
from idle import H1, REQUEST, SETTLE, _read_answer
from measure import plan_for, start
from processes import HarnessError, free_ports, pss_of_tree, tree
from programs import compiled
from scenarios import SCENARIOS

# Whose allocations are counted, and under which metric.
COUNTED = {"h1": "allocations_h1", "h2-8x10": "allocations_h2", "tls": "allocations_tls", "lua": "allocations_lua",
           "body-64k": "allocations_body_64k", "upload-64k": "allocations_upload_64k"}
MANY_REQUESTS = 100_000


@dataclass
class SteadyCell:
    """What was measured of the one under test; allocations a request, and KiB of PSS."""

    contender: str
    requests: int = 0  # how many the growth is of
    connections: int = 0  # how many were opened and closed, twice
    allocations_h1: list = field(default_factory=list)
    allocations_h2: list = field(default_factory=list)
    allocations_tls: list = field(default_factory=list)
    allocations_lua: list = field(default_factory=list)
    allocations_body_64k: list = field(default_factory=list)
    allocations_upload_64k: list = field(default_factory=list)
    growth_kib_requests: list = field(default_factory=list)
    growth_kib_connections: list = field(default_factory=list)


def measure(parts, contender, program, settings, say):
    cell, failures = SteadyCell(contender.name), []
    try:
        if "allocations" in parts:
            _allocations(contender, program, cell, settings)
        if "flat" in parts:
            _flat(contender, program, cell, settings)
    except HarnessError as error:
        failures.append(f"steady, {contender.name}: {error}")
        say(f"  left out: {failures[-1]}")
    return cell, failures


def _allocations(contender, program, cell, settings):
    counter = compiled("allocations", settings.directory, "-shared", "-fPIC")
    if not counter:
        raise HarnessError("no C compiler for the counter of allocations")
    for scenario in (one for one in SCENARIOS if one.name in COUNTED):
        folder = os.path.join(settings.directory, f"allocations-{scenario.name}")
        os.makedirs(folder, exist_ok=True)
        port = free_ports(1)[0]
        plan = plan_for(scenario, contender, settings, port)
        environment = {"LD_PRELOAD": counter, "HEDDLE_ALLOCATIONS": folder}
        with upstreams.start(scenario.upstream, port, settings.directory, settings.cores.load), \
                start(contender, program, plan, settings.cores.proxy, environment) as running:
            running.wait_for_port(plan.listen_port)
            # Warm: pools fill, tables grow to their size.
            _run(scenario, plan, settings, 2)
            short, long = [_run_counted(scenario, plan, settings, running, folder, seconds) for seconds in (1, 4)]
            # Both opened as many connections, whose cost goes out with the difference.
            requests = long[0] - short[0]
            if requests <= 0:
                raise HarnessError("the machine is too busy: a longer load had no more requests than a short one")
            getattr(cell, COUNTED[scenario.name]).append(max(0.0, (long[1] - short[1]) / requests))


def _run_counted(scenario, plan, settings, running, folder, seconds):
    """Requests and allocations of a load."""
    before = _counted(folder, running.pid)
    requests = _run(scenario, plan, settings, seconds)
    return requests, _counted(folder, running.pid) - before


def _counted(folder, pid):
    total = 0
    for member in tree(pid):
        path = os.path.join(folder, str(member))
        if not os.path.exists(path):
            raise HarnessError(f"process {member} does not count its allocations")
        with open(path, "rb") as file:
            total += int.from_bytes(file.read(8), "little")
    return total


def _run(scenario, plan, settings, seconds):
    return load.run(scenario, plan.listen_port, seconds, settings.directory, settings.cores.load).requests


def _flat(contender, program, cell, settings):
    port = free_ports(1)[0]
    plan = plan_for(H1, contender, settings, port)
    with upstreams.start("h1", port, settings.directory, settings.cores.load), \
            start(contender, program, plan, settings.cores.proxy) as running:
        running.wait_for_port(plan.listen_port)
        _run(H1, plan, settings, 2)
        before = _pss(running)
        while cell.requests < MANY_REQUESTS:
            cell.requests += _run(H1, plan, settings, settings.seconds)
        cell.growth_kib_requests.append(_pss(running) - before)
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        cell.connections = min(settings.connections, limit - 500)
        # The first time lists grow to their size.
        _open_and_close(plan.listen_port, cell.connections)
        before = _pss(running)
        _open_and_close(plan.listen_port, cell.connections)
        cell.growth_kib_connections.append(_pss(running) - before)


def _pss(running):
    time.sleep(SETTLE)
    running.check()
    return pss_of_tree(running.pid)


def _open_and_close(port, count):
    clients = []
    try:
        for _ in range(count):
            clients.append(socket.create_connection(("127.0.0.1", port), timeout=20))
        for client in clients:
            client.sendall(REQUEST)
            if not _read_answer(client).startswith(b"HTTP/1.1 200"):
                raise HarnessError("an idle connection got no good answer")
    finally:
        for client in clients:
            client.close()

"""What a proxy costs that has nothing to do: memory, memory of a connection, time from start to the first answer."""

import resource
import socket
import time
from dataclasses import dataclass, field
from statistics import median

import upstreams
from measure import plan_for, start
from processes import HarnessError, free_ports, pss_of_tree
from scenarios import SCENARIOS

H1 = next(scenario for scenario in SCENARIOS if scenario.name == "h1")
REQUEST = b"GET /small HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
MANY_CLUSTERS = 1000
SETTLE = 1.0


@dataclass
class IdleCell:
    """What was measured of one contender; one entry in each list a repetition."""

    contender: str
    connections: int = 0  # how many were opened: as asked for, or as many as the limit of open files allows
    pss_mib: list = field(default_factory=list)
    pss_mib_1000_clusters: list = field(default_factory=list)
    start_ms: list = field(default_factory=list)
    start_ms_1000_clusters: list = field(default_factory=list)
    kib_a_fresh_connection: list = field(default_factory=list)
    kib_a_used_connection: list = field(default_factory=list)


def measure(parts, contenders, settings, say):
    """Each contender alone, one after the other. The floor takes no part: it has neither clusters nor idle state."""
    port = free_ports(1)[0]
    cells, failures = [], []
    with upstreams.start("h1", port, settings.directory, settings.cores.load):
        for contender, program in contenders:
            if contender.name == "floor":
                continue
            cell = IdleCell(contender.name)
            cells.append(cell)
            try:
                if "memory" in parts or "start" in parts:
                    _memory_and_start(contender, program, cell, port, settings)
                if "connections" in parts:
                    _connections(contender, program, cell, port, settings)
            except HarnessError as error:
                failures.append(f"idle, {contender.name}: {error}")
                say(f"  left out: {failures[-1]}")
            say("  " + f"{contender.name:8} " + "  ".join(
                f"{name} {median(values):.1f}" for name, values in vars(cell).items() if isinstance(values, list) and values))
    return cells, failures


def _memory_and_start(contender, program, cell, upstream_port, settings):
    for clusters, memory, times in (
            (1, cell.pss_mib, cell.start_ms), (MANY_CLUSTERS, cell.pss_mib_1000_clusters, cell.start_ms_1000_clusters)):
        for _ in range(settings.rounds):
            plan = plan_for(H1, contender, settings, upstream_port, clusters=clusters)
            with start(contender, program, plan, settings.cores.proxy) as running:
                times.append(_until_first_answer(running, plan.listen_port) * 1e3)
                time.sleep(SETTLE)
                memory.append(pss_of_tree(running.pid) / 1024)


def _until_first_answer(running, port, seconds=60):
    deadline = running.started + seconds
    while time.perf_counter() < deadline:
        running.check()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
                client.sendall(REQUEST)
                if _read_answer(client).startswith(b"HTTP/1.1 200"):
                    return time.perf_counter() - running.started
        except OSError:
            pass
        time.sleep(0.0005)
    raise HarnessError(f"{running.name} gave no answer in {seconds} s:\n{running.last_output()}")


def _connections(contender, program, cell, upstream_port, settings):
    # bench.py has raised the soft limit to the hard one.
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(settings.connections, limit - 500)
    cell.connections = count
    plan = plan_for(H1, contender, settings, upstream_port)
    clients = []
    with start(contender, program, plan, settings.cores.proxy) as running:
        try:
            running.wait_for_port(plan.listen_port)
            # Warm: what the first requests allocate once is no cost of a connection.
            for _ in range(200):
                with socket.create_connection(("127.0.0.1", plan.listen_port)) as client:
                    client.sendall(REQUEST)
                    _read_answer(client)
            time.sleep(SETTLE)
            before = pss_of_tree(running.pid)
            for _ in range(count):
                clients.append(socket.create_connection(("127.0.0.1", plan.listen_port), timeout=20))
            time.sleep(SETTLE)
            cell.kib_a_fresh_connection.append((pss_of_tree(running.pid) - before) / count)
            for client in clients:
                client.sendall(REQUEST)
                if not _read_answer(client).startswith(b"HTTP/1.1 200"):
                    raise HarnessError(f"{running.name}: an idle connection got no good answer")
            time.sleep(SETTLE)
            cell.kib_a_used_connection.append((pss_of_tree(running.pid) - before) / count)
        finally:
            for client in clients:
                client.close()


def _read_answer(client):
    """One response with a content-length, whole."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = client.recv(65536)
        if not part:
            return answer
        answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        part = client.recv(65536)
        if not part:
            break
        body += part
    return head

#!/usr/bin/env python3
"""What changes of the configuration cost under a control plane: time, CPU, memory, and what requests notice of it.

Needs .venv with grpcio and xds-protos (`make setup`), and wrk. See ../README.md.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "SideBySide"))

import load  # noqa: E402
import upstreams  # noqa: E402
import visitors  # noqa: E402
from control import ControlPlane  # noqa: E402
from processes import Cores, HarnessError, free_ports, pss_of_tree  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402
from scene import Hosts, Proxy, cluster, endpoints, listener, routes  # noqa: E402

PARTS = ("full", "endpoint", "subscriptions", "load")
ON_DEMAND = ("outage",)
CLUSTERS, ENDPOINTS, ROUTES = 1000, 10, 1000
SETTLE = 1.5
# Requests a second and connection in an outage: few enough that none waits for the processor.
VISITS = 20
# Seconds: the pause before the next try may have grown to 30.
AFTER_OUTAGE = 45
# What must be reached, in the units of the table.
MOST = {"in_force_ms": 300, "endpoint_cpu_ms": 5, "memory_mib": 35, "p99_ratio": 1.5}


def say(text):
    print(text, flush=True)


def begin(plane, hosts):
    """One cluster, one route, one listener: what the proxy is compared with."""
    plane.obey(order=["cds", "eds", "sds", "lds", "rds"])
    plane.obey(generate={"clusters": 1, "endpoints": 1, "routes": 1, "port": hosts.port})


def full(plane, proxy, hosts):
    """The full set: until the last route answers at every worker."""
    clients = proxy.connections("/r0/")
    time.sleep(SETTLE)
    idle, cpu = pss_of_tree(proxy.pid), proxy.cpu()
    last = f"/r{ROUTES - 1}/"
    if any(client.status(last) != 404 for client in clients):
        raise HarnessError("the last route is there before it was sent")
    mark = len(plane.events)
    plane.obey(generate={"clusters": CLUSTERS, "endpoints": ENDPOINTS, "routes": ROUTES, "port": hosts.port})
    waiting = list(clients)
    while waiting:
        waiting = [client for client in waiting if client.status(last) != 200]
        if waiting:
            time.sleep(0.002)
    end = time.monotonic()
    began = plane.wait(mark, lambda event: event["event"] == "response")["time"]
    # The time in which the proxy waited for the control plane: from a request to the response that it asked for.
    asked = plane.wait(mark, lambda event: event["event"] == "request" and event["type"] == "eds" and event["count"] > 1)
    given = plane.wait(mark, lambda event: event["event"] == "response" and event["type"] == "eds" and event["time"] > asked["time"])
    time.sleep(SETTLE)
    result = {"in_force_ms": (end - began) * 1e3, "of_it_plane_ms": (given["time"] - asked["time"]) * 1e3,
              "cpu_ms": (proxy.cpu() - cpu) / 1e6, "memory_mib": (pss_of_tree(proxy.pid) - idle) / 1024,
              "idle_mib": idle / 1024}
    # Now it is used: a connection for each cluster and worker.
    for client in clients:
        for index in range(ROUTES):
            if client.status(f"/r{index}/") != 200:
                raise HarnessError(f"route {index} is not in force at every worker")
        client.close()
    if proxy.gauge("cluster_manager.active_clusters") != CLUSTERS + 1 or proxy.gauge("cluster_manager.warming_clusters"):
        raise HarnessError("not every cluster is in force")
    return {**result, "memory_in_use_mib": (pss_of_tree(proxy.pid) - idle) / 1024}


def endpoint_changes(plane, proxy, hosts, changes):
    """CPU of one endpoint's change: many, one after the other, each answered before the next comes."""
    cpu, started = proxy.cpu(), time.monotonic()
    for number in range(changes):
        addresses = [(f"127.0.0.{place + 1}", hosts.port) for place in range(ENDPOINTS if number % 2 else ENDPOINTS - 1)]
        mark = plane.obey(set=[endpoints(f"cluster-{number * 7 % CLUSTERS}", addresses)])
        plane.settle(mark, "eds")
    return {"endpoint_cpu_ms": (proxy.cpu() - cpu) / 1e6 / changes,
            "endpoint_wall_ms": (time.monotonic() - started) * 1e3 / changes}


def measure_full(settings, name, program, variant, want_changes):
    hosts = Hosts(ENDPOINTS)
    with ControlPlane(settings.python, settings.all_cores) as plane:
        begin(plane, hosts)
        with Proxy(name, program, variant, plane, settings.directory, settings.all_cores) as proxy:
            plane.obey(set=[listener(proxy.listen, "generated")])
            proxy.wait_until_live()
            result = full(plane, proxy, hosts)
            if want_changes:
                result.update(endpoint_changes(plane, proxy, hosts, settings.changes))
                time.sleep(SETTLE)
                result["memory_after_changes_mib"] = pss_of_tree(proxy.pid) / 1024 - result["idle_mib"]
            return result


def measure_subscriptions(settings, name, program, variant):
    """A change among 10,000 EDS subscriptions: in the state of the world each answer names all of them."""
    hosts = Hosts(1)
    with ControlPlane(settings.python, settings.all_cores) as plane:
        plane.obey(generate={"clusters": settings.subscriptions, "endpoints": 1, "routes": 1, "port": hosts.port})
        with Proxy(name, program, variant, plane, settings.directory, settings.all_cores) as proxy:
            plane.obey(set=[listener(proxy.listen, "generated")])
            started = time.monotonic()
            proxy.wait_until_live(180)
            result = {"start_s": time.monotonic() - started, "start_cpu_s": proxy.cpu() / 1e9,
                      "memory_mib": pss_of_tree(proxy.pid) / 1024}
            time.sleep(SETTLE)
            changes, cpu = max(20, settings.changes // 10), proxy.cpu()
            for number in range(changes):
                mark = plane.obey(set=[endpoints(f"cluster-{number * 7}", [("127.0.0.1", hosts.port + number % 2)])])
                plane.settle(mark, "eds")
            result["subscriptions_cpu_ms"] = (proxy.cpu() - cpu) / 1e6 / changes
            return result


def measure_load(settings, name, program, variant):
    """Route flips and endpoint changes while wrk runs; calm and changing rounds in turn, each pair compared."""
    scenario = next(one for one in SCENARIOS if one.name == "h1")
    ports = free_ports(2)
    ratios, calm_p99, busy_p99, made = [], [], [], 0
    cores = settings.cores
    with ControlPlane(settings.python, cores.load) as plane, \
            upstreams.start("h1", ports[0], settings.directory, cores.load), \
            upstreams.start("h1", ports[1], settings.directory, cores.load):
        first, second = (("127.0.0.1", port) for port in ports)
        plane.obey(set=[cluster("a"), cluster("b"), endpoints("a", [first]), endpoints("b", [second]), routes("routes", "a")])
        with Proxy(name, program, variant, plane, settings.directory, cores.proxy) as proxy:
            plane.obey(set=[listener(proxy.listen, "routes")])
            proxy.wait_until_live()
            load.run(scenario, proxy.listen, 1, settings.directory, cores.load)
            for number in range(settings.rounds):
                turn = [False, True] if number % 2 else [True, False]
                p99 = {}
                for changing in turn:
                    stop, count = threading.Event(), [0]
                    changer = threading.Thread(target=change, args=(plane, first, second, settings, stop, count))
                    if changing:
                        changer.start()
                    else:
                        # As much work of the control plane's, of which the proxy hears nothing: it shares the load's core.
                        changer = threading.Thread(target=change, args=(plane, None, None, settings, stop, count))
                        changer.start()
                    result = load.run(scenario, proxy.listen, settings.seconds, settings.directory, cores.load)
                    stop.set()
                    changer.join()
                    if changing:
                        made += count[0]
                    p99[changing] = result.p99
                calm_p99.append(p99[False])
                busy_p99.append(p99[True])
                ratios.append(p99[True] / p99[False])
    return {"route_flips": made // 2, "endpoint_changes": made // 2, "calm_p99_ms": median(calm_p99),
            "changing_p99_ms": median(busy_p99), "p99_ratio": median(ratios)}


def change(plane, first, second, settings, stop, count):
    """A route flip or an endpoint change in turn, until stopped; with no hosts, of resources that nobody asks for."""
    pause = settings.seconds / 2 / settings.flips
    number = 0
    while not stop.is_set():
        even = number // 2 % 2 == 0
        if first is None:
            plane.obey(set=[endpoints("nobody", [("127.0.0.1", 1 + number % 2)])])
        elif number % 2 == 0:
            plane.settle(plane.obey(set=[routes("routes", "b" if even else "a")]), "rds")
        else:
            plane.settle(plane.obey(set=[endpoints("a", [first, second] if even else [second])]), "eds")
        number += 1
        count[0] += 1
        stop.wait(pause)


def measure_outage(settings, name, program, variant):
    """The control plane goes away under load, and comes back with everything changed: no request may fail."""
    scenario = next(one for one in SCENARIOS if one.name == "h1")
    ports, cores, before, after = free_ports(2), settings.cores, 10, AFTER_OUTAGE
    with ControlPlane(settings.python, cores.load) as plane, \
            upstreams.start("h1", ports[0], settings.directory, cores.load), \
            upstreams.start("h1", ports[1], settings.directory, cores.load):
        old, new = (("127.0.0.1", port) for port in ports)
        plane.obey(set=[cluster("a"), cluster("b"), endpoints("a", [old]), endpoints("b", [old]), routes("routes", "a")])
        with Proxy(name, program, variant, plane, settings.directory, cores.proxy) as proxy:
            plane.obey(set=[listener(proxy.listen, "routes")])
            proxy.wait_until_live()
            results = []

            def run_load():
                try:
                    results.append(visitors.visit(proxy.listen, scenario.path, scenario.connections, VISITS,
                                                  before + settings.outage + after))
                except HarnessError as error:
                    results.append(error)

            loading = threading.Thread(target=run_load)
            loading.start()
            time.sleep(before)
            plane.obey(stop=True)
            changed = listener(proxy.listen, "others")
            changed["per_connection_buffer_limit_bytes"] = 65536
            plane.obey(set=[cluster("c"), cluster("d"), endpoints("c", [new]), endpoints("d", [new]), routes("others", "c"), changed],
                       remove=[["cds", "a"], ["cds", "b"], ["eds", "a"], ["eds", "b"], ["rds", "routes"]])
            time.sleep(settings.outage)
            mark, back = plane.obey(start=True), time.monotonic()
            plane.settle(mark, "rds")
            waited = time.monotonic() - back
            loading.join()
            if isinstance(results[0], HarnessError):
                raise results[0]
            if proxy.gauge("cluster.c.upstream_cx_total") == 0:
                raise HarnessError("the new cluster gets no request")
            return {"outage_s": settings.outage, "requests": results[0].requests, "failed": 0, "longest_ms": results[0].longest_ms,
                    "settled_after_s": waited}


def row(name, variant, part, result):
    return f"  {name:7} {variant:5} {part:13} " + "  ".join(f"{key} {value:.4g}" for key, value in result.items())


# The rows of the table in ../README.md: part, key, what it says, what is asked for.
ROWS = (
    ("full", "in_force_ms", "1,000 clusters and routes in force, ms", "≤ 300"),
    ("full", "of_it_plane_ms", "of it the control plane's own, ms", ""),
    ("full", "memory_mib", "PSS over idle, MiB", "≤ 35"),
    ("full", "memory_in_use_mib", "the same once every cluster is used, MiB", ""),
    ("full", "endpoint_cpu_ms", "one endpoint's change, ms of CPU", "≤ 5"),
    ("subscriptions", "subscriptions_cpu_ms", "the same among 10,000 subscriptions, ms of CPU", ""),
    ("load", "p99_ratio", "p99 under changes ÷ calm", "≤ 1.5"),
    ("load", "calm_p99_ms", "p99 calm, ms", ""),
    ("load", "route_flips", "route flips under load, as many changes of endpoints; requests that failed: 0", ""),
    ("outage", "requests", "requests in an outage of ten minutes", ""),
    ("outage", "failed", "of them failed", "0"),
)


def table(results, variants):
    """The results as Markdown, a column for each proxy and form of the protocol."""
    names = list(dict.fromkeys(one["proxy"] for one in results))
    found = {(one["proxy"], one["variant"], one["part"]): one for one in results}
    columns = [(name, variant) for name in names for variant in variants]
    lines = ["| | " + " | ".join(f"{name}, {variant}" for name, variant in columns) + " | asked for |",
             "|---|" + "---|" * len(columns) + "---|"]
    for part, key, text, asked in ROWS:
        values = [found.get((*column, part), {}).get(key) for column in columns]
        if any(value is not None for value in values):
            cells = ("" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values)
            lines.append(f"| {text} | " + " | ".join(cells) + f" | {asked} |")
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--heddle", metavar="PATH", default=".build-release/release/heddle-proxy")
    parser.add_argument("--venv", metavar="PATH", default=".venv")
    parser.add_argument("--proxies", metavar="A,B", default="heddle", help="heddle, envoy")
    parser.add_argument("--variants", metavar="A,B", default="sotw,delta")
    parser.add_argument("--only", metavar="A,B", default=",".join(PARTS), help=" ".join(PARTS + ON_DEMAND))
    parser.add_argument("--outage", type=int, default=600, help="seconds that the control plane is away in the part of this name")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of load in each half of a round")
    parser.add_argument("--changes", type=int, default=500, help="of one endpoint")
    parser.add_argument("--flips", type=int, default=200, help="of routes in one run of the load, and as many endpoint changes")
    parser.add_argument("--subscriptions", type=int, default=10_000)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--table", action="store_true", help="print the results as a Markdown table, too")
    parser.add_argument("--gate", action="store_true", help="fail where heddle misses what is asked for")
    settings = parser.parse_args()
    unknown = set(settings.only.split(",")) - set(PARTS + ON_DEMAND)
    if unknown:
        parser.error(f"no part is called {' '.join(sorted(unknown))}")
    settings.python = os.path.join(os.path.abspath(settings.venv), "bin", "python3")
    settings.programs = {"heddle": os.path.abspath(settings.heddle),
                         "envoy": os.path.join(os.path.abspath(settings.venv), "bin", "envoy")}
    settings.cores = Cores.divide()
    settings.all_cores = settings.cores.proxy | settings.cores.load
    return settings


def run(settings):
    parts = settings.only.split(",")
    results = []

    def note(name, variant, part, result):
        results.append({"proxy": name, "variant": variant, "part": part, **result})
        say(row(name, variant, part, result))

    with tempfile.TemporaryDirectory(prefix="heddle-discovery-") as directory:
        os.chmod(directory, 0o755)
        settings.directory = directory
        for name in settings.proxies.split(","):
            for variant in settings.variants.split(","):
                program = settings.programs[name]
                if "full" in parts or "endpoint" in parts:
                    rounds = [measure_full(settings, name, program, variant, "endpoint" in parts and number == 0)
                              for number in range(settings.rounds if "full" in parts else 1)]
                    keys = rounds[0].keys()
                    note(name, variant, "full", {key: median([one[key] for one in rounds if key in one]) for key in keys})
                if "subscriptions" in parts:
                    note(name, variant, "subscriptions", measure_subscriptions(settings, name, program, variant))
                if "load" in parts:
                    note(name, variant, "load", measure_load(settings, name, program, variant))
                if "outage" in parts:
                    note(name, variant, "outage", measure_outage(settings, name, program, variant))
    if settings.table:
        say(table(results, settings.variants.split(",")))
    if settings.json:
        with open(settings.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=2)
    missed = [f"{one['variant']} {one['part']}: {key} is {one[key]:.4g}, at most {most} is asked for"
              for one in results if one["proxy"] == "heddle" for key, most in MOST.items()
              if one["part"] != "subscriptions" and one.get(key, 0) > most]
    for line in missed:
        say("missed: " + line)
    return 1 if settings.gate and missed else 0


if __name__ == "__main__":
    try:
        sys.exit(run(arguments()))
    except HarnessError as error:
        print(f"discovery: {error}", file=sys.stderr)
        sys.exit(2)

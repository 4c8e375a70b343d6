"""A proxy under the control plane, hosts that answer, and connections that are known to end at one worker each."""

import os
import selectors
import socket
import threading
import time

from processes import HarnessError, Running, free_ports, tree

CALL = "type.googleapis.com/"
MANAGER = CALL + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = CALL + "envoy.extensions.filters.http.router.v3.Router"
ADS = {"ads": {}, "resource_api_version": "V3"}


def cluster(name):
    return {"@type": CALL + "envoy.config.cluster.v3.Cluster", "name": name, "type": "EDS", "connect_timeout": "1s",
            "eds_cluster_config": {"eds_config": ADS}}


def endpoints(name, hosts):
    """hosts: addresses and ports."""
    return {"@type": CALL + "envoy.config.endpoint.v3.ClusterLoadAssignment", "cluster_name": name,
            "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}}
                for address, port in hosts]}]}


def routes(name, to):
    return {"@type": CALL + "envoy.config.route.v3.RouteConfiguration", "name": name, "virtual_hosts": [
        {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": to}}]}]}


def listener(port, route_configuration):
    return {"@type": CALL + "envoy.config.listener.v3.Listener", "name": "in",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
            "filter_chains": [{"filters": [{"name": "hcm", "typed_config": {
                "@type": MANAGER, "stat_prefix": "in",
                "rds": {"route_config_name": route_configuration, "config_source": ADS},
                "http_filters": [{"name": "router", "typed_config": {"@type": ROUTER}}]}}]}]}


BOOTSTRAP = """
node: {{id: bench, cluster: bench}}
admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {admin}}}}}}}
dynamic_resources:
  ads_config: {{api_type: {api}, transport_api_version: V3, set_node_on_first_message_only: true,
                grpc_services: [{{envoy_grpc: {{cluster_name: xds}}}}]}}
  lds_config: {{ads: {{}}, resource_api_version: V3}}
  cds_config: {{ads: {{}}, resource_api_version: V3}}
static_resources:
  clusters:
  - name: xds
    connect_timeout: 1s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http2_protocol_options: {{}}}}
    load_assignment: {{cluster_name: xds, endpoints: [{{lb_endpoints: [
      {{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {plane}}}}}}}}}]}}]}}
"""


class Proxy:
    """heddle-proxy or Envoy with two workers, which has everything else from the control plane."""

    def __init__(self, name, program, variant, plane, directory, cores, workers=2):
        self.listen, self.admin = free_ports(2)
        self.name = name
        path = os.path.join(directory, f"{name}-{variant}-{self.admin}.yaml")
        api = {"sotw": "GRPC", "delta": "DELTA_GRPC"}[variant]
        with open(path, "w", encoding="utf-8") as file:
            file.write(BOOTSTRAP.format(admin=self.admin, api=api, plane=plane.port))
        more = ["--disable-hot-restart"] if name == "envoy" else []
        self.running = Running(
            f"{name}-{self.admin}", [program, "-c", path, "--concurrency", str(workers), "-l", "warning", *more], cores, directory)

    @property
    def pid(self):
        return self.running.pid

    def cpu(self):
        """CPU nanoseconds of all threads of all processes, exact (schedstat and not the ticks of stat)."""
        total = 0
        for process in tree(self.pid):
            for thread in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{thread}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[0])
        return total

    def get(self, path, port):
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode())
            parts = []
            while part := client.recv(65536):
                parts.append(part)
            return b"".join(parts)

    def gauge(self, name):
        for line in self.get("/stats", self.admin).decode().splitlines():
            if line.startswith(name + ": "):
                return int(line.split(": ")[1])
        return None

    def wait_until_live(self, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.running.check()
            try:
                if b" 200 " in self.get("/ready", self.admin)[:20]:
                    self.running.wait_for_port(self.listen)
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise HarnessError(f"{self.name} is not live after {seconds} s:\n{self.running.last_output()}")

    def connections(self, path, wanted=2, tries=200):
        """Connections of which each is known to end at another worker."""
        found, spare = {}, []
        try:
            for _ in range(tries):
                before = self._by_thread() if self.name == "envoy" else {}
                client = Connection(self.listen)
                client.status(path)
                worker = self._process_of(client) if self.name != "envoy" else self._grown(before)
                if worker is None or worker in found:
                    spare.append(client)
                else:
                    found[worker] = client
                if len(found) == wanted:
                    return list(found.values())
        finally:
            for other in spare:
                other.close()
        raise HarnessError(f"{self.name} takes all connections with one worker")

    def _process_of(self, client):
        """The process that has the other end open."""
        here, there = client.socket.getsockname()[1], client.socket.getpeername()[1]
        inode = None
        with open("/proc/net/tcp", encoding="ascii") as file:
            for line in file.readlines()[1:]:
                fields = line.split()
                if fields[1].endswith(f":{there:04X}") and fields[2].endswith(f":{here:04X}"):
                    inode = fields[9]
        for process in tree(self.pid):
            for descriptor in os.listdir(f"/proc/{process}/fd"):
                try:
                    if os.readlink(f"/proc/{process}/fd/{descriptor}") == f"socket:[{inode}]":
                        return process
                except FileNotFoundError:
                    pass
        return None

    def _by_thread(self):
        """Envoy's workers are threads: downstream_cx_total of the listener, by worker."""
        counts = {}
        for line in self.get("/stats", self.admin).decode().splitlines():
            name, _, value = line.partition(": ")
            if name.startswith("listener.") and ".worker_" in name and name.endswith(".downstream_cx_total"):
                counts[name] = int(value)
        return counts

    def _grown(self, before):
        after = self._by_thread()
        grown = [worker for worker in after if after[worker] > before.get(worker, 0)]
        return grown[0] if len(grown) == 1 else None

    def stop(self):
        self.running.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Connection:
    """A kept-alive connection with one request at a time."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def status(self, path):
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = self.socket.recv(65536)
            if not part:
                raise HarnessError("a connection ended")
            answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
        while len(body) < length:
            body += self.socket.recv(65536)
        return int(head.split(b" ", 2)[1])

    def close(self):
        self.socket.close()


class Hosts:
    """Answers 200 at one port of several addresses of 127.0.0.0/8."""

    ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    def __init__(self, count):
        self.port = free_ports(1)[0]
        self.selector = selectors.DefaultSelector()
        for place in range(count):
            listening = socket.create_server((f"127.0.0.{place + 1}", self.port), backlog=128)
            listening.setblocking(False)
            self.selector.register(listening, selectors.EVENT_READ, True)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            for key, _ in self.selector.select():
                if key.data:
                    client, _ = key.fileobj.accept()
                    self.selector.register(client, selectors.EVENT_READ, False)
                    continue
                try:
                    request = key.fileobj.recv(65536)
                    if request:
                        key.fileobj.sendall(self.ANSWER * request.count(b"\r\n\r\n"))
                        continue
                except OSError:
                    pass
                self.selector.unregister(key.fileobj)
                key.fileobj.close()

"""Runs a proxy as Istio's sidecars run: in a network namespace whose connections the kernel redirects to it.

usage: unshare --net redirected.py PROGRAM ARGUMENT...

CONFIG among the arguments stands for the bootstrap's path. Prints one JSON object: what came of each connection.
Needs root, ip and nft. Only connections from one address, the clients', are redirected.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

CLIENT = "10.9.0.9"
FILTERS = "envoy.extensions.filters"


def run(*words, text=None):
    subprocess.run(words, input=text, text=True, check=True, stdout=subprocess.DEVNULL)


def prepare_network():
    run("ip", "link", "set", "lo", "up")
    for address in ("10.9.0.2/32", "10.9.0.3/32", CLIENT + "/32"):
        run("ip", "address", "add", address, "dev", "lo")
    run("nft", "-f", "-", text=f"""
        table ip sidecar {{
          chain output {{
            type nat hook output priority -100;
            ip saddr {CLIENT} ip daddr 10.9.0.0/16 tcp dport != 9999 redirect to :15001
            ip saddr {CLIENT} ip daddr 10.9.0.0/16 tcp dport 9999 redirect to :15006
          }}
        }}
        """)


def serve(address, port, name):
    """Answers HTTP with its name and the client's address, and anything else with its name and the same bytes."""
    listener = socket.create_server((address, port))

    def answer(connection):
        peer = connection.getpeername()[0]
        while data := connection.recv(65536):
            if b" HTTP/1.1\r\n" in data:
                body = f"{name} from {peer}".encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            else:
                connection.sendall(name.encode() + b":" + data)
        connection.close()

    def accept():
        while True:
            threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def typed(name, /, **fields):
    return {"@type": f"type.googleapis.com/{name}", **fields}


def tcp(cluster):
    config = typed(f"{FILTERS}.network.tcp_proxy.v3.TcpProxy", stat_prefix=cluster, cluster=cluster)
    return [{"name": "tcp", "typed_config": config}]


def http(prefix, hosts):
    router = {"name": "router", "typed_config": typed(f"{FILTERS}.http.router.v3.Router")}
    manager = typed(
        f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=prefix, http_filters=[router],
        route_config={"name": prefix, "validate_clusters": False, "virtual_hosts": [
            {"name": domain, "domains": [domain],
             "routes": [{"match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "0s"}}]}
            for domain, cluster in hosts.items()]})
    return [{"name": "http", "typed_config": manager}]


def listener(name, address, port, **fields):
    return {"name": name, "address": {"socket_address": {"address": address, "port_value": port}}, **fields}


def listener_filter(name, message):
    return {"name": name, "typed_config": typed(f"{FILTERS}.listener.{name}.v3.{message}")}


def bootstrap(admin):
    inspectors = [listener_filter("tls_inspector", "TlsInspector"), listener_filter("http_inspector", "HttpInspector")]
    original = {"type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED", "connect_timeout": "2s"}
    bound = {"upstream_bind_config": {"source_address": {"address": "127.0.0.6", "port_value": 0}}}
    reviews = {"cluster_name": "reviews", "endpoints": [{"lb_endpoints": [
        {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 9001}}}}]}]}
    return {
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": admin}}},
        "static_resources": {
            "listeners": [
                listener(
                    "virtualOutbound", "127.0.0.1", 15001, use_original_dst=True,
                    filter_chains=[{"filter_chain_match": {"destination_port": 15001}, "filters": tcp("BlackHole")}],
                    default_filter_chain={"filters": tcp("Passthrough")}),
                listener(
                    "0.0.0.0_9080", "0.0.0.0", 9080, bind_to_port=False, listener_filters=inspectors,
                    filter_chains=[{
                        "filter_chain_match": {
                            "transport_protocol": "raw_buffer", "application_protocols": ["http/1.1", "h2c"]},
                        "filters": http("outbound", {"reviews": "reviews", "header": "ByHeader", "*": "Passthrough"})}],
                    default_filter_chain={"filters": tcp("Passthrough")}),
                listener(
                    "virtualInbound", "127.0.0.1", 15006, use_original_dst=True,
                    listener_filters=[listener_filter("original_dst", "OriginalDst")],
                    filter_chains=[{
                        "filter_chain_match": {"destination_port": 9999}, "filters": http("inbound", {"*": "Inbound"})}]),
            ],
            "clusters": [
                {"name": "BlackHole", "type": "STATIC", "connect_timeout": "2s"},
                {"name": "Passthrough", **original, "cleanup_interval": "0.2s"},
                {"name": "Inbound", **original, **bound},
                {"name": "ByHeader", **original,
                 "original_dst_lb_config": {"use_http_header": True, "upstream_port_override": 7001}},
                {"name": "reviews", "type": "STATIC", "connect_timeout": "2s", "load_assignment": reviews},
            ],
        },
    }


def exchange(address, port, data, expected=1):
    """What comes back for some bytes: the text, or how the connection ended."""
    source = (CLIENT, 0) if address.startswith("10.") else None
    try:
        with socket.create_connection((address, port), timeout=5, source_address=source) as client:
            client.settimeout(5)
            client.sendall(data)
            got = b""
            while len(got) < expected and (more := client.recv(65536)):
                got += more
            return got.decode("latin-1") or "closed"
    except (ConnectionError, TimeoutError) as error:
        return "silent" if isinstance(error, TimeoutError) else "closed"


def get(address, port, host, *fields):
    lines = ["GET / HTTP/1.1", f"host: {host}", "connection: close", *fields, "", ""]
    answer = exchange(address, port, "\r\n".join(lines).encode(), expected=10**8)
    return answer if answer == "closed" else answer.split(" ")[1] + " " + answer.split("\r\n\r\n", 1)[1]


def admin_page(admin, path):
    request = f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    return exchange("127.0.0.1", admin, request.encode(), expected=10**8)


def stat(admin, name):
    values = [line.split(": ")[1] for line in admin_page(admin, "/stats").splitlines() if line.startswith(name + ": ")]
    return int(values[0]) if values else None


def wait(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


def main():
    prepare_network()
    admin = 9901
    serve("127.0.0.1", 9001, "reviews")
    serve("10.9.0.2", 9080, "origin-2")
    serve("10.9.0.3", 7777, "origin-3")
    serve("10.9.0.3", 7001, "overridden")
    serve("10.9.0.3", 9999, "app")
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "bootstrap.json")
        with open(config, "w") as file:
            json.dump(bootstrap(admin), file)
        with open(os.path.join(folder, "log"), "w+") as log:
            words = [config if word == "CONFIG" else word for word in sys.argv[1:]]
            proxy = subprocess.Popen(words, stdout=log, stderr=log)
            try:
                ready = wait(lambda: admin_page(admin, "/ready").count("LIVE"))
                if not ready:
                    log.seek(0)
                    sys.exit(f"the proxy is not ready:\n{log.read()[-4000:]}")
                results = {
                    "a service of the mesh": get("10.9.0.2", 9080, "reviews"),
                    "a host that nobody knows": get("10.9.0.2", 9080, "unknown"),
                    "no HTTP at a port of HTTP": exchange("10.9.0.2", 9080, b"\x01\x02hello"),
                    "a port without a listener": exchange("10.9.0.3", 7777, b"hello"),
                    "not redirected": exchange("127.0.0.1", 15001, b"hello"),
                    "inbound": get("10.9.0.3", 9999, "any"),
                    "the header names the host": get(
                        "10.9.0.2", 9080, "header", "x-envoy-original-dst-host: 10.9.0.3:1"),
                    "the header is rubbish": get("10.9.0.2", 9080, "header", "x-envoy-original-dst-host: nowhere"),
                    "rubbish is counted": stat(admin, "cluster.ByHeader.original_dst_host_invalid"),
                    "hosts that nobody wants go": wait(lambda: stat(admin, "cluster.Passthrough.membership_total") == 0, seconds=5),
                }
            finally:
                proxy.terminate()
                try:
                    proxy.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    proxy.kill()
    print(json.dumps(results))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A control plane for tests, on grpcio and Envoy's own descriptors (PyPI xds-protos): no code of Heddle is in it.

usage: control_plane.py [--unix PATH] [--relay] [--cert PEM --key PEM [--client-ca PEM]]

It serves ADS and the separate discovery services, state of the world and delta, at a free port of 127.0.0.1 (and at a unix
socket), follows commands that come as JSON, one a line, on standard input, and writes what happens as JSON lines:

  {"set": [RESOURCE...], "remove": [[TYPE, NAME]...]}   resources in protobuf's JSON form with "@type"; TYPE is cds, eds, …
  {"generate": {"clusters": N, "endpoints": M, "routes": K, "port": P, "first": I}}
                                                        N EDS clusters with M endpoints each, a route configuration of K routes
  {"order": ["lds", "cds", …]}                          the order in which changed types are sent
  {"withhold": ["eds", …]}                              types that are not sent until it is told otherwise
  {"raw": {...}, "type": TYPE, "names": [...]}          a response as it is given, out of turn
  {"fault": "stale_nonce" | "nack_loop" | "hold" | "cut" | "refuse" | "none"}
        stale_nonce  every response of the state of the world is sent twice, so that the first answer is stale
        nack_loop    a refused response is sent again at once
        hold         nothing is sent
        cut          all streams end after the next response, while it is being written
        refuse       new streams end at once
  {"close": true}                                       all streams end
  {"cut_after": N}                                      with --relay: what clients are sent ends after N more bytes, wherever
                                                        in a message that is
  {"stop": true} {"start": true}                        the port is closed, and opened again
  {"state": true}                                       writes what streams are open and what was answered
"""

import argparse
import collections
import json
import queue
import socket
import sys
import threading
import time
from concurrent import futures

import grpc
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, json_format, message_factory
from envoy.config.accesslog.v3 import accesslog_pb2  # noqa: F401
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.config.route.v3 import route_pb2
from envoy.extensions.access_loggers.file.v3 import file_pb2  # noqa: F401
from envoy.extensions.filters.http.cors.v3 import cors_pb2  # noqa: F401
from envoy.extensions.filters.http.fault.v3 import fault_pb2  # noqa: F401
from envoy.extensions.filters.http.grpc_stats.v3 import config_pb2  # noqa: F401
from envoy.extensions.filters.http.router.v3 import router_pb2  # noqa: F401
from envoy.extensions.filters.listener.http_inspector.v3 import http_inspector_pb2  # noqa: F401
from envoy.extensions.filters.listener.original_dst.v3 import original_dst_pb2  # noqa: F401
from envoy.extensions.filters.listener.tls_inspector.v3 import tls_inspector_pb2  # noqa: F401
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2  # noqa: F401
from envoy.extensions.filters.network.tcp_proxy.v3 import tcp_proxy_pb2  # noqa: F401
from envoy.extensions.request_id.uuid.v3 import uuid_pb2  # noqa: F401
from envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2  # noqa: F401
from envoy.extensions.transport_sockets.raw_buffer.v3 import raw_buffer_pb2  # noqa: F401
from envoy.extensions.transport_sockets.tls.v3 import secret_pb2, tls_pb2  # noqa: F401
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2  # noqa: F401
from envoy.service.discovery.v3 import discovery_pb2
from udpa.type.v1 import typed_struct_pb2  # noqa: F401

TYPES = {
    "cds": (cluster_pb2.Cluster, "name"),
    "eds": (endpoint_pb2.ClusterLoadAssignment, "cluster_name"),
    "sds": (secret_pb2.Secret, "name"),
    "lds": (listener_pb2.Listener, "name"),
    "rds": (route_pb2.RouteConfiguration, "name"),
}
URLS = {short: "type.googleapis.com/" + message.DESCRIPTOR.full_name for short, (message, _) in TYPES.items()}
SHORT = {url: short for short, url in URLS.items()}
WILDCARDS = ("cds", "lds")
SERVICES = {
    "envoy.service.discovery.v3.AggregatedDiscoveryService": ("StreamAggregatedResources", "DeltaAggregatedResources"),
    "envoy.service.cluster.v3.ClusterDiscoveryService": ("StreamClusters", "DeltaClusters"),
    "envoy.service.endpoint.v3.EndpointDiscoveryService": ("StreamEndpoints", "DeltaEndpoints"),
    "envoy.service.listener.v3.ListenerDiscoveryService": ("StreamListeners", "DeltaListeners"),
    "envoy.service.route.v3.RouteDiscoveryService": ("StreamRoutes", "DeltaRoutes"),
    "envoy.service.secret.v3.SecretDiscoveryService": ("StreamSecrets", "DeltaSecrets"),
}


def add_types_of_istio():
    """The message of Istio's that its control plane sends under its own name, which xds-protos does not have."""
    field = descriptor_pb2.FieldDescriptorProto
    package = "istio.envoy.config.filter.http.alpn.v2alpha1"
    file = descriptor_pb2.FileDescriptorProto(name="istio/alpn.proto", package=package, syntax="proto3")
    config = file.message_type.add(name="FilterConfig")
    config.enum_type.add(name="Protocol").value.extend(
        descriptor_pb2.EnumValueDescriptorProto(name=name, number=number)
        for number, name in enumerate(("HTTP10", "HTTP11", "HTTP2")))
    override = config.nested_type.add(name="AlpnOverride")
    override.field.add(name="upstream_protocol", number=1, type=field.TYPE_ENUM, label=field.LABEL_OPTIONAL,
                       type_name=f".{package}.FilterConfig.Protocol")
    override.field.add(name="alpn_override", number=2, type=field.TYPE_STRING, label=field.LABEL_REPEATED)
    config.field.add(name="alpn_override", number=1, type=field.TYPE_MESSAGE, label=field.LABEL_REPEATED,
                     type_name=f".{package}.FilterConfig.AlpnOverride")
    pool = descriptor_pool.Default()
    pool.Add(file)
    message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.FilterConfig"))


add_types_of_istio()


def say(**event):
    """One event, with the time of the monotonic clock in seconds."""
    with say.lock:
        print(json.dumps({**event, "time": time.monotonic()}), flush=True)


say.lock = threading.Lock()


class Snapshot:
    """All resources, each with the number of the change that it came with."""

    def __init__(self):
        self.lock = threading.Lock()
        self.resources = {short: {} for short in TYPES}
        self.change = 0
        self.order = list(TYPES)
        self.withheld = []
        self.fault = "none"
        self.streams = set()

    def set(self, resources, removed):
        with self.lock:
            self.change += 1
            for resource in resources:
                packed = resource if isinstance(resource, any_pb2.Any) else json_format.ParseDict(resource, any_pb2.Any())
                short = SHORT[packed.type_url]
                message, field = TYPES[short]
                name = getattr(message.FromString(packed.value), field)
                self.resources[short][name] = (self.change, packed)
            for short, name in removed:
                self.resources[short].pop(name, None)
        self.wake()

    def wake(self):
        for stream in list(self.streams):
            stream.inbox.put(None)


class Subscription:
    def __init__(self):
        self.names, self.ever_named = set(), False
        self.nonce, self.sent, self.owed = "", {}, set()
        self.answered, self.refused, self.first = 0, 0, True


class Stream:
    """One stream: what its client asked for and was sent."""

    def __init__(self, snapshot, delta, context):
        self.snapshot, self.delta, self.context = snapshot, delta, context
        self.inbox, self.types, self.nonces = queue.Queue(), {}, 0
        self.versions, self.node = {}, None

    def receive(self, request):
        short = SHORT.get(request.type_url)
        names = list(request.resource_names_subscribe if self.delta else request.resource_names)
        if request.HasField("node"):
            self.node = request.node
        say(
            event="request", type=short or request.type_url, names=names[:10], count=len(names),
            nonce=request.response_nonce, version="" if self.delta else request.version_info,
            node=request.node.id if request.HasField("node") else None,
            cluster=request.node.cluster if request.HasField("node") else None,
            metadata=json_format.MessageToDict(request.node.metadata) if request.HasField("node") else None,
            initial=dict(request.initial_resource_versions) if self.delta else None,
            unsubscribe=list(request.resource_names_unsubscribe)[:10] if self.delta else None,
            error=request.error_detail.message if request.HasField("error_detail") else None)
        if short is None:
            return
        subscription = self.types.get(short)
        is_new = subscription is None
        if is_new:
            subscription = self.types[short] = Subscription()
        if not self.delta and not is_new and request.response_nonce != subscription.nonce:
            say(event="stale", type=short, nonce=request.response_nonce)
            return
        if request.response_nonce:
            subscription.answered += 1
            if request.HasField("error_detail"):
                subscription.refused += 1
                if self.snapshot.fault == "nack_loop":
                    subscription.owed |= set(subscription.sent)
                    subscription.first = True
        if self.delta:
            if is_new:
                for name, version in request.initial_resource_versions.items():
                    subscription.sent[name] = version
            for name in names:
                if not is_new or name not in subscription.sent:
                    subscription.owed.add(name)
            subscription.names |= set(names)
            for name in request.resource_names_unsubscribe:
                subscription.names.discard(name)
                subscription.sent.pop(name, None)
                subscription.owed.discard(name)
        else:
            subscription.owed |= set(names) - subscription.names
            for name in subscription.names - set(names):
                subscription.sent.pop(name, None)
            subscription.names = set(names)
        subscription.ever_named |= bool(subscription.names)

    def due(self, short):
        """What a client must be sent of a type: (changed, removed), or None."""
        subscription = self.types.get(short)
        if subscription is None:
            return None
        everything = {name: (str(number), body) for name, (number, body) in self.snapshot.resources[short].items()}
        wildcard = short in WILDCARDS and not subscription.ever_named
        wanted = everything if wildcard else {n: r for n, r in everything.items() if n in subscription.names}
        changed = {
            n: r for n, r in wanted.items() if subscription.sent.get(n) != r[0] or n in subscription.owed
        }
        removed = [n for n in subscription.sent if n not in wanted]
        absent = [n for n in subscription.owed if n not in wanted]
        if not self.delta:
            if wildcard:
                if not (changed or removed or subscription.first):
                    return None
                changed = wanted
            elif not changed:
                return None
            removed = []
        elif not (changed or removed or absent or (wildcard and subscription.first)):
            return None
        else:
            removed = removed + [n for n in absent if n not in removed]
        return changed, removed

    def responses(self):
        """The responses that are due, in order."""
        with self.snapshot.lock:
            fault = self.snapshot.fault
            if fault == "hold":
                return
            for short in list(self.snapshot.order):
                due = None if short in self.snapshot.withheld else self.due(short)
                if due is None:
                    continue
                changed, removed = due
                subscription = self.types[short]
                for _ in range(2 if fault == "stale_nonce" and not self.delta else 1):
                    yield self.response(short, changed, removed)
                subscription.first = False
                subscription.owed = set()
                if not self.delta and short in WILDCARDS:
                    subscription.sent = {}
                for name in removed:
                    subscription.sent.pop(name, None)
                for name, (number, _) in changed.items():
                    subscription.sent[name] = number

    def response(self, short, changed, removed):
        self.nonces += 1
        subscription = self.types[short]
        subscription.nonce = f"n{self.nonces}"
        say(event="response", type=short, nonce=subscription.nonce, count=len(changed), removed=len(removed))
        version = str(self.snapshot.change)
        if self.delta:
            return discovery_pb2.DeltaDiscoveryResponse(
                system_version_info=version, type_url=URLS[short], nonce=subscription.nonce, removed_resources=removed,
                resources=[
                    discovery_pb2.Resource(name=name, version=number, resource=body)
                    for name, (number, body) in changed.items()
                ], control_plane={"identifier": "test"})
        return discovery_pb2.DiscoveryResponse(
            version_info=version, type_url=URLS[short], nonce=subscription.nonce,
            resources=[body for _, body in changed.values()], control_plane={"identifier": "test"})

    def run(self, requests):
        if self.snapshot.fault == "refuse":
            self.context.abort(grpc.StatusCode.UNAVAILABLE, "refused by the test")
        self.snapshot.streams.add(self)
        say(event="stream", delta=self.delta, peer=self.context.peer())

        def read():
            try:
                for request in requests:
                    self.inbox.put(request)
            except grpc.RpcError:
                pass
            except Exception as error:  # noqa: BLE001
                say(event="trouble", text=str(error))
            self.inbox.put("end")

        threading.Thread(target=read, daemon=True).start()
        try:
            while True:
                item = self.inbox.get()
                if item == "end":
                    return
                if item == "close":
                    self.context.abort(grpc.StatusCode.UNAVAILABLE, "closed by the test")
                if isinstance(item, (discovery_pb2.DiscoveryResponse, discovery_pb2.DeltaDiscoveryResponse)):
                    yield item
                    continue
                if item is not None:
                    self.receive(item)
                for response in list(self.responses()):
                    yield response
                    if self.snapshot.fault == "cut":
                        self.snapshot.fault = "none"
                        say(event="cut")
                        threading.Thread(target=restart, args=(self.snapshot,), daemon=True).start()
        finally:
            self.snapshot.streams.discard(self)
            say(event="end")


class Server:
    def __init__(self, options, snapshot):
        self.options, self.snapshot, self.server, self.port = options, snapshot, None, 0
        self.relay = Relay(self) if options.relay else None
        self.lock = threading.Lock()

    def start(self):
        with self.lock:
            if self.server is not None:
                return
            server = grpc.server(
                futures.ThreadPoolExecutor(max_workers=32),
                options=[("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1),
                         ("grpc.so_reuseport", 0)])
            for service, (sotw, delta) in SERVICES.items():
                server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {
                    sotw: self.handler(False), delta: self.handler(True)}),))
            address = f"127.0.0.1:{self.port}"
            if self.options.cert:
                read = lambda path: open(path, "rb").read()
                credentials = grpc.ssl_server_credentials(
                    [(read(self.options.key), read(self.options.cert))],
                    root_certificates=read(self.options.client_ca) if self.options.client_ca else None,
                    require_client_auth=bool(self.options.client_ca))
                self.port = server.add_secure_port(address, credentials)
            else:
                self.port = server.add_insecure_port(address)
            if self.options.unix:
                server.add_insecure_port("unix:" + self.options.unix)
            server.start()
            self.server = server
        say(event="listening", port=self.relay.port if self.relay else self.port)

    def handler(self, delta):
        message = discovery_pb2.DeltaDiscoveryRequest if delta else discovery_pb2.DiscoveryRequest
        return grpc.stream_stream_rpc_method_handler(
            lambda requests, context: Stream(self.snapshot, delta, context).run(requests),
            request_deserializer=message.FromString, response_serializer=lambda response: response.SerializeToString())

    def stop(self):
        with self.lock:
            server, self.server = self.server, None
        if server is not None:
            server.stop(None).wait()
        say(event="stopped")


class Relay:
    """Stands before the server, passes bytes on both ways, and cuts connections in the middle when it is told to."""

    def __init__(self, server):
        self.server, self.lock, self.left, self.open = server, threading.Lock(), None, set()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def cut_after(self, count):
        with self.lock:
            self.left = count

    def accept(self):
        while True:
            client, _ = self.listening.accept()
            try:
                server = socket.create_connection(("127.0.0.1", self.server.port))
            except OSError:
                client.close()
                continue
            with self.lock:
                self.open |= {client, server}
            threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(server, client, True), daemon=True).start()

    def pump(self, source, sink, counts):
        try:
            while part := source.recv(4096):
                allowed = self.allow(len(part)) if counts else len(part)
                sink.sendall(part[:allowed])
                if allowed < len(part):
                    say(event="cut")
                    self.close_all()
                    return
        except OSError:
            pass
        self.close(source, sink)

    def allow(self, count):
        """How many of so many bytes pass."""
        with self.lock:
            if self.left is None:
                return count
            if self.left >= count:
                self.left -= count
                return count
            allowed, self.left = self.left, None
            return allowed

    def close_all(self):
        with self.lock:
            connections = list(self.open)
        self.close(*connections)

    def close(self, *connections):
        with self.lock:
            for connection in connections:
                if connection in self.open:
                    self.open.discard(connection)
                    try:
                        # A thread may be reading from it.
                        connection.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass
                    connection.close()


def restart(snapshot):
    restart.server.stop()
    restart.server.start()


def generate(count, endpoints, routes, port, first=0, number=1):
    def pack(message):
        packed = any_pb2.Any()
        packed.Pack(message)
        return packed

    resources = []
    for index in range(first, first + count):
        name = f"cluster-{index}"
        resources.append(pack(json_format.ParseDict({
            "name": name, "type": "EDS", "connect_timeout": f"{number}s",
            "eds_cluster_config": {"eds_config": {"ads": {}, "resource_api_version": "V3"}}}, cluster_pb2.Cluster())))
        resources.append(pack(json_format.ParseDict({
            "cluster_name": name, "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": {"socket_address": {
                    "address": f"127.0.{place // 250}.{place % 250 + 1}", "port_value": port}}}}
                for place in range(endpoints)]}]}, endpoint_pb2.ClusterLoadAssignment())))
    if routes:
        resources.append(pack(json_format.ParseDict({
            "name": "generated", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
                {"match": {"prefix": f"/r{index}/"}, "route": {"cluster": f"cluster-{index % max(1, count)}"}}
                for index in range(routes)]}]}, route_pb2.RouteConfiguration())))
    return resources


def obey(command, server):
    snapshot = server.snapshot
    if "order" in command:
        snapshot.order = command["order"]
    if "withhold" in command:
        snapshot.withheld = command["withhold"]
        snapshot.wake()
    if "fault" in command:
        snapshot.fault = command["fault"]
        snapshot.wake()
    if "set" in command or "remove" in command:
        snapshot.set(command.get("set", []), command.get("remove", []))
    if "generate" in command:
        wish = command["generate"]
        snapshot.set(
            generate(wish["clusters"], wish.get("endpoints", 1), wish.get("routes", 0), wish["port"],
                     wish.get("first", 0), wish.get("number", 1)), [])
    if "cut_after" in command:
        server.relay.cut_after(command["cut_after"])
    if "raw" in command:
        for stream in list(snapshot.streams):
            kind = discovery_pb2.DeltaDiscoveryResponse if stream.delta else discovery_pb2.DiscoveryResponse
            stream.inbox.put(json_format.ParseDict(command["raw"], kind()))
    if command.get("close"):
        for stream in list(snapshot.streams):
            stream.inbox.put("close")
    if command.get("stop"):
        server.stop()
    if command.get("start"):
        server.start()
    if command.get("state"):
        totals = collections.Counter()
        for stream in list(snapshot.streams):
            for short, subscription in stream.types.items():
                totals[short + ".names"] += len(subscription.names)
                totals[short + ".sent"] += len(subscription.sent)
                totals[short + ".answered"] += subscription.answered
                totals[short + ".refused"] += subscription.refused
        say(event="state", streams=len(snapshot.streams), change=snapshot.change, **totals)
    say(event="done")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unix")
    parser.add_argument("--relay", action="store_true")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--client-ca")
    server = Server(parser.parse_args(), Snapshot())
    restart.server = server
    server.start()
    for line in sys.stdin:
        if line.strip():
            try:
                obey(json.loads(line), server)
            except Exception as error:  # noqa: BLE001
                say(event="trouble", text=f"{type(error).__name__}: {error}")
    server.stop()


main()

"""Runs a proxy as Istio's agent starts it, under a control plane that sends what Istio's sends a sidecar.

usage: unshare --net istio_sidecar.py [--plain] PROGRAM ARGUMENT...

CONFIG among the arguments stands for the bootstrap's path; --plain leaves out the filters that only Istio's build of Envoy
has, and the ALPN name that promises one of them, so that Envoy itself can be run. Two services are in the mesh:
`reviews`, whose pod this is, and `ratings`, which takes mutual TLS only. Each speaks HTTP at port 9080 and bytes at 9100.
As Istio's, their peers would rather agree on `istio-peer-exchange`, and then begin with a header. The kernel redirects
the pod's connections to the proxy. Prints one JSON object: what came of each connection. Needs root, ip, nft, openssl,
and a Python with grpcio and xds-protos.
"""

import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading

from redirected import CLIENT, FILTERS, admin_page, exchange, get, listener, listener_filter, run, serve, stat, tcp, typed, wait

ADMIN = 15000
TRUST = "spiffe://cluster.local/ns/default/sa/"
EXCHANGE = "istio-peer-exchange"
# What Istio's filter puts before the first byte of each direction: a magic number, a length, and an Any.
EXCHANGE_HEADER = struct.pack(">II", 0x3D230467, 4) + b"\x0a\x02ab"
WRAPPED = "udpa.type.v1.TypedStruct"
ADS = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
FILE_LOG = [{"name": "envoy.access_loggers.file", "typed_config": typed(
    "envoy.extensions.access_loggers.file.v3.FileAccessLog", path="/dev/stdout", log_format={
        "text_format_source": {"inline_string": "[%START_TIME%] %REQ(:METHOD)% %RESPONSE_CODE% %UPSTREAM_CLUSTER_RAW%\n"}})}]


def prepare_network():
    run("ip", "link", "set", "lo", "up")
    for address in ("10.9.0.2/32", "10.9.0.3/32", "10.9.0.7/32", "10.9.0.8/32", CLIENT + "/32"):
        run("ip", "address", "add", address, "dev", "lo")
    run("nft", "-f", "-", text=f"""
        table ip sidecar {{
          chain output {{
            type nat hook output priority -100;
            ip saddr {CLIENT} ip daddr 10.9.0.7 tcp dport 1-14999 redirect to :15006
            ip saddr {CLIENT} ip daddr 10.9.0.0/16 tcp dport 1-14999 redirect to :15001
          }}
        }}
        """)


# Certificates

def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make_certificates(folder):
    """A root, a certificate of each service account with its SPIFFE name, and one of another trust domain."""
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-keyout", "root.key", "-out", "root.pem", "-subj", "/O=cluster.local")
    for account in ("reviews", "ratings", "stranger"):
        with open(os.path.join(folder, "names"), "w") as names:
            trust = "spiffe://elsewhere/ns/default/sa/" if account == "stranger" else TRUST
            names.write(f"subjectAltName=critical,URI:{trust}{account}\n")
        openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", f"{account}.key", "-out", f"{account}.csr", "-subj", "/O=cluster.local")
        openssl(folder, "x509", "-req", "-in", f"{account}.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
                "-days", "2", "-extfile", "names", "-out", f"{account}.pem")


def read(folder, name):
    with open(os.path.join(folder, name)) as file:
        return file.read()


def tls_context(folder, account, protocols, serves=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if serves else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(os.path.join(folder, "root.pem"))
    context.load_cert_chain(os.path.join(folder, f"{account}.pem"), os.path.join(folder, f"{account}.key"))
    context.set_alpn_protocols(protocols)
    return context


def answer(connection, text):
    """Answers one request with what the callable makes of it."""
    data = b""
    while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
        data += more
    body = text(data.decode("latin-1")).encode()
    connection.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    connection.close()


def accept(address, port, handle):
    server = socket.create_server((address, port))

    def loop():
        while True:
            threading.Thread(target=handle, args=(server.accept()[0],), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def serve_ratings(folder):
    """The peer of `ratings`: its sidecar takes mutual TLS only and tells who came, and by which protocol."""
    context = tls_context(folder, "ratings", [EXCHANGE, "istio"], serves=True)

    def secured(handle):
        def begin(raw):
            try:
                connection = context.wrap_socket(raw, server_side=True)
            except (ssl.SSLError, OSError):
                return
            protocol = connection.selected_alpn_protocol()
            if protocol == EXCHANGE:
                connection.sendall(EXCHANGE_HEADER)
            handle(connection, protocol)

        return begin

    def web(connection, protocol):
        names = [value for kind, value in connection.getpeercert().get("subjectAltName", ()) if kind == "URI"]
        answer(connection, lambda _: f"ratings for {names[0]} over {protocol}")

    def echo(connection, protocol):
        while data := connection.recv(65536):
            connection.sendall(f"ratings over {protocol}:".encode() + data)
        connection.close()

    accept("10.9.0.3", 9080, secured(web))
    accept("10.9.0.3", 9100, secured(echo))


def serve_reviews():
    """The pod's own service, which tells where its client seems to come from and what its certificate said."""

    def handle(connection):
        peer = connection.getpeername()[0]

        def text(request):
            lines = [line for line in request.split("\r\n") if line.lower().startswith("x-forwarded-client-cert: ")]
            return f"reviews for {peer} {lines[0].split(': ', 1)[1] if lines else 'without a certificate'}"

        answer(connection, text)

    accept("10.9.0.7", 9080, handle)


# What Istio sends

def without_wrapped(item):
    """The same without the filters that only Istio's build has."""
    if isinstance(item, dict):
        return {key: [name for name in value if name != EXCHANGE] if key == "alpn_protocols" else without_wrapped(value)
                for key, value in item.items()}
    if isinstance(item, list):
        of_istio = lambda each: any(name in str(each.get("typed_config", {}).get("@type")) for name in (WRAPPED, "/istio."))
        kept = [each for each in item if not of_istio(each)] if all(isinstance(each, dict) for each in item) else item
        return [without_wrapped(each) for each in kept]
    return item


def wrapped(name, type_url, **value):
    config = typed(WRAPPED, type_url=f"type.googleapis.com/{type_url}", value=value)
    return {"name": name, "typed_config": config}


def exchange_filter():
    return wrapped("istio.metadata_exchange", "envoy.tcp.metadataexchange.config.MetadataExchange",
                   enable_discovery=True, protocol=EXCHANGE)


def alpn_filter():
    """What says whose HTTP it is in the ALPN, at outbound listeners."""
    override = lambda protocol, own, plain: {"upstream_protocol": protocol, "alpn_override": [own, "istio", plain]}
    return {"name": "istio.alpn", "typed_config": typed(
        "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig", alpn_override=[
            override("HTTP10", "istio-http/1.0", "http/1.0"), override("HTTP11", "istio-http/1.1", "http/1.1"),
            override("HTTP2", "istio-h2", "h2")])}


def http_filters(outbound):
    plain = lambda name, message, **fields: {
        "name": f"envoy.filters.http.{name}", "typed_config": typed(f"{FILTERS}.http.{name}.v3.{message}", **fields)}
    return [
        wrapped("istio.metadata_exchange", "io.istio.http.peer_metadata.Config",
                upstream_discovery=[{"istio_headers": {}}], upstream_propagation=[{"istio_headers": {}}]),
        plain("grpc_stats", "FilterConfig", emit_filter_state=True, stats_for_all_methods=False),
        *([alpn_filter()] if outbound else []), plain("fault", "HTTPFault"), plain("cors", "Cors"),
        wrapped("istio.stats", "stats.PluginConfig", disable_host_header_fallback=True),
        plain("router", "Router"),
    ]


def manager(prefix, **fields):
    config = typed(
        f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager", stat_prefix=prefix, access_log=FILE_LOG,
        http_filters=http_filters(prefix.startswith("outbound")), use_remote_address=False, stream_idle_timeout="0s", normalize_path=True,
        path_with_escaped_slashes_action="KEEP_UNCHANGED", upgrade_configs=[{"upgrade_type": "websocket"}],
        tracing={"client_sampling": {"value": 100}, "random_sampling": {"value": 1}, "overall_sampling": {"value": 100},
                 "custom_tags": [{"tag": "istio.mesh_id", "literal": {"value": "cluster.local"}}]},
        request_id_extension={"typed_config": typed(
            "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig", use_request_id_for_trace_sampling=True)}, **fields)
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": config}


def inspectors():
    return [listener_filter("tls_inspector", "TlsInspector"), listener_filter("http_inspector", "HttpInspector")]


def secret(name):
    agent = {"api_type": "GRPC", "transport_api_version": "V3", "set_node_on_first_message_only": True,
             "grpc_services": [{"envoy_grpc": {"cluster_name": "sds-grpc"}}]}
    return {"name": name, "sds_config": {
        "api_config_source": agent, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}}


def common_tls(protocols, names):
    return {
        "alpn_protocols": protocols,
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificate_sds_secret_configs": [secret("default")],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": [{"san_type": "URI", "matcher": names}]},
            "validation_context_sds_secret_config": secret("ROOTCA")}}


def stats_filter():
    return wrapped("istio.stats", "stats.PluginConfig", reporter="SERVER_GATEWAY")


def inbound_tls():
    return {"name": "envoy.transport_sockets.tls", "typed_config": typed(
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", require_client_certificate=True,
        common_tls_context=common_tls([EXCHANGE, "h2", "http/1.1"], {"prefix": "spiffe://cluster.local/"}))}


def inbound_chain(name, matches, tls):
    chain = {"name": name, "filter_chain_match": matches, "filters": [
        exchange_filter(),
        manager("inbound_0.0.0.0_9080", server_name="istio-envoy", forward_client_cert_details="APPEND_FORWARD",
                set_current_client_cert_details={"subject": True, "dns": True, "uri": True},
                route_config={"name": "inbound|9080||", "validate_clusters": False, "virtual_hosts": [{
                    "name": "inbound|http|9080", "domains": ["*"], "routes": [{
                        "name": "default", "match": {"prefix": "/"},
                        "decorator": {"operation": "reviews.default.svc.cluster.local:9080/*"},
                        "route": {"cluster": "inbound|9080||", "timeout": "0s", "max_stream_duration": {
                            "max_stream_duration": "0s", "grpc_timeout_header_max": "0s"}}}]}]})]}
    if tls:
        chain["transport_socket"] = inbound_tls()
    return chain


def listeners():
    outbound = {"traffic_direction": "OUTBOUND", "listener_filters_timeout": "0s",
                "continue_on_listener_filters_timeout": True}
    inbound = {**outbound, "traffic_direction": "INBOUND"}
    passthrough = {"name": "PassthroughFilterChain", "filters": [exchange_filter(), *tcp("PassthroughCluster")]}
    of_mesh = ["istio", EXCHANGE, "istio-http/1.0", "istio-http/1.1", "istio-h2"]
    return [
        listener("virtualOutbound", "127.0.0.1", 15001, use_original_dst=True, **outbound, filter_chains=[{
            "name": "virtualOutbound-blackhole", "filter_chain_match": {"destination_port": 15001},
            "filters": tcp("BlackHoleCluster")}], default_filter_chain=passthrough),
        listener("0.0.0.0_9080", "0.0.0.0", 9080, bind_to_port=False, listener_filters=inspectors(), **outbound,
                 default_filter_chain=passthrough, filter_chains=[{
                     "filter_chain_match": {
                         "transport_protocol": "raw_buffer", "application_protocols": ["http/1.1", "h2c"]},
                     "filters": [manager("outbound_0.0.0.0_9080", rds={"config_source": ADS, "route_config_name": "9080"})]}]),
        listener("10.9.0.8_9100", "10.9.0.8", 9100, bind_to_port=False, **outbound, filter_chains=[
            {"filters": [exchange_filter(), stats_filter(), *tcp(of_ratings(9100))]}]),
        listener("virtualInbound", "0.0.0.0", 15006, **inbound,
                 listener_filters=[listener_filter("original_dst", "OriginalDst"), *inspectors()],
                 filter_chains=[
                     inbound_chain("0.0.0.0_9080", {
                         "destination_port": 9080, "transport_protocol": "tls", "application_protocols": of_mesh}, True),
                     inbound_chain("0.0.0.0_9080-plain", {
                         "destination_port": 9080, "transport_protocol": "raw_buffer"}, False),
                     {"name": "0.0.0.0_9100", "transport_socket": inbound_tls(),
                      "filter_chain_match": {"destination_port": 9100, "transport_protocol": "tls",
                                             "application_protocols": of_mesh},
                      "filters": [exchange_filter(), stats_filter(), *tcp("inbound|9100||")]}],
                 default_filter_chain={
                     "name": "virtualInbound-catchall", "filters": tcp("InboundPassthroughCluster")}),
    ]


def route_configuration():
    host = "ratings.default.svc.cluster.local"
    retry = {"retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes", "num_retries": 2,
             "retriable_status_codes": [503], "host_selection_retry_max_attempts": "5",
             "retry_host_predicate": [{"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": typed(
                 "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate")}]}
    route = lambda cluster, **fields: {"cluster": cluster, "timeout": "0s", **fields}
    return {
        "name": "9080", "validate_clusters": False, "max_direct_response_body_size_bytes": 1048576,
        "ignore_port_in_host_matching": True, "virtual_hosts": [
            {"name": f"{host}:9080", "domains": [host, "ratings", "ratings.default.svc", "ratings.default", "10.96.1.1"],
             "include_request_attempt_count": True, "routes": [{
                 "name": "default", "match": {"prefix": "/"}, "decorator": {"operation": f"{host}:9080/*"},
                 "route": route(f"outbound|9080||{host}", retry_policy=retry),
                 "metadata": {"filter_metadata": {"istio": {"config": "/apis/networking.istio.io/v1/virtual-service/x"}}}}]},
            {"name": "allow_any", "domains": ["*"], "include_request_attempt_count": True, "routes": [
                {"name": "allow_any", "match": {"prefix": "/"}, "route": route("PassthroughCluster")}]}]}


def of_ratings(port):
    return f"outbound|{port}||ratings.default.svc.cluster.local"


def clusters():
    limit = 4294967295
    common = {
        "connect_timeout": "10s", "circuit_breakers": {"thresholds": [{
            "max_connections": limit, "max_pending_requests": limit, "max_requests": limit, "max_retries": limit,
            "track_remaining": True}]}}
    original = {**common, "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED"}
    bound = {"upstream_bind_config": {"source_address": {"address": "127.0.0.6", "port_value": 0}}}
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

    def inbound(port):
        return {"name": f"inbound|{port}||", **original, **bound, "cleanup_interval": "60s", "metadata": {"filter_metadata": {
            "istio": {"services": [{"host": "reviews.default.svc.cluster.local", "name": "reviews"}]}}}}

    def ratings(port):
        name = of_ratings(port)
        tls = typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                    sni=f"outbound_.{port}_._.ratings.default.svc.cluster.local",
                    common_tls_context=common_tls([EXCHANGE, "istio"], {"exact": TRUST + "ratings"}))
        return {
            "name": name, **common, "type": "EDS", "lb_policy": "LEAST_REQUEST",
            "eds_cluster_config": {"eds_config": ADS, "service_name": name}, "filters": [exchange_filter()],
            "common_lb_config": {"locality_weighted_lb_config": {}, "healthy_panic_threshold": {}},
            "transport_socket_matches": [
                {"name": "tlsMode-istio", "match": {"tlsMode": "istio"}, "transport_socket": {
                    "name": "envoy.transport_sockets.tls", "typed_config": tls}},
                {"name": "tlsMode-disabled", "match": {}, "transport_socket": {
                    "name": "envoy.transport_sockets.raw_buffer", "typed_config": typed(
                        "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer")}}]}

    return [
        {"name": "BlackHoleCluster", "type": "STATIC", "connect_timeout": "10s"},
        {"name": "PassthroughCluster", **original, "filters": [exchange_filter()],
         "typed_extension_protocol_options": {options: typed(
             options, common_http_protocol_options={"idle_timeout": "300s"}, use_downstream_protocol_config={
                 "http_protocol_options": {}, "http2_protocol_options": {"max_concurrent_streams": 1073741824}})}},
        {"name": "InboundPassthroughCluster", **original, **bound},
        inbound(9080), inbound(9100), ratings(9080), ratings(9100),
    ]


def endpoints(port):
    return {"cluster_name": of_ratings(port), "endpoints": [{
        "locality": {"region": "r", "zone": "z"}, "load_balancing_weight": 1, "lb_endpoints": [{
            "endpoint": {"address": {"socket_address": {"address": "10.9.0.3", "port_value": port}}},
            "health_status": "HEALTHY", "load_balancing_weight": 1, "metadata": {"filter_metadata": {
                "envoy.transport_socket_match": {"tlsMode": "istio"},
                "istio": {"workload": "ratings-v1;default;ratings;v1;Kubernetes"}}}}]}]}


def secrets(folder):
    inline = lambda name: {"inline_string": read(folder, name)}
    return [
        {"name": "default", "tls_certificate": {
            "certificate_chain": inline("reviews.pem"), "private_key": inline("reviews.key")}},
        {"name": "ROOTCA", "validation_context": {"trusted_ca": inline("root.pem")}},
    ]


def resources(folder):
    packed = lambda name, messages: [typed(name, **message) for message in messages]
    return (packed("envoy.config.cluster.v3.Cluster", clusters()) + packed("envoy.config.listener.v3.Listener", listeners())
            + packed("envoy.config.route.v3.RouteConfiguration", [route_configuration()])
            + packed("envoy.config.endpoint.v3.ClusterLoadAssignment", [endpoints(9080), endpoints(9100)])
            + packed("envoy.extensions.transport_sockets.tls.v3.Secret", secrets(folder)))


def bootstrap(unix):
    """As Istio's agent writes it: static listeners and clusters of its own, all else by delta ADS over its unix socket."""
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    agent = lambda name: {
        "name": name, "type": "STATIC", "connect_timeout": "1s",
        "typed_extension_protocol_options": {options: typed(
            options, explicit_http_config={"http2_protocol_options": {}})},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": {"pipe": {"path": unix}}}}]}]}}
    at = lambda address, port: {"socket_address": {"protocol": "TCP", "address": address, "port_value": port}}
    near = lambda name, port: {
        "name": name, "type": "STATIC", "connect_timeout": "0.250s", "lb_policy": "ROUND_ROBIN",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": at("127.0.0.1", port)}}]}]}}

    def page(prefix, port, path, cluster):
        routes = {"virtual_hosts": [{"name": "backend", "domains": ["*"], "routes": [
            {"match": {"prefix": path}, "route": {"cluster": cluster}}]}]}
        config = typed(
            f"{FILTERS}.network.http_connection_manager.v3.HttpConnectionManager", codec_type="AUTO", stat_prefix=prefix,
            route_config=routes, http_filters=[
                {"name": "envoy.filters.http.router", "typed_config": typed(f"{FILTERS}.http.router.v3.Router")}])
        return {"address": at("0.0.0.0", port), "bypass_overload_manager": True, "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": config}]}]}

    connections = typed("envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        max_active_downstream_connections="2147483647")
    return {
        "bootstrap_extensions": [wrapped(
            "envoy.bootstrap.internal_listener", "envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
            buffer_size_kb=64)],
        "overload_manager": {"refresh_interval": "0.25s", "resource_monitors": [
            {"name": "envoy.resource_monitors.global_downstream_max_connections", "typed_config": connections}]},
        "application_log_config": {"log_format": {"text_format": "%Y\t%l\t%v"}},
        "node": {"id": "sidecar~10.9.0.7~reviews-v1.default~default.svc.cluster.local", "cluster": "reviews.default",
                 "locality": {}, "metadata": {"CLUSTER_ID": "Kubernetes", "ISTIO_VERSION": "1.27.0", "NAMESPACE": "default"}},
        "layered_runtime": {"layers": [
            {"name": "global config", "static_layer": {"re2.max_program_size.error_level": "32768"}},
            {"name": "admin", "admin_layer": {}}]},
        "stats_config": {"use_all_default_tags": False, "stats_tags": [{"tag_name": "cluster_name", "regex": "^cluster\\.(.+?)\\."}]},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": ADMIN}}},
        "dynamic_resources": {
            "lds_config": ADS, "cds_config": ADS,
            "ads_config": {"api_type": "DELTA_GRPC", "transport_api_version": "V3", "set_node_on_first_message_only": True,
                           "grpc_services": [{"envoy_grpc": {"cluster_name": "xds-grpc"}}]}},
        "static_resources": {
            "clusters": [near("prometheus_stats", ADMIN), near("agent", 15020), agent("sds-grpc"), agent("xds-grpc")],
            "listeners": [page("stats", 15090, "/stats/prometheus", "prometheus_stats"),
                          page("agent", 15021, "/healthz/ready", "agent")]},
    }


# The scene

def tls_get(folder, account):
    """A request of another pod of the mesh to this one: what comes back, or that the handshake failed."""
    context = tls_context(folder, account, ["istio-http/1.1"])
    try:
        with socket.create_connection(("10.9.0.7", 9080), timeout=5, source_address=(CLIENT, 0)) as raw:
            with context.wrap_socket(raw, server_hostname="outbound_.9080_._.reviews") as client:
                client.sendall(b"GET / HTTP/1.1\r\nhost: reviews\r\nconnection: close\r\n\r\n")
                got = b""
                while more := client.recv(65536):
                    got += more
                text = got.decode("latin-1")
                # With TLS 1.3 the refusal comes after the client's handshake.
                return text.split(" ")[1] + " " + text.split("\r\n\r\n", 1)[1]
    except (OSError, IndexError):
        return "refused"


def tls_exchange(folder, account):
    """Bytes of another pod of the mesh to this one: what comes back."""
    context = tls_context(folder, account, [EXCHANGE, "istio"])
    try:
        with socket.create_connection(("10.9.0.7", 9100), timeout=5, source_address=(CLIENT, 0)) as raw:
            with context.wrap_socket(raw, server_hostname="outbound_.9100_._.reviews") as client:
                if client.selected_alpn_protocol() == EXCHANGE:
                    client.sendall(EXCHANGE_HEADER)
                client.sendall(b"hello")
                got = b""
                while len(got) < len("reviews:hello") and (more := client.recv(65536)):
                    got += more
                return got.decode("latin-1")
    except OSError as error:
        return f"failed: {error}"


def page_of(port, path):
    """The status of a page, and whether it is a metrics page. Scrapers and probes name the pod by its address."""
    text = exchange("127.0.0.1", port, f"GET {path} HTTP/1.1\r\nhost: 10.9.0.7:{port}\r\nconnection: close\r\n\r\n".encode(), expected=10**8)
    return text.split(" ")[1] + (" of metrics" if "envoy_server_live" in text else "")


def main():
    prepare_network()
    with tempfile.TemporaryDirectory() as folder:
        make_certificates(folder)
        serve_ratings(folder)
        serve_reviews()
        serve("10.9.0.2", 9080, "elsewhere")
        serve("10.9.0.7", 9100, "reviews")
        serve("127.0.0.1", 15020, "agent")
        unix = os.path.join(folder, "xds")
        here = os.path.dirname(os.path.abspath(__file__))
        plane = subprocess.Popen(
            [sys.executable, os.path.join(here, "control_plane.py"), "--unix", unix], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        said = []
        threading.Thread(target=lambda: said.extend(json.loads(line) for line in plane.stdout), daemon=True).start()
        plain = "--plain" in sys.argv
        sent = without_wrapped(resources(folder)) if plain else resources(folder)
        plane.stdin.write(json.dumps({"set": sent}) + "\n")
        plane.stdin.flush()
        config = os.path.join(folder, "envoy-rev.json")
        with open(config, "w") as file:
            json.dump(bootstrap(unix), file)
        with open(os.path.join(folder, "log"), "w+") as log:
            words = [config if word == "CONFIG" else word for word in sys.argv[1:] if word != "--plain"]
            proxy = subprocess.Popen(words, stdout=log, stderr=log)
            try:
                if not wait(lambda: "LIVE" in admin_page(ADMIN, "/ready") and (stat(ADMIN, "listener_manager.listener_create_success") or 0) >= 12):
                    refusals = [event.get("error") or event for event in said if event.get("error") or event["event"] == "trouble"]
                    log.seek(0)
                    sys.exit(f"the proxy is not ready: {refusals}\n{said[-5:]}\n{log.read()[-4000:]}")
                results = {
                    "outbound to a service of the mesh": get("10.9.0.3", 9080, "ratings"),
                    "outbound to a host that nobody knows": get("10.9.0.2", 9080, "unknown"),
                    "inbound without TLS": get("10.9.0.7", 9080, "reviews"),
                    "inbound with mutual TLS": tls_get(folder, "ratings"),
                    "inbound from another trust domain": tls_get(folder, "stranger"),
                    "outbound bytes to a service of the mesh": exchange(
                        "10.9.0.8", 9100, b"hello", expected=len("ratings over istio:hello")),
                    "inbound bytes with mutual TLS": tls_exchange(folder, "ratings"),
                    "the page of metrics": page_of(15090, "/stats/prometheus"),
                    "the page of health": page_of(15021, "/healthz/ready"),
                    "refused resources": [event["error"] for event in said if event.get("error")],
                    "updates refused": [
                        stat(ADMIN, "cluster_manager.cds.update_rejected"), stat(ADMIN, "listener_manager.lds.update_rejected")],
                }
            finally:
                proxy.terminate()
                try:
                    proxy.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    proxy.kill()
                plane.kill()
    print(json.dumps(results))


if __name__ == "__main__":
    main()

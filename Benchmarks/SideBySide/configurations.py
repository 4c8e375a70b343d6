"""Configuration files of the contenders, for the same work.

Same work means: one worker, access log off, counters on, upstream connections kept and shared, and in every request that
goes upstream `x-forwarded-for`, `x-forwarded-proto` and a fresh `x-request-id`, as Envoy writes them (Traefik has no
request id; the floor changes nothing).
"""

import json
import os
from dataclasses import dataclass

from scenarios import CURRENCY

HCM = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
LUA = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"
TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
HTTP_OPTIONS = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


@dataclass(frozen=True)
class Plan:
    """What a proxy is to do, in nobody's configuration language."""

    directory: str
    listen_port: int
    admin_port: int
    upstream_port: int
    downstream: str = "h1"
    upstream: str = "h1"
    script: str = ""  # the text of a Lua filter
    routes: int = 0
    clusters: int = 1
    certificate: str = ""
    key: str = ""

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def prefixes(self):
        """(prefix, cluster) in the order of matching: routes that miss, one for each further cluster, the one that hits."""
        missing = [(f"/route/{index:04}/", "service") for index in range(self.routes)]
        spread = [(f"/cluster/{index:04}/", f"service-{index:04}") for index in range(1, self.clusters)]
        return missing + spread + [("/hit" if self.routes else "/", "service")]

    def cluster_names(self):
        return ["service"] + [f"service-{index:04}" for index in range(1, self.clusters)]


def yaml(value, indent=0):
    """Block YAML of dictionaries, lists and scalars; strings are quoted as JSON, which YAML includes."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        lines = []
        for key, item in value.items():
            name = json.dumps(key) if key.startswith("@") else key
            if isinstance(item, (dict, list)) and item:
                lines.append(f"{pad}{name}:\n{yaml(item, indent + (1 if isinstance(item, dict) else 0))}")
            else:
                lines.append(f"{pad}{name}: {json.dumps(item)}")
        return "\n".join(lines)
    if isinstance(value, list) and value:
        items = []
        for item in value:
            text = yaml(item, indent + 1)
            items.append(f"{pad}- {text.lstrip()}" if isinstance(item, (dict, list)) else f"{pad}- {json.dumps(item)}")
        return "\n".join(items)
    return pad + json.dumps(value)


def address(port):
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def envoy(plan):
    """The bootstrap that Envoy and Heddle both get, byte for byte but for the ports."""
    filters = []
    routes = [{"match": {"prefix": prefix}, "route": {"cluster": cluster}} for prefix, cluster in plan.prefixes()]
    if plan.script:
        filters.append({"name": "envoy.filters.http.lua", "typed_config": {
            "@type": LUA, "default_source_code": {"inline_string": plan.script}}})
        if "clearRouteCache" in plan.script:
            by_header = [{"name": "x-lua", "string_match": {"exact": CURRENCY}}]
            routes.insert(0, {"match": {"prefix": "/", "headers": by_header}, "route": {"cluster": "service"}})
    filters.append({"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}})
    chain = {"filters": [{
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": HCM,
            "stat_prefix": "ingress",
            "use_remote_address": True,
            "route_config": {"name": "local", "virtual_hosts": [{
                "name": "all",
                "domains": ["*"],
                "routes": routes}]},
            "http_filters": filters,
        },
    }]}
    if plan.downstream == "tls":
        chain["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": {
            "@type": TLS,
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificates": [{
                    "certificate_chain": {"filename": plan.certificate}, "private_key": {"filename": plan.key}}]}}}
    bootstrap = {
        "admin": {"address": address(plan.admin_port)},
        "static_resources": {
            "listeners": [{"name": "ingress", "address": address(plan.listen_port), "filter_chains": [chain]}],
            "clusters": [_envoy_cluster(plan, name) for name in plan.cluster_names()],
        },
    }
    return plan.write("envoy.yaml", yaml(bootstrap) + "\n")


def _envoy_cluster(plan, name):
    cluster = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(plan.upstream_port)}}]}]},
    }
    if plan.upstream == "h2":
        cluster["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": HTTP_OPTIONS, "explicit_http_config": {"http2_protocol_options": {}}}}
    return cluster


def haproxy(plan):
    bind = {"h1": "", "h2": " proto h2", "tls": f" ssl crt {plan.directory}/both.pem alpn h2,http/1.1"}[plan.downstream]
    proto = " proto h2" if plan.upstream == "h2" else ""
    if plan.downstream == "tls":
        with open(plan.certificate, encoding="ascii") as first, open(plan.key, encoding="ascii") as second:
            plan.write("both.pem", first.read() + second.read())
    rules = [f"    use_backend {cluster} if {{ path_beg {prefix} }}" for prefix, cluster in plan.prefixes()]
    backends = [f"backend {name}\n    server one 127.0.0.1:{plan.upstream_port}{proto}" for name in plan.cluster_names()]
    scheme = "https" if plan.downstream == "tls" else "http"
    return plan.write("haproxy.cfg", "\n".join([
        "global",
        "    nbthread 1",
        "    no strict-limits",
        "    maxconn 20000",
        f"    stats socket {plan.directory}/haproxy.sock",
        "defaults",
        "    mode http",
        "    http-reuse always",
        "    option forwardfor",
        "    timeout connect 5s",
        "    timeout client 600s",
        "    timeout server 600s",
        "    timeout http-keep-alive 600s",
        "frontend ingress",
        f"    bind 127.0.0.1:{plan.listen_port}{bind}",
        "    http-request set-header x-request-id %[uuid]",
        f"    http-request set-header x-forwarded-proto {scheme}",
        *rules,
        *backends,
        "",
    ]))


def nginx_common(directory):
    """What the proxy and the upstream that is an nginx have in common."""
    user = "user root;\n" if os.geteuid() == 0 else ""
    temporary = "".join(f"  {kind}_temp_path {directory}/{kind};\n"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    head = (f"{user}worker_processes 1;\ndaemon off;\npid {directory}/nginx.pid;\nerror_log stderr crit;\n"
            "worker_rlimit_nofile 20000;\nevents {\n  worker_connections 15000;\n}\n")
    http = (f"{temporary}  access_log off;\n  keepalive_timeout 600s;\n  keepalive_requests 1000000000;\n"
            "  client_body_buffer_size 128k;\n")
    return head, http


def nginx(plan):
    head, http = nginx_common(plan.directory)
    listen = {"h1": "", "h2": " http2", "tls": " ssl"}[plan.downstream]
    tls = f"    ssl_certificate {plan.certificate};\n    ssl_certificate_key {plan.key};\n    ssl_protocols TLSv1.3;\n"
    # nginx speaks HTTP/2 to an upstream only as gRPC.
    kind = "grpc" if plan.upstream == "h2" else "proxy"
    scheme = "grpc" if plan.upstream == "h2" else "http"
    upstreams = "".join(
        f"  upstream {name} {{\n    server 127.0.0.1:{plan.upstream_port};\n    keepalive 128;\n"
        "    keepalive_requests 1000000000;\n    keepalive_timeout 600s;\n  }\n" for name in plan.cluster_names())
    locations = "".join(
        f"    location {prefix} {{ {kind}_pass {scheme}://{cluster}; }}\n" for prefix, cluster in plan.prefixes())
    settings = (f"    {kind}_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
                f"    {kind}_set_header X-Forwarded-Proto $scheme;\n"
                f"    {kind}_set_header X-Request-Id $request_id;\n"
                f"    {kind}_set_header Host $http_host;\n")
    if kind == "proxy":
        settings += ("    proxy_http_version 1.1;\n    proxy_set_header Connection \"\";\n    proxy_buffers 16 8k;\n"
                     "    proxy_max_temp_file_size 0;\n    proxy_request_buffering off;\n")
    return plan.write("nginx.conf", (
        f"{head}http {{\n{http}{upstreams}  server {{\n    listen 127.0.0.1:{plan.listen_port}{listen};\n"
        f"{tls if plan.downstream == 'tls' else ''}{settings}"
        f"    location = /status {{ stub_status; }}\n{locations}  }}\n}}\n"))


def traefik(plan):
    scheme = "h2c" if plan.upstream == "h2" else "http"
    routers = {f"r{index:04}": {"rule": f"PathPrefix(`{prefix}`)", "service": cluster, "entryPoints": ["ingress"],
                                **({"tls": {}} if plan.downstream == "tls" else {})}
               for index, (prefix, cluster) in enumerate(plan.prefixes())}
    services = {name: {"loadBalancer": {"servers": [{"url": f"{scheme}://127.0.0.1:{plan.upstream_port}"}]}}
                for name in plan.cluster_names()}
    dynamic = {"http": {"routers": routers, "services": services}}
    if plan.downstream == "tls":
        dynamic["tls"] = {"certificates": [{"certFile": plan.certificate, "keyFile": plan.key}]}
    dynamic_path = plan.write("dynamic.yaml", yaml(dynamic) + "\n")
    return plan.write("traefik.yaml", yaml({
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "ERROR"},
        "entryPoints": {
            "ingress": {"address": f"127.0.0.1:{plan.listen_port}",
                        "transport": {"respondingTimeouts": {"idleTimeout": "600s"}}},
            "metrics": {"address": f"127.0.0.1:{plan.admin_port}"}},
        "metrics": {"prometheus": {"entryPoint": "metrics"}},
        "providers": {"file": {"filename": dynamic_path, "watch": False}},
    }) + "\n")

"""The work that contenders are compared on, as a table."""

from dataclasses import dataclass

ALL = frozenset({"heddle", "envoy", "haproxy", "nginx", "traefik", "floor"})
SMALL, LARGE = 1024, 64 * 1024


@dataclass(frozen=True)
class Scenario:
    """One row: what the client does, what the proxy has to do, and who can take part."""

    name: str
    title: str
    group: str
    contenders: frozenset = ALL
    downstream: str = "h1"  # h1, h2 (prior knowledge on plaintext), tls (HTTP/1 in TLS)
    upstream: str = "h1"  # h1, h2
    path: str = "/small"
    connections: int = 32
    streams: int = 1
    extra_headers: int = 0
    upload: int = 0  # bytes of the request's body
    lua: bool = False
    routes: int = 0  # prefix routes that stand before the one that matches


SCENARIOS = [
    Scenario("h1", "HTTP/1.1 keep-alive, 1 KiB, 32 connections", "h1"),
    Scenario("h1-headers", "the same with 12 more request headers", "h1-headers", extra_headers=12),
    Scenario("h2-8x10", "HTTP/2 to HTTP/2, 1 KiB, 8 connections with 10 streams", "h2", ALL,
             "h2", "h2", connections=8, streams=10),
    Scenario("h2-32x1", "HTTP/2 to HTTP/2, 1 KiB, 32 connections with 1 stream", "h2", ALL,
             "h2", "h2", connections=32),
    Scenario("tls", "TLS 1.3 downstream, HTTP/1.1 keep-alive, 1 KiB, 32 connections", "tls", ALL - {"floor"}, "tls"),
    Scenario("lua", "a Lua filter that reads a header and adds one, else as h1", "lua",
             frozenset({"heddle", "envoy"}), lua=True),
    Scenario("routes-1", "one prefix route", "routes", ALL - {"floor"}, path="/hit/small"),
    Scenario("routes-1000", "1,000 prefix routes before the one that matches", "routes", ALL - {"floor"},
             path="/hit/small", routes=1000),
    Scenario("body-64k", "64 KiB response bodies, 32 connections", "bodies", path="/large"),
    Scenario("upload-64k", "64 KiB request bodies, 32 connections", "bodies", path="/upload", upload=LARGE),
]

# Measured otherwise than by load: see idle.py and steady.py.
IDLE = ["memory", "start", "connections"]
STEADY = ["allocations", "flat"]

EXTRA_HEADERS = {
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "accept-encoding": "gzip, deflate, br, zstd",
    "accept-language": "en-GB,en;q=0.5",
    "cache-control": "no-cache",
    "cookie": "session=0f8fad5b-d9cb-469f-a165-70867728950e; theme=dark; consent=1",
    "dnt": "1",
    "origin": "https://shop.example.com",
    "pragma": "no-cache",
    "referer": "https://shop.example.com/cart/checkout?step=3",
    "sec-fetch-mode": "navigate",
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
    "x-tenant": "tenant-0042",
}

LUA_SCRIPT = """\
function envoy_on_request(handle)
  local host = handle:headers():get(":authority")
  handle:headers():add("x-lua", host)
end
"""

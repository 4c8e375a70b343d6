"""The work that contenders are compared on, as a table."""

import json
import os
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))

ALL = frozenset({"heddle", "envoy", "haproxy", "nginx", "traefik", "floor"})
SCRIPTED = frozenset({"heddle", "envoy"})
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
    script: str = ""  # a file of scripts/, or one for each contender (json-heddle.lua)
    base: str = ""  # the scenario without the script: what is more than it is what the script costs
    routes: int = 0  # prefix routes that stand before the one that matches


SCENARIOS = [
    Scenario("h1", "HTTP/1.1 keep-alive, 1 KiB, 32 connections", "h1"),
    Scenario("h1-headers", "the same with 12 more request headers", "h1-headers", extra_headers=12),
    Scenario("h2-8x10", "HTTP/2 to HTTP/2, 1 KiB, 8 connections with 10 streams", "h2", ALL,
             "h2", "h2", connections=8, streams=10),
    Scenario("h2-32x1", "HTTP/2 to HTTP/2, 1 KiB, 32 connections with 1 stream", "h2", ALL,
             "h2", "h2", connections=32),
    Scenario("tls", "TLS 1.3 downstream, HTTP/1.1 keep-alive, 1 KiB, 32 connections", "tls", ALL - {"floor"}, "tls"),
    Scenario("lua-none", "no Lua filter, as h1", "lua", SCRIPTED),
    Scenario("lua-empty", "a Lua filter whose hook does nothing", "lua", SCRIPTED, script="empty", base="lua-none"),
    Scenario("lua", "a Lua filter that reads a header and adds one", "lua", SCRIPTED, script="header", base="lua-none"),
    Scenario("lua-body", "1 KiB of JSON in the request, no Lua filter", "lua-json", SCRIPTED, path="/upload", upload=SMALL),
    Scenario("lua-json", "a Lua filter that routes by a field of 1 KiB of JSON", "lua-json", SCRIPTED, path="/upload",
             upload=SMALL, script="json", base="lua-body"),
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

# What scripts write into x-lua, but for the one that writes the authority.
CURRENCY = "EUR"


def script_text(name, contender):
    """The script for a contender: its own where there is one (`json-heddle.lua`), else the one of all."""
    paths = [os.path.join(HERE, "scripts", f"{stem}.lua") for stem in (f"{name}-{contender}", name)]
    with open(next(path for path in paths if os.path.exists(path)), encoding="ascii") as file:
        return file.read()


def body_of(scenario):
    """The body of its requests: an order as JSON where a script may look into it, else letters."""
    if scenario.upload == SMALL:
        return json_order(SMALL)
    return "0123456789abcdef" * (scenario.upload // 16)


def json_order(size):
    """An order of a shop, of so many bytes; the field that scripts look for stands in its middle."""
    def order(note):
        return json.dumps({
            "id": "0f8fad5b-d9cb-469f-a165-70867728950e", "created": "2026-11-30T10:00:00Z", "version": 3,
            "customer": {"id": 417, "email": "someone@example.com", "tags": ["returning", "newsletter"], "vip": False,
                         "address": {"street": "1600 Amphitheatre Parkway", "zip": "94043", "country": "Germany"}},
            "order": {"channel": "web", "gift": None, "discount": -2.5,
                      "payment": {"method": "card", "amount": {"units": 119, "nanos": 990000000, "currency": CURRENCY}},
                      "items": [{"sku": f"OLJCESPC7Z-{index}", "quantity": index, "price": 19.99} for index in range(1, 7)]},
            "note": note})
    return order("x" * (size - len(order(""))))

"""Before anything is measured: does each contender do the same work?"""

import json
import re
import subprocess
import time

import load
from processes import HarnessError
from scenarios import CURRENCY, EXTRA_HEADERS, LARGE, SMALL, body_of


def check(contender, scenario, port):
    """Raises where the contender's answer, or what the upstream saw, is not what the scenario asks for."""
    def expect(what, actual, wanted):
        if actual != wanted:
            raise HarnessError(f"{contender.name}, {scenario.name}: {what} is {actual!r} and not {wanted!r}")

    prefix, _, page = scenario.path.rpartition("/")
    _wait_until_ready(contender, scenario, port, f"{prefix}/saw")
    seen = [json.loads(_get(scenario, port, f"{prefix}/saw", sends=bool(scenario.base))[1]) for _ in range(3)]
    last = seen[-1]
    expect("the protocol towards the upstream", last["protocol"], "HTTP/2.0" if scenario.upstream == "h2" else "HTTP/1.1")
    # Envoy writes the machine's own address where the client is on loopback, so that only its presence is compared.
    expect("whether x-forwarded-for is there", bool(last["forwarded_for"]), "x-forwarded-for" in contender.adds)
    if "x-request-id" in contender.adds:
        expect("the number of different request ids in 3", len({one["request_id"] for one in seen} - {""}), 3)
    written = {"header": f"127.0.0.1:{port}", "json": CURRENCY}.get(scenario.script, "")
    expect("the header that the script adds", last["lua"], written)
    if scenario.extra_headers:
        expect("an extra header", last["tenant"], EXTRA_HEADERS["x-tenant"])
    if contender.name != "floor" and int(last["requests"]) < 2:
        raise HarnessError(f"{contender.name}, {scenario.name}: the upstream connection is not used again")

    status, body = _get(scenario, port, f"{prefix}/{page}", sends=True)
    expect("the status", status, "200")
    expect("the length of the body", len(body), LARGE if page == "large" else SMALL)


def _wait_until_ready(contender, scenario, port, path, seconds=20):
    """Some listen before they know their routes or their certificate."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            status, _ = _get(scenario, port, path)
            problem = f"still status {status}"
        except HarnessError as error:
            status, problem = "", str(error)
        if status == "200":
            return
        if time.monotonic() > deadline:
            raise HarnessError(f"{contender.name}, {scenario.name}: not ready after {seconds} s: {problem}")
        time.sleep(0.05)


def _get(scenario, port, path, sends=False):
    """- sends: the scenario's body goes with the request, if it has one."""
    scheme = "https" if scenario.downstream == "tls" else "http"
    version = "--http2-prior-knowledge" if scenario.downstream == "h2" else "--http1.1"
    headers = list(EXTRA_HEADERS.items())[:scenario.extra_headers]
    fields = [part for name, value in headers for part in ("-H", f"{name}: {value}")]
    data = ["--data-binary", "@-", "-H", "expect:"] if sends and scenario.upload else []
    result = subprocess.run(
        ["curl", "-sS", "-k", "-m", "10", version, *fields, *data, "-w", "\n%{http_code} %{http_version}",
         f"{scheme}://127.0.0.1:{port}{path}"], input=body_of(scenario) if data else "", capture_output=True, text=True)
    if result.returncode != 0:
        raise HarnessError(f"no answer on port {port}: {result.stderr.strip()}")
    body, _, end = result.stdout.rpartition("\n")
    status, protocol = end.split()
    wanted = "2" if scenario.downstream == "h2" else "1.1"
    if protocol != wanted:
        raise HarnessError(f"the protocol towards the client on port {port} is {protocol} and not {wanted}")
    return status, body


def tls_facts(port, directory):
    """The protocol and suite that this port agrees on with the client that the load uses."""
    result = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-alpn", "http/1.1"], input="", capture_output=True,
        text=True, timeout=20, env={**load.environment(directory), "PATH": "/usr/bin:/bin"})
    found = re.search(r"New, (\S+), Cipher is (\S+)", result.stdout)
    return f"{found[1]} {found[2]}" if found else "none"


def certificate(directory):
    """A self-signed P-256 certificate and its key, as paths."""
    paths = f"{directory}/certificate.pem", f"{directory}/key.pem"
    result = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=bench.example.com", "-addext", "subjectAltName=DNS:bench.example.com,IP:127.0.0.1",
         "-out", paths[0], "-keyout", paths[1]], capture_output=True, text=True)
    if result.returncode != 0:
        raise HarnessError(f"openssl makes no certificate:\n{result.stderr}")
    return paths

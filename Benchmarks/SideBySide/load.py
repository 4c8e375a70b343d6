"""Load: wrk for HTTP/1 and TLS, h2load for HTTP/2; their output read into numbers."""

import os
import re
import subprocess
from dataclasses import dataclass

from processes import HarnessError
from scenarios import EXTRA_HEADERS, body_of

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True)
class Load:
    """What a load generator counted; times in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self):
        return self.requests / self.seconds


def command(scenario, port, seconds, directory):
    scheme = "https" if scenario.downstream == "tls" else "http"
    url = f"{scheme}://127.0.0.1:{port}{scenario.path}"
    headers = list(EXTRA_HEADERS.items())[:scenario.extra_headers]
    fields = [part for name, value in headers for part in ("-H", f"{name}: {value}")]
    if scenario.downstream == "h2":
        return ["h2load", "-t", "1", "-c", str(scenario.connections), "-m", str(scenario.streams), "-D", str(seconds),
                f"--log-file={_h2load_log(directory)}", *fields, url]
    script = []
    if scenario.upload:
        path = os.path.join(directory, "upload.lua")
        with open(path, "w", encoding="ascii") as file:
            file.write(f'wrk.method = "POST"\nwrk.body = [[{body_of(scenario)}]]\n')
        script = ["-s", path]
    return ["wrk", "-t1", f"-c{scenario.connections}", f"-d{seconds}s", "--latency", *script, *fields, url]


def environment(directory):
    """One TLS 1.3 suite for all, whatever each would have preferred; OpenSSL's clients take it from a file."""
    path = os.path.join(directory, "openssl.cnf")
    if not os.path.exists(path):
        with open(path, "w", encoding="ascii") as file:
            file.write("openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = all\n"
                       "[all]\nMinProtocol = TLSv1.3\nCiphersuites = TLS_AES_128_GCM_SHA256\n")
    return {"OPENSSL_CONF": path}


def run(scenario, port, seconds, directory, cores, prefix=()):
    """Runs the load once and returns what it counted. `prefix` is a command that wraps the load generator."""
    log = _h2load_log(directory)
    if os.path.exists(log):
        os.remove(log)
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        result = subprocess.run([*prefix, *command(scenario, port, seconds, directory)], capture_output=True, text=True,
                                timeout=seconds + 60, env={**os.environ, **environment(directory)})
    finally:
        os.sched_setaffinity(0, own)
    if result.returncode != 0:
        raise HarnessError(f"the load generator failed:\n{result.stdout}{result.stderr}")
    if scenario.downstream == "h2":
        with open(log, encoding="ascii") as file:
            return parse_h2load(result.stdout, file)
    return parse_wrk(result.stdout)


def _h2load_log(directory):
    return os.path.join(directory, "h2load.log")


def parse_wrk(text):
    errors = re.search(r"Socket errors: (.*)", text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    if errors or refused:
        raise HarnessError(f"not every request was answered well:\n{text}")
    total = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)\b", text)
    quantiles = {found[0]: float(found[1]) * UNITS[found[2]]
                 for found in re.findall(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)\s*$", text, re.MULTILINE)}
    if not total or len(quantiles) != 2 or int(total[1]) == 0:
        raise HarnessError(f"output of wrk not understood:\n{text}")
    return Load(int(total[1]), float(total[2]) * UNITS[total[3]] / 1e3, quantiles["50"], quantiles["99"])


def parse_h2load(text, log):
    """h2load prints no quantiles; its log has one line a request: start, status, microseconds."""
    finished = re.search(r"finished in ([\d.]+)(us|ms|s|m)\b", text)
    counts = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", text)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
    if not finished or not counts or not codes:
        raise HarnessError(f"output of h2load not understood:\n{text}")
    # Streams in flight at the end of a timed run are dropped by h2load and counted nowhere or as failed; a status is not.
    if int(codes[2]) + int(codes[3]) + int(codes[4]) or int(codes[1]) == 0:
        raise HarnessError(f"not every request was answered well:\n{text}")
    times = sorted(int(line.split("\t")[2]) / 1e3 for line in log if line.count("\t") >= 2)
    if not times:
        raise HarnessError(f"h2load wrote no log of its requests:\n{text}")
    return Load(int(codes[1]), float(finished[1]) * UNITS[finished[2]] / 1e3,
                times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)])

"""The command `heddle`, where it needs no demo that runs: what it says about files, and the comparison of a service."""

import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

from shop import PROGRAMS, ROOT


def heddle(*arguments, **environment):
    return subprocess.run([os.path.join(PROGRAMS, "heddle"), *arguments], capture_output=True, cwd=ROOT,
                          env={**os.environ, **environment}, timeout=120)


class Validate(unittest.TestCase):
    def test_a_file_that_cannot_be_read_is_refused_with_the_reason(self):
        with tempfile.TemporaryDirectory() as folder:
            for path, reason in ((os.path.join(folder, "none.yaml"), "No such file or directory"), (folder, "it is a folder")):
                with self.subTest(path):
                    answer = heddle("validate", path)
                    self.assertEqual((answer.returncode, answer.stdout), (1, b""))
                    self.assertEqual(answer.stderr.decode(), f"{path}: cannot be read: {reason}\n")
                    answer = heddle("validate", path, "-o", "json")
                    self.assertEqual(answer.returncode, 1)
                    report = json.loads(answer.stdout)
                    self.assertEqual((report["valid"], report["findings"][0]["message"]), (False, f"cannot be read: {reason}"))

    def test_the_shop_is_valid(self):
        answer = heddle("validate", "samples/hipstershop/mesh/edge.yaml")
        self.assertEqual((answer.returncode, answer.stderr), (0, b""))


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        # Not the question whether the shop is ready.
        if "readiness" not in (self.headers["cookie"] or ""):
            self.server.hosts.add(self.headers["host"])
        body = b"hello" if self.path == "/hello" else b""
        self.send_response(200 if body else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@unittest.skipUnless(shutil.which("envoy") or os.path.exists(os.path.join(ROOT, ".venv/bin/envoy")), "there is no Envoy")
class Compare(unittest.TestCase):
    def test_a_service_of_ones_own_is_measured_in_all_three_meshes(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        server.hosts = set()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        authority = f"localhost:{server.server_address[1]}"
        url = f"http://{authority}/hello"
        answer = heddle("compare", url, "--for", "5s", "--json")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        report = json.loads(answer.stdout)
        self.assertEqual((report["page"], report["rounds"], report["users"]), (url, 7, 1))
        self.assertEqual([(row["mesh"], row["proxies"], row["failures"]) for row in report["rows"]],
                         [("bare", 0, 0), ("heddle", 2, 0), ("envoy", 2, 0)])
        self.assertTrue(all(row["pages"] > 0 and row["p50_ms"] > 0 for row in report["rows"]), report)
        self.assertTrue(all(row["proxies_mb"] > 0 for row in report["rows"][1:]), report)
        # In all three it is asked for by the name that it has.
        self.assertEqual(server.hosts, {authority})

    def test_what_is_no_url_is_a_mistake_of_usage(self):
        self.assertEqual(heddle("compare", "127.0.0.1:80").returncode, 64)


if __name__ == "__main__":
    unittest.main()

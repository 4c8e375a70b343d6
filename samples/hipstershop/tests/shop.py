"""Starts services of the shop, or the whole shop, for the tests, and speaks to them as any client would."""

import http.client
import http.cookies
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import grpc
from grpc_tools import protoc

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", ".."))
# Where the programs are; .ci/test sets it.
PROGRAMS = os.environ.get("HEDDLE_PROGRAMS", os.path.join(ROOT, ".build", "debug"))
PATIENCE = 60


def stubs():
    """The modules of the contract, made from the same files as the services."""
    folder = tempfile.mkdtemp(prefix="hipstershop-stubs-")
    protos = os.path.join(HERE, "..", "Sources", "Protos")
    status = protoc.main(["protoc", f"-I{protos}", f"--python_out={folder}", f"--grpc_python_out={folder}",
                          *[os.path.join(protos, name) for name in ("hipstershop.proto", "health.proto", "reflection.proto")]])
    assert status == 0, "protoc failed"
    sys.path.insert(0, folder)
    import health_pb2
    import health_pb2_grpc
    import hipstershop_pb2
    import hipstershop_pb2_grpc
    return hipstershop_pb2, hipstershop_pb2_grpc, health_pb2, health_pb2_grpc


pb, rpc, health_pb, health_rpc = stubs()


def free_port(host="127.0.0.1"):
    with socket.socket() as holder:
        holder.bind((host, 0))
        return holder.getsockname()[1]


def eventually(check, what, seconds=PATIENCE):
    """The first true answer of `check`."""
    end = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not after {seconds} s")
        time.sleep(0.02)


class Service:
    """One service as a process, with a channel to it."""

    def __init__(self, name, wait=True, programs=PROGRAMS, **environment):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [os.path.join(programs, "hipstershop"), name], stdout=self.log, stderr=self.log,
            env={"PATH": os.environ["PATH"], "LISTEN_ADDR": "127.0.0.1", "PORT": str(self.port), **environment})
        self.channel = grpc.insecure_channel(self.address)
        self.health = health_rpc.HealthStub(self.channel)
        if wait:
            eventually(self.is_serving, f"{name} serves")

    def is_serving(self):
        assert self.process.poll() is None, f"ended: {self.text()}"
        try:
            answer = self.health.Check(health_pb.HealthCheckRequest(), timeout=1)
            return answer.status == health_pb.HealthCheckResponse.SERVING
        except grpc.RpcError:
            return False

    def text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def stop(self):
        """Tells it to end; the answer is its exit status."""
        self.channel.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        return self.process.returncode


class Demo:
    """`heddle demo` as a process, once the shop is ready."""

    def __init__(self, network, *arguments):
        self.network = network
        self.process = subprocess.Popen(
            [os.path.join(PROGRAMS, "heddle"), "demo", "--json", "--network", network, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
        self.ready = json.loads(self.line() or "null")
        if self.ready is None:
            raise AssertionError(self.process.communicate()[1].decode(errors="replace"))
        self.host, self.port = re.match(r"http://([\d.]+):(\d+)/", self.ready["url"]).groups()

    def line(self):
        readable, _, _ = select.select([self.process.stdout], [], [], 2 * PATIENCE)
        assert readable, "the demo says nothing"
        return self.process.stdout.readline().decode()

    def switch(self, example):
        answer = subprocess.run([os.path.join(PROGRAMS, "heddle"), "demo", "switch", example, "--network", self.network],
                                capture_output=True, cwd=ROOT, check=True)
        return answer.stdout.decode()

    def visitor(self):
        return Visitor(self.host, int(self.port))

    def result(self):
        """Waits for its end; the answer is what it prints last, and its exit status."""
        out, err = self.process.communicate(timeout=4 * PATIENCE)
        lines = out.decode().splitlines()
        assert lines, err.decode(errors="replace")
        return json.loads(lines[-1]), self.process.returncode

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=PATIENCE)


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def text(self):
        return self.body.decode()

    def cookies(self):
        return self.headers.get_all("set-cookie") or []


class Visitor:
    """Someone with a browser that keeps cookies and follows nothing."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.jar = {}

    def ask(self, method, path, form=None, headers=()):
        client = http.client.HTTPConnection(self.host, self.port, timeout=30)
        fields = dict(headers)
        if self.jar:
            fields["cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            fields["content-type"] = "application/x-www-form-urlencoded"
        try:
            client.request(method, path, body=body, headers=fields)
            response = client.getresponse()
            answer = Answer(response, response.read())
        finally:
            client.close()
        for field in answer.cookies():
            for name, morsel in http.cookies.SimpleCookie(field).items():
                self.jar[name] = morsel.value
        return answer

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, form, **more):
        return self.ask("POST", path, form=form, **more)


ORDER = {
    "email": "someone@example.com", "street_address": "12 Loom Lane", "zip_code": "94043", "city": "Weaverham", "state": "CA",
    "country": "United States", "credit_card_number": "4432-8015-6152-0454", "credit_card_expiration_month": "1",
    "credit_card_expiration_year": "2039", "credit_card_cvv": "672",
}

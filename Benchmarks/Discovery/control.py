"""The control plane of the tests (Tests/Peers/control_plane.py) as a child: commands in, events out, with their times."""

import json
import os
import subprocess
import threading
import time

from processes import HarnessError

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Tests", "Peers", "control_plane.py")


class ControlPlane:
    def __init__(self, interpreter, cores):
        own = os.sched_getaffinity(0)
        os.sched_setaffinity(0, cores)
        try:
            self.process = subprocess.Popen([interpreter, PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        finally:
            os.sched_setaffinity(0, own)
        self.events = []
        self.news = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.port = self.wait(0, lambda event: event["event"] == "listening")["port"]

    def _read(self):
        for line in self.process.stdout:
            with self.news:
                self.events.append(json.loads(line))
                self.news.notify_all()

    def wait(self, mark, is_meant, seconds=120):
        """The first event from a mark on that is meant."""
        deadline = time.monotonic() + seconds
        with self.news:
            position = mark
            while True:
                while position < len(self.events):
                    if is_meant(self.events[position]):
                        return self.events[position]
                    position += 1
                if not self.news.wait(max(0, deadline - time.monotonic())):
                    raise HarnessError(f"the control plane was not told what was expected; last: {self.events[-5:]}")

    def obey(self, **command):
        """Has it follow a command; returns how many events there had been before."""
        mark = len(self.events)
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        if self.wait(mark, lambda event: event["event"] in ("done", "trouble"))["event"] == "trouble":
            raise HarnessError(f"the control plane cannot obey: {self.events[-1]}")
        return mark

    def settle(self, mark, kind):
        """Waits until the last response of a type since a mark is answered, and answered well."""
        sent = self.wait(mark, lambda event: event["event"] == "response" and event["type"] == kind)
        answer = self.wait(mark, lambda event: event["event"] == "request" and event["nonce"] == sent["nonce"])
        if answer["error"]:
            raise HarnessError(f"the proxy refuses {kind}: {answer['error']}")
        return sent, answer

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

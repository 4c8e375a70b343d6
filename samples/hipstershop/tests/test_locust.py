"""The shop in its mesh, visited by Locust, which is what the original's load generator is made of."""

import json
import os
import subprocess
import sys
import unittest

from shop import HERE, Demo


class Locust(unittest.TestCase):
    def test_locust_meets_no_failure(self):
        demo = Demo("127.45", "--users", "0")
        self.addCleanup(demo.stop)
        run = subprocess.run(
            [sys.executable, "-m", "locust", "-f", os.path.join(HERE, "locustfile.py"), "--headless", "--json",
             "--host", demo.ready["url"].rstrip("/"), "--users", "10", "--spawn-rate", "10", "--run-time", "10s"],
            capture_output=True, env={**os.environ, "LONGEST_WAIT": "1"})
        log = run.stderr.decode(errors="replace")
        self.assertEqual(run.returncode, 0, log)
        pages = {(page["method"], page["name"]): page for page in json.loads(run.stdout)}
        self.assertEqual([page for page in pages.values() if page["num_failures"]], [], log)
        self.assertGreater(sum(page["num_requests"] for page in pages.values()), 50)
        self.assertLessEqual({("GET", "/"), ("GET", "/product"), ("GET", "/cart")}, set(pages))


if __name__ == "__main__":
    unittest.main()

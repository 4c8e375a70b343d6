"""The shop in its mesh: every call by two proxies, routes switched while it runs, workers killed under load."""

import os
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

from shop import ORDER, PROGRAMS, ROOT, Demo, Visitor, eventually, pb

V2 = "Hipster Shop, the new one"


def admin(network, workload):
    return Visitor(f"{network}.{workload}.{2 if workload else 1}", 15000)


def counter(network, workload, name):
    text = admin(network, workload).get(f"/stats?filter={name}").text
    return sum(int(line.rpartition(":")[2]) for line in text.splitlines() if line.startswith(name + ":"))


class Mesh(unittest.TestCase):
    network = "127.42"

    @classmethod
    def setUpClass(cls):
        cls.demo = Demo(cls.network, "--users", "0")

    @classmethod
    def tearDownClass(cls):
        cls.demo.stop()

    def use(self, example, workload, is_on):
        """Switches an example on: the proxies have it when the command has ended. It is off again after the test."""
        self.addCleanup(self.demo.switch, "off")
        answer = self.demo.switch(example)
        self.assertIn(workload, answer)
        self.assertTrue(is_on(), f"{example} is on")

    def version(self, path="/", visitor=None):
        answer = (visitor or self.demo.visitor()).get(path)
        self.assertEqual(answer.status, 200)
        return "v2" if V2 in answer.text else "v1"

    def test_a_page_passes_the_proxies_of_all_that_it_needs(self):
        numbers = {"edge": 0, "frontend": 1, "cart": 3, "redis": 4, "productcatalog": 5, "currency": 6, "ad": 13}
        before = {name: self.taken(name, number) for name, number in numbers.items()}
        self.assertEqual(self.version(), "v1")
        after = {name: self.taken(name, number) for name, number in numbers.items()}
        calls = {name: after[name] - before[name] for name in numbers if name != "redis"}
        self.assertEqual(calls, {"edge": 1, "frontend": 1, "cart": 1, "productcatalog": 1, "currency": 10, "ad": 1})
        outbound = counter(self.network, 1, "http.outbound.downstream_rq_total")
        self.version()
        self.assertEqual(counter(self.network, 1, "http.outbound.downstream_rq_total") - outbound, 13)

    def taken(self, name, number):
        if name == "redis":
            return 0
        return counter(self.network, number, f"http.{'edge' if name == 'edge' else 'inbound'}.downstream_rq_total")

    def test_frontend_by_uri(self):
        self.use("frontend-by-uri", "edge", lambda: V2 in self.demo.visitor().get("/neu").text)
        self.assertEqual([self.version(path) for path in ("/", "/neu", "/neu/", "/neu/cart", "/cart")],
                         ["v1", "v2", "v2", "v2", "v1"])
        self.assertEqual(self.demo.visitor().get("/neuer").status, 404)

    def test_frontend_by_percent(self):
        self.use("frontend-by-percent", "edge", lambda: "shop_version" in str(self.demo.visitor().get("/_healthz").cookies()))
        seen = {"v1": 0, "v2": 0}
        for _ in range(400):
            visitor = self.demo.visitor()
            visitor.get("/_healthz")
            seen[visitor.jar["shop_version"]] += 1
        # 40 are expected; fewer than 12 or more than 80 of 400 happen once in millions of runs.
        self.assertTrue(12 <= seen["v2"] <= 80, seen)
        for version in ("v1", "v2"):
            visitor = self.demo.visitor()
            visitor.jar["shop_version"] = version
            for _ in range(20):
                self.assertEqual(self.version(visitor=visitor), version)
            self.assertEqual(visitor.jar["shop_version"], version)

    def test_frontend_by_percent_looks_at_its_own_cookie(self):
        self.use("frontend-by-percent", "edge", lambda: "shop_version" in str(self.demo.visitor().get("/_healthz").cookies()))
        for cookie, version in [
            ("my_shop_version=v2; shop_version=v1", "v1"), ("shop_version=v1; my_shop_version=v2", "v1"),
            ("shop_version=v1; x=shop_version=v2", "v1"), ("a=b; shop_version=v2", "v2"), ("shop_version=v2; a=b", "v2"),
            ("shop_version=v2;a=b", "v2"), ("my_shop_version=v1; shop_version=v2", "v2"),
        ]:
            with self.subTest(cookie):
                answer = self.demo.visitor().get("/", headers={"cookie": cookie})
                self.assertEqual("v2" if V2 in answer.text else "v1", version)

    # The services by the numbers of their addresses: those that speak gRPC.
    SERVICES = {"cart": 3, "productcatalog": 5, "currency": 6, "payment": 7, "shipping": 9, "email": 10, "checkout": 11,
                "recommendation": 12, "ad": 13}

    def calls(self, act):
        """Calls that arrive at each service while something is done."""
        before = {name: self.taken(name, number) for name, number in self.SERVICES.items()}
        answer = act()
        self.assertEqual(answer.status, 200, answer.text)
        after = {name: self.taken(name, number) for name, number in self.SERVICES.items()}
        return {name: after[name] - before[name] for name in before if after[name] != before[name]}

    def test_a_page_makes_as_many_calls_as_in_the_original(self):
        visitor = self.demo.visitor()
        product = self.calls(lambda: visitor.get("/product/6E92ZMYYFZ"))
        self.assertEqual(product, {"productcatalog": 7, "currency": 2, "cart": 1, "recommendation": 1, "ad": 1})
        self.assertEqual(sum(product.values()), 12)
        visitor.post("/cart", {"product_id": "6E92ZMYYFZ", "quantity": "1"})
        order = self.calls(lambda: visitor.post("/cart/checkout", ORDER))
        self.assertEqual(order, {"checkout": 1, "cart": 2, "productcatalog": 7, "currency": 3, "shipping": 2, "payment": 1,
                                 "email": 1, "recommendation": 1})
        self.assertEqual(sum(order.values()), 18)

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_carts_are_kept_in_redis_by_way_of_two_proxies(self):
        def connections():
            return [counter(self.network, 3, "tcp.outbound_redis.downstream_cx_rx_bytes_total"),
                    counter(self.network, 4, "tcp.inbound.downstream_cx_rx_bytes_total")]

        before = connections()
        visitor = self.demo.visitor()
        visitor.get("/")
        visitor.post("/cart", {"product_id": "6E92ZMYYFZ", "quantity": "3"})
        kept = subprocess.run(["redis-cli", "-h", f"{self.network}.4.1", "HGET", visitor.jar["shop_session-id"], "data"],
                              capture_output=True, check=True).stdout.removesuffix(b"\n")
        cart = pb.Cart.FromString(kept)
        self.assertEqual([(item.product_id, item.quantity) for item in cart.items], [("6E92ZMYYFZ", 3)])
        self.assertTrue(all(now > then for now, then in zip(connections(), before)), (before, connections()))

    def test_rates_come_from_the_bank_by_way_of_egress(self):
        self.assertGreaterEqual(counter(self.network, 6, "http.egress.downstream_rq_2xx"), 1)
        self.assertGreaterEqual(counter(self.network, 6, "cluster.centralbank.upstream_rq_completed"), 1)
        self.assertEqual(counter(self.network, 6, "http.egress.downstream_rq_5xx"), 0)

    def test_checkout_by_body(self):
        def order(**changes):
            visitor = self.demo.visitor()
            visitor.get("/")
            visitor.post("/cart", {"product_id": "6E92ZMYYFZ", "quantity": "1"})
            answer = visitor.post("/cart/checkout", {**ORDER, **changes})
            self.assertEqual(answer.status, 200, answer.text)
            return "v2" if V2 in answer.text else "v1"

        self.use("checkout-by-body", "checkout", lambda: order(country="Germany") == "v2")
        for changes, version in [
            ({}, "v1"), ({"email": "a@example.org"}, "v2"), ({"email": "a@EXAMPLE.org"}, "v2"), ({"email": "a@example.org.uk"}, "v1"),
            ({"country": "Germany"}, "v2"), ({"country": "Not Germany"}, "v1"), ({"street_address": "email=a@example.org"}, "v1"),
            ({"street_address": "a&country=Germany"}, "v1"),
        ]:
            with self.subTest(changes):
                self.assertEqual(order(**changes), version)

    def test_payment_by_body(self):
        def paid(currency):
            """Which payment service was asked, when this currency was chosen."""
            before = [counter(self.network, number, "http.inbound.downstream_rq_total") for number in (7, 8)]
            visitor = self.demo.visitor()
            visitor.post("/setCurrency", {"currency_code": currency})
            visitor.post("/cart", {"product_id": "6E92ZMYYFZ", "quantity": "1"})
            answer = visitor.post("/cart/checkout", ORDER)
            self.assertEqual(answer.status, 200, answer.text)
            after = [counter(self.network, number, "http.inbound.downstream_rq_total") for number in (7, 8)]
            return [now - then for now, then in zip(after, before)]

        self.assertEqual(paid("EUR"), [1, 0])
        self.use("checkout-by-body", "checkout", lambda: paid("EUR") == [0, 1])
        self.assertEqual([paid(currency) for currency in ("EUR", "USD", "JPY")], [[0, 1], [1, 0], [1, 0]])

    def filter(self, text, *arguments):
        """Gives the demo a script, and takes it out after the test."""
        self.addCleanup(self.demo.switch, "off")
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(text)
            script.flush()
            return subprocess.run(
                [os.path.join(PROGRAMS, "heddle"), "demo", "filter", script.name, "--network", self.network, *arguments],
                capture_output=True, cwd=ROOT)

    def use_ready(self, name, *arguments):
        with open(os.path.join(ROOT, "filters", name, name + ".lua")) as script:
            taken = self.filter(script.read(), *arguments)
        self.assertEqual(taken.returncode, 0, taken.stderr)

    def test_ready_filters_act_on_the_shop(self):
        self.use_ready("shop-metrics", "--proxy", "payment")
        visitor = self.demo.visitor()
        visitor.post("/setCurrency", {"currency_code": "EUR"})
        visitor.post("/cart", {"product_id": "6E92ZMYYFZ", "quantity": "1"})
        order = visitor.post("/cart/checkout", ORDER)
        self.assertEqual(order.status, 200)
        # The largest amount on the page is the sum.
        paid = max(int(units) * 100 + int(cents) for units, cents in re.findall(r"€ ?(\d+)[.,](\d\d)", order.text))
        metrics = admin(self.network, 7).get("/stats?filter=shop_").text
        self.assertRegex(metrics, r"shop_orders_total\S*EUR\S*: 1\n")
        self.assertRegex(metrics, rf"shop_revenue_cents_total\S*EUR\S*: {paid}\n")
        self.use_ready("maintenance")
        closed = self.demo.visitor().get("/")
        self.assertEqual((closed.status, closed.headers["retry-after"]), (503, "300"))
        # In the place of the one before.
        self.use_ready("coalescing-key")
        self.assertEqual(self.version(), "v1")

    def headline(self):
        return re.search("<h1>([^<]*)", self.demo.visitor().get("/").text).group(1)

    def test_the_filter_of_the_readme_acts_on_the_shop(self):
        with open(os.path.join(ROOT, "README.md")) as readme:
            script, = re.findall(r"<<'END'\n(.*?)END\n", readme.read(), re.DOTALL)
        self.assertLessEqual(script.count("\n"), 5)
        before = self.headline()
        taken = self.filter(script)
        self.assertEqual((taken.returncode, taken.stdout, taken.stderr), (0, b"in use by: edge\n", b""))
        self.assertEqual(self.headline(), "Woven in by Lua")
        # What has no such text is as it was: a picture, an answer without a body.
        self.assertIn(b"</svg>", self.demo.visitor().get("/static/icon.svg").body)
        self.assertEqual(self.demo.visitor().get("/logout").status, 302)
        useless = self.filter("function envoy_on_reponse(handle) end")
        self.assertEqual(useless.returncode, 0)
        self.assertRegex(useless.stderr.decode(), r"^warning: filter mine \S+ of http.edge defines neither .* it does nothing\n")
        self.assertEqual(self.filter(script).returncode, 0)
        refused = self.filter("function envoy_on_response(")
        self.assertEqual(refused.returncode, 1)
        self.assertIn(b"expected near", refused.stderr)
        self.assertEqual(self.headline(), "Woven in by Lua")
        # An example takes nothing of one's own out, `off` does.
        self.demo.switch("frontend-by-uri")
        self.assertEqual((self.headline(), self.version("/neu")), ("Woven in by Lua", "v2"))
        self.demo.switch("off")
        self.assertEqual((self.headline(), self.demo.visitor().get("/neu").status), (before, 404))

    def test_what_looks_like_a_slip_in_a_filter_is_shown(self):
        taken = self.filter("function envoy_on_respons(handle) end")
        self.assertEqual((taken.returncode, taken.stdout), (0, b"in use by: edge\n"))
        self.assertIn(b":1: warning: ", taken.stderr)
        self.assertIn(b"[no-hook]", taken.stderr)

    def test_a_filter_can_stand_before_any_workload(self):
        script = """function envoy_on_request(handle) handle:respond({[":status"] = "503"}, "closed") end"""
        self.assertEqual(self.filter(script, "--proxy", "frontend").returncode, 0)
        self.assertEqual(self.demo.visitor().get("/").text, "closed")
        self.assertEqual(self.filter(script, "--proxy", "centralbank").returncode, 1)
        if shutil.which("redis-server"):
            refused = self.filter(script, "--proxy", "redis")
            self.assertEqual(refused.returncode, 1)
            self.assertIn(b"speaks no HTTP", refused.stderr)
        self.demo.switch("off")
        self.assertEqual(self.demo.visitor().get("/").status, 200)


class Switching(unittest.TestCase):
    @unittest.skipUnless(os.path.exists(os.path.join(ROOT, ".venv/bin/envoy")), "there is no Envoy")
    def test_what_reads_no_files_anew_is_not_said_to_have_changed(self):
        demo = Demo("127.51", "--users", "0", "--mesh", "envoy")
        self.addCleanup(demo.stop)
        for command in (("switch", "frontend-by-uri"), ("filter", "Package.swift")):
            answer = subprocess.run([os.path.join(PROGRAMS, "heddle"), "demo", *command, "--network", "127.51"],
                                    capture_output=True, cwd=ROOT)
            self.assertEqual((answer.returncode, answer.stdout), (1, b""))
            self.assertIn(b"--mesh envoy, in which nothing reads its files anew", answer.stderr)

    def test_no_call_is_lost_while_examples_are_switched(self):
        demo = Demo("127.50", "--users", "0")
        self.addCleanup(demo.stop)
        is_over, failures, placed = threading.Event(), [], []

        def buy(currency):
            visitor = demo.visitor()
            visitor.jar["shop_currency"] = currency
            while not is_over.is_set():
                for path, form in (("/cart", {"product_id": "6E92ZMYYFZ", "quantity": "1"}), ("/cart/checkout", ORDER)):
                    answer = visitor.post(path, form)
                    if answer.status not in (200, 302):
                        failures.append((path, answer.status, re.findall("<pre>[^<]*", answer.text)))
                placed.append(currency)

        buyers = [threading.Thread(target=buy, args=(currency,)) for currency in ("USD", "EUR", "JPY")]
        for buyer in buyers:
            buyer.start()
        try:
            for example in 2 * ("checkout-by-body", "frontend-by-uri", "off", "frontend-by-percent", "off"):
                before = len(placed)
                eventually(lambda: len(placed) >= before + 5 or not all(buyer.is_alive() for buyer in buyers), "orders are placed")
                demo.switch(example)
            eventually(lambda: len(placed) >= before + 10, "orders are placed")
        finally:
            is_over.set()
            for buyer in buyers:
                buyer.join()
        self.assertEqual(failures, [], f"{len(failures)} of {2 * len(placed)}")


class Load(unittest.TestCase):
    def test_one_service_can_be_broken_on_purpose(self):
        demo = Demo("127.46", "--users", "0", "--set", "shipping:ERROR_RATE=100%")
        self.addCleanup(demo.stop)
        visitor = demo.visitor()
        self.assertEqual(visitor.get("/").status, 200)
        before = counter("127.46", 9, "http.inbound.downstream_rq_total")
        cart = visitor.get("/cart")
        self.assertEqual(cart.status, 500)
        self.assertIn("an error on purpose", cart.text)
        # What a service has answered is not asked again.
        self.assertEqual(counter("127.46", 9, "http.inbound.downstream_rq_total") - before, 1)

    def test_ten_users_meet_no_failure(self):
        result, status = Demo("127.43", "--for", "10s", "--wait", "100ms..1s").result()
        self.assertEqual((status, result["load"]["failures"]), (0, 0), result["load"])
        self.assertGreater(result["load"]["requests"], 50)
        self.assertEqual(result["proxies"], 14 if shutil.which("redis-server") else 13)
        self.assertLess(result["proxies_mb"], 400)

    def test_a_failed_page_is_an_exit_status(self):
        result, status = Demo("127.47", "--for", "6s", "--wait", "50ms..200ms", "--set", "shipping:ERROR_RATE=100%").result()
        self.assertEqual(status, 1)
        self.assertGreater(result["load"]["failures"], 0)
        self.assertIn("an error on purpose", str(result["load"]["reasons"]))
        self.assertNotIn("&quot;", str(result["load"]["reasons"]))

    def test_a_killed_worker_costs_no_more_than_what_it_had_in_hand(self):
        result, _ = Demo("127.44", "--for", "34s", "--wait", "100ms..500ms", "--kill-every", "2s").result()
        # Each proxy in turn, and then from the first on.
        workloads = [kill["workload"] for kill in result["kills"]]
        self.assertEqual(len(set(workloads)), result["proxies"], workloads)
        self.assertEqual(result["workers_killed"], len(workloads))
        self.assertGreater(result["load"]["requests"], 300)
        self.assertEqual(result["in_flight"], sum(kill["in_flight"] for kill in result["kills"]))
        # One more a kill: what another proxy sent before it saw that the connection had ended.
        self.assertLessEqual(result["load"]["failures"], result["in_flight"] + result["workers_killed"], result)


if __name__ == "__main__":
    unittest.main()

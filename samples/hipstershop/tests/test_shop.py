"""The whole shop without a mesh, through plain HTTP: routes, cookies, status codes."""

import json
import re
import unittest
import uuid

from shop import ORDER, Demo, pb

PRODUCT = "6E92ZMYYFZ"


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.demo = Demo("127.41", "--mesh", "bare", "--users", "0")

    @classmethod
    def tearDownClass(cls):
        cls.demo.stop()

    def setUp(self):
        self.visitor = self.demo.visitor()

    def test_front_page(self):
        answer = self.visitor.get("/")
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers["content-type"].startswith("text/html"))
        self.assertEqual(answer.text.count("hot-product-card"), 9)
        self.assertIn("$8.99", answer.text)
        self.assertEqual(re.findall(r'<option value="(\w+)"', answer.text), ["USD", "EUR", "CAD", "JPY", "GBP", "TRY"])
        session = self.visitor.jar["shop_session-id"]
        self.assertEqual(uuid.UUID(session).version, 4)
        self.assertIn(f"session-id: {session}", answer.text)
        self.assertRegex(answer.text, r"request-id: [0-9a-f-]{36}")
        cookie = next(field for field in answer.cookies() if field.startswith("shop_session-id="))
        self.assertIn("max-age=172800", cookie.lower())

    def test_a_session_is_kept(self):
        self.visitor.get("/")
        self.assertEqual(self.visitor.get("/").cookies(), [])

    def test_head_is_answered_as_get(self):
        for path in ("/", f"/product/{PRODUCT}", "/cart"):
            answer = self.visitor.ask("HEAD", path)
            self.assertEqual((answer.status, answer.body), (200, b""), path)

    def test_product_page(self):
        answer = self.visitor.get(f"/product/{PRODUCT}")
        self.assertEqual(answer.status, 200)
        self.assertIn("<h1>Mug</h1>", answer.text)
        self.assertIn("You may also like", answer.text)

    def test_an_unknown_product_is_a_500_as_in_the_original(self):
        answer = self.visitor.get("/product/UNKNOWN")
        self.assertEqual(answer.status, 500)
        self.assertIn("no product with ID UNKNOWN", answer.text)
        # A page that asked no service for currencies offers none.
        self.assertNotIn("<select", answer.text)

    def test_facts_of_a_product(self):
        answer = self.visitor.get(f"/product-meta/{PRODUCT}")
        facts = json.loads(answer.body)
        self.assertEqual((answer.status, facts["id"]), (200, PRODUCT))
        self.assertEqual(facts["price_usd"], {"currency_code": "USD", "units": 8, "nanos": 990000000})

    def test_buying(self):
        self.visitor.get("/")
        added = self.visitor.post("/cart", {"product_id": PRODUCT, "quantity": "2"})
        self.assertEqual((added.status, added.headers["location"]), (302, "/cart"))
        cart = self.visitor.get("/cart")
        self.assertEqual(cart.status, 200)
        self.assertIn("Quantity: 2", cart.text)
        self.assertIn("$26.97", cart.text)
        order = self.visitor.post("/cart/checkout", ORDER)
        self.assertEqual(order.status, 200)
        self.assertIn("Your order is complete", order.text)
        self.assertIn("$26.97", order.text)
        self.assertRegex(order.text, r"[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-")
        self.assertIn("Your cart is empty", self.visitor.get("/cart").text)

    def test_emptying_the_cart(self):
        self.visitor.get("/")
        self.visitor.post("/cart", {"product_id": PRODUCT, "quantity": "1"})
        answer = self.visitor.post("/cart/empty", {})
        self.assertEqual((answer.status, answer.headers["location"]), (302, "/"))
        self.assertIn("Your cart is empty", self.visitor.get("/cart").text)

    def test_what_is_no_form_is_unprocessable(self):
        for path, form in [
            ("/cart", {"product_id": PRODUCT, "quantity": "0"}), ("/cart", {"product_id": PRODUCT, "quantity": "11"}),
            ("/cart", {"quantity": "1"}), ("/cart", {"product_id": PRODUCT, "quantity": "x"}),
            ("/setCurrency", {"currency_code": "XYZW"}), ("/setCurrency", {}),
            *[("/cart/checkout", {**ORDER, field: ""}) for field in ORDER],
            ("/cart/checkout", {**ORDER, "email": "nobody"}), ("/cart/checkout", {**ORDER, "credit_card_expiration_month": "13"}),
            ("/cart/checkout", {**ORDER, "credit_card_number": "1234"}),
        ]:
            with self.subTest(path=path, form=form):
                self.assertEqual(self.visitor.post(path, form).status, 422)

    def test_an_order_that_the_shop_refuses_is_a_500(self):
        self.assertEqual(self.visitor.post("/cart/checkout", {**ORDER, "credit_card_expiration_year": "2020"}).status, 500)

    def test_choosing_a_currency(self):
        answer = self.visitor.post("/setCurrency", {"currency_code": "EUR"}, headers={"referer": "/cart"})
        self.assertEqual((answer.status, answer.headers["location"]), (302, "/cart"))
        self.assertEqual(self.visitor.jar["shop_currency"], "EUR")
        self.assertIn("€7.95", self.visitor.get("/").text)
        self.assertEqual(self.visitor.post("/setCurrency", {"currency_code": "USD"}).headers["location"], "/")

    def test_a_method_that_a_path_does_not_have_is_a_405(self):
        for path, methods in [
            ("/", ("GET", "HEAD")), (f"/product/{PRODUCT}", ("GET", "HEAD")), ("/cart", ("GET", "HEAD", "POST")),
            ("/cart/empty", ("POST",)), ("/cart/checkout", ("POST",)), ("/setCurrency", ("POST",)), ("/logout", ("GET",)),
            (f"/product-meta/{PRODUCT}", ("GET",)),
        ]:
            for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
                with self.subTest(path=path, method=method):
                    answer = self.visitor.ask(method, path)
                    if method in methods:
                        self.assertNotEqual(answer.status, 405)
                    else:
                        self.assertEqual((answer.status, answer.body), (405, b""))

    def test_logging_out_forgets_the_visitor(self):
        self.visitor.get("/")
        self.visitor.post("/setCurrency", {"currency_code": "EUR"})
        # A cookie of somebody else's, such as the one that the mesh routes by.
        self.visitor.jar["shop_version"] = "v2"
        answer = self.visitor.get("/logout")
        self.assertEqual((answer.status, answer.headers["location"]), (302, "/"))
        self.assertEqual({field.partition("=")[0] for field in answer.cookies()}, {"shop_session-id", "shop_currency", "shop_version"})
        self.assertTrue(all("1970" in field for field in answer.cookies()))

    def test_what_every_site_has(self):
        health = self.visitor.get("/_healthz")
        self.assertEqual((health.status, health.text), (200, "ok"))
        robots = self.visitor.get("/robots.txt")
        self.assertIn("Disallow: /", robots.text)
        self.assertEqual(self.visitor.get("/static/style.css").headers["content-type"], "text/css; charset=utf-8")
        self.assertEqual(self.visitor.get("/static/none.css").status, 404)
        self.assertEqual(self.visitor.get("/nowhere").status, 404)

    def test_every_picture_that_a_page_names_is_there(self):
        for path in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', self.visitor.get("/").text)):
            self.assertEqual(self.visitor.get(path).status, 200, path)


if __name__ == "__main__":
    unittest.main()

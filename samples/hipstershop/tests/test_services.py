"""Each gRPC service alone, through the eyes of a client made from the contract."""

import datetime
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import uuid

import grpc

from shop import Service, eventually, free_port, health_pb, pb, rpc

PRODUCTS = {
    "OLJCESPC7Z": (19, 990_000_000), "66VCHSJNUP": (18, 990_000_000), "1YMWWN1N4O": (109, 990_000_000),
    "L9ECAV7KIM": (89, 990_000_000), "2ZYFJ3GM2N": (24, 990_000_000), "0PUK6V6EV0": (18, 990_000_000),
    "LS4PSXUNUM": (18, 490_000_000), "9SIQT8TOJO": (5, 490_000_000), "6E92ZMYYFZ": (8, 990_000_000),
}


def usd(units, nanos=0):
    return pb.Money(currency_code="USD", units=units, nanos=nanos)


class ServiceCase(unittest.TestCase):
    """A test of one service, which runs as long as the class."""

    name = None
    environment = {}

    @classmethod
    def setUpClass(cls):
        cls.service = Service(cls.name, **cls.environment)

    @classmethod
    def tearDownClass(cls):
        status = cls.service.stop()
        assert status == 0, f"{cls.name} ended with {status}"

    def assert_status(self, code, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        return caught.exception.details()


class ProductCatalog(ServiceCase):
    name = "productcatalog"

    def setUp(self):
        self.stub = rpc.ProductCatalogServiceStub(self.service.channel)

    def test_lists_the_nine_products_at_their_prices(self):
        products = self.stub.ListProducts(pb.Empty()).products
        self.assertEqual({p.id: (p.price_usd.units, p.price_usd.nanos) for p in products}, PRODUCTS)
        self.assertTrue(all(p.price_usd.currency_code == "USD" and p.categories and p.description for p in products))
        self.assertTrue(all(p.picture.startswith("/static/img/products/") for p in products))

    def test_knows_each_product(self):
        for identifier in PRODUCTS:
            self.assertEqual(self.stub.GetProduct(pb.GetProductRequest(id=identifier)).id, identifier)

    def test_an_unknown_product_is_not_found(self):
        details = self.assert_status(grpc.StatusCode.NOT_FOUND, lambda: self.stub.GetProduct(pb.GetProductRequest(id="X")))
        self.assertEqual(details, "no product with ID X")

    def test_search_takes_upper_and_lower_case_alike(self):
        found = self.stub.SearchProducts(pb.SearchProductsRequest(query="MUG")).results
        self.assertEqual([p.id for p in found], ["6E92ZMYYFZ"])
        self.assertEqual(len(self.stub.SearchProducts(pb.SearchProductsRequest(query="no such thing")).results), 0)

    def test_health(self):
        answer = self.service.health.Check(health_pb.HealthCheckRequest(service="hipstershop.ProductCatalogService"))
        self.assertEqual(answer.status, health_pb.HealthCheckResponse.SERVING)
        self.assert_status(
            grpc.StatusCode.NOT_FOUND, lambda: self.service.health.Check(health_pb.HealthCheckRequest(service="other")))
        watch = self.service.health.Watch(health_pb.HealthCheckRequest())
        self.assertEqual(next(watch).status, health_pb.HealthCheckResponse.SERVING)
        watch.cancel()

    def test_fields_that_nobody_knows_are_no_error(self):
        call = self.service.channel.unary_unary(
            "/hipstershop.ProductCatalogService/GetProduct", request_serializer=lambda x: x,
            response_deserializer=pb.Product.FromString)
        known = pb.GetProductRequest(id="6E92ZMYYFZ").SerializeToString()
        # Field 100 as a string, field 101 as a number.
        self.assertEqual(call(known + b"\xa2\x06\x03abc\xa8\x06\x2a").id, "6E92ZMYYFZ")


class Currency(ServiceCase):
    name = "currency"

    def setUp(self):
        self.stub = rpc.CurrencyServiceStub(self.service.channel)

    def convert(self, amount, code):
        return self.stub.Convert(pb.CurrencyConversionRequest(**{"from": amount, "to_code": code}))

    def test_knows_33_currencies(self):
        codes = self.stub.GetSupportedCurrencies(pb.Empty()).currency_codes
        self.assertEqual(len(set(codes)), 33)
        self.assertTrue({"USD", "EUR", "CAD", "JPY", "GBP", "TRY"} <= set(codes))

    def test_converts_by_way_of_the_euro(self):
        euros = self.convert(usd(1, 130_500_000), "EUR")
        self.assertEqual((euros.currency_code, euros.units, euros.nanos), ("EUR", 1, 0))
        yen = self.convert(pb.Money(currency_code="EUR", units=2, nanos=500_000_000), "JPY")
        self.assertEqual((yen.units, yen.nanos), (316, 0))

    def test_the_same_currency_stays_within_a_nano(self):
        for units, nanos in PRODUCTS.values():
            same = self.convert(usd(units, nanos), "USD")
            self.assertLessEqual(abs(same.units * 10**9 + same.nanos - units * 10**9 - nanos), 2)

    def test_an_unknown_currency_is_refused(self):
        self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, lambda: self.convert(usd(1), "ABC"))

    def test_negative_amounts_keep_one_sign(self):
        # A negative nano is ten bytes on the wire.
        back = self.convert(usd(-1, -500_000_000), "EUR")
        self.assertLess(back.units * 10**9 + back.nanos, 0)
        self.assertTrue(back.units <= 0 and back.nanos <= 0)


class CurrencyOfTheBank(unittest.TestCase):
    def test_takes_its_rates_from_the_bank(self):
        bank = Service("centralbank", wait=False)
        self.addCleanup(bank.stop)
        feed = f"http://{bank.address}/stats/eurofxref/eurofxref-daily.xml"
        currency = Service("currency", ECB_URL=feed)
        self.addCleanup(currency.stop)
        codes = rpc.CurrencyServiceStub(currency.channel).GetSupportedCurrencies(pb.Empty()).currency_codes
        self.assertEqual((codes[0], len(codes)), ("EUR", 33))

    def test_without_the_bank_it_does_not_serve(self):
        currency = Service("currency", wait=False, ECB_URL=f"http://127.0.0.1:{free_port()}/x.xml")
        self.addCleanup(currency.stop)

        def answer():
            try:
                return currency.health.Check(health_pb.HealthCheckRequest()).status
            except grpc.RpcError:
                return None

        state = eventually(answer, "a state")
        self.assertEqual(state, health_pb.HealthCheckResponse.NOT_SERVING)
        with self.assertRaises(grpc.RpcError) as caught:
            rpc.CurrencyServiceStub(currency.channel).GetSupportedCurrencies(pb.Empty())
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)


class Cart(ServiceCase):
    name = "cart"

    def setUp(self):
        self.stub = rpc.CartServiceStub(self.service.channel)
        self.user = str(uuid.uuid4())

    def add(self, product, quantity):
        self.stub.AddItem(pb.AddItemRequest(user_id=self.user, item=pb.CartItem(product_id=product, quantity=quantity)))

    def items(self):
        return {item.product_id: item.quantity for item in self.stub.GetCart(pb.GetCartRequest(user_id=self.user)).items}

    def test_a_user_without_a_cart_has_an_empty_one(self):
        cart = self.stub.GetCart(pb.GetCartRequest(user_id=self.user))
        self.assertEqual((cart.user_id, len(cart.items)), ("", 0))

    def test_adding_a_product_again_adds_to_its_quantity(self):
        self.add("A", 2)
        self.add("B", 1)
        self.add("A", 3)
        self.assertEqual(self.items(), {"A": 5, "B": 1})
        self.assertEqual(self.stub.GetCart(pb.GetCartRequest(user_id=self.user)).user_id, self.user)

    def test_emptied_is_empty(self):
        self.add("A", 2)
        self.stub.EmptyCart(pb.EmptyCartRequest(user_id=self.user))
        self.assertEqual(self.items(), {})


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class CartInRedis(Cart):
    @classmethod
    def setUpClass(cls):
        port = free_port()
        cls.folder = tempfile.mkdtemp(prefix="hipstershop-redis-")
        cls.redis = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", cls.folder],
            stdout=subprocess.DEVNULL)
        cls.redis_port = port
        cls.environment = {"REDIS_ADDR": f"127.0.0.1:{port}"}
        super().setUpClass()

        def is_up():
            try:
                rpc.CartServiceStub(cls.service.channel).GetCart(pb.GetCartRequest(user_id="x"))
                return True
            except grpc.RpcError:
                return False

        eventually(is_up, "Redis answers")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.redis.terminate()
        cls.redis.wait()
        shutil.rmtree(cls.folder)

    def test_the_cart_outlives_the_service(self):
        self.add("A", 2)
        other = Service("cart", **self.environment)
        self.addCleanup(other.stop)
        cart = rpc.CartServiceStub(other.channel).GetCart(pb.GetCartRequest(user_id=self.user))
        self.assertEqual([(item.product_id, item.quantity) for item in cart.items], [("A", 2)])

    def redis_cli(self, *words, last=None):
        """What Redis answers; `last` is a word that may have any bytes."""
        answer = subprocess.run(["redis-cli", "-h", "127.0.0.1", "-p", str(self.redis_port), *["-x"][:last is not None], *words],
                                input=last, capture_output=True, check=True)
        return answer.stdout.removesuffix(b"\n")

    def test_the_originals_find_the_cart_in_redis(self):
        self.add("A", 2)
        wanted = pb.Cart(user_id=self.user, items=[pb.CartItem(product_id="A", quantity=2)])
        # The cache of today's original keeps the time of its end beside an entry; that of 2019 had one field.
        for field in ("data", "cart"):
            self.assertEqual(pb.Cart.FromString(self.redis_cli("HGET", self.user, field)), wanted, field)
        self.assertEqual(self.redis_cli("HMGET", self.user, "absexp", "sldexp"), b"-1\n-1")

    def test_finds_the_carts_of_the_originals_in_redis(self):
        for field in ("data", "cart"):
            self.user = str(uuid.uuid4())
            cart = pb.Cart(user_id=self.user, items=[pb.CartItem(product_id="B", quantity=3)])
            self.redis_cli("HSET", self.user, field, last=cart.SerializeToString())
            self.assertEqual(self.items(), {"B": 3}, field)


class CartWithoutItsRedis(unittest.TestCase):
    def test_says_that_its_storage_is_gone(self):
        cart = Service("cart", REDIS_ADDR=f"127.0.0.1:{free_port()}")
        self.addCleanup(cart.stop)
        with self.assertRaises(grpc.RpcError) as caught:
            rpc.CartServiceStub(cart.channel).GetCart(pb.GetCartRequest(user_id="x"))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.FAILED_PRECONDITION)
        self.assertTrue(caught.exception.details().startswith("Can't access cart storage."))


class Payment(ServiceCase):
    name = "payment"

    def charge(self, number="4432-8015-6152-0454", year=2039, month=1):
        card = pb.CreditCardInfo(credit_card_number=number, credit_card_cvv=672, credit_card_expiration_year=year,
                                 credit_card_expiration_month=month)
        return rpc.PaymentServiceStub(self.service.channel).Charge(pb.ChargeRequest(amount=usd(10), credit_card=card))

    def test_charges_visa_and_mastercard(self):
        for number in ("4432-8015-6152-0454", "4242 4242 4242 4242", "5555555555554444", "2223003122003222"):
            uuid.UUID(self.charge(number).transaction_id)

    def test_refuses_what_is_no_number_another_kind_and_what_has_expired(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        for arguments in ({"number": "4432-8015-6152-0455"}, {"number": "378282246310005"}, {"number": "x"}, {"number": ""},
                          {"year": now.year - 1, "month": 12}):
            with self.subTest(arguments):
                self.assert_status(grpc.StatusCode.UNKNOWN, lambda: self.charge(**arguments))


class Shipping(ServiceCase):
    name = "shipping"

    def setUp(self):
        self.stub = rpc.ShippingServiceStub(self.service.channel)

    def test_costs_the_same_for_any_number_of_things_and_nothing_for_none(self):
        some = self.stub.GetQuote(pb.GetQuoteRequest(items=[pb.CartItem(product_id="A", quantity=3)])).cost_usd
        none = self.stub.GetQuote(pb.GetQuoteRequest()).cost_usd
        self.assertEqual((some.currency_code, some.units, some.nanos), ("USD", 8, 990_000_000))
        self.assertEqual((none.currency_code, none.units, none.nanos), ("USD", 0, 0))

    def test_names_a_way_to_follow_it(self):
        address = pb.Address(street_address="12 Loom Lane", city="Weaverham", state="CA", country="United States")
        length = len("12 Loom Lane, Weaverham, CA")
        tracking = self.stub.ShipOrder(pb.ShipOrderRequest(address=address)).tracking_id
        self.assertRegex(tracking, rf"^[A-Y]{{2}}-{length}\d{{3}}-{length // 2}\d{{7}}$")


class Email(ServiceCase):
    name = "email"

    def test_takes_a_confirmation(self):
        request = pb.SendOrderConfirmationRequest(email="a@example.com", order=pb.OrderResult(order_id="1"))
        self.assertEqual(rpc.EmailServiceStub(self.service.channel).SendOrderConfirmation(request), pb.Empty())


class Ad(ServiceCase):
    name = "ad"

    def ads(self, *keys):
        return rpc.AdServiceStub(self.service.channel).GetAds(pb.AdRequest(context_keys=keys)).ads

    def test_speaks_of_what_one_looks_at(self):
        for category, count in (("clothing", 1), ("accessories", 1), ("footwear", 1), ("hair", 1), ("decor", 1), ("kitchen", 2)):
            self.assertEqual(len(self.ads(category)), count, category)

    def test_has_two_for_everyone_else(self):
        self.assertEqual((len(self.ads()), len(self.ads("books"))), (2, 2))
        self.assertTrue(all(re.fullmatch(r"/product/[A-Z0-9]{10}", ad.redirect_url) and ad.text for ad in self.ads()))


class Neighbours(unittest.TestCase):
    """Services that call others."""

    @classmethod
    def setUpClass(cls):
        cls.services = {name: Service(name) for name in ("productcatalog", "cart", "currency", "payment", "shipping", "email")}
        cls.addresses = {
            {"productcatalog": "PRODUCT_CATALOG"}.get(name, name.upper()) + "_SERVICE_ADDR": service.address
            for name, service in cls.services.items()
        }

    @classmethod
    def tearDownClass(cls):
        for service in cls.services.values():
            service.stop()

    def test_recommendations_leave_out_what_one_has(self):
        service = Service("recommendation", PRODUCT_CATALOG_SERVICE_ADDR=self.addresses["PRODUCT_CATALOG_SERVICE_ADDR"])
        self.addCleanup(service.stop)
        stub = rpc.RecommendationServiceStub(service.channel)
        known = list(PRODUCTS)[:6]
        answer = stub.ListRecommendations(pb.ListRecommendationsRequest(user_id="u", product_ids=known)).product_ids
        self.assertEqual(set(answer), set(PRODUCTS) - set(known))
        self.assertEqual(len(set(stub.ListRecommendations(pb.ListRecommendationsRequest(user_id="u")).product_ids)), 5)

    def order(self, checkout, user, card="4432-8015-6152-0454", currency="USD"):
        return rpc.CheckoutServiceStub(checkout.channel).PlaceOrder(pb.PlaceOrderRequest(
            user_id=user, user_currency=currency, email="a@example.com",
            address=pb.Address(street_address="12 Loom Lane", city="Weaverham", state="CA", country="US", zip_code=94043),
            credit_card=pb.CreditCardInfo(credit_card_number=card, credit_card_cvv=672, credit_card_expiration_year=2039,
                                          credit_card_expiration_month=1))).order

    def test_an_order_is_paid_shipped_and_leaves_an_empty_cart(self):
        checkout = Service("checkout", **self.addresses)
        self.addCleanup(checkout.stop)
        user, cart = str(uuid.uuid4()), rpc.CartServiceStub(self.services["cart"].channel)
        cart.AddItem(pb.AddItemRequest(user_id=user, item=pb.CartItem(product_id="6E92ZMYYFZ", quantity=2)))
        order = self.order(checkout, user, currency="EUR")
        self.assertEqual(uuid.UUID(order.order_id).version, 1)
        self.assertTrue(order.shipping_tracking_id)
        self.assertEqual([(i.item.product_id, i.item.quantity) for i in order.items], [("6E92ZMYYFZ", 2)])
        self.assertEqual({order.shipping_cost.currency_code, order.items[0].cost.currency_code}, {"EUR"})
        self.assertEqual(order.items[0].cost.units, 7)
        self.assertEqual(len(cart.GetCart(pb.GetCartRequest(user_id=user)).items), 0)

    def test_a_refused_card_is_an_internal_error_and_keeps_the_cart(self):
        checkout = Service("checkout", **self.addresses)
        self.addCleanup(checkout.stop)
        user, cart = str(uuid.uuid4()), rpc.CartServiceStub(self.services["cart"].channel)
        cart.AddItem(pb.AddItemRequest(user_id=user, item=pb.CartItem(product_id="6E92ZMYYFZ", quantity=2)))
        with self.assertRaises(grpc.RpcError) as caught:
            self.order(checkout, user, card="378282246310005")
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INTERNAL)
        self.assertEqual(len(cart.GetCart(pb.GetCartRequest(user_id=user)).items), 1)

    def test_without_shipping_it_cannot_be_prepared(self):
        checkout = Service("checkout", **{**self.addresses, "SHIPPING_SERVICE_ADDR": f"127.0.0.1:{free_port()}"})
        self.addCleanup(checkout.stop)
        with self.assertRaises(grpc.RpcError) as caught:
            self.order(checkout, "nobody")
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INTERNAL)

    def test_a_letter_that_is_not_sent_undoes_no_order(self):
        checkout = Service("checkout", **{**self.addresses, "EMAIL_SERVICE_ADDR": f"127.0.0.1:{free_port()}"})
        self.addCleanup(checkout.stop)
        self.assertTrue(self.order(checkout, "nobody").order_id)


class Environment(unittest.TestCase):
    def test_a_service_without_its_neighbours_addresses_does_not_start(self):
        for name in ("frontend", "checkout", "recommendation"):
            service = Service(name, wait=False)
            service.process.wait(20)
            self.assertIn("_SERVICE_ADDR is not set", service.text())
            self.assertNotEqual(service.stop(), 0)

    def test_latency_and_errors_on_purpose_spare_the_health_check(self):
        service = Service("ad", EXTRA_LATENCY="0.3s", ERROR_RATE="1")
        self.addCleanup(service.stop)
        started = datetime.datetime.now()
        with self.assertRaises(grpc.RpcError) as caught:
            rpc.AdServiceStub(service.channel).GetAds(pb.AdRequest())
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
        self.assertGreaterEqual((datetime.datetime.now() - started).total_seconds(), 0.3)

    def test_a_duration_that_is_none_is_named(self):
        service = Service("ad", wait=False, EXTRA_LATENCY="soon")
        service.process.wait(20)
        self.assertIn('EXTRA_LATENCY is "soon"', service.text())
        self.assertNotEqual(service.stop(), 0)

    def test_the_version_is_said_in_every_answer(self):
        service = Service("ad", SERVICE_VERSION="v7")
        self.addCleanup(service.stop)
        _, call = rpc.AdServiceStub(service.channel).GetAds.with_call(pb.AdRequest())
        self.assertIn(("x-service-version", "v7"), [tuple(pair) for pair in call.initial_metadata()])


if __name__ == "__main__":
    unittest.main()

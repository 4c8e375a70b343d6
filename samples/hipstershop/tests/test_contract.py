"""What the originals have besides their calls: reflection, signals, variables."""

import datetime
import json
import os
import shutil
import signal
import tempfile
import unittest

import grpc
from google.protobuf import descriptor_pb2

from shop import PROGRAMS, Service, Visitor, eventually, free_port, pb, rpc

import reflection_pb2

# Each service with one of its calls, and the variables without which it does not start.
CALLS = {
    "ad": lambda channel: rpc.AdServiceStub(channel).GetAds(pb.AdRequest()),
    "cart": lambda channel: rpc.CartServiceStub(channel).GetCart(pb.GetCartRequest(user_id="u")),
    "checkout": lambda channel: rpc.CheckoutServiceStub(channel).PlaceOrder(pb.PlaceOrderRequest()),
    "currency": lambda channel: rpc.CurrencyServiceStub(channel).GetSupportedCurrencies(pb.Empty()),
    "email": lambda channel: rpc.EmailServiceStub(channel).SendOrderConfirmation(pb.SendOrderConfirmationRequest()),
    "payment": lambda channel: rpc.PaymentServiceStub(channel).Charge(pb.ChargeRequest()),
    "productcatalog": lambda channel: rpc.ProductCatalogServiceStub(channel).ListProducts(pb.Empty()),
    "recommendation": lambda channel: rpc.RecommendationServiceStub(channel).ListRecommendations(pb.ListRecommendationsRequest()),
    "shipping": lambda channel: rpc.ShippingServiceStub(channel).GetQuote(pb.GetQuoteRequest()),
}
NEIGHBOURS = {f"{name}_SERVICE_ADDR": f"127.0.0.1:{free_port()}" for name in (
    "PRODUCT_CATALOG", "CURRENCY", "CART", "RECOMMENDATION", "CHECKOUT", "SHIPPING", "AD", "PAYMENT", "EMAIL")}
# The contract as the originals have it; a number or a type that changes breaks every service of another make.
MESSAGES = {
    "CartItem": "1 product_id string, 2 quantity int32", "AddItemRequest": "1 user_id string, 2 item CartItem",
    "EmptyCartRequest": "1 user_id string", "GetCartRequest": "1 user_id string",
    "Cart": "1 user_id string, 2 items repeated CartItem", "Empty": "",
    "ListRecommendationsRequest": "1 user_id string, 2 product_ids repeated string",
    "ListRecommendationsResponse": "1 product_ids repeated string",
    "Product": "1 id string, 2 name string, 3 description string, 4 picture string, 5 price_usd Money, 6 categories repeated string",
    "ListProductsResponse": "1 products repeated Product", "GetProductRequest": "1 id string",
    "SearchProductsRequest": "1 query string", "SearchProductsResponse": "1 results repeated Product",
    "GetQuoteRequest": "1 address Address, 2 items repeated CartItem", "GetQuoteResponse": "1 cost_usd Money",
    "ShipOrderRequest": "1 address Address, 2 items repeated CartItem", "ShipOrderResponse": "1 tracking_id string",
    "Address": "1 street_address string, 2 city string, 3 state string, 4 country string, 5 zip_code int32",
    "Money": "1 currency_code string, 2 units int64, 3 nanos int32",
    "GetSupportedCurrenciesResponse": "1 currency_codes repeated string",
    "CurrencyConversionRequest": "1 from Money, 2 to_code string",
    "CreditCardInfo": "1 credit_card_number string, 2 credit_card_cvv int32, 3 credit_card_expiration_year int32, "
                      "4 credit_card_expiration_month int32",
    "ChargeRequest": "1 amount Money, 2 credit_card CreditCardInfo", "ChargeResponse": "1 transaction_id string",
    "OrderItem": "1 item CartItem, 2 cost Money",
    "OrderResult": "1 order_id string, 2 shipping_tracking_id string, 3 shipping_cost Money, 4 shipping_address Address, "
                   "5 items repeated OrderItem",
    "SendOrderConfirmationRequest": "1 email string, 2 order OrderResult",
    "PlaceOrderRequest": "1 user_id string, 2 user_currency string, 3 address Address, 5 email string, 6 credit_card CreditCardInfo",
    "PlaceOrderResponse": "1 order OrderResult", "AdRequest": "1 context_keys repeated string",
    "AdResponse": "1 ads repeated Ad", "Ad": "1 redirect_url string, 2 text string",
}
METHODS = {
    "CartService": "AddItem AddItemRequest Empty, GetCart GetCartRequest Cart, EmptyCart EmptyCartRequest Empty",
    "RecommendationService": "ListRecommendations ListRecommendationsRequest ListRecommendationsResponse",
    "ProductCatalogService": "ListProducts Empty ListProductsResponse, GetProduct GetProductRequest Product, "
                             "SearchProducts SearchProductsRequest SearchProductsResponse",
    "ShippingService": "GetQuote GetQuoteRequest GetQuoteResponse, ShipOrder ShipOrderRequest ShipOrderResponse",
    "CurrencyService": "GetSupportedCurrencies Empty GetSupportedCurrenciesResponse, Convert CurrencyConversionRequest Money",
    "PaymentService": "Charge ChargeRequest ChargeResponse",
    "EmailService": "SendOrderConfirmation SendOrderConfirmationRequest Empty",
    "CheckoutService": "PlaceOrder PlaceOrderRequest PlaceOrderResponse", "AdService": "GetAds AdRequest AdResponse",
}
NAMES = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]


class Contract(unittest.TestCase):
    """The file that the services and these tests are made from, held against the table above."""

    def test_messages_have_the_numbers_and_types_of_the_originals(self):
        types = {value.number: value.name.removeprefix("TYPE_").lower() for value in descriptor_pb2.FieldDescriptorProto.Type.DESCRIPTOR.values}
        file = descriptor_pb2.FileDescriptorProto()
        pb.DESCRIPTOR.CopyToProto(file)
        self.assertEqual((file.package, file.syntax), ("hipstershop", "proto3"))

        def text(field):
            kind = field.type_name.rpartition(".")[2] or types[field.type]
            return f"{field.number} {field.name} {'repeated ' if field.label == field.LABEL_REPEATED else ''}{kind}"

        self.assertEqual({message.name: ", ".join(map(text, message.field)) for message in file.message_type}, MESSAGES)
        self.assertEqual({
            service.name: ", ".join(
                f"{method.name} {method.input_type.rpartition('.')[2]} {method.output_type.rpartition('.')[2]}" for method in service.method)
            for service in file.service}, METHODS)
        self.assertFalse(any(method.client_streaming or method.server_streaming for service in file.service for method in service.method))

    def test_the_service_writes_the_bytes_that_the_numbers_say(self):
        service = Service("shipping")
        self.addCleanup(service.stop)
        call = service.channel.unary_unary("/hipstershop.ShippingService/GetQuote", request_serializer=lambda x: x,
                                           response_deserializer=lambda x: x)
        # One item of product "A", three of it; the answer is 8.99 USD.
        self.assertEqual(call(b"\x12\x05\x0a\x01A\x10\x03"), b"\x0a\x0d\x0a\x03USD\x10\x08\x18\x80\xe7\x88\xd8\x03")


class Reflection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service("shipping")

    @classmethod
    def tearDownClass(cls):
        cls.service.stop()

    def ask(self, *questions, name=NAMES[0], service=None):
        call = (service or self.service).channel.stream_stream(
            f"/{name}/ServerReflectionInfo", request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)
        return list(call(iter([reflection_pb2.ServerReflectionRequest(**question) for question in questions]), timeout=10))

    def test_names_the_services(self):
        for name in NAMES:
            answer, = self.ask({"list_services": ""}, name=name)
            self.assertEqual([service.name for service in answer.list_services_response.service],
                             ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "hipstershop.ShippingService"])

    def test_describes_what_it_serves_as_the_contract_does(self):
        wanted = descriptor_pb2.FileDescriptorProto()
        pb.DESCRIPTOR.CopyToProto(wanted)
        symbols = ["hipstershop.ShippingService", "hipstershop.ShippingService.GetQuote", "hipstershop.Money"]
        answers = self.ask({"file_by_filename": "hipstershop.proto"}, *[{"file_containing_symbol": symbol} for symbol in symbols])
        self.assertEqual(len(answers), 4)
        for answer in answers:
            file, = answer.file_descriptor_response.file_descriptor_proto
            described = descriptor_pb2.FileDescriptorProto.FromString(file)
            # Python's description leaves the names in JSON out.
            for field in (field for message in described.message_type for field in message.field):
                field.ClearField("json_name")
            self.assertEqual(described, wanted)

    def test_a_nested_name_is_found(self):
        answer, = self.ask({"file_containing_symbol": "grpc.health.v1.HealthCheckResponse.ServingStatus"})
        file, = answer.file_descriptor_response.file_descriptor_proto
        self.assertEqual(descriptor_pb2.FileDescriptorProto.FromString(file).name, "health.proto")

    def test_what_it_does_not_know_is_not_found_and_ends_nothing(self):
        answers = self.ask({"file_containing_symbol": "other.Service"}, {"file_by_filename": "other.proto"},
                           {"all_extension_numbers_of_type": "other.Type"}, {}, {"list_services": "", "host": "a"})
        self.assertEqual([answer.error_response.error_code for answer in answers[:4]], [5, 5, 5, 3])
        self.assertEqual((answers[4].valid_host, len(answers[4].list_services_response.service)), ("a", 3))

    def test_only_shipping_has_it_as_in_the_original(self):
        ad = Service("ad")
        self.addCleanup(ad.stop)
        with self.assertRaises(grpc.RpcError) as caught:
            self.ask({"list_services": ""}, service=ad)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)


class CatalogSignals(unittest.TestCase):
    def test_reads_its_file_for_each_call_when_it_is_told_to(self):
        # A copy of the program, whose file the test may change.
        folder = tempfile.mkdtemp(prefix="heddle-catalog-", dir=os.path.dirname(os.path.realpath(PROGRAMS)))
        self.addCleanup(shutil.rmtree, folder)
        os.link(os.path.realpath(os.path.join(PROGRAMS, "hipstershop")), os.path.join(folder, "hipstershop"))
        resources = next(name for name in os.listdir(PROGRAMS) if name.endswith("_hipstershop.resources"))
        shutil.copytree(os.path.join(PROGRAMS, resources), os.path.join(folder, resources))
        path = os.path.join(folder, resources, "Assets", "products.json")
        service = Service("productcatalog", programs=folder)
        self.addCleanup(service.stop)
        stub = rpc.ProductCatalogServiceStub(service.channel)

        def rename(name):
            with open(path) as file:
                catalog = json.load(file)
            catalog["products"][0]["name"] = name
            with open(path + ".new", "w") as file:
                json.dump(catalog, file)
            os.replace(path + ".new", path)

        def name():
            return stub.ListProducts(pb.Empty()).products[0].name

        before = name()
        rename("First")
        self.assertEqual(name(), before)
        service.process.send_signal(signal.SIGUSR1)
        eventually(lambda: name() == "First", "the file is read anew")
        rename("Second")
        self.assertEqual(name(), "Second")
        service.process.send_signal(signal.SIGUSR2)
        eventually(lambda: "keeps the catalogue" in service.text(), "the signal is taken")
        rename("Third")
        self.assertEqual(name(), "Second")


class Disturbance(unittest.TestCase):
    def test_every_service_can_be_slow_and_can_fail(self):
        for name, call in CALLS.items():
            with self.subTest(name):
                service = Service(name, EXTRA_LATENCY="0.2s", ERROR_RATE="100%", **NEIGHBOURS)
                self.addCleanup(service.stop)
                started = datetime.datetime.now()
                with self.assertRaises(grpc.RpcError) as caught:
                    call(service.channel)
                self.assertEqual(caught.exception.details(), "an error on purpose (ERROR_RATE)")
                self.assertGreaterEqual((datetime.datetime.now() - started).total_seconds(), 0.2)

    def test_so_can_those_that_serve_pages(self):
        for name, path, status in (("frontend", "/", 500), ("centralbank", "/stats/eurofxref/eurofxref-daily.xml", 503)):
            with self.subTest(name):
                service = Service(name, wait=False, EXTRA_LATENCY="0.2s", ERROR_RATE="1", **NEIGHBOURS)
                self.addCleanup(service.stop)
                visitor = Visitor("127.0.0.1", service.port)

                def answer():
                    try:
                        return visitor.get(path)
                    except OSError:
                        return None

                started = datetime.datetime.now()
                self.assertEqual(eventually(answer, "it answers").status, status)
                self.assertGreaterEqual((datetime.datetime.now() - started).total_seconds(), 0.2)


if __name__ == "__main__":
    unittest.main()

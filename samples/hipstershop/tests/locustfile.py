"""People in the shop as the original's load generator has them, for Locust: the same tasks, weights, pauses and data.

    locust -f samples/hipstershop/tests/locustfile.py --headless --host http://127.7.0.1:8080 -u 10 -r 1 -t 60s

Half of the users are those of today, with data made by Faker and Locust's fast client; the others those of 2019, with one
person's data and the client of `requests`. LONGEST_WAIT is the longest pause in seconds, 10 unless set.
"""

import datetime
import os
import random

from faker import Faker
from locust import FastHttpUser, HttpUser, TaskSet, between

LONGEST_WAIT = float(os.environ.get("LONGEST_WAIT", "10"))
PRODUCTS = ["0PUK6V6EV0", "1YMWWN1N4O", "2ZYFJ3GM2N", "66VCHSJNUP", "6E92ZMYYFZ", "9SIQT8TOJO", "L9ECAV7KIM", "LS4PSXUNUM",
            "OLJCESPC7Z"]
PERSON = {
    "email": "someone@example.com", "street_address": "1600 Amphitheatre Parkway", "zip_code": "94043", "city": "Mountain View",
    "state": "CA", "country": "United States", "credit_card_number": "4432-8015-6152-0454", "credit_card_expiration_month": "1",
    "credit_card_expiration_year": "2039", "credit_card_cvv": "672",
}
faker = Faker()


def anyone():
    """Whoever Faker makes up."""
    return {
        "email": faker.email(), "street_address": faker.street_address(), "zip_code": faker.zipcode(), "city": faker.city(),
        "state": faker.state_abbr(), "country": faker.country(), "credit_card_number": faker.credit_card_number(card_type="visa"),
        "credit_card_expiration_month": random.randint(1, 12),
        "credit_card_expiration_year": random.randint(datetime.date.today().year + 1, datetime.date.today().year + 70),
        "credit_card_cvv": f"{random.randint(100, 999)}",
    }


def index(visit):
    visit.client.get("/")


def set_currency(visit):
    visit.client.post("/setCurrency", {"currency_code": random.choice(visit.user.currencies)})


def browse_product(visit):
    visit.client.get("/product/" + random.choice(PRODUCTS), name="/product")


def view_cart(visit):
    visit.client.get("/cart")


def add_to_cart(visit):
    product = random.choice(PRODUCTS)
    visit.client.get("/product/" + product, name="/product")
    visit.client.post("/cart", {"product_id": product, "quantity": random.choice(visit.user.quantities)}, name="/cart add")


def checkout(visit):
    add_to_cart(visit)
    visit.client.post("/cart/checkout", visit.user.person())


class Visit(TaskSet):
    tasks = {index: 1, set_currency: 2, browse_product: 10, add_to_cart: 2, view_cart: 3, checkout: 1}

    def on_start(self):
        index(self)


class PersonOfToday(FastHttpUser):
    tasks = [Visit]
    wait_time = between(min(1, LONGEST_WAIT / 10), LONGEST_WAIT)
    currencies = ["EUR", "USD", "JPY", "CAD", "GBP", "TRY"]
    quantities = list(range(1, 11))
    person = staticmethod(anyone)


class PersonOf2019(HttpUser):
    tasks = [Visit]
    wait_time = between(min(1, LONGEST_WAIT / 10), LONGEST_WAIT)
    currencies = ["EUR", "USD", "JPY", "CAD"]
    quantities = [1, 2, 3, 4, 5, 10]
    person = staticmethod(lambda: PERSON)

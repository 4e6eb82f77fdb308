"""One price for everybody: the audit, random shoppers, and a price that knows its shopper."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.checkout import CartLine, CartQuery
from retrieval.parity import audit, cases, main, price_to_pay
from retrieval.pipeline import Recommender
from retrieval.query import Query
from retrieval.store import Store


@pytest.fixture(scope="module")
def store(tiny_store):
    opened = Store.open(tiny_store, device="cpu")
    yield opened
    opened.close()


def test_every_price_is_the_same_for_everybody(store):
    found = audit(store, ["jon", "uma", "nobody"])
    assert found.differences == ()
    assert found.n_products == 12
    assert found.n_identities == 7  # nobody in particular; three shoppers, on and off
    assert found.n_prices == 7 * found.n_cases


def test_the_cases_stand_around_every_start_and_end(store):
    at = {query.at for query in cases(store.catalogue["tent-duo"], [store.promotions["tents-10"]])}
    start, end = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)
    instant = timedelta(microseconds=1)
    assert at == {None, *(e + d for e in (start, end) for d in (-instant, 0 * instant, instant))}
    prices = {
        price_to_pay(store, q) for q in cases(store.catalogue["tent-duo"],
                                              tuple(store.promotions.values()))
    }  # fmt: skip
    assert {Decimal("116.10"), Decimal("129.00")} <= prices


def test_coupons_and_minimum_spends_make_classes(store):
    found = list(cases(store.catalogue["gas-screw"], tuple(store.promotions.values())))
    assert {q.coupons for q in found} == {(), ("gas-coupon",)}
    # 6.50 each: 10 wants 2, 75 wants 12
    assert {q.lines[0].quantity for q in found} == {1, 2, 12}


def dearer_for_jon(store, query):
    """A price that smuggles the shopper in."""
    price = price_to_pay(store, query)
    return price + 1 if query.shopper_id == "jon" and query.personalise else price


def dearer_at_one_moment(store, query):
    """The same, only at the instant after one promotion has ended."""
    after = store.promotions["tents-10"].ends_at + timedelta(microseconds=1)
    price = price_to_pay(store, query)
    return price + 1 if query.shopper_id is not None and query.at == after else price


@pytest.mark.parametrize("price_of", [dearer_for_jon, dearer_at_one_moment])
def test_a_price_that_knows_its_shopper_is_caught(store, price_of):
    found = audit(store, ["jon"], price_of=price_of)
    assert found.differences
    assert {d.query.shopper_id for d in found.differences} == {"jon"}


def test_the_door_prints_the_audit(tiny_store, capsys):
    assert main(["--store", str(tiny_store), "--products", "4"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["is_equal"]
    assert printed["products"] == 4


@given(
    products=st.lists(st.integers(0, 11), min_size=1, max_size=4),
    shoppers=st.lists(
        st.sampled_from(["jon", "sam", "mei", "uma"]) | st.text(max_size=5), min_size=2, max_size=2
    ),
    day=st.integers(0, 500),
    coupons=st.none() | st.just(("gas-coupon",)) | st.just(()),
)
@settings(max_examples=20, deadline=None)
def test_random_carts_cost_the_same_for_random_shoppers(store, products, shoppers, day, coupons):
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    lines = tuple(CartLine(product_id=store.catalogue.product_ids[i]) for i in products)
    query = CartQuery(cart_id="c", lines=lines, coupons=coupons, at=at)
    prices = {
        price_to_pay(store, query.model_copy(update={"shopper_id": s, "personalise": is_on}))
        for s in shoppers
        for is_on in (True, False)
    }
    assert len(prices) == 1


@pytest.mark.parametrize("day", [datetime(2026, 3, 1, tzinfo=UTC), None])
def test_prices_and_offers_in_slates_are_the_same_for_everybody(store, day):
    recommender = Recommender(store)
    seen = {}
    for shopper_id, is_on in ((None, True), ("jon", True), ("jon", False), ("mei", True)):
        query = Query(
            query_id="q", text="tent", k=12, shopper_id=shopper_id, personalise=is_on, at=day
        )
        for i, fact in recommender.recommend(query).evidence.items():
            if fact.kind in ("price", "offer"):
                assert seen.setdefault(i, fact.data) == fact.data
    assert any(i.startswith("price:") for i in seen)

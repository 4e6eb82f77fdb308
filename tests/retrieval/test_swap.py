"""Bundles edited item by item, on the tiny store."""

from decimal import Decimal

import pytest

from retrieval.pipeline import Recommender
from retrieval.query import Constraints, Query
from retrieval.store import Store
from retrieval.swap import swap


@pytest.fixture(scope="module")
def recommender(tiny_store):
    store = Store.open(tiny_store, device="cpu")
    yield Recommender(store)
    store.close()


def asked(**constraints):
    constraints = {"roles": ("Tents", "Mats"), **constraints}
    return Query(query_id="q", offer_kind="bundle", constraints=Constraints(**constraints))


def test_one_product_is_replaced_and_all_else_stays(recommender):
    query = asked(total_max=Decimal(200))
    (first, *_) = recommender.recommend(query).bundles
    (mat,) = {"mat-foam", "mat-air"} & set(first.product_ids)
    (other,) = {"mat-foam", "mat-air"} - {mat}
    swapped = swap(recommender, query, first.product_ids, mat).bundles[0]
    assert set(swapped.product_ids) == (set(first.product_ids) - {mat}) | {other}
    assert swapped.total <= 200


def test_where_nothing_can_take_the_place_it_says_why(recommender):
    # tent-duo 129.00 with the air mat is 198.00, with the other tent 273.90
    query = asked(total_max=Decimal(160))
    (first, *_) = recommender.recommend(query).bundles
    assert set(first.product_ids) == {"tent-duo", "mat-foam"}
    slate = swap(recommender, query, first.product_ids, "mat-foam")
    assert slate.bundles == ()
    (conflict,) = [f for f in slate.evidence.values() if f.kind == "conflict"]
    assert {"name": "total_max", "value": "198.00"} in conflict.data["nearest"]


def test_a_must_have_or_a_stranger_is_not_swapped(recommender):
    query = asked(must_include=("tent-duo",))
    with pytest.raises(ValueError, match="is a must-have"):
        swap(recommender, query, ("tent-duo", "mat-foam"), "tent-duo")
    with pytest.raises(ValueError, match="must be one of"):
        swap(recommender, query, ("tent-duo", "mat-foam"), "lantern")

"""How much new products inherit is read off how those fared that were new before."""

from dataclasses import replace

import numpy as np
import pytest

from retrieval.eligibility import eligible
from retrieval.learned import Learned
from retrieval.plan import configured_weights, highest, make_plan, weights_of
from retrieval.query import Query
from retrieval.store import Store
from retrieval.tuning.carry import SHARES, carried


@pytest.fixture(scope="module")
def store(tiny_store):
    """The tiny shop with too few events of most products, so that they count as new."""
    opened = Store.open(tiny_store)
    yield opened
    opened.close()


def asked(store, taken):
    plan = make_plan(store, Query(query_id="q", basket=("tent-duo",), k=10))
    return [(plan, eligible(store, plan), store.catalogue.row(taken))]


def test_where_no_new_product_was_met_the_past_says_nothing(store):
    weights = configured_weights(store, "basket")
    nobody = np.zeros(len(store.catalogue), bool)
    assert carried(store, asked(store, "mat-foam"), weights, nobody) is None
    assert carried(store, [], weights, ~nobody) is None


def test_each_share_is_valued_and_a_best_one_chosen(store):
    if not len(store.relatives.rows):
        pytest.fail("the tiny shop has no product that inherits")
    weights = configured_weights(store, "basket")
    found = carried(store, asked(store, "mat-foam"), weights, np.ones(len(store.catalogue), bool))
    assert found is not None
    share, values = found
    assert set(values) == {f"{s:g}" for s in SHARES}
    assert values[f"{share:g}"] == max(values.values())


def test_the_share_that_was_found_is_used(store, tmp_path):
    Learned(carried={"basket": 0.5}).save(tmp_path)
    tuned = replace(store, learned=Learned.load(tmp_path))
    plan = make_plan(tuned, Query(query_id="q", basket=("tent-duo",)))
    weights = weights_of(tuned, plan)
    assert weights["relatives"] == pytest.approx(0.5 * highest(weights))

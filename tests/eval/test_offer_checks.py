from decimal import Decimal

import numpy as np
import pytest

from eval.offer_checks import is_optimal, random_instance, violations
from eval.truth import load_truth
from retrieval.errors import DataError
from retrieval.offers.bundle import BundleItem, BundleRules
from retrieval.query import Constraints
from retrieval.slate import Bundle
from retrieval.store import Store


@pytest.fixture(scope="module")
def store(tiny_store):
    opened = Store.open(tiny_store, device="cpu")
    yield opened
    opened.close()


def bundle(*product_ids, total):
    return Bundle(
        name="best_fit",
        product_ids=product_ids,
        total=Decimal(total),
        score=1.0,
        evidence_ids=(),
    )


def test_a_bundle_that_keeps_everything_breaks_nothing(store):
    # 39.90 + 6.50 = 46.40
    found = bundle("stove-spark", "gas-screw", total="46.40")
    asked = Constraints(total_max=Decimal("46.40"), must_include=("gas-screw",), in_stock=True)
    assert violations(found, asked, store) == []


@pytest.mark.parametrize(
    ("asked", "broken"),
    [
        ({"total_max": "46.39"}, "total"),
        ({"must_include": ("lantern",)}, "must-have"),
        ({"exclude": ("gas-screw",)}, "excluded"),
        ({"min_items": 3}, "size"),
    ],
)
def test_each_broken_constraint_is_named(store, asked, broken):
    found = bundle("stove-spark", "gas-screw", total="46.40")
    assert violations(found, Constraints.model_validate(asked), store) == [broken]


def test_a_wrong_total_and_a_sold_out_product_are_named(store):
    found = bundle("stove-spark", "headlamp", total="1.00")
    assert violations(found, Constraints(), store) == ["stated total", "sold out"]


def test_the_solver_is_as_good_as_all_subsets():
    rng = np.random.default_rng(0)
    prices = rng.integers(100, 20_000, 50).astype(float)
    assert all(is_optimal(*random_instance(prices, rng, n_items=8)) for _ in range(10))


def test_nothing_possible_is_found_by_both():
    items = [BundleItem(row=i, price=10_000, score=1.0, role=i) for i in range(3)]
    assert is_optimal(items, BundleRules(total_max=Decimal(1)))


def test_truth_is_read_and_its_absence_named(tmp_path):
    with pytest.raises(DataError, match="--truth DIR"):
        load_truth(tmp_path)

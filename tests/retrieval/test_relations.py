"""A new product that fits what is asked about gets what such pairs usually have."""

import numpy as np
import pytest

from retrieval.behaviour.association import AssociationScorer
from retrieval.behaviour.base import Interactions
from retrieval.compatibility import CompatibilityIndex
from retrieval.config import BehaviourConfig
from retrieval.data.dataset import Catalogue, Product
from retrieval.relations import Relations

N_MODELS = 4
FILTERS, CARTRIDGES = np.arange(N_MODELS), np.arange(N_MODELS, 2 * N_MODELS)
NEW = int(CARTRIDGES[-1])
"""The cartridge of the last filter was never bought."""


@pytest.fixture(scope="module")
def relations():
    """Every filter is bought with its own cartridge, ten times, and alone ten times."""
    products = [
        Product(product_id=f"f{m}", title="filter", category=("Filters",), attributes={"model": m})
        for m in "abcd"
    ] + [
        Product(
            product_id=f"c{m}", title="c", category=("Cartridges",), attributes={"fits model": m}
        )
        for m in "abcd"
    ]  # fmt: skip
    catalogue = Catalogue(products)
    baskets = [[f, f + N_MODELS] for f in range(N_MODELS - 1)] * 10 + [[f] for f in FILTERS] * 10
    log = Interactions.of_sequences(baskets, len(products))
    is_new = np.zeros(len(products), bool)
    is_new[NEW] = True
    return Relations(
        AssociationScorer(BehaviourConfig(damping=0.0)).fit(log),
        CompatibilityIndex(catalogue),
        leaf_code=catalogue.leaf_code,
        brand_code=catalogue.brand_code,
        is_new=is_new,
        half=0.3,
    )


def test_a_new_product_that_fits_gets_what_pairs_that_fit_have(relations):
    # 70 baskets, 20 with a filter (the last: 10), 10 of them with its cartridge:
    # 10/20 x log2(10 x 70 / (20 x 10)) = 0.9037 -> 0.9037 / 1.2037
    usual = relations.expected(np.array([N_MODELS - 1]), np.array([NEW]))
    assert usual == pytest.approx([0.9037 / 1.2037], abs=1e-3)


def test_one_that_fits_something_else_gets_nothing(relations):
    assert relations.expected(np.array([0]), np.array([NEW])).tolist() == [0]
    assert relations.expected(np.zeros(0, np.int64), np.array([NEW])).tolist() == [0]

"""Weighted sums, their parts, and variety."""

import numpy as np
import pytest

from retrieval.candidates import Candidates
from retrieval.data.dataset import Catalogue, Product
from retrieval.ranking import rank_candidates
from retrieval.reranking import diversify
from retrieval.slate import Candidate


def candidates(rows, **scores):
    return Candidates(
        rows=np.array(rows), scores={k: np.array(v, np.float32) for k, v in scores.items()}
    )


def test_the_score_is_the_sum_of_the_weighted_parts():
    found = rank_candidates(
        candidates([3, 7], lexical=[1.0, 0.5], semantic=[0.25, 1.0]),
        {"lexical": 1.0, "semantic": 2.0},
    )
    # row 3: 1 + 0.5; row 7: 0.5 + 2
    assert [(c.row, c.score) for c in found] == [(7, 2.5), (3, 1.5)]
    assert found[0].parts == {"lexical": 0.5, "semantic": 2.0}


def test_parts_without_weight_or_without_score_are_left_out():
    (found,) = rank_candidates(
        candidates([1], lexical=[0.0], semantic=[1.0], profile=[1.0]),
        {"lexical": 1.0, "semantic": 1.0},
    )
    assert found.parts == {"semantic": 1.0}


def test_ties_go_to_the_lower_row():
    found = rank_candidates(candidates([9, 2, 5], lexical=[1, 1, 1]), {"lexical": 1.0})
    assert [c.row for c in found] == [2, 5, 9]


def test_a_limit_keeps_the_best():
    found = rank_candidates(candidates([0, 1, 2], lexical=[1, 3, 2]), {"lexical": 1.0}, limit=2)
    assert [c.row for c in found] == [1, 2]


def test_no_candidates_no_ranking():
    assert rank_candidates(candidates([]), {"lexical": 1.0}) == ()


@pytest.fixture
def shop():
    """Five products: a1, a2, a3 of leaf A (a1, a2 one item group), b of B, n of none."""
    return Catalogue(
        [
            Product(product_id="a1", title="", category=("A",), item_group_id="g"),
            Product(product_id="a2", title="", category=("A",), item_group_id="g"),
            Product(product_id="a3", title="", category=("A",)),
            Product(product_id="b", title="", category=("B",)),
            Product(product_id="n", title=""),
        ]
    )


def shown(shop, k, **settings):
    ranked = [Candidate(row=row, parts={"x": 1.0 - row / 10}) for row in range(5)]
    return [shop.product_ids[c.row] for c in diversify(ranked, shop, k=k, **settings)]


def test_one_of_a_group_is_shown(shop):
    assert shown(shop, 3) == ["a1", "a3", "b"]


def test_a_leaf_has_only_so_many_places(shop):
    assert shown(shop, 3, max_per_leaf=1) == ["a1", "b", "n"]


def test_what_was_held_back_fills_up_in_its_order(shop):
    assert shown(shop, 5, max_per_leaf=1) == ["a1", "b", "n", "a2", "a3"]
    assert shown(shop, 99) == ["a1", "a3", "b", "n", "a2"]


def test_products_without_a_category_share_no_places():
    shop = Catalogue([Product(product_id=str(i), title="") for i in range(3)])
    ranked = [Candidate(row=row, parts={}) for row in range(3)]
    assert len(diversify(ranked, shop, k=3, max_per_leaf=1)) == 3

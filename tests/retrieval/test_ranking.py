"""Weighted sums, their parts, and variety."""

import numpy as np
import pytest

from retrieval.candidates import Candidates
from retrieval.data.dataset import Catalogue, Product
from retrieval.ranking import rank_candidates
from retrieval.reranking import diversify


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


def test_a_ranking_makes_what_is_looked_at():
    many = np.arange(100)
    found = rank_candidates(candidates(many, lexical=many / 100, rating=1 - many), {"lexical": 1.0})
    assert [c.row for c in found] == many[::-1].tolist()
    assert [found[i] for i in range(100)] == list(found) == list(found[:])
    assert found[0].parts == {"lexical": pytest.approx(0.99)}
    with pytest.raises(IndexError):
        found[100]


def test_one_ranking_may_follow_another():
    found = rank_candidates(candidates([0, 1, 2], lexical=[1, 3, 2]), {"lexical": 1.0})
    # rows 1, 2, 0 with 3, 2, 1; the last at half its score in front
    joined = found.take(np.array([2])).scaled(0.5).then(found.take(found.rows > 0))
    assert [(c.row, c.score) for c in joined] == [(0, 0.5), (1, 3.0), (2, 2.0)]
    assert joined.totals.tolist() == [0.5, 3.0, 2.0]


def test_no_candidates_no_ranking():
    assert list(rank_candidates(candidates([]), {"lexical": 1.0})) == []
    assert [c.parts for c in rank_candidates(candidates([4]), {})] == [{}]


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
    found = diversify(range(5), shop, k=k, **settings)
    return [shop.product_ids[place] for place in found]


def test_one_of_a_group_is_shown(shop):
    assert shown(shop, 3) == ["a1", "a3", "b"]


def test_a_leaf_has_only_so_many_places(shop):
    assert shown(shop, 3, max_per_leaf=1) == ["a1", "b", "n"]


def test_what_was_held_back_fills_up_in_its_order(shop):
    assert shown(shop, 5, max_per_leaf=1) == ["a1", "b", "n", "a2", "a3"]
    assert shown(shop, 99) == ["a1", "a3", "b", "n", "a2"]


def test_products_without_a_category_share_no_places():
    shop = Catalogue([Product(product_id=str(i), title="") for i in range(3)])
    assert diversify(range(3), shop, k=3, max_per_leaf=1) == [0, 1, 2]

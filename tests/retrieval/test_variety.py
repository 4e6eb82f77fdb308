"""Three ways to vary a slate, worked by hand on four or five candidates."""

import numpy as np
import pytest
from pydantic import ValidationError

from retrieval.config import DiversityConfig
from retrieval.pipeline import Recommender
from retrieval.query import Query
from retrieval.reranking import reorder, shares
from retrieval.store import Store

SCORES = np.array([1.0, 0.9, 0.8, 0.4])
TWO_ALIKE = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
CODES = np.array([0, 0, 0, 1])


def order(method, strength, *, k=3, scores=SCORES, wished=None, key="q", seed=0):
    setting = DiversityConfig(method=method, strength=strength, seed=seed)
    return reorder(scores, setting, k=k, vectors=TWO_ALIKE, codes=CODES, wished=wished, key=key)


@pytest.mark.parametrize("method", ["none", "random", "content", "interest"])
def test_strength_0_is_the_ranking_as_it_is(method):
    assert order(method, 0, wished=np.array([0.5, 0.5])) == [0, 1, 2, 3]


def test_content_takes_the_next_that_reads_unlike_the_chosen():
    # second place at 0.3: row 1: 0.7 * 0.9 - 0.3 * 1 = 0.33; row 2: 0.7 * 0.8 - 0 = 0.56
    # third: row 1 0.33 again; row 3: 0.7 * 0.4 - 0.3 * 1 = -0.02
    assert order("content", 0.3) == [0, 2, 1, 3]


def test_interest_comes_near_the_shares_of_the_history():
    # half of the history is of category 1, which only the last candidate has; at 0.5:
    # first place: KL of (1, 0) and of (0, 1) from (0.5, 0.5) are equal, so relevance decides: 0
    # second: 0.5 * 1.9 - 0.5 * KL(one-sided) = 0.95 - 0.5 * 1.96 < 0.5 * 1.4 - 0
    assert order("interest", 0.5, wished=np.array([0.5, 0.5])) == [0, 3, 1, 2]
    assert order("interest", 0.5, wished=np.array([1.0, 0.0])) == [0, 1, 2, 3]


def test_interest_without_a_history_changes_nothing():
    assert order("interest", 1.0, wished=None) == [0, 1, 2, 3]
    assert shares(np.array([0, 1, -1]), 2) is None
    assert shares(np.array([0, 1, 1, -1, 1]), 2).tolist() == [0.25, 0.75]


def test_random_is_the_same_for_a_query_and_its_seed():
    assert order("random", 0.5, k=4) == order("random", 0.5, k=4)
    seen = {tuple(order("random", 1.0, k=4, key=str(i))) for i in range(40)}
    assert len(seen) > 10
    assert len({tuple(order("random", 1.0, k=4, seed=i)) for i in range(40)}) > 10


def test_random_changes_near_ties_and_leaves_wide_gaps():
    near = np.array([1.0, 0.99, 0.2, 0.1])
    found = [order("random", 0.3, k=4, scores=near, key=str(i)) for i in range(50)]
    assert {tuple(sorted(f[:2])) for f in found} == {(0, 1)}  # 0.7 * 0.79 > 0.3
    assert {f[0] for f in found} == {0, 1}


@pytest.mark.parametrize("method", ["random", "content", "interest"])
def test_nothing_is_lost_and_nothing_twice(method):
    rng = np.random.default_rng(4)
    scores = np.sort(rng.random(20))[::-1]
    vectors = rng.normal(size=(20, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    setting = DiversityConfig(method=method, strength=0.6)
    codes = rng.integers(-1, 5, 20)
    found = reorder(scores, setting, k=10, vectors=vectors, codes=codes, wished=np.full(5, 0.2))
    assert sorted(found) == list(range(20))
    assert (
        reorder(np.zeros(0), setting, k=10, vectors=vectors[:0], codes=codes[:0], wished=None) == []
    )


def test_a_strength_outside_0_to_1_is_refused():
    with pytest.raises(ValidationError, match="strength"):
        DiversityConfig(method="content", strength=1.1)


@pytest.fixture(scope="module")
def store(tiny_store):
    opened = Store.open(tiny_store, device="cpu")
    yield opened
    opened.close()


def test_a_store_with_the_setting_varies_its_slates_and_keeps_their_parts(store):
    from dataclasses import replace

    def slate(method, strength):
        diversity = DiversityConfig(method=method, strength=strength)
        ranking = store.config.ranking.model_copy(update={"diversity": diversity})
        config = store.config.model_copy(update={"ranking": ranking})
        query = Query(query_id="q", anchors=("tent-duo",), offer_kind="cross_sell", k=6)
        return Recommender(replace(store, config=config)).recommend(query)

    plain, random, again = slate("none", 0.0), slate("random", 1.0), slate("random", 1.0)
    assert [s.product_id for s in random.suggestions] != [s.product_id for s in plain.suggestions]
    assert [s.as_json() for s in random.suggestions] == [s.as_json() for s in again.suggestions]
    parts = {s.product_id: s.score_parts for s in plain.suggestions}
    shared = [s for s in random.suggestions if s.product_id in parts]
    assert shared
    assert all(s.score_parts == parts[s.product_id] for s in shared)

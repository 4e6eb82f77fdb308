"""Right answers for EASE, shopper neighbours and factors, each checked another way."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from retrieval.behaviour.base import Context, Interactions
from retrieval.behaviour.clusters import Clusters
from retrieval.behaviour.ease import EaseScorer
from retrieval.behaviour.factors import AlsScorer, BprScorer
from retrieval.behaviour.user_knn import UserKnnScorer
from retrieval.errors import ConfigError

A, B, C, D = range(4)


def rows(*values):
    return np.array(values, np.int64)


def random_sequences(n_shoppers=80, n_products=12, seed=0):
    rng = np.random.default_rng(seed)
    return [
        rng.choice(n_products, size=rng.integers(2, 6), replace=False).tolist()
        for _ in range(n_shoppers)
    ]


class TestEase:
    def dense(self, sequences, n_products, regularisation):
        taken = np.zeros((len(sequences), n_products))
        for row, sequence in enumerate(sequences):
            taken[row, sequence] = 1
        inverse = np.linalg.inv(taken.T @ taken + regularisation * np.eye(n_products))
        weights = -inverse / np.diag(inverse)
        np.fill_diagonal(weights, 0)
        return weights

    def test_weights_are_the_dense_closed_form(self):
        sequences = random_sequences()
        scorer = EaseScorer(regularisation=3, activity_power=0, recency=0.5)
        scorer.fit(Interactions.of_sequences(sequences, 12))
        weights = self.dense(sequences, 12, 3)
        for history in ([0], [3, 7], [11, 2, 5]):
            recency = 0.5 ** np.arange(len(history))[::-1]
            expected = np.maximum(recency @ weights[history], 0)
            assert scorer.score(Context(history=rows(*history))) == pytest.approx(
                expected, abs=1e-4
            )

    def test_baskets_tell_apart_what_the_same_shopper_takes_at_other_times(self):
        log = Interactions.of_sequences([[0, 1, 2, 3]] * 30 + [[4]] * 30, 5)
        log = replace(log, basket=np.arange(len(log.product)) // 2)  # 0 with 1, 2 with 3
        context = Context(basket=rows(0))
        by_shopper = EaseScorer(regularisation=1).fit(log).score(context)
        by_basket = EaseScorer(regularisation=1, over="baskets").fit(log).score(context)
        assert by_shopper[2] > 0.1
        assert by_basket[1] > 0.1
        assert by_basket[2] == 0

    def test_only_the_strongest_neighbours_are_kept(self):
        sequences = random_sequences()
        scorer = EaseScorer(neighbours=3, regularisation=3, activity_power=0)
        scorer.fit(Interactions.of_sequences(sequences, 12))
        row = self.dense(sequences, 12, 3)[4]
        strongest = np.argsort(-np.abs(row))[:3]
        expected = np.zeros(12)
        expected[strongest] = np.maximum(row[strongest], 0)
        assert scorer.score(Context(history=rows(4))) == pytest.approx(expected, abs=1e-4)

    def test_beyond_max_items_only_the_most_taken_take_part(self):
        # a in 3 histories, b in 2, c and d in 1: two are allowed, so c and d get nothing
        log = Interactions.of_sequences([[A, B], [A, B, C], [A, D]], 4)
        scorer = EaseScorer(regularisation=1, max_items=2).fit(log)
        assert scorer.score(Context(history=rows(A)))[B] > 0
        assert not scorer.score(Context(history=rows(A)))[[C, D]].any()
        assert not scorer.score(Context(history=rows(C))).any()

    def test_a_regularisation_of_zero_is_refused_by_name(self):
        with pytest.raises(ValueError, match=r"`regularisation` must be above 0, got 0"):
            EaseScorer(regularisation=0)


class TestUserKnn:
    """Four shoppers: a+b, a+c, b+d, d. Rarity is log(1 + 4/takers): c log 5, the others log 3."""

    @pytest.fixture
    def log(self):
        return Interactions.of_sequences([[A, B], [A, C], [B, D], [D]], 4)

    def test_cosine_to_shoppers_by_hand(self, log):
        scores = UserKnnScorer(shrinkage=0).fit(log).score(Context(history=rows(A)))
        first = 1 / np.sqrt(2)  # a, b weigh alike
        second = np.log(3) / np.hypot(np.log(3), np.log(5))
        assert scores == pytest.approx([first + second, first, second, 0])

    def test_shrinkage_halves_what_shares_one_product(self, log):
        plain = UserKnnScorer(shrinkage=0).fit(log).score(Context(history=rows(A)))
        damped = UserKnnScorer(shrinkage=1).fit(log).score(Context(history=rows(A)))
        assert damped == pytest.approx(plain / 2)

    def test_only_the_nearest_are_asked(self, log):
        scorer = UserKnnScorer(n_shoppers=1, shrinkage=0).fit(log)
        shoppers, similarity = scorer.neighbours(Context(history=rows(A)))
        assert shoppers.tolist() == [0]
        assert similarity == pytest.approx([1 / np.sqrt(2)])
        assert scorer.score(Context(history=rows(A)))[C] == 0

    def test_a_known_shopper_is_not_their_own_neighbour(self, log):
        scorer = UserKnnScorer(shrinkage=0).fit(log)
        assert 0 in scorer.neighbours(Context(history=rows(A, B)))[0]
        own = Context(history=rows(A, B), shopper=0)
        assert sorted(scorer.neighbours(own)[0].tolist()) == [1, 2]

    def test_what_neighbours_only_looked_at_is_not_what_they_bought(self, log):
        viewed = Interactions(
            **{
                name: getattr(log, name)
                for name in (
                    "n_products", "shopper_ids", "shopper", "product", "day", "basket", "session",
                    "end_day",
                )
            },
            type=np.where(log.product == B, 0, 2).astype(np.int8),
        )  # fmt: skip
        scores = UserKnnScorer(shrinkage=0).fit(viewed).score(Context(history=rows(A)))
        assert scores[B] == 0
        assert scores[C] > 0

    def test_clusters_keep_other_clusters_out(self):
        # two tastes: products 0-3 in leaves 0 and 1, products 4-7 in leaves 2 and 3; shopper 60
        # belongs with the first and also bought product 4
        histories = [[i % 4, (i + 1) % 4, (i + 2) % 4] * 2 for i in range(30)]
        histories += [[4 + i % 4, 4 + (i + 1) % 4, 4 + (i + 2) % 4] * 2 for i in range(30)]
        histories += [[0, 1, 2, 3, 4]]
        log = Interactions.of_sequences(histories, 8)
        leaf = np.array([0, 0, 1, 1, 2, 2, 3, 3])
        clusters = Clusters(leaf, ("w", "x", "y", "z"), max_clusters=2)
        inside = UserKnnScorer(clusters=clusters, n_shoppers=100).fit(log)
        everybody = UserKnnScorer(n_shoppers=100).fit(log)
        context = Context(history=rows(4))
        assert 60 in everybody.neighbours(context)[0]
        assert 60 not in inside.neighbours(context)[0]
        assert everybody.score(context)[0] > 0
        assert inside.score(context)[0] == 0
        assert inside.score(context)[5] > 0


class TestAls:
    def test_a_fold_in_is_the_weighted_least_squares_solution(self):
        log = Interactions.of_sequences(random_sequences(), 12)
        scorer = AlsScorer(factors=4, regularisation=0.3, confidence=7, recency=0.5).fit(log)
        products = scorer.product_factors.astype(float)
        history = [3, 8]
        strength = np.zeros(12)
        strength[history] = [0.5, 1.0]
        root = np.sqrt(1 + 7 * strength)
        left = np.vstack([root[:, None] * products, np.sqrt(0.3) * np.eye(4)])
        right = np.concatenate([root * (strength > 0), np.zeros(4)])
        taste = np.linalg.lstsq(left, right, rcond=None)[0]
        expected = np.maximum(products @ taste, 0)
        assert scorer.score(Context(history=rows(*history))) == pytest.approx(expected, abs=1e-5)

    def test_what_was_taken_together_scores_higher(self):
        log = Interactions.of_sequences([[A, B]] * 20 + [[C, D]] * 20, 4)
        scores = AlsScorer(factors=2).fit(log).score(Context(history=rows(A)))
        assert scores[B] > 10 * max(scores[C], scores[D])


class TestBpr:
    def test_what_was_taken_together_scores_higher(self):
        log = Interactions.of_sequences([[A, B]] * 20 + [[C, D]] * 20, 4)
        scores = BprScorer(factors=8).fit(log).score(Context(history=rows(A)))
        assert scores[B] > max(scores[C], scores[D])

    def test_a_context_is_the_mean_of_its_products(self):
        log = Interactions.of_sequences(random_sequences(), 12)
        scorer = BprScorer(factors=4, recency=1, iterations=5).fit(log)
        products = scorer.product_factors
        expected = np.maximum(products @ (products[2] + products[9]) / 2, 0)
        found = scorer.score(Context(history=rows(2, 9)))
        assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("make", [AlsScorer, BprScorer])
def test_without_the_library_one_line_says_how_to_get_it(make, monkeypatch):
    for name in ("implicit", "implicit.cpu", "implicit.cpu.als", "implicit.cpu.bpr"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=r"pip install 'whycart\[learn\]'"):
        make().fit(Interactions.of_sequences([[A, B]], 4))


@pytest.mark.parametrize("make", [AlsScorer, BprScorer])
def test_a_fitted_file_needs_no_library(make, monkeypatch, tmp_path):
    scorer = make(factors=2).fit(Interactions.of_sequences([[A, B], [A, B]], 4))
    scorer.save(tmp_path)
    monkeypatch.setitem(sys.modules, "implicit", None)
    context = Context(history=rows(A))
    assert np.array_equal(make(factors=2).load(tmp_path).score(context), scorer.score(context))


@pytest.mark.parametrize("make", [AlsScorer, BprScorer, UserKnnScorer])
def test_what_is_given_can_be_left_out_of_the_answer(make):
    log = Interactions.of_sequences([[A, B, C]] * 10 + [[C, D]] * 10, 4)
    context = Context(history=rows(A), basket=rows(C))
    all_of_it, others = (make(include_given=i).fit(log).score(context) for i in (True, False))
    assert all_of_it[[A, C]].any()
    assert not others[[A, C]].any()
    assert np.array_equal(others[[B, D]], all_of_it[[B, D]])

"""What every scorer keeps to, and right answers worked by hand for each.

The log: four baskets of four shoppers, one a day: tent+mat, tent+mat, tent, stove. `ghost` is a
product nobody touched.
"""

import numpy as np
import pytest
from scipy.sparse import csr_array

from retrieval.behaviour.association import (
    AssociationScorer,
    CategoryAssociationScorer,
    PairCounts,
    rule_weights,
    wilson,
)
from retrieval.behaviour.base import (
    ADD,
    BLOCK,
    PURCHASE,
    VIEW,
    Context,
    Interactions,
    keep_top,
    shared,
    stacked,
)
from retrieval.behaviour.clusters import Clusters
from retrieval.behaviour.ease import EaseScorer
from retrieval.behaviour.factors import AlsScorer, BprScorer
from retrieval.behaviour.item_cf import ItemCFScorer
from retrieval.behaviour.popularity import PopularityScorer
from retrieval.behaviour.profile import Profiles
from retrieval.behaviour.segment_popularity import SegmentPopularityScorer
from retrieval.behaviour.sequence import SequenceScorer
from retrieval.behaviour.user_knn import UserKnnScorer
from retrieval.config import BehaviourConfig
from retrieval.data.dataset import Catalogue, Dataset, Product
from retrieval.errors import NotFittedError

TENT, MAT, STOVE, GHOST = range(4)
LEAVES = np.array([0, 1, 2, -1])
LEAF_NAMES = ("Tents", "Mats", "Stoves")
PLAIN = BehaviourConfig(damping=0, min_support=1, popularity_half_life_days=1)


def rows(*values):
    return np.array(values, np.int64)


def log_of(*events, n_products=4):
    """Return a log of (shopper, product, type, day, basket), sorted by day."""
    events = sorted(events, key=lambda e: e[3])
    shopper, product, kind, day, basket = (np.array(c) for c in zip(*events, strict=True))
    return Interactions(
        n_products=n_products,
        shopper_ids=tuple(f"s{i}" for i in range(int(shopper.max()) + 1)),
        shopper=shopper.astype(np.int64),
        product=product.astype(np.int64),
        type=kind.astype(np.int8),
        day=day.astype(float),
        basket=np.where(kind == PURCHASE, basket, -1).astype(np.int64),
        session=basket.astype(np.int64),
        end_day=float(day.max()),
    )


@pytest.fixture(scope="module")
def log():
    bought = [(0, TENT), (0, MAT), (1, TENT), (1, MAT), (2, TENT), (3, STOVE)]
    return log_of(*((shopper, product, PURCHASE, shopper, shopper) for shopper, product in bought))


@pytest.fixture(scope="module")
def empty_log():
    return Interactions.of_sequences([], 4)


class ScorerContract:
    """Inherit, and say how the scorer is made."""

    def make(self):
        raise NotImplementedError

    def test_gives_one_finite_score_per_product_none_negative(self, log):
        scores = self.make().fit(log).score(Context(anchors=rows(TENT)))
        assert scores.shape == (4,)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()
        assert (scores >= 0).all()

    def test_an_empty_context_gives_finite_scores(self, log):
        scores = self.make().fit(log).score(Context())
        assert scores.shape == (4,)
        assert np.isfinite(scores).all()

    def test_a_product_without_events_gets_and_gives_nothing(self, log):
        scorer = self.make().fit(log)
        assert scorer.score(Context(anchors=rows(TENT)))[GHOST] == 0
        if scorer.name != "popularity":
            assert not scorer.score(Context(anchors=rows(GHOST))).any()

    def test_an_empty_log_gives_zeros(self, empty_log):
        scores = self.make().fit(empty_log).score(Context(anchors=rows(TENT, MAT)))
        assert not scores.any()

    def test_fitting_twice_gives_the_same_scores(self, log):
        context = Context(history=rows(MAT), basket=rows(TENT))
        once, twice = (self.make().fit(log).score(context) for _ in range(2))
        assert np.array_equal(once, twice)

    def test_scoring_leaves_the_scorer_as_it_was(self, log):
        scorer, context = self.make().fit(log), Context(anchors=rows(TENT))
        before = scorer.score(context).copy()
        scorer.score(Context(anchors=rows(STOVE, MAT)))
        assert np.array_equal(before, scorer.score(context))

    def test_save_and_load_keep_scores(self, log, tmp_path):
        context = Context(anchors=rows(TENT))
        scorer = self.make().fit(log)
        scorer.save(tmp_path)
        assert np.array_equal(scorer.score(context), self.make().load(tmp_path).score(context))

    def test_an_empty_log_can_be_saved_and_loaded(self, empty_log, tmp_path):
        self.make().fit(empty_log).save(tmp_path)
        assert not self.make().load(tmp_path).score(Context(anchors=rows(TENT))).any()

    def test_not_fitted_says_how(self):
        with pytest.raises(NotFittedError, match=r"not fitted; call `fit` or `load` first"):
            self.make().score(Context(anchors=rows(TENT)))

    def test_saving_before_fitting_is_refused(self, tmp_path):
        with pytest.raises(NotFittedError, match="not fitted"):
            self.make().save(tmp_path)


class ManyContexts:
    """Inherit as well where the scorer answers several contexts together."""

    def test_many_contexts_at_once_are_answered_as_one_by_one(self, log):
        scorer = self.make().fit(log)
        contexts = [Context(history=rows(*h)) for h in ([TENT], [MAT, TENT], [], [GHOST, STOVE])]
        one_by_one = np.stack([scorer.score(context) for context in contexts])
        assert scorer.score_many(contexts) == pytest.approx(one_by_one, abs=1e-6)
        assert scorer.score_many([]).shape == (0, 4)


class TestPopularity(ScorerContract):
    def make(self):
        return PopularityScorer(PLAIN)

    def test_counts_decay_by_half_a_day(self, log):
        # the log ends on day 3; tent on days 0, 1, 2: 1/8 + 1/4 + 1/2; stove on day 3: 1
        scores = self.make().fit(log).score(Context())
        assert scores[TENT] == pytest.approx(np.log1p(7 / 8))
        assert scores[MAT] == pytest.approx(np.log1p(3 / 8))
        assert scores[STOVE] == pytest.approx(np.log1p(1))

    def test_buyers_are_counted_once_each(self):
        log = log_of(
            (0, TENT, PURCHASE, 0, 0), (0, TENT, PURCHASE, 5, 1), (1, TENT, PURCHASE, 6, 2)
        )
        scorer = self.make().fit(log)
        assert scorer.n_buyers.tolist() == [2, 0, 0, 0]
        assert scorer.n_repeat.tolist() == [1, 0, 0, 0]  # s0 came back, s1 did not
        assert scorer.is_bought_again(np.arange(4)).tolist() == [True, False, False, False]


class TestAssociation(ScorerContract):
    def make(self):
        return AssociationScorer(PLAIN, min_support=1)

    def test_lift_and_confidence_match_the_hand_count(self, log):
        # P(tent, mat) = 2/4, P(tent) = 3/4, P(mat) = 2/4  ->  lift (1/2) / (3/8) = 4/3
        pair = self.make().fit(log).pair(rows(TENT), rows(MAT))
        assert (pair.count, pair.n_anchor, pair.n_other, pair.n) == (2, 3, 2, 4)
        assert pair.lift == pytest.approx(4 / 3)
        assert pair.confidence == pytest.approx(2 / 3)
        assert pair.is_above_chance

    def test_the_score_is_confidence_times_log2_lift(self, log):
        scores = self.make().fit(log).score(Context(anchors=rows(TENT)))
        assert scores[MAT] == pytest.approx(2 / 3 * np.log2(4 / 3))
        assert scores[STOVE] == 0

    def test_naming_an_anchor_twice_changes_nothing(self, log):
        scorer = self.make().fit(log)
        once, twice = (scorer.score(Context(anchors=rows(*a))) for a in ([TENT], [TENT, TENT]))
        assert np.array_equal(once, twice)

    def test_several_anchors_count_each_basket_once(self, log):
        pair = self.make().fit(log).pair(rows(TENT, STOVE), rows(MAT))
        assert (pair.count, pair.n_anchor) == (2, 4)

    def test_partners_are_the_contents_of_the_anchors_baskets(self, log):
        scorer = self.make().fit(log)
        assert scorer.partners(rows(TENT)).tolist() == [3, 2, 0, 0]
        assert scorer.partners(rows()).tolist() == [0, 0, 0, 0]
        assert scorer.n_holding(np.arange(4)).tolist() == [3, 2, 1, 0]

    def test_tied_means_seen_often_enough_and_above_chance(self, log):
        scorer = self.make().fit(log)
        assert scorer.is_tied(rows(TENT), 2).tolist() == [True, True, False, False]
        assert scorer.is_tied(rows(MAT), 3).tolist() == [False, False, False, False]

    def test_baskets_of_resellers_are_left_out(self):
        log = Interactions.of_sequences([[0, 1, 2], [0, 1]], 3)
        scorer = AssociationScorer(BehaviourConfig(max_basket=2), min_support=1).fit(log)
        assert scorer.pair(rows(0), rows(2)).count == 0
        assert scorer.n_groups == 1

    def test_sessions_count_views_too(self):
        log = log_of((0, TENT, VIEW, 0, 0), (0, MAT, ADD, 0, 0), (1, TENT, PURCHASE, 1, 1))
        viewed = AssociationScorer(PLAIN, over="sessions", min_support=1).fit(log)
        bought = self.make().fit(log)
        assert viewed.pair(rows(TENT), rows(MAT)).count == 1
        assert bought.pair(rows(TENT), rows(MAT)).count == 0

    def test_negative_damping_is_refused_by_name(self):
        with pytest.raises(ValueError, match=r"`damping` must be at least 0, got -1"):
            rule_weights(csr_array((1, 1)), damping=-1, min_support=1)


class TestCategoryAssociation(ScorerContract):
    def make(self):
        return CategoryAssociationScorer(LEAVES, 3, PLAIN)

    def test_a_leafs_weight_goes_to_its_leading_product(self, log):
        # leaves are single products here, so leaf lift = product lift and nobody leads it more
        scores = self.make().fit(log).score(Context(anchors=rows(TENT)))
        assert scores[MAT] == pytest.approx(2 / 3 * np.log2(4 / 3))

    def test_a_category_can_be_the_anchor(self, log):
        scorer = self.make().fit(log)
        by_leaf, by_product = (
            scorer.score(c) for c in (Context(anchor_leaves=(0,)), Context(anchors=rows(TENT)))
        )
        assert np.array_equal(by_leaf, by_product)

    def test_a_store_without_categories_has_nothing_to_say(self, log):
        scorer = CategoryAssociationScorer(np.full(4, -1), 0, PLAIN).fit(log)
        assert not scorer.score(Context(anchors=rows(TENT))).any()


class TestCoView(ScorerContract):
    def make(self):
        return AssociationScorer(PLAIN, over="sessions", min_support=1)


class TestItemCF(ScorerContract):
    def make(self):
        return ItemCFScorer(PLAIN, shrinkage=0, activity_power=0)

    def test_cosine_over_shoppers(self, log):
        # tent: shoppers 0, 1, 2; mat: 0, 1; cosine = 2 / sqrt(3 * 2)
        scores = self.make().fit(log).score(Context(history=rows(TENT)))
        assert scores[MAT] == pytest.approx(2 / np.sqrt(6))

    def test_the_latest_product_counts_most(self, log):
        scorer = self.make().fit(log)
        late = scorer.score(Context(history=rows(STOVE, TENT)))[MAT]
        early = scorer.score(Context(history=rows(TENT, STOVE)))[MAT]
        assert early == pytest.approx(0.8 * late)


class TestSequence(ScorerContract):
    def make(self):
        return SequenceScorer(PLAIN)

    def test_what_follows_at_once_counts_more_than_what_follows_later(self):
        log = Interactions.of_sequences([[TENT, MAT, STOVE]], 4)
        scores = self.make().fit(log).score(Context(history=rows(TENT)))
        # 1 and 1/2 over their sum 1.5 plus one
        assert scores[MAT] == pytest.approx(1 / 2.5)
        assert scores[STOVE] == pytest.approx(0.5 / 2.5)
        assert scores[TENT] == 0

    def test_nothing_leads_backwards(self):
        log = Interactions.of_sequences([[TENT, MAT]], 4)
        assert not self.make().fit(log).score(Context(history=rows(MAT))).any()

    def test_shoppers_do_not_run_into_each_other(self):
        log = Interactions.of_sequences([[TENT], [MAT]], 4)
        assert not self.make().fit(log).score(Context(history=rows(TENT))).any()


def clusters():
    return Clusters(LEAVES, LEAF_NAMES, PLAIN, min_days=1, max_clusters=2)


class TestEase(ManyContexts, ScorerContract):
    def make(self):
        return EaseScorer(PLAIN, regularisation=1)


class TestUserKnn(ScorerContract):
    def make(self):
        return UserKnnScorer(PLAIN)


class TestUserKnnWithinClusters(ScorerContract):
    def make(self):
        return UserKnnScorer(PLAIN, clusters=clusters())


class TestAls(ManyContexts, ScorerContract):
    def make(self):
        return AlsScorer(PLAIN, factors=2)


class TestBpr(ManyContexts, ScorerContract):
    def make(self):
        return BprScorer(PLAIN, factors=2)


class TestSegmentPopularity(ScorerContract):
    def make(self):
        return SegmentPopularityScorer(clusters(), PLAIN)


class TestProfiles:
    @pytest.fixture
    def profiles(self):
        catalogue = Catalogue(
            [
                Product(product_id=name, title=name, category=("Camp", leaf), brand=brand)
                for name, leaf, brand in (
                    ("tent", "Tents", "Ard"), ("mat", "Mats", "Ard"), ("mat2", "Mats", "Bo"),
                )
            ]
        )  # fmt: skip
        log = log_of(
            (0, 0, PURCHASE, 0, 0), (0, 1, VIEW, 1, 1), (0, 1, VIEW, 2, 2), (0, 0, VIEW, 3, 3),
            n_products=3,
        )  # fmt: skip
        return Profiles(log, catalogue, half_life_days=None)

    def test_fields_carry_their_counts(self, profiles):
        profile = profiles.of("s0")
        assert (profile.n_events, profile.n_purchases) == (4, 1)
        assert profile.purchased.tolist() == [0]
        assert profile.viewed.tolist() == [0, 1]  # latest first, each once
        assert profile.leaves == (("Camp > Mats", 2), ("Camp > Tents", 2))
        assert profile.brands == (("Ard", 4),)

    def test_an_unknown_shopper_has_no_profile_and_no_scores(self, profiles):
        assert profiles.of("nobody") is None
        assert "nobody" not in profiles
        assert profiles.events_with("nobody", np.array([0])) == ()
        assert not profiles.score(None).any()

    def test_scores_lean_to_own_categories_and_brands(self, profiles):
        scores = profiles.score(profiles.of("s0"))
        # without decay: tents 1 + 0.2 for a look, mats two looks 0.4 -> a third of it
        assert scores.tolist() == pytest.approx([0.83, 0.5 / 3 + 0.33, 0.5 / 3])

    def test_interests_move_with_time_and_counts_stay(self, profiles):
        log = log_of(
            (0, 0, PURCHASE, 0, 0), (0, 1, PURCHASE, 90, 1), (0, 2, PURCHASE, 90, 1),
            n_products=3,
        )  # fmt: skip
        moved = Profiles(log, profiles._catalogue, half_life_days=45).of("s0")
        assert moved.leaves == (("Camp > Mats", 2), ("Camp > Tents", 1))
        # the tent is two half-lives old: 1/4 against two mats of today
        assert dict(moved.leaf_weights) == pytest.approx({"Camp > Mats": 1, "Camp > Tents": 1 / 8})
        assert dict(moved.brand_weights) == pytest.approx({"Ard": 1, "Bo": 1 / 1.25})
        still = Profiles(log, profiles._catalogue, half_life_days=None).of("s0")
        assert dict(still.leaf_weights) == pytest.approx({"Camp > Mats": 1, "Camp > Tents": 1 / 2})

    def test_a_half_life_of_zero_is_refused_by_name(self, profiles):
        with pytest.raises(ValueError, match=r"`half_life_days` must be above 0 or None, got 0"):
            Profiles(Interactions.of_sequences([], 3), profiles._catalogue, half_life_days=0)


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(38, 412, 0.0679, 0.1241), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0)],
)
def test_wilson_interval_matches_published_values(count, n, low, high):
    assert wilson(count, n) == pytest.approx((low, high), abs=1e-4)


def test_wilson_interval_agrees_with_scipy():
    from scipy.stats import binomtest

    rng = np.random.default_rng(0)
    for _ in range(40):
        n = int(rng.integers(1, 500))
        count = int(rng.integers(0, n + 1))
        theirs = binomtest(count, n).proportion_ci(0.95, method="wilson")
        assert wilson(count, n) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_nothing_is_known_of_a_pair_without_baskets():
    pair = PairCounts(count=0, n_anchor=0, n_other=0, n=0)
    assert (pair.confidence, pair.lift, pair.interval) == (0.0, 0.0, (0.0, 1.0))
    assert not pair.is_above_chance


def test_counting_by_blocks_is_counting_at_once():
    rng = np.random.default_rng(0)
    n = BLOCK + 50  # two blocks
    groups = csr_array((rng.random((400, n)) < 0.02).astype(np.float32))
    whole = (groups.T @ groups).toarray()
    found = list(shared(groups))
    assert (stacked([block for _, block in found], n).toarray() == whole).all()
    for row, block in found:
        assert (block.data == whole[row, block.indices]).all()
    weights = rule_weights(groups, damping=0, min_support=2).toarray()
    # lift = count x baskets / (baskets with each), weight = count / baskets with it x log2(lift)
    n_with = np.maximum(np.diag(whole), 1)
    lift = whole * 400 / np.outer(n_with, n_with)
    expected = whole / n_with[:, None] * np.log2(np.maximum(lift, 1))
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(weights, np.where(whole >= 2, expected, 0), rtol=1e-5)
    assert stacked([], n).shape == (0, n)


def test_keep_top_breaks_ties_by_the_lower_column():
    kept = keep_top(csr_array(np.array([[1.0, 3.0, 1.0, 1.0]])), 2).toarray()
    assert kept.tolist() == [[1.0, 3.0, 0.0, 0.0]]


def dataset_of(*events):
    """Return a dataset with products a, b and events (type, minute, session, order, product)."""
    from datetime import UTC, datetime, timedelta

    start = datetime(2026, 1, 1, tzinfo=UTC)
    return Dataset.of(
        products=[{"product_id": p, "title": p} for p in ("a", "b")],
        events=[
            {
                "event_id": f"e{i:02d}", "shopper_id": "s", "type": kind, "session_id": session,
                "at": start + timedelta(minutes=minute), "order_id": order, "product_id": product,
            }
            for i, (kind, minute, session, order, product) in enumerate(events)
        ],
    )  # fmt: skip


def test_events_without_a_session_belong_together_until_a_long_gap():
    dataset = dataset_of(
        ("view", 0, None, None, "a"), ("view", 30, None, None, "b"), ("view", 61, None, None, "a")
    )
    session = Interactions.of(dataset, BehaviourConfig(session_gap_minutes=30)).session
    assert session[0] == session[1] != session[2]


def test_purchases_of_one_order_are_a_basket_and_others_go_by_session():
    dataset = dataset_of(
        ("purchase", 0, "x", "o1", "a"), ("purchase", 600, "y", "o1", "b"),
        ("purchase", 1200, "z", None, "a"), ("purchase", 1201, "z", None, "b"),
    )  # fmt: skip
    basket = Interactions.of(dataset, BehaviourConfig()).basket
    assert basket[0] == basket[1] != basket[2] == basket[3]


def test_other_types_and_unknown_products_are_left_out():
    dataset = dataset_of(
        ("search", 0, None, None, None), ("refund", 1, None, "o", "a"), ("view", 2, None, None, "?")
    )
    log = Interactions.of(dataset, BehaviourConfig())
    assert (len(log.product), log.n_shoppers) == (0, 0)
    assert log.end_day > 0

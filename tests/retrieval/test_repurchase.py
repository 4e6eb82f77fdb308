"""When it is bought again, on shoppers whose true gaps are known."""

import numpy as np
import pytest

from retrieval.behaviour.base import PURCHASE, Context, Interactions
from retrieval.behaviour.gaps import GapModel, gaps_of
from retrieval.behaviour.repurchase import RepurchaseScorer, category_gaps, visit_gaps
from retrieval.errors import NotFittedError

SPREAD = 0.4


def ints(*values):
    return np.array(values, np.int64)


def log_of(shopper, product, day, n_products):
    order = np.argsort(day, kind="stable")
    shopper, product, day = (np.asarray(x)[order] for x in (shopper, product, day))
    basket = np.arange(len(day))
    return Interactions(
        n_products=n_products,
        shopper_ids=tuple(f"s{i}" for i in range(int(shopper.max()) + 1)),
        shopper=shopper.astype(np.int64),
        product=product.astype(np.int64),
        type=np.full(len(day), PURCHASE, np.int8),
        day=day.astype(float),
        basket=basket,
        session=basket,
        end_day=float(day.max()),
    )


@pytest.fixture(scope="module")
def world():
    """400 shoppers, 30 products of three categories, gaps lognormal with known parts."""
    rng = np.random.default_rng(0)
    centre = np.log(rng.uniform(10, 60, 30))
    pace = rng.normal(0, 0.3, 400)
    rows = []
    for shopper in range(400):
        for product in rng.choice(30, 3, replace=False):
            day = rng.uniform(0, 30)
            while day < 365:
                rows.append((shopper, product, day))
                day += np.exp(centre[product] + pace[shopper] + rng.normal(0, SPREAD))
    return log_of(*np.array(rows).T, n_products=30), centre, pace


LEAVES = np.arange(30) % 3


class TestGaps:
    def test_purchases_of_one_day_count_once(self):
        gaps, held = gaps_of(ints(0, 0, 0), ints(1, 1, 1), np.array([3.9, 3.1, 10.5]))
        assert gaps.days.tolist() == pytest.approx([7.4])
        assert (held.n.tolist(), held.last.tolist()) == ([2], [10.5])

    def test_shoppers_and_things_do_not_run_into_each_other(self):
        gaps, held = gaps_of(ints(0, 1, 0), ints(0, 0, 1), np.array([1.0, 5.0, 9.0]))
        assert not len(gaps.days)
        assert held.n.tolist() == [1, 1, 1]

    def test_the_parts_are_found_again(self, world):
        log, centre, pace = world
        gaps, _ = gaps_of(log.shopper, log.product, log.day)
        model = GapModel(LEAVES, log.n_shoppers).fit(gaps)
        assert np.corrcoef(model.centre, centre)[0, 1] > 0.98
        assert np.corrcoef(model.shopper_effect, pace)[0, 1] > 0.9
        assert model.spread.mean() == pytest.approx(SPREAD, abs=0.03)
        assert model.n_gaps.sum() == len(gaps.days)

    def test_windows_hold_eighty_percent_of_gaps_not_seen(self, world):
        log, _, _ = world
        gaps, _ = gaps_of(log.shopper, log.product, log.day)
        is_late = gaps.start + gaps.days > 250
        model = GapModel(LEAVES, log.n_shoppers).fit(gaps.where(~is_late))
        late = gaps.where(is_late)
        middle, low, high = model.window(late.shopper, late.thing)
        inside = (late.days >= low) & (late.days <= high)
        assert 0.75 <= inside.mean() <= 0.85
        assert ((low < middle) & (middle < high)).all()

    def test_a_product_never_bought_twice_has_its_categorys_gap(self):
        # category 0: gaps of 20 days; category 1: of 60; product 2 is of category 1, without gaps
        day = np.concatenate([np.arange(0, 400, 20.0), np.arange(0, 2_400, 60.0), [5.0]])
        thing = np.concatenate([np.zeros(20), np.ones(40), [2]]).astype(np.int64)
        gaps, _ = gaps_of(np.zeros(len(day), np.int64), thing, day)
        model = GapModel(ints(0, 1, 1), 2).fit(gaps)
        assert np.exp(model.centre[0]) < 30
        assert np.exp(model.centre[2]) == pytest.approx(np.exp(model.centre[1]), rel=0.1)

    def test_no_gaps_no_harm(self):
        gaps, _ = gaps_of(ints(), ints(), np.zeros(0))
        model = GapModel(ints(-1, -1), 1).fit(gaps)
        assert np.isfinite(model.window(ints(0), ints(1))).all()


class TestRepurchase:
    def test_what_is_due_comes_before_what_was_just_bought(self):
        # ten shoppers buy both every 30 days; shopper 10 bought product 0 28 days ago, 1 today
        rows = [(s, p, d + s / 10) for s in range(10) for p in (0, 1) for d in range(0, 300, 30)]
        rows += [(10, 0, 212.0), (10, 0, 242.0), (10, 0, 272.0)]
        rows += [(10, 1, 240.0), (10, 1, 270.0), (10, 1, 300.0)]
        log = log_of(*np.array(rows).T, n_products=2)
        scorer = RepurchaseScorer().fit(log)
        scores = scorer.score(Context(shopper=10, at=300.0))
        assert scores[0] > 3 * scores[1]
        first = scorer.due(10, 300.0)[0]
        assert (first.product, first.n_bought, first.last_day) == (0, 3, 272.0)
        assert first.low_days < 30 < first.high_days

    def test_a_purchase_long_ago_without_another_is_no_longer_due(self, world):
        log, _, _ = world
        scorer = RepurchaseScorer(leaf_code=LEAVES).fit(log)
        soon = scorer.score(Context(shopper=3, at=log.end_day)).sum()
        late = scorer.score(Context(shopper=3, at=log.end_day + 1_000)).sum()
        assert late < 0.05 * soon

    @pytest.mark.slow
    def test_chances_are_those_that_come_true(self, world):
        log, _, _ = world
        cut, days = 250.0, 14.0
        early = log.day < cut
        before = log_of(log.shopper[early], log.product[early], log.day[early], 30)
        scorer = RepurchaseScorer(leaf_code=LEAVES, horizon_days=days).fit(before)
        expected = bought = 0.0
        coming = (log.day >= cut) & (log.day < cut + days)
        pairs = set(zip(log.shopper[coming].tolist(), log.product[coming].tolist(), strict=True))
        for shopper in range(before.n_shoppers):
            found = scorer.due(shopper, cut)
            expected += sum(due.chance for due in found)
            bought += sum((shopper, due.product) in pairs for due in found)
        assert expected == pytest.approx(bought, rel=0.15)

    def test_what_was_bought_once_by_everyone_is_seldom_due(self):
        once = [(s, 0, s * 3.0) for s in range(100)]
        often = [(s, 1, d + s / 10) for s in range(20) for d in range(0, 300, 30)]
        log = log_of(*np.array(once + often).T, n_products=2)
        again = RepurchaseScorer().fit(log).again
        assert again[0] < 0.3
        assert again[1] > 0.85

    def test_a_stranger_is_due_nothing(self, world):
        scorer = RepurchaseScorer().fit(world[0])
        for shopper in (None, 9_999):
            assert not scorer.score(Context(shopper=shopper)).any()

    def test_save_and_load_keep_what_is_due(self, world, tmp_path):
        scorer = RepurchaseScorer(leaf_code=LEAVES).fit(world[0])
        scorer.save(tmp_path)
        loaded = RepurchaseScorer(leaf_code=LEAVES).load(tmp_path)
        assert loaded.due(5) == scorer.due(5)
        context = Context(shopper=5)
        assert np.array_equal(loaded.score(context), scorer.score(context))

    def test_it_must_be_fitted_first(self):
        with pytest.raises(NotFittedError, match="call `fit` or `load`"):
            RepurchaseScorer().score(Context())

    def test_a_horizon_of_no_days_is_refused(self):
        with pytest.raises(ValueError, match="`horizon_days` must be above 0, got 0"):
            RepurchaseScorer(horizon_days=0)


def test_orders_and_categories_have_gaps_of_their_own():
    # one shopper, products 0 and 1 of one category in turn, every 10 days
    log = log_of(np.zeros(20), np.arange(20) % 2, np.arange(20) * 10.0, n_products=2)
    orders, held = visit_gaps(log)
    assert np.exp(orders.centre[0]) == pytest.approx(10)
    assert held.n.tolist() == [20]
    categories, _ = category_gaps(log, ints(0, 0))
    assert np.exp(categories.centre[0]) == pytest.approx(10)


def test_habits_weigh_more_with_a_higher_power(world):
    log = world[0]
    plain, weighed = (RepurchaseScorer(own_power=power).fit(log) for power in (0.0, 1.0))
    context = Context(shopper=3)
    n_bought = {due.product: due.n_bought for due in plain.due(3)}
    expected = plain.score(context) * np.array([n_bought.get(p, 0) for p in range(30)])
    assert weighed.score(context) == pytest.approx(expected)

"""Exact tests, false-discovery control, and which pairs are declared: worked by hand."""

from collections import Counter
from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import fisher_exact

from eval.data.base import data_dir
from retrieval.behaviour.discovery import adjusted, chance_p, harmonic, stratified_p
from retrieval.behaviour.rules import PairRules, leaf_pairs
from retrieval.errors import DataError


def tail(count, one, other, n):
    """Count by hand: the share of ways to choose `other` of n that hold at least `count` of one."""
    ways = sum(comb(one, k) * comb(n - one, other - k) for k in range(count, min(one, other) + 1))
    return float(Fraction(ways, comb(n, other)))


def matrix(baskets, n):
    found = np.zeros((len(baskets), n), np.float32)
    for row, basket in enumerate(baskets):
        found[row, list(basket)] = 1
    return csr_array(found)


class TestChance:
    def test_four_cards_of_eight(self):
        # Fisher's tea: 4 of 8 cups; all four right in 1 of 70 ways, three or more in 17 of 70
        assert chance_p(4, 4, 4, 8) == pytest.approx(1 / 70)
        assert chance_p(3, 4, 4, 8) == pytest.approx(17 / 70)
        assert chance_p(0, 4, 4, 8) == 1

    @pytest.mark.parametrize(
        "case", [(3, 9, 5, 40), (7, 20, 30, 60), (1, 1, 1, 2), (12, 50, 80, 900)]
    )
    def test_it_is_the_share_of_ways(self, case):
        assert chance_p(*case) == pytest.approx(tail(*case), rel=1e-9)

    def test_one_stratum_is_the_plain_test(self):
        for case in [(3, 9, 5, 40), (12, 50, 80, 900), (5, 30, 6, 34)]:
            assert stratified_p(case[0], [case[1:]]) == pytest.approx(tail(*case), rel=1e-9)

    def test_two_strata_add_up(self):
        # each stratum: one of two with one of two, so 0 or 1 in common with a half each
        half = (1, 1, 2)
        assert stratified_p(2, [half, half]) == pytest.approx(1 / 4)
        assert stratified_p(1, [half, half]) == pytest.approx(3 / 4)

    def test_strata_where_one_side_is_absent_say_nothing(self):
        assert stratified_p(3, [(9, 5, 40), (0, 7, 90), (4, 0, 9)]) == pytest.approx(
            tail(3, 9, 5, 40)
        )

    def test_strata_take_away_what_only_the_trip_explains(self):
        # 10 trips hold both, 90 hold neither: striking at first, nothing within either kind of trip
        assert chance_p(10, 10, 10, 100) < 1e-12
        assert stratified_p(10, [(10, 10, 10), (0, 0, 90)]) == 1


class TestAdjustment:
    def test_benjamini_and_hochbergs_own_example(self):
        # 15 tests of their paper (1995, section 3.2): four are declared at 5 %
        p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240,
             0.4262, 0.5719, 0.6528, 0.7590, 1.0]  # fmt: skip
        q = adjusted(np.array(p))
        assert (q <= 0.05).sum() == 4
        assert q[3] == pytest.approx(0.0095 * 15 / 4)

    def test_tests_not_made_count_as_one(self):
        p = np.array([0.001, 0.02, 0.04])
        assert adjusted(p, 50) == pytest.approx(adjusted(np.append(p, np.ones(47)))[:3])

    def test_yekutielis_factor_is_the_harmonic_number(self):
        p = np.array([0.03, 0.001])
        # 1 + 1/2 = 1.5; ranks 2 and 1
        assert adjusted(p, method="by") == pytest.approx([0.045, 0.003])
        assert harmonic(4) == pytest.approx(25 / 12)
        assert harmonic(2_000_000) == pytest.approx(harmonic(999_999) + np.log(2), rel=1e-6)

    def test_order_and_ties_are_kept(self):
        assert adjusted(np.array([0.5, 0.01, 0.01])) == pytest.approx([0.5, 0.015, 0.015])

    def test_a_family_below_the_tests_is_refused(self):
        with pytest.raises(ValueError, match="at least the 2 tests made, got 1"):
            adjusted(np.array([0.1, 0.2]), 1)

    @pytest.mark.parametrize("method", ["bh", "by"])
    def test_of_nothing_but_chance_few_families_declare(self, method):
        # all nulls true: the chance of declaring anything is the rate, 5 % of 400 families
        rng = np.random.default_rng(3)
        declared = [
            bool((adjusted(rng.random(50), method=method) <= 0.05).any()) for _ in range(400)
        ]
        assert np.mean(declared) <= 0.08


TENT, PEGS, PAD, MUG = range(4)


@pytest.fixture(scope="module")
def trips():
    """4,000 baskets: a tent in a quarter brings pegs and a pad with 0.6 each, independently; mugs
    and single pads and pegs come as they like."""
    rng = np.random.default_rng(11)
    baskets = []
    for _ in range(4_000):
        basket = {MUG} if rng.random() < 0.2 else set()
        if rng.random() < 0.25:
            basket |= {TENT} | {p for p in (PEGS, PAD) if rng.random() < 0.6}
        basket |= {p for p in (PEGS, PAD) if rng.random() < 0.05}
        baskets.append(basket)
    return matrix(baskets, 4)


class TestRules:
    def test_what_a_third_explains_is_not_declared(self, trips):
        found = leaf_pairs(trips, rate=0.05)
        q = dict(
            zip(zip(found.one.tolist(), found.other.tolist(), strict=True), found.q, strict=True)
        )
        assert q[TENT, PEGS] < 1e-6
        assert q[TENT, PAD] < 1e-6
        assert q[PEGS, PAD] > 0.05  # 400 baskets hold both, only for the tent's sake
        assert chance_p(*pair_table(trips, PEGS, PAD)) < 1e-12
        assert found.family == 6

    def test_only_products_of_declared_categories_make_a_rule(self, trips):
        # the second half of the products are copies in the same categories, never bought
        wide = csr_array(np.hstack([trips.toarray(), np.zeros((4_000, 4), np.float32)]))
        rules = PairRules(np.array([0, 1, 2, 3] * 2)).fit(wide)
        assert rules.partners(TENT).tolist() == [PEGS, PAD]
        assert rules.partners(MUG).tolist() == []
        assert rules.kin(np.array([TENT])).tolist() == [False, True, True, False] * 2
        assert rules.products.family == 2  # what nobody buys is in no family
        assert rules.q(PEGS, PAD) == rules.q(TENT, MUG) == 1
        assert rules.q(PAD, TENT) == rules.q(TENT, PAD) < 1e-6

    def test_products_without_a_category_are_tested_all_the_same(self, trips):
        rules = PairRules(np.full(4, -1)).fit(trips)
        assert rules.partners(TENT).tolist() == [PEGS, PAD]
        assert rules.partners(PEGS).tolist() == [TENT]

    def test_yekutieli_declares_no_more(self, trips):
        bh, by = (PairRules(np.arange(4), method=m).fit(trips) for m in ("bh", "by"))
        assert (by.leaves.q >= bh.leaves.q - 1e-15).all()

    def test_saved_and_loaded_they_are_the_same(self, trips, tmp_path):
        rules = PairRules(np.arange(4)).fit(trips)
        rules.save(tmp_path / "rules.npz")
        again = PairRules(np.arange(4)).load(tmp_path / "rules.npz")
        assert np.array_equal(again.products.q, rules.products.q)
        assert again.products.family == rules.products.family
        assert again.partners(TENT).tolist() == [PEGS, PAD]

    def test_an_empty_log_declares_nothing(self):
        rules = PairRules(np.array([0, 1, -1])).fit(csr_array((0, 3), dtype=np.float32))
        assert rules.partners(0).tolist() == []
        assert not rules.kin(np.array([0])).any()

    def test_of_independent_products_next_to_nothing_is_declared(self):
        # 60 products, bought as they like at their own rates: 1,770 pairs, all null
        rng = np.random.default_rng(5)
        baskets = csr_array(
            (rng.random((3_000, 60)) < rng.uniform(0.01, 0.1, 60)).astype(np.float32)
        )
        rules = PairRules(np.arange(60)).fit(baskets)
        assert (rules.leaves.q <= 0.05).sum() <= 1


def pair_table(groups, one, other):
    held = groups.toarray().astype(bool)
    both = (held[:, one] & held[:, other]).sum()
    return int(both), int(held[:, one].sum()), int(held[:, other].sum()), len(held)


@pytest.fixture(scope="module")
def real_baskets():
    import polars as pl

    try:
        path = data_dir() / "groceries" / "baskets.parquet"
    except DataError as error:
        pytest.skip(str(error))
    if not path.is_file():
        pytest.skip(f"{path}: the grocery baskets are not there")
    return [frozenset(row) for row in pl.read_parquet(path)["item_ids"].to_list()]


@pytest.mark.slow
class TestGroceries:
    """9,835 real baskets over 169 product groups, counted again by other means."""

    def test_counts_p_and_q_agree_with_an_independent_computation(self, real_baskets):
        n, held = len(real_baskets), Counter(item for basket in real_baskets for item in basket)
        counts = Counter(
            pair for basket in real_baskets for pair in combinations(sorted(basket), 2)
        )
        assert (n, len(held)) == (9_835, 169)
        tested = sorted(pair for pair, count in counts.items() if count >= 2)
        groups = matrix(real_baskets, 169)
        one, other = np.array(tested).T
        count = np.array([counts[pair] for pair in tested])
        sides = (np.array([held[i] for i in one]), np.array([held[i] for i in other]))
        p = chance_p(count, *sides, n)
        for at in range(0, len(tested), 150):
            i, j = tested[at]
            both, left, right = counts[i, j], held[i], held[j]
            table = [[both, left - both], [right - both, n - left - right + both]]
            assert p[at] == pytest.approx(fisher_exact(table, "greater").pvalue, rel=1e-8)
        # Benjamini-Hochberg by its definition: the largest k with p(k) <= k / m * 5 %
        m = 169 * 168 // 2
        ordered = np.sort(p)
        k = max(r for r in range(1, len(p) + 1) if ordered[r - 1] <= r / m * 0.05)
        declared = p <= ordered[k - 1]
        assert np.array_equal(adjusted(p, m) <= 0.05, declared)
        # before anything is explained away, the rules' first look is the same set of pairs
        found = leaf_pairs(groups, rate=0.05)
        assert list(zip(found.one.tolist(), found.other.tolist(), strict=True)) == tested
        assert np.array_equal(found.count, count)
        assert (found.p >= p * (1 - 1e-9)).all()
        kept = found.q <= 0.05
        assert not (kept & ~declared).any()
        assert 0 < kept.sum() < declared.sum()

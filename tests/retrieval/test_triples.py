"""Rules of three, worked by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import fisher_exact

from retrieval.behaviour.association import AssociationScorer
from retrieval.behaviour.base import Interactions
from retrieval.behaviour.discovery import adjusted, wilson
from retrieval.behaviour.triples import triple_rules
from retrieval.config import BehaviourConfig

A, B, C, D = range(4)
BASKETS = [
    *[(A, B, C)] * 20,
    *[(A, C)] * 4,
    *[(B, C)] * 4,
    *[(A,)] * 40,
    *[(B,)] * 40,
    *[(A, B, D)] * 6,
    *[(A, D)] * 25,
    *[(B, D)] * 25,
    *[(D,)] * 30,
]
"""Stove (A) and pot (B) together call for a kettle (C), one alone hardly; D is beside anything."""


def matrix(baskets):
    found = np.zeros((len(baskets), 4), np.float32)
    for row, basket in enumerate(baskets):
        found[row, list(basket)] = 1
    return csr_array(found)


def by_parts(rules):
    return {(*rule.given, rule.then): rule for rule in rules}


def test_counts_confidence_and_lift_are_those_counted_by_hand():
    rule = by_parts(triple_rules(matrix(BASKETS), min_support=4))[A, B, C]
    # A: 20 + 4 + 40 + 6 + 25 = 95 baskets, B too; A and B: 26; A and C: 24; B and C: 24
    assert (rule.count, rule.n_given, rule.n_pairs, rule.n_single) == (20, 26, (24, 24), (95, 95))
    assert rule.n == len(BASKETS) == 194
    assert rule.support == pytest.approx(20 / 194)
    assert rule.confidence == pytest.approx(20 / 26)
    assert rule.lift == pytest.approx((20 / 26) / (24 / 95))
    assert rule.interval == wilson(20, 26)


def test_p_is_the_larger_of_two_exact_tests_inside_the_baskets_of_each():
    rule = by_parts(triple_rules(matrix(BASKETS), min_support=4))[A, B, C]
    # among the 95 with A: 26 with B, of which 20 with C; 69 without B, of which 4 with C
    p = fisher_exact([[20, 6], [4, 65]], "greater").pvalue
    assert rule.p == pytest.approx(p)
    # triangles of pairs in 4 baskets or more: ABC and ABD, three rules each; CD is never seen
    # tested: the three ways of ABC and of ABD
    assert rule.q == pytest.approx(adjusted(np.array([p, *[1.0] * 5]))[0])


def test_a_third_that_comes_beside_either_alone_is_no_rule_of_three():
    assert (A, B, D) not in by_parts(triple_rules(matrix(BASKETS), min_support=4))


def test_below_the_support_nothing_is_said():
    assert triple_rules(matrix(BASKETS), min_support=21) == ()
    assert triple_rules(csr_array((0, 4), dtype=np.float32), min_support=1) == ()


def test_a_support_of_none_is_refused():
    with pytest.raises(ValueError, match="`min_support` must be at least 1, got 0"):
        triple_rules(matrix(BASKETS), min_support=0)


def test_chains_make_no_triples():
    # C follows A with 0.5 and D follows C with 0.5: given C, A says nothing of D
    rng = np.random.default_rng(2)
    baskets = []
    for _ in range(2_000):
        basket = [A]
        if rng.random() < 0.5:
            basket.append(C)
            if rng.random() < 0.5:
                basket.append(D)
        baskets.append(basket if rng.random() < 0.5 else [B])
    assert triple_rules(matrix(baskets), min_support=8) == ()


def test_the_scorer_speaks_of_triples_from_its_minimum_support_on():
    log = Interactions.of_sequences(BASKETS, 4)
    config = BehaviourConfig(min_support=20)
    found = by_parts(AssociationScorer(config).fit(log).triples())
    assert set(found) == {(A, B, C), (A, C, B), (B, C, A)} & set(found)
    assert (A, B, C) in found

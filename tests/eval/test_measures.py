import math

import numpy as np
import pytest

from eval.measures import auc, judged_share, mean_rank, measure_run, single_target


def test_ndcg_and_recall_match_hand_count():
    # a has relevance 3, b 1, c none; the run returns c, a, b.
    qrels = {"q": {"a": 3, "b": 1}}
    run = {"q": {"c": 9.0, "a": 8.0, "b": 7.0}}
    found = measure_run(qrels, run, ["nDCG@10", "R@2", "RR", "HR@1", "HR@2"])
    # DCG = 3/log2(3) + 1/log2(4), ideal = 3/log2(2) + 1/log2(3)
    dcg, ideal = 3 / math.log2(3) + 1 / 2, 3 + 1 / math.log2(3)
    assert found["nDCG@10"][0] == pytest.approx(dcg / ideal)
    assert found["R@2"][0] == pytest.approx(1 / 2)
    assert found["RR"][0] == pytest.approx(1 / 2)
    assert found["HR@1"][0] == 0
    assert found["HR@2"][0] == 1


def test_a_query_without_results_counts_zero():
    found = measure_run({"q1": {"a": 1}, "q2": {"b": 1}}, {"q1": {"a": 1.0}}, ["nDCG@10"])
    assert list(found["nDCG@10"]) == [1.0, 0.0]


def test_a_run_that_returns_nothing_at_all_counts_zero():
    assert list(measure_run({"q": {"a": 1}}, {}, ["HR@10"])["HR@10"]) == [0.0]


def test_mean_rank_puts_ties_in_their_middle():
    scores = np.array([[5, 3, 3, 3, 1]], np.float32)
    # Three share places 2, 3 and 4: the middle is 3.
    assert mean_rank(scores, np.array([2]))[0] == 3
    assert mean_rank(scores, np.array([0]))[0] == 1
    assert mean_rank(scores, np.array([4]))[0] == 5


def test_giving_everything_one_score_gains_nothing():
    scores = np.zeros((1, 1_000), np.float32)
    assert single_target(mean_rank(scores, np.array([0])))["HR@10"][0] == 0


def test_a_product_that_is_not_ranked_is_never_a_hit():
    scores = np.array([[-np.inf, 1.0]], np.float32)
    found = single_target(mean_rank(scores, np.array([0])))
    assert found["HR@10"][0] == found["nDCG@10"][0] == found["RR@10"][0] == 0


def test_single_target_agrees_with_the_library_where_nothing_ties():
    rng = np.random.default_rng(0)
    scores = rng.random((50, 30)).astype(np.float32)
    target = rng.integers(30, size=50)
    ours = single_target(mean_rank(scores, target))
    qrels = {str(i): {str(t): 1} for i, t in enumerate(target)}
    run = {str(i): {str(j): float(s) for j, s in enumerate(row)} for i, row in enumerate(scores)}
    library = measure_run(qrels, run, ["HR@10", "nDCG@10"])
    assert ours["HR@10"] == pytest.approx(library["HR@10"])
    assert ours["nDCG@10"] == pytest.approx(library["nDCG@10"])


def test_auc_counts_ties_half():
    # Pairs (true, false): 3>1, 3>2, 2>1 won, 2=2 half -> 3.5 of 4
    assert auc([3, 2, 1, 2], [True, True, False, False]) == pytest.approx(3.5 / 4)
    assert math.isnan(auc([1, 2], [True, True]))


def test_judged_share_counts_the_first_k_only():
    run = {"q": {"a": 3.0, "b": 2.0, "c": 1.0}}
    assert judged_share({"q": {"a": 0, "c": 1}}, run, k=2) == pytest.approx(1 / 2)

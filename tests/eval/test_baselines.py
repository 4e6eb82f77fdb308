import numpy as np
import pytest

from eval.baselines import (
    ItemKnn,
    Popularity,
    SequentialRules,
    TextBm25,
    context_weights,
    ranks_of,
    recipes,
    tune,
)
from eval.data.base import Case, History, NextTask
from eval.ours import Packed, tune_weights
from retrieval.data.dataset import Product

TENT, MAT, STOVE, GAS = range(4)


@pytest.fixture
def task():
    """Tent then mat (three times), stove then gas (once)."""
    titles = ["green tent", "green mat", "camping stove", "camping gas"]
    histories = [History(rows=(TENT, MAT))] * 3 + [History(rows=(STOVE, GAS))]
    return NextTask(
        name="toy",
        split="",
        data_hash="",
        products=[Product(product_id=str(i), title=t) for i, t in enumerate(titles)],
        fit=histories,
        tune_fit=histories,
        tune_cases=[Case(query_id="v", context=(STOVE,), target=GAS)],
        test_cases=[Case(query_id="t", context=(TENT,), target=MAT)],
    )


def test_popularity_counts_histories_and_forgets_with_its_half_life(task):
    assert list(Popularity(task, task.fit).score([()])[0]) == [3, 3, 1, 1]
    old_and_new = [History(rows=(TENT,), order=0), History(rows=(MAT,), order=4)]
    scores = Popularity(task, old_and_new, half_life=2.0).score([()])[0]
    assert list(scores) == pytest.approx([0.25, 1, 0, 0])


def test_item_knn_finds_what_was_taken_together(task):
    scores = ItemKnn(task, task.fit).score([(TENT,), (STOVE,)])
    assert scores[0].argmax() == MAT
    assert scores[1].argmax() == GAS
    assert scores[0, TENT] == 0


def test_shrinkage_trusts_rare_pairs_less(task):
    plain = ItemKnn(task, task.fit, shrinkage=0.0).score([(TENT, STOVE)])[0]
    shrunk = ItemKnn(task, task.fit, shrinkage=5.0, decay=1.0).score([(TENT, STOVE)])[0]
    assert plain[GAS] > plain[MAT]  # the later product counts more
    assert shrunk[GAS] < shrunk[MAT]  # three times together beat once


def test_sequential_rules_look_forward_only(task):
    scores = SequentialRules(task, task.fit).score([(TENT,), (MAT,)])
    assert scores[0, MAT] == pytest.approx(1.0)
    assert scores[1].sum() == 0


def test_words_find_alike_titles(task):
    scores = TextBm25(task, [], decay=1.0).score([(TENT,)])[0]
    assert scores[MAT] > 0
    assert scores[STOVE] == scores[GAS] == 0


def test_context_weights_fall_with_age():
    weights = context_weights([(TENT, MAT, STOVE)], 4, 0.5).toarray()[0]
    assert list(weights) == [0.25, 0.5, 1.0, 0.0]


def test_products_already_taken_are_not_ranked(task):
    # Without the tent itself the mat is the first of three.
    assert list(ranks_of(Popularity(task, task.fit), task, task.test_cases)) == [1]


def test_departments_of_the_context_are_not_ranked(task):
    blocked = NextTask(**{**vars(task), "blocks": (0, 0, 1, 1)})
    assert np.isinf(ranks_of(Popularity(task, task.fit), blocked, task.test_cases)[0])


def test_tuning_takes_the_setting_that_is_best_on_tuning_cases(task):
    knn = next(recipe for recipe in recipes(task, 0) if recipe.name == "item-kNN")
    setting, value = tune(knn, task)
    assert set(setting) == {"shrinkage", "decay"}
    assert value == pytest.approx(1.0)


def test_grids_are_of_about_one_size(task):
    sizes = {recipe.name: len(list(recipe.settings())) for recipe in recipes(task, 0)}
    tuned = [n for n in sizes.values() if n > 1]
    assert max(tuned) <= 2 * min(tuned)


@pytest.fixture
def packed():
    """Two cases with two candidates each; `good` ranks the answers first, `bad` last."""
    return Packed(
        sources=("good", "bad"),
        rows=np.array([0, 1, 0, 1], np.int32),
        features=np.array([[1, 0.2], [0.5, 1], [0.2, 1], [1, 0.1]], np.float32),
        start=np.array([0, 2, 4]),
        target=np.array([0, 3]),
    )


def test_ranks_of_a_blend_match_hand_count(packed):
    assert list(packed.ranks({"good": 1.0})) == [1, 1]
    assert list(packed.ranks({"bad": 1.0})) == [2, 2]


def test_an_answer_that_no_source_names_is_not_ranked(packed):
    missing = Packed(**{**vars(packed), "target": np.array([-1, 3])})
    assert list(missing.ranks({"good": 1.0})) == [np.inf, 1]


def test_weights_prefer_the_source_that_helps(packed):
    weights = tune_weights(packed, {"bad": 1.0})
    assert weights["good"] > weights["bad"]

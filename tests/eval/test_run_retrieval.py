"""What the search evaluation chooses, and that it chooses on other queries."""

import numpy as np
import pytest

from eval.data.base import SearchTask
from eval.languages import judge, load_pairs, means
from eval.run_retrieval import by_fold, fuse
from retrieval.data.dataset import Product
from retrieval.errors import DataError

DOCUMENTS = {"a": "one", "b": "two"}


def task(n):
    queries = {f"q{i}": "x" for i in range(n)}
    return SearchTask(
        name="icecat", split="", data_hash="", documents=DOCUMENTS, queries=queries,
        qrels={q: {"a": 1} for q in queries},
    )  # fmt: skip


def test_the_run_of_a_fold_is_the_best_on_the_others():
    right, wrong = np.array([1, 0.5], np.float32), np.array([0.5, 1], np.float32)
    asked = task(10)
    runs = {"good": dict.fromkeys(asked.queries, right), "bad": dict.fromkeys(asked.queries, wrong)}
    found, chosen = by_fold(asked, runs, "nDCG@10")
    assert chosen == ["good"] * 5
    assert set(found) == set(asked.queries)
    # one query alone is right with `bad`: its own fold may not see that
    runs["good"]["q0"], runs["bad"]["q0"] = wrong, right
    found, _ = by_fold(asked, runs, "nDCG@10")
    assert found["q0"].tolist() == wrong.tolist()


def test_fusion_scales_words_by_their_best_and_meaning_above_its_mean():
    # words 4, 2, 0 -> 1, .5, 0; meaning mean .5, best .9 -> 0, 0, 1
    words = {"q": np.array([4, 2, 0], np.float32)}
    meaning = {"q": np.array([0.5, 0.1, 0.9], np.float32)}
    assert fuse(words, meaning, 1.0, 0.5)["q"] == pytest.approx([1.0, 0.5, 0.5], abs=1e-5)


def test_every_pair_is_written_in_both_languages_once():
    pairs = load_pairs()
    assert len(pairs) >= 60
    for language in ("en", "zh"):
        assert len({pair[language] for pair in pairs}) == len(pairs)
    assert all(pair["zh"] != pair["en"] and set(pair) & {"leaf", "title"} for pair in pairs)


def product(**more):
    return Product(
        **{"product_id": "a", "title": "Ridge tent", "brand": None, "category": ("Tents",)}
        | {"attributes": {"persons": "2"}, "description": ""}
        | more
    )


def test_a_pair_means_products_by_category_attribute_and_title():
    pair = {"en": "x", "zh": "y", "leaf": ["Tents"], "where": {"persons": ["2"]}, "title": "Ridge"}
    assert means(pair, product())
    assert not means(pair, product(category=("Tarps",)))
    assert not means(pair, product(attributes={"persons": "3"}))
    assert not means(pair, product(title="Other tent"))
    assert judge([pair], [product()]) == {"l00": {"a": 1}}
    with pytest.raises(DataError, match="no product is meant by 'x'"):
        judge([pair], [])

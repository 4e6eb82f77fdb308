"""Substitutes among what is offered, counted by hand."""

import numpy as np
import pytest

from eval.cli import options, parser
from eval.substitutes import Pages, Pairs, _auc, _values, evaluate_substitutes


def test_shares_are_of_what_is_shown_and_recall_of_what_is_listed():
    # product 0 lists 1 as bought (and viewed) and 2 as only viewed; the best two shown are 2 and 1
    pages = Pages(
        bought=[frozenset({1, 4})], viewed=[frozenset({1, 2})], kinds=[], brands=[],
        fold=np.zeros(1, int), held=None, next_to=None, data_hash="",
    )  # fmt: skip
    pairs = Pairs(
        anchor=np.zeros(3, int), other=np.array([1, 2, 3]), score=np.array([0.8, 0.9, 0.1]),
        is_bought=np.array([True, False, False]), is_viewed=np.array([True, True, False]),
        is_same_kind=np.zeros(3, bool), odds=np.zeros(3),
    )  # fmt: skip
    keep = np.ones(3, bool)
    found = _values(pages, pairs, np.array([0]), pairs.score, keep)
    assert found["substitutes@10"] == pytest.approx([1 / 3])
    assert found["complements@10"] == pytest.approx([1 / 3])
    assert found["R@10"] == pytest.approx([1 / 2])
    none = _values(pages, pairs, np.array([0]), pairs.score, ~keep)
    assert none["substitutes@10"] == 0


def test_the_area_under_the_curve_counts_pairs_in_order():
    # of the four pairs of a positive and a negative three are in order
    scores, is_positive = np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])
    assert _auc(scores, is_positive) == pytest.approx(0.75)


def test_pages_without_viewed_products_have_no_substitutes(data_dir, tmp_path):
    words = ["--data", str(data_dir), "--out", str(tmp_path), "--quick"]
    task = evaluate_substitutes(options("offers", parser("offers", "").parse_args(words)))
    assert task.facts["of these also viewed"] == 0
    for system in task.systems:
        assert system.values["substitutes@10"].max() == 0

"""Curves learned from choices: what they may and may not do."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.additive import Choices, Curve, contribution, fit_additive, sharpen


def choices_of(rng, n_questions, n_candidates, utility, sources=("a", "b")):
    """Draw scores, and what is taken by a conditional logit with the given utility."""
    scores = rng.random((n_questions * n_candidates, len(sources))).astype(np.float32)
    taken = []
    for q in range(n_questions):
        rows = np.arange(q * n_candidates, (q + 1) * n_candidates)
        odds = np.exp(utility(scores[rows]))
        taken.append(int(rng.choice(rows, p=odds / odds.sum())))
    return Choices(
        sources=tuple(sources),
        scores=scores,
        start=np.arange(n_questions + 1) * n_candidates,
        taken=np.array(taken),
        counts=np.ones(len(scores), np.float32),
    )


def test_weights_that_made_the_choices_are_found():
    rng = np.random.default_rng(0)
    made = choices_of(rng, 4_000, 8, lambda x: 6 * x[:, 0] + 2 * x[:, 1])
    curves = fit_additive(made, {}, pull=0.4)
    assert curves["b"].y[-1] / curves["a"].y[-1] == pytest.approx(1 / 3, abs=0.05)


def test_a_bend_is_found():
    """Only whether a source says anything counts, not how much of it."""
    rng = np.random.default_rng(1)
    made = choices_of(rng, 4_000, 8, lambda x: 5 * np.minimum(x[:, 0], 0.5) / 0.5)
    curve = fit_additive(made, {}, pull=0.4)["a"]
    half = float(curve(np.array([0.5], np.float32))[0])
    assert half > 0.85 * curve.y[-1]


def test_a_source_that_speaks_against_a_product_is_not_asked():
    rng = np.random.default_rng(2)
    made = choices_of(rng, 2_000, 8, lambda x: 6 * x[:, 0] - 4 * x[:, 1])
    assert set(fit_additive(made, {})) == {"a"}


def test_with_few_questions_the_prior_holds():
    rng = np.random.default_rng(3)
    made = choices_of(rng, 5, 8, lambda x: 0 * x[:, 0])
    curves = fit_additive(made, {"a": 1.0, "b": 0.25}, pull=500.0)
    assert curves["b"].y[-1] / curves["a"].y[-1] == pytest.approx(0.25, abs=0.02)


@settings(deadline=None)
@given(st.integers(0, 1_000))
def test_curves_begin_at_nothing_never_fall_and_reach_one(seed):
    rng = np.random.default_rng(seed)
    made = choices_of(rng, 30, 6, lambda x: 3 * x[:, 0] + rng.normal(size=len(x)))
    curves = fit_additive(made, {"a": 1.0})
    for curve in curves.values():
        assert curve.y[0] == 0
        assert (np.diff(curve.y) >= -1e-6).all()
    assert max(curve.y[-1] for curve in curves.values()) == pytest.approx(1.0)


def test_a_question_whose_answer_is_no_candidate_teaches_nothing():
    rng = np.random.default_rng(4)
    made = choices_of(rng, 200, 8, lambda x: 4 * x[:, 0])
    lost = Choices(
        sources=made.sources,
        scores=np.concatenate([made.scores, np.ones((8, 2), np.float32)]),
        start=np.append(made.start, made.start[-1] + 8),
        taken=np.append(made.taken, -1),
        counts=np.ones(len(made.scores) + 8, np.float32),
    )
    assert fit_additive(made, {}) == fit_additive(lost, {})


def test_ranks_are_at_the_middle_of_ties_and_infinite_without_a_score():
    made = Choices(
        sources=("a",),
        scores=np.array([[0.5], [0.5], [0.9], [0.0], [0.4]], np.float32),
        start=np.array([0, 3, 5]),
        taken=np.array([1, 3]),
        counts=np.ones(5, np.float32),
    )
    assert made.ranks(made.totals({"a": 1.0})).tolist() == [2.5, np.inf]


def test_a_candidate_that_stands_for_many_counts_as_many():
    rng = np.random.default_rng(6)
    made = choices_of(rng, 200, 6, lambda x: 4 * x[:, 0] + 2 * x[:, 1])
    others = np.setdiff1d(np.arange(len(made.scores)), made.taken)
    doubled = [
        np.sort([*range(6), *(r - 6 * q for r in others if r // 6 == q)]) for q in range(200)
    ]
    twice = np.concatenate([6 * q + rows for q, rows in enumerate(doubled)])
    start = np.arange(201) * 11
    taken = [start[q] + int(np.flatnonzero(rows == made.taken[q] - 6 * q)[0])
             for q, rows in enumerate(doubled)]  # fmt: skip
    spelled_out = replace(
        made, scores=made.scores[twice], start=start, taken=np.array(taken),
        counts=np.ones(len(twice), np.float32),
    )  # fmt: skip
    counts = np.full(len(made.scores), 2, np.float32)
    counts[made.taken] = 1
    counted = replace(made, counts=counts)
    assert counted.ranks(counted.totals({"b": 1})) == pytest.approx(
        spelled_out.ranks(spelled_out.totals({"b": 1}))
    )
    for one, other in zip(
        fit_additive(counted, {}).values(), fit_additive(spelled_out, {}).values(), strict=True
    ):
        assert one.y[-1] == pytest.approx(other.y[-1], abs=0.03)


def test_a_number_and_a_straight_curve_are_one():
    scores = np.array([0.0, 0.25, 1.0], np.float32)
    line = Curve(x=(0.0, 1.0), y=(0.0, 0.6))
    assert np.allclose(contribution(0.6, scores), contribution(line, scores))


def test_nothing_to_learn_from_gives_no_curves():
    none = Choices(
        sources=("a",),
        scores=np.zeros((0, 1), np.float32),
        start=np.zeros(1, np.int64),
        taken=np.zeros(0, np.int64),
        counts=np.zeros(0, np.float32),
    )
    assert fit_additive(none, {}) == {}


def test_sharpening_never_makes_the_first_ten_worse_and_finds_the_single_source():
    """Likelihood trusts what is sure about the many; the first place belongs to source a."""
    rng = np.random.default_rng(5)
    made = choices_of(rng, 300, 40, lambda x: 12 * x[:, 0])
    weak = {"b": Curve(x=(0.0, 1.0), y=(0.0, 1.0))}
    sharp = sharpen(made, weak)
    assert max(sharp, key=lambda source: sharp[source].y[-1]) == "a"

    def found(curves):
        return (made.ranks(made.totals(curves)) <= 10).mean()

    assert found(sharp) >= found({"a": 1.0}) - 0.02
    assert found(sharp) > found(weak)

"""Self-attention: what every scorer keeps to, and right answers on logs with a planted order."""

import numpy as np
import pytest

from retrieval.behaviour.attention_network import new_network, principal_axes, states
from retrieval.behaviour.attention_training import draw, sequences_of
from retrieval.behaviour.base import VIEW, Context, Interactions
from retrieval.behaviour.popularity import PopularityScorer
from retrieval.behaviour.self_attention import SelfAttentionScorer
from tests.retrieval.test_behaviour_contract import (
    GHOST,
    MAT,
    TENT,
    ScorerContract,
    log_of,
    rows,
)

SMALL = {"dim": 16, "layers": 1, "heads": 2, "max_len": 8, "epochs": 3}
N = 12


def texts(n=N, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 24)).astype(np.float32)


def cyclic(n_shoppers=400, n=N - 1, seed=1):
    """Return histories in which product i is always followed by i + 1, round the circle."""
    rng = np.random.default_rng(seed)
    starts, lengths = rng.integers(0, n, n_shoppers), rng.integers(3, 8, n_shoppers)
    return [[int((s + i) % n) for i in range(k)] for s, k in zip(starts, lengths, strict=True)]


@pytest.fixture(scope="module")
def log():
    return Interactions.of_sequences([[TENT, MAT], [TENT, MAT, TENT], [MAT, TENT]], 4)


@pytest.fixture(scope="module")
def empty_log():
    return Interactions.of_sequences([], 4)


@pytest.fixture(scope="module")
def circle():
    """A network fitted on the circle; the last product is new and has product 3's text, nearly."""
    vectors = texts()
    vectors[-1] = vectors[3] + 0.01
    log = Interactions.of_sequences(cyclic(), N)
    settings = SMALL | {"epochs": 25, "learning_rate": 1e-2, "dropout": 0.1, "patience": 25}
    settings |= {"text_alone": 0.2, "sharpness": 1.0}
    return SelfAttentionScorer(vectors=vectors, **settings).fit(log)


class TestContract(ScorerContract):
    def make(self):
        return SelfAttentionScorer(vectors=texts(4), **SMALL)

    test_a_product_without_events_gets_and_gives_nothing = None  # here its text gives it a place

    def test_a_product_without_events_gets_and_gives_something(self, log):
        scorer = self.make().fit(log)
        assert scorer.score(Context(anchors=rows(TENT)))[GHOST] > 0
        assert scorer.score(Context(anchors=rows(GHOST))).any()

    def test_an_empty_context_has_no_scores(self, log):
        assert not self.make().fit(log).score(Context()).any()


def test_it_learns_the_order_far_better_than_popularity(circle):
    plain = PopularityScorer().fit(Interactions.of_sequences(cyclic(), N))
    asked = [Context(history=rows(i, (i + 1) % (N - 1))) for i in range(N - 1)]
    answers = [(i + 2) % (N - 1) for i in range(N - 1)]
    right = sum(circle.score(c)[:-1].argmax() == a for c, a in zip(asked, answers, strict=True))
    by_sales = sum(plain.score(c).argmax() == a for c, a in zip(asked, answers, strict=True))
    assert right >= N - 2
    assert by_sales <= 2


def test_a_new_product_stands_where_its_text_stands(circle):
    scores = circle.score(Context(history=rows(1, 2)))
    assert scores[:-1].argmax() == 3
    assert scores[-1] == np.sort(scores)[-2]  # next after product 3 itself, which it resembles
    as_new, as_known = (circle.score(Context(history=rows(p)))[4] for p in (N - 1, 3))
    assert as_new > 0.5 * as_known


def test_without_texts_a_new_product_says_nothing_of_its_own(circle):
    bare = SelfAttentionScorer(**SMALL).fit(Interactions.of_sequences(cyclic(), N))
    assert not bare._products[-1].any()
    assert circle._products[-1].any()


def test_many_contexts_score_as_each_alone(circle):
    asked = [Context(history=rows(1)), Context(), Context(history=rows(4, 5, 6), anchors=rows(7))]
    together = circle.score_many(asked)
    assert together.shape == (3, N)
    for context, scores in zip(asked, together, strict=True):
        assert circle.score(context) == pytest.approx(scores, abs=1e-6)
    assert circle.score_many([]).shape == (0, N)


def test_scores_are_chances(circle):
    scores = circle.score(Context(history=rows(2)))
    assert scores.sum() == pytest.approx(1)


def test_sharpness_is_the_power_of_the_chances_and_keeps_their_order(circle, tmp_path):
    circle.save(tmp_path)
    flat = SelfAttentionScorer(sharpness=0.5).load(tmp_path).score(Context(history=rows(2)))
    assert flat**2 == pytest.approx(circle.score(Context(history=rows(2))), abs=1e-6)


def test_only_the_latest_steps_are_looked_at(circle):
    latest = list(range(8))
    long, short = (Context(history=rows(*h)) for h in ([9, 9, *latest], latest))
    assert np.array_equal(circle.score(long), circle.score(short))


def test_a_later_step_changes_nothing_before_it():
    import torch

    torch.manual_seed(0)
    network = new_network(principal_axes(texts(), 16), np.ones(N, bool), layers=2, max_len=8)
    given = torch.randn(1, 6, 16)
    changed = given.clone()
    changed[0, 4] = torch.randn(16)
    before, after = (states(network, x, heads=2) for x in (given, changed))
    assert torch.equal(before[0, :4], after[0, :4])
    assert not torch.allclose(before[0, 4:], after[0, 4:])


def test_another_seed_gives_another_network(log):
    one, other = (
        SelfAttentionScorer(vectors=texts(4), seed=seed, **SMALL).fit(log) for seed in (0, 1)
    )
    context = Context(anchors=rows(MAT))
    assert not np.array_equal(one.score(context), other.score(context))


def test_fitting_leaves_the_common_random_numbers_alone(log):
    import torch

    torch.manual_seed(5)
    before = torch.get_rng_state()
    SelfAttentionScorer(vectors=texts(4), **SMALL).fit(log)
    assert torch.equal(before, torch.get_rng_state())


def test_it_loads_without_texts_and_whatever_shape_was_asked_for(circle, tmp_path):
    circle.save(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["self_attention.safetensors"]
    loaded = SelfAttentionScorer(dim=32, heads=4, sharpness=1.0).load(tmp_path)
    context = Context(history=rows(2, 3))
    assert np.array_equal(loaded.score(context), circle.score(context))


def test_training_stops_when_the_held_out_steps_no_longer_improve():
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, N, 5).tolist() for _ in range(60)]
    settings = SMALL | {"epochs": 40, "patience": 2}
    scorer = SelfAttentionScorer(vectors=texts(), **settings)
    scorer.fit(Interactions.of_sequences(noise, N))
    assert len(scorer.history) < 40
    best = int(np.argmax(scorer.history))
    assert len(scorer.history) == best + 1 + 2


def test_sequences_are_purchases_or_views_of_who_bought_too_little():
    events = [(0, TENT, 2, 0, 0), (0, MAT, VIEW, 1, 0), (0, MAT, 2, 2, 0)]
    events += [(1, TENT, VIEW, 0, 1), (1, TENT, VIEW, 1, 1), (1, MAT, 2, 2, 1)]
    events += [(2, TENT, 2, 0, 2)]
    found = [s.tolist() for s in sequences_of(log_of(*events))]
    assert found == [[TENT, MAT], [TENT, MAT]]


def test_drawn_negatives_stand_for_the_sum_over_all_products():
    rng = np.random.default_rng(0)
    taken = np.array([50, 30, 10, 5, 3, 2, 0, 40])
    chances = 0.5 * (taken > 0) / 7 + 0.5 * taken / taken.sum()
    weights = rng.normal(size=8)
    estimates = []
    for _ in range(4000):
        drawn, shift = draw(chances, 5, rng)
        assert not (drawn == 6).any()  # nobody took it
        estimates.append(np.exp(weights[drawn] - shift).sum())
    seen = np.delete(np.exp(weights), 6).sum()
    assert np.mean(estimates) == pytest.approx(seen, rel=0.02)


def test_all_seen_products_are_taken_where_they_are_few():
    drawn, shift = draw(np.array([0.5, 0.0, 0.5]), 5, np.random.default_rng(0))
    assert drawn.tolist() == [0, 2]
    assert not shift.any()


def test_vectors_of_another_catalogue_are_refused(log):
    with pytest.raises(ValueError, match="`vectors` must have 4 rows, one a product, got 5"):
        SelfAttentionScorer(vectors=texts(5), **SMALL).fit(log)


def test_heads_must_divide_the_length():
    with pytest.raises(ValueError, match="`dim` must be a multiple of `heads`, got 10 and 4"):
        SelfAttentionScorer(dim=10, heads=4)

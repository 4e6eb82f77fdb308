"""The dense network: a planted interaction is learned, and nothing leaks between past and folds."""

import json
import sys
from decimal import Decimal

import numpy as np
import pytest

from retrieval.behaviour.base import PURCHASE, Context, Interactions
from retrieval.data.dataset import Catalogue, Product
from retrieval.errors import ConfigError, NotFittedError
from retrieval.learning import dense_training
from retrieval.learning.dense_features import DenseFeatures, Moment
from retrieval.learning.dense_network import DenseNetwork
from retrieval.learning.dense_training import (
    Lists,
    Scaler,
    cross_validate,
    folds_of,
    judge,
    past_and_examples,
    train,
)

N, N_SHOPPERS = 40, 200
SETTING = {"width": 16, "depth": 1, "dropout": 0.0, "learning_rate": 1e-2, "decay": 0.0}
QUICK = {"negatives": 6, "trials": 0, "folds": 2, "epochs": 20}


def rows(*values):
    return np.array(values, np.int64)


def is_dear(product):
    return product % 2 == 1


@pytest.fixture(scope="module")
def catalogue():
    """Every second product is dear; categories and brands say nothing of it."""
    return Catalogue(
        [
            Product(
                product_id=f"p{i:02d}",
                title=f"p{i}",
                category=("Shop", f"leaf {i // 2 % 5}"),
                brand=f"brand {i // 2 % 3}",
                price=Decimal(100 if is_dear(i) else 10),
                rating=4.0 if i % 3 else None,
                rating_count=i,
            )
            for i in range(N)
        ]
    )


@pytest.fixture(scope="module")
def vectors():
    made = np.random.default_rng(0).normal(size=(N, 12))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def log():
    """Every second shopper buys dear products alone, the others cheap ones: no product leads."""
    rng = np.random.default_rng(1)
    events = [
        (step + shopper / 1000, shopper, int(2 * rng.integers(0, N // 2) + shopper % 2))
        for shopper in range(N_SHOPPERS)
        for step in range(8)
    ]
    day, shopper, product = (np.array(c) for c in zip(*sorted(events), strict=True))
    return Interactions(
        n_products=N,
        shopper_ids=tuple(f"s{i}" for i in range(N_SHOPPERS)),
        shopper=shopper.astype(np.int64),
        product=product.astype(np.int64),
        type=np.full(len(day), PURCHASE, np.int8),
        day=day,
        basket=np.arange(len(day)),
        session=np.arange(len(day)),
        end_day=float(day.max()),
    )


@pytest.fixture(scope="module")
def network(catalogue, vectors, log):
    return DenseNetwork(catalogue=catalogue, vectors=vectors, **QUICK).fit(log)


@pytest.fixture(scope="module")
def lists():
    """Lists in which feature 0 tells the right one, for 30 shoppers with 4 examples each."""
    rng = np.random.default_rng(2)
    features = rng.normal(size=(120, 5, 3)).astype(np.float32)
    features[:, 0, 0] += 3.0
    return Lists(features=features, shopper=np.repeat(np.arange(30), 4))


def test_it_learns_that_dear_buyers_buy_dear_and_cheap_buyers_cheap(network):
    dear = is_dear(np.arange(N))
    for history, wanted in ((rows(1, 3, 5), dear), (rows(0, 2, 4), ~dear)):
        scores = network.score(Context(history=history))
        assert scores[wanted].mean() > 3 * scores[~wanted].mean()
    assert all(row["auc"] > 0.65 for row in network.table)  # half the negatives are of the class


def test_scores_are_chances_of_every_product(network):
    scores = network.score(Context(history=rows(1)))
    assert scores.shape == (N,)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.isfinite(network.score(Context())).all()


def test_candidate_rows_score_as_among_all(network):
    context = Context(history=rows(1, 2), shopper=3)
    all_scores = network.score(context)
    assert network.score_rows(context, rows(7, 2)) == pytest.approx(all_scores[[7, 2]], abs=1e-6)
    assert network.score_many([context])[0] == pytest.approx(all_scores, abs=1e-6)


def test_the_same_seed_gives_the_same_scores(network, catalogue, vectors, log):
    again = DenseNetwork(catalogue=catalogue, vectors=vectors, **QUICK).fit(log)
    context = Context(history=rows(4, 9))
    assert np.array_equal(network.score(context), again.score(context))


def test_save_and_load_keep_scores_settings_and_folds(network, catalogue, vectors, tmp_path):
    network.save(tmp_path)
    loaded = DenseNetwork(catalogue=catalogue, vectors=vectors).load(tmp_path)
    for context in (Context(history=rows(4, 9)), Context(history=rows(1), shopper=0)):
        assert np.array_equal(network.score(context), loaded.score(context))
    assert (loaded.chosen, loaded.table) == (network.chosen, network.table)
    about = json.loads((tmp_path / "dense_network" / "network.json").read_text("utf-8"))
    assert about["features"] == list(network.features.names)


def test_an_empty_log_has_nothing_to_say(catalogue, vectors, tmp_path):
    empty = Interactions.of_sequences([], N)
    fitted = DenseNetwork(catalogue=catalogue, vectors=vectors, **QUICK).fit(empty)
    assert not fitted.score(Context(history=rows(1))).any()
    fitted.save(tmp_path)
    loaded = DenseNetwork(catalogue=catalogue, vectors=vectors).load(tmp_path)
    assert not loaded.score(Context(history=rows(1))).any()


def test_not_fitted_says_how(catalogue, vectors, tmp_path):
    bare = DenseNetwork(catalogue=catalogue, vectors=vectors)
    with pytest.raises(NotFittedError, match=r"not fitted; call `fit` or `load` first"):
        bare.score(Context())
    with pytest.raises(NotFittedError, match="not fitted"):
        bare.save(tmp_path)


def test_vectors_of_another_catalogue_are_refused(catalogue, vectors):
    with pytest.raises(ValueError, match=f"`vectors` must have {N} rows, one a product, got 3"):
        DenseNetwork(catalogue=catalogue, vectors=vectors[:3])


def test_without_optuna_one_sentence_says_what_to_do(catalogue, vectors, log, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigError, match=r"install `whycart\[learn\]`, or set `trials` to 0"):
        DenseNetwork(catalogue=catalogue, vectors=vectors, **(QUICK | {"trials": 2})).fit(log)


def test_tuning_starts_from_the_defaults_and_keeps_the_best(catalogue, vectors, log):
    pytest.importorskip("optuna")
    settings = QUICK | {"trials": 3, "epochs": 2, "most_examples": 40}
    tuned = DenseNetwork(catalogue=catalogue, vectors=vectors, **settings).fit(log)
    assert len(tuned.tried) == 3
    assert tuned.tried[0]["width"] == 64
    best = max(tuned.tried, key=lambda row: row["ndcg"])
    assert tuned.chosen == {k: v for k, v in best.items() if k != "ndcg"}
    assert len(tuned.table) == 2


def test_negatives_are_eligible_and_not_the_one_taken(catalogue, vectors, log):
    eligible = np.arange(N) < 10
    network = DenseNetwork(catalogue=catalogue, vectors=vectors, eligible=eligible, **QUICK)
    past, examples = past_and_examples(log, "time")
    lists = network._lists(network.features.fit(past), past, examples[:20])
    counts = lists.features[:, 1:, network.features.names.index("review count")]
    assert np.expm1(counts).max() < 9.5  # `rating_count` is the row number
    own = lists.features[:, :1, network.features.names.index("review count")]
    assert not np.isclose(counts, own).any()


def test_the_past_ends_before_the_first_example(log):
    past, examples = past_and_examples(log, "time")
    assert examples
    assert past.day.max() < past.end_day
    assert len(past.day) + len(examples) == len(log.day)
    for example in examples:
        mine = log.product[log.shopper == example.shopper]
        place = len(example.history)
        assert example.history.tolist() == mine[:place].tolist()
        assert example.target == mine[place]
        assert example.days_since == pytest.approx(1.0)


def test_products_of_the_same_moment_are_not_in_the_history():
    log = Interactions(
        n_products=4,
        shopper_ids=("s",),
        shopper=np.zeros(4, np.int64),
        product=np.arange(4),
        type=np.full(4, PURCHASE, np.int8),
        day=np.array([0.0, 1.0, 9.0, 9.0]),
        basket=np.array([0, 1, 2, 2]),
        session=np.array([0, 1, 2, 2]),
        end_day=9.0,
    )
    _, examples = past_and_examples(log, "time", share=0.5)
    assert [(e.history.tolist(), e.target) for e in examples] == [([0, 1], 2), ([0, 1], 3)]
    assert examples[0].days_since == pytest.approx(8.0)


def test_in_a_log_without_days_each_last_purchase_is_the_example():
    log = Interactions.of_sequences([[0, 1, 2], [3], [2, 0]], 4)
    past, examples = past_and_examples(log, "last")
    assert [(e.history.tolist(), e.target) for e in examples] == [([0, 1], 2), ([2], 0)]
    assert sorted(zip(past.shopper.tolist(), past.product.tolist(), strict=True)) == [
        (0, 0), (0, 1), (1, 3), (2, 2),
    ]  # fmt: skip
    assert examples[0].days_since is None


def test_no_shopper_is_in_two_folds():
    shopper = np.random.default_rng(0).integers(0, 50, 400)
    fold = folds_of(shopper, 3, np.random.default_rng(1))
    assert set(fold.tolist()) == {0, 1, 2}
    for name in np.unique(shopper):
        assert len(set(fold[shopper == name].tolist())) == 1


def test_cross_validation_never_trains_on_a_shopper_of_the_fold(lists, monkeypatch):
    seen = []

    def watched(inside, setting, **training):
        seen.append(set(inside.shopper.tolist()))
        return train(inside, setting, **training)

    monkeypatch.setattr(dense_training, "train", watched)
    table = cross_validate(lists, SETTING, n_folds=3, epochs=2, patience=1, seed=0)
    everyone = set(lists.shopper.tolist())
    held = [everyone - inside for inside in seen]
    assert [len(h) for h in held] == [row["shoppers"] for row in table]
    assert set.union(*held) == everyone
    assert sum(len(h) for h in held) == len(everyone)
    assert sum(row["examples"] for row in table) == len(lists.shopper)


def test_the_scaler_knows_the_shoppers_trained_on_alone(lists):
    kept_out = folds_of(lists.shopper, 8, np.random.default_rng(0)) == 0
    far = lists.features.copy()
    far[kept_out] += 1000.0
    settings = {"epochs": 1, "patience": 1, "seed": 0}
    one = train(lists, SETTING, **settings).scaler
    other = train(Lists(features=far, shopper=lists.shopper), SETTING, **settings).scaler
    assert np.array_equal(one.mean, other.mean)
    assert np.array_equal(one.spread, other.spread)
    expected = lists.features[~kept_out].reshape(-1, 3)
    assert one.mean == pytest.approx(expected.mean(axis=0), abs=1e-5)
    assert one.spread == pytest.approx(expected.std(axis=0), abs=1e-5)


def test_training_stops_when_nothing_is_left_to_learn():
    rng = np.random.default_rng(0)
    noise = Lists(features=rng.normal(size=(60, 5, 10)).astype(np.float32), shopper=np.arange(60))
    trained = train(noise, SETTING | {"width": 64}, epochs=60, patience=2, seed=0)
    assert len(trained.losses) < 60
    assert len(trained.losses) == int(np.argmin(trained.losses)) + 1 + 2


def test_a_feature_that_never_varies_is_only_centred():
    scaler = Scaler.of(np.full((4, 2, 1), 3.0, np.float32))
    assert scaler(np.array([[3.0], [4.0]], np.float32)).ravel().tolist() == [0.0, 1.0]


def test_lists_are_judged_by_the_place_of_the_first():
    judged = judge(np.array([[0.9, 0.1, 0.2], [0.1, 0.9, 0.1]], np.float32))
    # first: place 0; second: one above, one tied -> place 1.5
    assert judged["auc"] == pytest.approx(1 - (0 + 1.5 / 2) / 2)
    assert judged["ndcg"] == pytest.approx((1 + 1 / np.log2(3.5)) / 2)


class TestFeatures:
    @pytest.fixture
    def features(self, catalogue, vectors, log):
        return DenseFeatures(catalogue, vectors).fit(log)

    def column(self, features, name, context, product, **moment):
        found = features.of(context, rows(product), Moment(**moment))
        return float(found[0, features.names.index(name)])

    def test_names_and_columns_agree(self, features):
        assert features.of(Context(history=rows(1)), rows(0, 2, 3)).shape == (3, features.n)
        assert len(set(features.names)) == features.n

    def test_counts_of_category_and_brand_are_of_the_history(self, features):
        context = Context(history=rows(0, 1, 6))  # brands 0, 0, 0; leaves 0, 0, 3
        same_leaf = self.column(features, "same category taken", context, 10)  # leaf 0
        same_brand = self.column(features, "same brand taken", context, 12)  # brand 0
        assert same_leaf == pytest.approx(np.log1p(2))
        assert same_brand == pytest.approx(np.log1p(3))
        assert self.column(features, "taken before", context, 6) == pytest.approx(np.log1p(1))
        assert self.column(features, "is the latest", context, 6) == 1

    def test_recency_frequency_and_value(self, features):
        context = Context(history=rows(0, 1))  # 10.00 and 100.00, in hundredths
        assert self.column(features, "days since the last", context, 5, days_since=6.0) == (
            pytest.approx(np.log(7))
        )
        assert self.column(features, "days known", context, 5) == 0
        assert self.column(features, "products taken", context, 5) == pytest.approx(np.log(3))
        spent = self.column(features, "money spent", context, 5)
        assert spent == pytest.approx(np.log(11_001), rel=1e-4)

    def test_one_common_head_gives_way_to_the_next_level(self, features):
        # all paths begin with "Shop"; leaves are 8 products each
        context = Context(history=rows(0, 0, 2))
        shares = [n for n in features.names if n.startswith("share of category")]
        found = features.of(context, rows(5))[0]
        values = sorted(float(found[features.names.index(n)]) for n in shares)
        assert values[-2:] == pytest.approx([1 / 3, 2 / 3])
        assert sum(values) == pytest.approx(1)

    def test_products_without_reviews_have_no_review_text(self, catalogue, vectors):
        reviews = vectors.copy()
        reviews[3] = 0
        features = DenseFeatures(catalogue, vectors, reviews).fit(Interactions.of_sequences([], N))
        first = features.names.index("review text 0")
        found = features.of(Context(), rows(3, 4))[:, first : first + 8]
        assert not found[0].any()
        assert found[1].any()

"""Clusters of planted tastes, quintiles by hand, names, and what is exported."""

import csv
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from retrieval import segments as door
from retrieval.behaviour.base import Context, Interactions
from retrieval.behaviour.clusters import Clusters, adjusted_rand, agreement
from retrieval.behaviour.rfv import quintiles, rfv_of
from retrieval.behaviour.segment_popularity import SegmentPopularityScorer
from retrieval.behaviour.segments import FIELDS, Segments
from retrieval.behaviour.sensitive import is_sensitive
from retrieval.config import BehaviourConfig
from retrieval.data.dataset import Dataset
from retrieval.errors import DataError, QueryError

START = datetime(2026, 1, 1, tzinfo=UTC)
N_GROUPS, GROUP, N_DAYS = 3, 40, 10
LEAVES = ("Tents", "Mats", "Stoves", "Fuel", "Boots", "Socks", "Diet pills")
"""Two leaves of each planted taste; one product a leaf; the last one is sensitive."""


def planted(seed=0):
    """Return a log of shoppers who mostly buy in their taste's two leaves, and the tastes."""
    rng = np.random.default_rng(seed)
    histories, tastes = [], []
    for i in range(N_GROUPS * GROUP):
        taste = i % N_GROUPS
        own = rng.random(N_DAYS) < 0.8
        histories.append(np.where(own, 2 * taste + rng.integers(0, 2, N_DAYS),
                                  rng.integers(0, 7, N_DAYS)).tolist())  # fmt: skip
        tastes.append(taste)
    return Interactions.of_sequences(histories, 7), np.array(tastes)


@pytest.fixture(scope="module")
def log_and_tastes():
    return planted()


@pytest.fixture(scope="module")
def clusters(log_and_tastes):
    return Clusters(np.arange(7), LEAVES, max_clusters=5).fit(log_and_tastes[0])


class TestClusters:
    def test_planted_tastes_are_found_again(self, clusters, log_and_tastes):
        assert clusters.n_clusters == N_GROUPS
        assert agreement([clusters.labels, log_and_tastes[1]]) > 0.9

    def test_the_clusters_are_stable_over_starts(self, clusters):
        assert clusters.stability >= 0.8
        assert set(clusters.tried) == {2, 3, 4, 5}

    def test_somebody_anonymous_belongs_by_what_they_name(self, clusters, log_and_tastes):
        for taste in range(N_GROUPS):
            found = clusters.of(Context(history=np.array([2 * taste, 2 * taste + 1])))
            mine = clusters.labels[log_and_tastes[1] == taste]
            assert found == np.bincount(mine).argmax()

    def test_a_known_shopper_has_what_was_found_for_them(self, clusters):
        context = Context(shopper=5, history=np.array([0]))
        assert clusters.of(context) == clusters.labels[5]

    def test_a_sensitive_category_says_nothing(self, clusters):
        assert clusters.of(Context(history=np.array([6]))) is None
        assert clusters.of(Context()) is None

    def test_a_log_without_categories_has_no_clusters(self, log_and_tastes):
        none = Clusters(np.full(7, -1), ()).fit(log_and_tastes[0])
        assert none.n_clusters == 0
        assert none.stability == 0
        assert (none.labels == -1).all()
        assert none.of(Context(history=np.array([0]))) is None

    def test_save_and_load_keep_everything(self, clusters, tmp_path):
        clusters.save(tmp_path)
        loaded = Clusters(np.arange(7), LEAVES).load(tmp_path)
        assert np.array_equal(loaded.memberships, clusters.memberships)
        assert loaded.tried == clusters.tried
        assert loaded.stability == clusters.stability


def test_agreement_of_the_same_partition_under_other_names_is_one():
    assert agreement([np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0])]) == pytest.approx(1)
    assert agreement([np.array([0, 1])]) == 0


@pytest.mark.slow
def test_the_adjusted_rand_index_agrees_with_scikit_learn():
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(0)
    for n_clusters in (1, 2, 5, 30):
        first, second = rng.integers(0, n_clusters, (2, 50))
        second = np.where(rng.random(50) < 0.5, first, second)
        assert adjusted_rand(first, second) == pytest.approx(adjusted_rand_score(first, second))


def test_a_segment_lends_what_it_buys_most(clusters, log_and_tastes):
    log, _ = log_and_tastes
    config = BehaviourConfig(popularity_half_life_days=1e6)
    scorer = SegmentPopularityScorer(clusters, config, prior=0).fit(log)
    scores = scorer.score(Context(history=np.array([4])))  # boots: the third taste
    assert set(np.argsort(-scores)[:2].tolist()) == {4, 5}
    # A shopper's memberships of all clusters add up to one, and so do the shares they lend.
    assert np.expm1(scores).sum() == pytest.approx(1000, rel=1e-4)


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("Health & safety > First aid kits", True), ("Grocery > Domestic wine > Box wines", True),
        ("保健 > 维生素", True), ("Household and health > Automotive products > Antifreeze", False),
        ("Shelter > Tents", False), ("Fresh meat > Smoked meats > Hams", False), ("帐篷", False),
    ],
)  # fmt: skip
def test_sensitive_categories_are_known_by_their_words(category, expected):
    assert is_sensitive(category) is expected


def test_quintiles_go_by_the_share_below():
    # of ten values none is below 1, two are below 3 (1/5), eight are below 9 (4/5)
    assert quintiles(np.arange(1.0, 11.0)).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert quintiles(np.array([7.0, 7.0, 7.0])).tolist() == [1, 1, 1]
    assert quintiles(np.array([1.0, 1.0, 1.0, 2.0])).tolist() == [1, 1, 1, 4]


@pytest.fixture(scope="module")
def dataset():
    """Ann: two orders (three lines, one without a price), 4 days ago. Bob: one view. Cyd: one."""
    lines = [
        ("ann", "purchase", 0, "o1", "tent", 2.0, "100.00"),
        ("ann", "purchase", 0, "o1", "mat", None, None),
        ("ann", "purchase", 6, "o2", "tent", None, "90.50"),
        ("bob", "view", 9, None, "mat", None, None),
        ("cyd", "purchase", 10, "o3", "=pan", 1.0, "5.00"),
    ]
    return Dataset.of(
        products=[
            {"product_id": name, "title": name, "category": ["Camp", leaf]}
            for name, leaf in (("tent", "Tents"), ("mat", "Mats"), ("=pan", "Pans"))
        ],
        events=[
            {
                "event_id": f"e{i}", "shopper_id": shopper, "type": kind, "product_id": product,
                "at": START + timedelta(days=day), "session_id": None, "order_id": order,
                "quantity": quantity,
                "price_minor": None if price is None else round(float(price) * 100),
            }
            for i, (shopper, kind, day, order, product, quantity, price) in enumerate(lines)
        ],
    )  # fmt: skip


@pytest.fixture(scope="module")
def segments(dataset):
    config = BehaviourConfig()
    catalogue = dataset.catalogue
    found = Clusters(catalogue.leaf_code, catalogue.leaves, min_days=1, max_clusters=2)
    return Segments(dataset, Interactions.of(dataset, config), found)


class TestRfv:
    def test_counts_and_money_by_hand(self, dataset):
        found = rfv_of(dataset)
        assert set(found) == {"ann", "cyd"}
        ann = found["ann"]
        assert (ann.recency_days, ann.n_orders, ann.n_purchases, ann.n_priced) == (4, 2, 3, 2)
        assert str(ann.value) == "290.50"  # 2 × 100.00 + 90.50; the mat states no price
        assert (ann.r, ann.f, ann.v) == (1, 3, 3)  # of two: the worse gets 1, the better 1 + 5//2
        assert found["cyd"].recency_days == 0
        assert ann.n_shoppers == 2

    def test_a_log_without_purchases_has_no_scores(self):
        assert rfv_of(Dataset.of(products=[{"product_id": "a", "title": "a"}], events=[])) == {}


class TestSegments:
    def test_every_field_carries_its_count(self, segments):
        ann = segments.describe("ann")
        assert (ann["n_orders"], ann["n_views"], ann["compared_with"]) == (2, 0, 2)
        assert ann["categories"] == [
            {"category": "Camp > Tents", "days": 2}, {"category": "Camp > Mats", "days": 1},
        ]  # fmt: skip
        assert sum(ann["likelihoods"].values()) == pytest.approx(1, abs=1e-3)
        assert ann["cluster"]["n_shoppers"] >= 1
        assert ann["segment"] == ann["cluster"]["segment"]

    def test_a_shopper_who_never_bought_has_no_scores(self, segments):
        bob = segments.describe("bob")
        assert (bob["r"], bob["f"], bob["v"], bob["rfv_segment"]) == (
            None, None, None, "has not bought",
        )  # fmt: skip
        assert bob["n_views"] == 1

    def test_an_unknown_shopper_is_refused_by_name(self, segments):
        with pytest.raises(QueryError, match="'zoe': is no shopper"):
            segments.describe("zoe")

    def test_names_are_made_of_what_sets_a_segment_apart(self, log_and_tastes, clusters):
        log, tastes = log_and_tastes
        catalogue = Dataset.of(
            products=[
                {"product_id": str(i), "title": leaf, "category": ["Camp", leaf]}
                for i, leaf in enumerate(LEAVES)
            ],
            events=[],
        )
        made = Segments(catalogue, log, clusters)
        mine = np.bincount(clusters.labels[tastes == 1]).argmax()
        assert "Stoves" in made.names[mine]
        assert "Fuel" in made.names[mine]
        assert made.names[mine].startswith("mostly ")
        assert not any("Diet" in name for name in made.names)
        assert len(set(made.names)) == N_GROUPS

    def test_csv_comes_back_as_it_was(self, segments, tmp_path):
        path = tmp_path / "segments.csv"
        assert segments.export(path) == 3
        with path.open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        assert [row["shopper_id"] for row in found] == ["ann", "bob", "cyd"]
        assert tuple(found[0]) == FIELDS
        wanted = [
            {name: "" if value is None else str(value) for name, value in entry.items()}
            for entry in segments.entries()
        ]
        assert found == wanted
        assert found[0]["value"] == "290.50"

    def test_json_holds_segments_and_shoppers(self, segments, tmp_path):
        path = tmp_path / "segments.json"
        segments.export(path)
        found = json.loads(path.read_text("utf-8"))
        assert found["shoppers"] == list(segments.entries())
        assert found["segments"] == segments.summary()

    def test_another_ending_and_a_missing_folder_are_refused(self, segments, tmp_path):
        with pytest.raises(DataError, match=r"`.csv` or `.json`"):
            segments.export(tmp_path / "segments.xlsx")
        with pytest.raises(DataError, match="cannot be written"):
            segments.export(tmp_path / "nowhere" / "segments.csv")


@pytest.mark.slow
class TestDoor:
    def test_a_store_is_summed_up_and_written(self, tiny_store, tmp_path, capsys):
        assert door.main(["--store", str(tiny_store)]) == 0
        assert isinstance(json.loads(capsys.readouterr().out), list)
        path = tmp_path / "out.csv"
        assert door.main(["--store", str(tiny_store), "--out", str(path)]) == 0
        written = json.loads(capsys.readouterr().out)["written"]
        with path.open(encoding="utf-8", newline="") as file:
            assert len(list(csv.DictReader(file))) == written > 0

    @pytest.mark.parametrize("bad", [["--shopper", "nobody at all"], ["--out", "segments.txt"]])
    def test_bad_input_is_one_line_and_status_2(self, tiny_store, bad, capsys):
        assert door.main(["--store", str(tiny_store), *bad]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1

    def test_no_store_is_one_line_and_status_2(self, tmp_path, capsys):
        assert door.main(["--store", str(tmp_path / "none")]) == 2
        assert "there is no store" in capsys.readouterr().err

"""What the cost bench makes and measures, at a size that takes a second."""

import json

import numpy as np
import pytest

from eval.bench_cost import ask_made, build_made, memory, throughput
from eval.bench_shop import DrawnEncoder, make_shop
from eval.run_bench import as_markdown, config_of, main, parser, run, run_step
from retrieval.artifacts import hash_dataset
from retrieval.store import Store
from retrieval.text.encoder import load_encoder
from retrieval.text.index import document_text


@pytest.fixture(scope="module")
def shop():
    """Return a made-up shop of 600 products."""
    return make_shop(600, seed=3)


@pytest.fixture(scope="module")
def built(tmp_path_factory, tiny_encoder_dir):
    """Return the path of a made-up store and what its build reported."""
    out = tmp_path_factory.mktemp("bench") / "made-600"
    return out, build_made(out, 600, config_of(str(tiny_encoder_dir)), seed=3)


def test_a_made_up_shop_is_the_same_for_the_same_seed(shop):
    assert hash_dataset(make_shop(600, seed=3).dataset) == hash_dataset(shop.dataset)
    assert hash_dataset(make_shop(600, seed=4).dataset) != hash_dataset(shop.dataset)


def test_a_made_up_shop_has_five_events_a_product_and_two_lines_an_order(shop):
    events = shop.dataset.events
    assert len(events) == 5 * 600
    orders = events.filter(events["type"] == "purchase").group_by("order_id").len()
    assert orders["len"].unique().to_list() == [2]
    assert set(events["product_id"]) <= set(shop.dataset.catalogue.product_ids)


def test_drawn_vectors_have_length_one_and_lie_near_their_category(shop, tiny_encoder_dir):
    encoder = load_encoder(config_of(str(tiny_encoder_dir)).encoder, device="cpu")
    catalogue = shop.dataset.catalogue
    vectors = DrawnEncoder(encoder).encode([document_text(p) for p in catalogue.products])
    assert vectors.shape == (600, encoder.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    alike = vectors @ vectors.T
    same = catalogue.leaf_code[:, None] == catalogue.leaf_code[None, :]
    np.fill_diagonal(same, val=False)
    assert alike[same].mean() > 0.4 > alike[~same].mean()


@pytest.mark.slow
def test_a_made_up_store_opens_and_every_scorer_has_something_to_say(built):
    path, report = built
    assert report["counts"]["product_events"] == 3000
    assert set(report["peak MiB"]) == set(report["seconds"])
    store = Store.open(path, device="cpu")
    try:
        behaviour = store.behaviour
        assert behaviour.popularity.n_buyers.sum() > 0
        assert behaviour.association.n_groups == 750
        assert len(store.span_vectors) == 60
        assert store.compatibility.score(np.arange(600)).any()
    finally:
        store.close()


@pytest.mark.slow
def test_every_kind_of_query_is_timed_with_the_parts_it_asks_for(built):
    path, _ = built
    found = ask_made(path, n=3, warm_up=1)
    search = found["kinds"]["configured"]["search"]
    assert search["n"] == 3
    assert {"encode", "semantic", "lexical"} <= set(search["parts p50 by name, ms"])
    assert search["ratio p95"] == pytest.approx(search["p95 ms"] / search["parts p95 ms"], abs=1e-2)
    everything = found["kinds"]["every source"]["basket"]["parts p50 by name, ms"]
    assert {"nearest", "same_brand", "sequence"} <= set(everything)
    report = as_markdown({"sizes": {"600": {"ask": found}}})
    assert "| search, price range |" in report
    assert "| 600 |" in report


@pytest.mark.slow
def test_a_run_builds_asks_and_reports_every_size(tmp_path, tiny_encoder_dir):
    flags = ["--sizes", "300", "--queries", "2", "--texts", "40", "--keep", str(tmp_path)]
    asked = parser().parse_args([*flags, "--encoder", str(tiny_encoder_dir)])
    found = run(asked, run_step)
    assert found["sizes"]["300"]["build"]["products"] == 300
    again = run(asked, run_step)  # the store is there: it is asked, not built
    assert set(again["sizes"]["300"]) == {"ask"}
    report = as_markdown(json.loads(json.dumps(found)))
    assert "### Growth" in report
    assert "Embedding 40 short texts" in report


def test_sizes_that_are_too_small_are_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--sizes", "10,200"])
    assert "at least 100" in capsys.readouterr().err


def test_throughput_compares_texts_with_the_model_alone(tiny_encoder_dir):
    found = throughput(config_of(str(tiny_encoder_dir)), n=30, rounds=1)
    assert found["ratio"] == pytest.approx(
        found["ours, texts a CPU second"] / found["raw, texts a CPU second"], rel=0.05
    )


def test_memory_is_not_more_than_its_peak():
    held = memory()
    assert 0 < held["own MiB"] <= held["peak MiB"]

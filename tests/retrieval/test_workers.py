"""Several workers give what one process gives; without Ray one sentence says what to install."""

import hashlib
import importlib.util
import json
import math
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from retrieval.artifacts import load_manifest, open_snapshot
from retrieval.behaviour.base import Context, Interactions
from retrieval.behaviour.ease import EaseScorer
from retrieval.behaviour.fitting import fit_scorer
from retrieval.build import build_store, main
from retrieval.config import EncoderConfig
from retrieval.errors import ConfigError, ModelError
from retrieval.pipeline import Recommender
from retrieval.query import Query
from retrieval.store import Store
from retrieval.text import encoder, weights
from retrieval.text.encoder import load_encoder, parts_of
from retrieval.workers import HERE, open_workers

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None,
    reason="Ray is not installed; `pip install 'whycart[scale]'`",
)


# One process ------------------------------------------------------------------------------------


def test_parts_hold_every_text_once_and_long_ones_first():
    texts = ["bb", "a", "dddd", "ccc", "ee"]
    assert parts_of(texts, 2) == [[2, 3], [0, 4], [1]]  # ties keep their order
    assert parts_of(texts, 100) == [[2, 3, 0, 4, 1]]
    assert parts_of([], 2) == []


def test_this_process_does_each_part_when_it_is_asked_for():
    asked = []

    def parts():
        for number in (4.0, 9.0):
            asked.append(number)
            yield number

    roots = HERE.map(math.sqrt, parts())
    assert next(roots) == 2.0
    assert asked == [4.0]
    assert list(roots) == [3.0]


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_workers_are_this_process(n):
    with open_workers(n) as workers:
        assert workers is HERE


def test_without_ray_one_sentence_says_what_to_install(tiny_files, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    out = tmp_path / "store"
    asked = [f"--products={tiny_files['products']}", f"--out={out}", "--workers=2", "--device=cpu"]
    assert main(asked) == 2
    assert capsys.readouterr().err == (
        "2 workers need Ray, which is not installed; `pip install 'whycart[scale]'`, or build "
        "without `--workers`\n"
    )
    assert not os.path.lexists(out)


def test_what_is_fitted_does_not_depend_on_the_number_of_threads():
    # 1,200 products: an inverse large enough to be shared out among threads
    rng = np.random.default_rng(0)
    log = Interactions.of_sequences(rng.integers(1200, size=(2000, 8)).tolist(), 1200)
    weights = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads, user_api="blas"):
            scorer = fit_scorer(EaseScorer(), log)
        weights.append(scorer.score(Context(history=np.arange(50))))
    assert np.array_equal(*weights)


# Two workers ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def one_thread():
    """One thread each: products of few rows may round otherwise with another number of threads."""
    import torch

    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHYCART_THREADS", "1")
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="class")
def two_workers(one_thread):
    with open_workers(2) as workers:
        yield workers


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(300)
class TestTwoWorkers:
    def test_results_come_in_the_order_of_the_parts(self, two_workers):
        numbers = [float(n) for n in range(20)]
        assert list(two_workers.map(math.pow, numbers, 2)) == [n * n for n in numbers]

    def test_an_error_is_the_one_that_this_process_would_see(self, two_workers):
        with pytest.raises(ValueError, match="math domain error"):
            list(two_workers.map(math.sqrt, [1.0, -1.0]))

    def test_vectors_are_equal_bit_for_bit_though_batches_are_padded(
        self, two_workers, tiny_dataset
    ):
        if not (weights.home() / "weights" / weights.PACKAGED["encoder"].name).is_dir():
            pytest.skip("no packaged weights here; `make weights` fetches them")
        texts = [*tiny_dataset.spans["text"], *tiny_dataset.products["description"]] * 3
        config = EncoderConfig(batch_size=2)  # parts of 32 texts
        here = load_encoder(config, device="cpu")
        there = load_encoder(config, device="cpu", workers=two_workers)
        assert np.array_equal(there.encode(texts), here.encode(texts))
        assert np.array_equal(there.encode([]), here.encode([]))
        assert np.array_equal(there.encode(texts[:1]), here.encode(texts[:1]))

    def test_other_weights_at_a_worker_are_refused(self, two_workers, tiny_encoder_dir):
        config = EncoderConfig(model=str(tiny_encoder_dir))
        here = load_encoder(config, device="cpu")
        kind = encoder._Kind(
            config=config, device="cpu", model_hash="0" * 64, precision=here.precision
        )
        with pytest.raises(ModelError, match="all need the same weights"):
            list(two_workers.map(encoder._encode_there, [["a"]], kind, "passage"))
        kind = replace(kind, model_hash=here.model_hash)
        assert len(list(two_workers.map(encoder._encode_there, [["a"]], kind, "passage"))) == 1

    def test_a_worker_that_is_lost_is_named(self, two_workers):
        with pytest.raises(ConfigError, match="a worker was lost"):
            list(two_workers.map(os._exit, [1]))


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_workers_build_the_store_of_one_process(tiny_files, tiny_config, tmp_path, one_thread):
    small = tiny_config.encoder.model_copy(update={"batch_size": 1})  # 35 spans in 3 parts
    config = tiny_config.model_copy(update={"encoder": small})
    snapshots = {}
    for n in (0, 2):
        arguments = {**tiny_files, "out": tmp_path / str(n), "config": config}
        report = build_store(**arguments, device="cpu", workers=n, progress=False)
        assert ("workers" in report["seconds"]) == (n == 2)
        snapshots[n] = open_snapshot(tmp_path / str(n))
    one, two = (load_manifest(snapshot) for snapshot in snapshots.values())
    assert one.model_copy(update={"build": two.build}) == two
    for folder in ("dataset", "lexical", "models", "vectors"):
        assert contents(snapshots[2] / folder) == contents(snapshots[0] / folder)
    assert slates(tmp_path / "2") == slates(tmp_path / "0")


def contents(folder):
    """Return the hash of each file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert files
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def slates(path):
    store = Store.open(path, device="cpu")
    recommender = Recommender(store)
    asked = (
        {"text": "warm sleeping bag"}, {"anchors": ["tent-duo"]}, {"shopper_id": "kai"},
        {"basket": ["stove-spark"]}, {"anchors": ["tent-duo"], "offer_kind": "bundle"},
    )  # fmt: skip
    found = [recommender.recommend(Query(query_id="q", **fields)).as_json() for fields in asked]
    store.close()
    assert all(slate["suggestions"] for slate in found[:3])
    return json.dumps([slate | {"ms": None} for slate in found])

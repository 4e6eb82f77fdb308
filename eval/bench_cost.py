"""What one size of shop costs: its build by stage, its answers against the sum of their parts.

Each function runs in a process of its own (`eval.run_bench`), so that peak memory is its own.
"""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from eval.bench_shop import DrawnEncoder, make_shop
from retrieval.additive import Curve
from retrieval.artifacts import (
    DATASET,
    BuildNote,
    Manifest,
    ModelNote,
    hash_dataset,
    hash_store,
    load_dataset,
    writing,
)
from retrieval.behaviour.base import Interactions
from retrieval.behaviour.fitting import fitted, make_behaviour, save_behaviour
from retrieval.build import Stages
from retrieval.candidates import source_scores
from retrieval.config import StoreConfig
from retrieval.learned import Learned
from retrieval.pipeline import Recommender
from retrieval.plan import SOURCES, Plan, weights_of
from retrieval.query import Query
from retrieval.store import Store
from retrieval.text.encoder import Encoder, load_encoder
from retrieval.text.index import build_graph, build_vectors, check_index
from retrieval.text.lexical import build_lexical
from retrieval.tuning.learn import learn

WARM_UP = 20
BAR, FILTER_BAR, THROUGHPUT_BAR = 1.5, 2.0, 0.85
FILTERED = {
    "search": ("search, price range", "search, category"),
    "basket": ("basket, price range",),
}
Made = TypeVar("Made")


def memory() -> dict[str, float]:
    """Return MiB that this process holds now and held at most; mapped files apart."""
    fields = {}
    for line in Path("/proc/self/status").read_text("utf-8").splitlines():
        name, _, rest = line.partition(":")
        if name in ("VmRSS", "RssAnon", "RssFile"):
            fields[name] = int(rest.split()[0]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "resident MiB": round(fields.get("VmRSS", peak), 1),
        "own MiB": round(fields.get("RssAnon", peak), 1),
        "mapped files MiB": round(fields.get("RssFile", 0.0), 1),
        "peak MiB": round(peak, 1),
    }


# Building -----------------------------------------------------------------------------------------


def build_made(
    out: Path, size: int, config: StoreConfig, *, seed: int = 0, with_graph: bool = True
) -> dict[str, Any]:
    """Build a made-up shop into a store; vectors are drawn, everything else is what a build does.

    Args:
        out: Where the store is put.
        size: Products.
        config: Of the store.
        seed: Of the shop.
        with_graph: False leaves out Chroma's graph, which no slate reads.

    Returns:
        Seconds by stage, peak memory after each stage, and counts.
    """
    stages, peaks = Stages(), {}

    def stage(name: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401
        with stages(name):
            found = work()
        peaks[name] = memory()["peak MiB"]
        return found

    encoder = stage("load encoder", lambda: load_encoder(config.encoder, device="cpu"))
    with writing(out) as writer:
        snapshot = writer.snapshot
        stage("make", lambda: make_shop(size, seed).dataset.save(snapshot / DATASET))
        # As a build does, go on with what a reader finds on disk.
        dataset = stage("load", lambda: load_dataset(snapshot))
        drawn = cast("Encoder", DrawnEncoder(encoder, seed))
        stage("vectors", lambda: build_vectors(snapshot, dataset, drawn))
        if with_graph:
            stage("graph", lambda: build_graph(snapshot, dataset))
        stage("words", lambda: build_lexical(snapshot, dataset))
        log = stage("read log", lambda: Interactions.of(dataset, config.behaviour))
        behaviour = make_behaviour(log, dataset.catalogue, config)
        stage("fit", lambda: fitted(behaviour))
        noted = stage("save models", lambda: save_behaviour(behaviour, snapshot))
        hashes = stage("hash", lambda: hash_dataset(dataset))
        models = {"encoder": ModelNote(name=encoder.model_id, sha256=encoder.model_hash)}
        manifest = Manifest(
            shop="made-up",
            currency=dataset.currency,
            store_hash=hash_store(hashes, config, models),
            hashes=hashes,
            config=config,
            models=models,
            counts={"products": size, "spans": len(dataset.spans)} | noted,
            build=BuildNote(
                built_at=datetime.now(UTC).isoformat(timespec="seconds"),
                seconds=dict(stages.seconds),
                embedded=0,
            ),
        )
        manifest.save(snapshot)
        if config.learning.enabled:
            stage("learn", lambda: _learn(snapshot))
        if with_graph:
            stage("check", lambda: check_index(snapshot))
        writer.commit(tag=manifest.store_hash[:8])
    paid = sum(s for name, s in stages.seconds.items() if name not in ("make", "load encoder"))
    return {
        "products": size,
        "counts": manifest.counts,
        "seconds": stages.seconds,
        "build seconds": round(paid, 2),
        "peak MiB": peaks,
    }


def _learn(snapshot: Path) -> None:
    """Learn from the shop's own past, fit what was chosen, and save both, as a build does."""
    store = Store.of_snapshot(snapshot, device="cpu")
    chosen, learned = learn(store)
    store.close()
    learned.save(snapshot)
    if chosen is not None:
        save_behaviour(fitted(chosen), snapshot)


# Asking -------------------------------------------------------------------------------------------


def ask_made(path: Path, *, n: int = 60, seed: int = 0, warm_up: int = WARM_UP) -> dict[str, Any]:
    """Time every kind of query on an open store, and in turn with each the parts it is made of."""
    before = memory()
    began = time.perf_counter()
    recommender = Recommender(Store.open(path, device="cpu"))
    opened = time.perf_counter() - began
    after = memory()
    try:
        ways = {"configured": _weighing(recommender, Learned())}
        if recommender.store.learned.curves:
            ways["learned"] = recommender
        ways["every source"] = _asking_all(recommender)
        found = {
            name: _timed(way, n, seed + i, warm_up) for i, (name, way) in enumerate(ways.items())
        }
    finally:
        recommender.store.close()
    return {
        "products": len(recommender.store.catalogue),
        "open seconds": round(opened, 2),
        "memory": {"before": before, "opened": after, "asked": memory()},
        "kinds": found,
    }


def _asking_all(recommender: Recommender) -> Recommender:
    """Return a recommender whose every task asks every source that a build may weigh."""
    line = Curve(x=(0.0, 1.0), y=(0.0, 1.0))
    known = {*recommender.store.behaviour.scorers, *WORDLESS}
    curves = {task: {s: line for s in sources if s in known} for task, sources in SOURCES.items()}
    return _weighing(recommender, Learned(curves=curves))


def _weighing(recommender: Recommender, learned: Learned) -> Recommender:
    """Return a recommender over the same store that weighs its sources otherwise."""
    return Recommender(replace(recommender.store, learned=learned))


WORDLESS = (
    "semantic", "lexical", "subject", "profile", "rating", "same_brand", "same_category",
    "compatibility", "nearest",
)  # fmt: skip
"""Sources that are no fitted scorers."""


def queries(store: Store, rng: np.random.Generator, i: int) -> dict[str, Query]:
    """Return one query of each kind; words differ each time, so that nothing is remembered."""
    catalogue = store.catalogue
    picked = rng.integers(len(catalogue), size=8)
    ids = [catalogue.product_ids[int(row)] for row in picked]
    title = " ".join(catalogue.products[int(picked[0])].title.split()[:3])
    low, high = np.nanquantile(catalogue.price[picked], [0.3, 0.7])
    price = {"price_min": f"{low / 100:.2f}", "price_max": f"{max(high, low + 500) / 100:.2f}"}
    hall = catalogue.products[int(picked[0])].category[0]
    shopper = store.behaviour.profiles.shopper_ids[i % len(store.behaviour.profiles.shopper_ids)]

    def ask(name: str, **given: object) -> Query:
        return Query.model_validate({"query_id": f"{name}-{i}", **given})

    return {
        "search": ask("s", text=f"{title} s{i}", shopper_id=shopper),
        "search, price range": ask(
            "p", text=f"{title} p{i}", shopper_id=shopper, constraints=price
        ),
        "search, category": ask(
            "g", text=f"{title} g{i}", shopper_id=shopper, constraints={"categories": [hall]}
        ),
        "cross-sell": ask("c", anchors=ids[:1], offer_kind="cross_sell"),
        "cross-sell, words": ask(
            "w", anchors=ids[:1], offer_kind="cross_sell", text=f"{title} w{i}"
        ),
        "similar": ask("m", anchors=ids[:1], offer_kind="similar"),
        "basket": ask("b", basket=ids[:3]),
        "basket, price range": ask("q", basket=ids[:3], constraints=price),
        "next product": ask("n", history=ids[3:], shopper_id=shopper),
    }


def _timed(recommender: Recommender, n: int, seed: int, warm_up: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    whole: dict[str, list[Took]] = {}
    parts: dict[str, list[Mapping[str, Took]]] = {}
    stages: dict[str, list[Mapping[str, float]]] = {}
    for i in range(n + warm_up):
        for kind, query in queries(recommender.store, rng, i * 10 + seed).items():
            plan = recommender.plan(query)
            slate, taken = timed(partial(recommender.recommend, query))
            alone = part_times(recommender.store, plan)
            if i < warm_up:
                continue
            whole.setdefault(kind, []).append(taken)
            parts.setdefault(kind, []).append(alone)
            stages.setdefault(kind, []).append(slate.ms)
        if i + 1 == warm_up:
            gc.collect()
    return {kind: _row(whole[kind], parts[kind], stages[kind]) for kind in whole}


class Took(NamedTuple):
    """Milliseconds of one piece of work."""

    wall: float
    cpu: float
    """Of this process alone: what else the machine does is not in it."""


def timed(work: Callable[[], Made]) -> tuple[Made, Took]:
    """Return what some work makes, and how long it took."""
    began, spent = time.perf_counter(), time.process_time()
    made = work()
    took = Took(1_000 * (time.perf_counter() - began), 1_000 * (time.process_time() - spent))
    return made, took


def part_times(store: Store, plan: Plan) -> dict[str, Took]:
    """Return how long each part that a plan asks for takes alone: over all products, unfiltered.

    Encoding one query of the same words in another order (so that nothing is remembered), one pass
    over the vectors, one lexical query, one pass of each other source with a weight.
    """
    found: dict[str, Took] = {}
    vector = None
    if plan.text:
        words = " ".join(reversed(plan.text.split()))
        encode = partial(store.encoder.encode, [words], role="query")
        vectors, found["encode"] = timed(encode)
        vector = vectors[0]
    for source, weight in weights_of(store, plan).items():
        if not isinstance(weight, Curve) and weight <= 0:
            continue
        work: Callable[[], Any] = partial(source_scores, store, plan, source)
        if source == "semantic" and (vector is not None or len(plan.context.given)):
            own = vector if vector is not None else _own_vector(store, plan)
            work = partial(store.product_vectors.similarities, own)
        _, found[source] = timed(work)
    return found


def _own_vector(store: Store, plan: Plan) -> Any:  # noqa: ANN401
    return np.asarray(store.product_vectors.vectors[plan.context.given[-1]])


def _row(
    whole: Sequence[Took],
    parts: Sequence[Mapping[str, Took]],
    stages: Sequence[Mapping[str, float]],
) -> dict[str, Any]:
    """Return the percentiles of one kind of query, and their ratios.

    `ratio` divides by the sum of the parts' own percentiles, `strict` by the percentile of the
    sums, query by query, which is never larger but for chance; `cpu` is `ratio` in processor time.
    """
    row: dict[str, Any] = {"n": len(whole)}
    sums = [sum(took.wall for took in found.values()) for found in parts]
    for p in (50, 95):
        each = {
            clock: sum(
                float(np.percentile([getattr(t, clock) for t in named], p))
                for named in _by_name(parts).values()
            )
            for clock in Took._fields
        }
        own = {
            clock: float(np.percentile([getattr(t, clock) for t in whole], p))
            for clock in Took._fields
        }
        row[f"p{p} ms"] = round(own["wall"], 3)
        row[f"parts p{p} ms"] = round(each["wall"], 3)
        row[f"ratio p{p}"] = round(own["wall"] / max(each["wall"], 1e-9), 3)
        row[f"strict p{p}"] = round(own["wall"] / max(float(np.percentile(sums, p)), 1e-9), 3)
        row[f"cpu p{p}"] = round(own["cpu"] / max(each["cpu"], 1e-9), 3)
        row[f"cpu p{p} ms"] = round(own["cpu"], 3)
    row["parts p50 by name, ms"] = {
        name: round(float(np.median([took.wall for took in named])), 3)
        for name, named in _by_name(parts).items()
    }
    row["stages p50, ms"] = {
        name: round(float(np.median(spent)), 3) for name, spent in _by_name(stages).items()
    }
    return row


def _by_name(found: Sequence[Mapping[str, Made]]) -> dict[str, list[Made]]:
    named: dict[str, list[Made]] = {}
    for one in found:
        for name, value in one.items():
            named.setdefault(name, []).append(value)
    return named


# Embedding ----------------------------------------------------------------------------------------


def throughput(config: StoreConfig, *, n: int = 2_000, rounds: int = 2) -> dict[str, float]:
    """Return texts a second through our encoder and through the model alone, taken in turns.

    The model alone runs at the precision that the encoder chose, at its own default batch size and
    at ours; the faster one counts.
    """
    encoder = load_encoder(config.encoder, device="cpu")
    words = make_shop(200, 7).words
    rng = np.random.default_rng(0)
    texts = [
        " ".join(words[i] for i in rng.integers(2_000, size=int(rng.integers(3, 12))))
        for _ in range(n)
    ]
    raw = encoder._model
    encoder.encode(texts[:64])
    seconds: dict[str, list[float]] = {"ours": [], "raw 32": [], "raw own": []}
    for _ in range(rounds):
        for name in seconds:
            began = time.process_time()
            if name == "ours":
                encoder.encode(texts)
            else:
                size = 32 if name == "raw 32" else config.encoder.batch_size
                raw.encode(texts, batch_size=size, show_progress_bar=False)
            seconds[name].append(time.process_time() - began)
    ours = n / min(seconds["ours"])
    alone = n / min(min(seconds["raw 32"]), min(seconds["raw own"]))
    return {
        "texts": n,
        "ours, texts a CPU second": round(ours, 1),
        "raw, texts a CPU second": round(alone, 1),
        "ratio": round(ours / alone, 3),
    }

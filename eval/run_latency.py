"""How long answers take, by stage, beside the plain parts they are made of.

    python -m eval.run_latency --store STORE

Wall times depend on the machine and on what else it does; so plain parts (encode one query, scan
all vectors, BM25) are timed in the same run, and the ratio to them compares across machines.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from assistant.conversation import Turn
from assistant.service import open_assistant
from eval.cli import RunOptions, main, progress
from eval.finish import finish
from eval.results import System, TaskResult
from eval.turns import fill
from retrieval.pipeline import Recommender
from retrieval.query import Constraints, Query

Times = dict[str, list[float]]
CHAT = ("{leaf} under 60", "I bought {title}, what else do I need?", "a bundle with {leaf} for 150")


def run(options: RunOptions) -> int:
    """Time recommendations and turns and write the outputs."""
    n = 10 if options.quick else 100
    assistant = open_assistant(options.store, (options.llm or ("none",))[0])
    try:
        recommender = assistant.recommender
        digest = recommender.store.manifest.store_hash
        parts = plain_parts(recommender, n, options.seed)
        slates = recommend_times(recommender, n, options.seed)
        turns: Times = defaultdict(list)
        catalogue = recommender.store.catalogue
        for i in progress(range(n), "turns", n):
            text = fill(CHAT[i % len(CHAT)], catalogue, i + 1, "en")
            began = time.perf_counter()
            reply = assistant.reply(Turn(conversation_id=f"latency-{i}", text=text[:2000]))
            turns["chat: whole turn"].append(_since(began))
            for stage, value in reply.ms.items():
                turns[f"chat: {stage}"].append(value)
    finally:
        assistant.close()
    everything = {**parts, **slates, **turns}
    whole = {name: t for name, t in everything.items() if "whole" in name or name in parts}
    base = float(np.median(parts["plain: encode, scan, BM25"]))
    facts: dict[str, float] = {}
    for name, values in everything.items():
        facts[f"{name}, p50 ms"] = round(float(np.percentile(values, 50)), 3)
        facts[f"{name}, p95 ms"] = round(float(np.percentile(values, 95)), 3)
    for name, values in whole.items():
        facts[f"{name}, p50 against the plain parts"] = round(float(np.median(values)) / base, 2)
    task = TaskResult(
        name="latency",
        question="Milliseconds by stage; the plain parts are timed in the same run.",
        split=f"{n} queries of each kind, one at a time, after three to warm up",
        data_hash=digest,
        systems=[
            System(name=name, values={"mean ms": np.array(values)}, is_baseline=False)
            for name, values in whole.items()
        ],
        ours="chat: whole turn",
        headline="mean ms",
        facts=facts,
    )
    return finish(
        options,
        [task],
        title="Latency",
        summary="Read the ratios; wall times are this machine's, with what else ran on it.",
    )


def plain_parts(recommender: Recommender, n: int, seed: int) -> Times:
    """Time what any search is made of, without our pipeline around it."""
    store = recommender.store
    rng = np.random.default_rng(seed)
    vectors: NDArray[np.float32] = np.asarray(store.product_vectors.vectors, np.float32)
    titles = [product.title for product in store.catalogue.products]
    texts = [f"{titles[int(i)]} {i}" for i in rng.integers(len(titles), size=n)]
    found: Times = defaultdict(list)
    for text in texts:
        whole = time.perf_counter()
        began = time.perf_counter()
        vector = store.encoder.encode([f"plain {text}"], role="query")[0]
        found["plain: encode"].append(_since(began))
        began = time.perf_counter()
        np.argpartition(-(vectors @ vector), min(10, len(vectors) - 1))
        found["plain: scan"].append(_since(began))
        began = time.perf_counter()
        store.lexical.scores(text)
        found["plain: BM25"].append(_since(began))
        found["plain: encode, scan, BM25"].append(_since(whole))
    return found


def recommend_times(recommender: Recommender, n: int, seed: int) -> Times:
    """Time each kind of query, whole and by stage."""
    catalogue = recommender.store.catalogue
    rng = np.random.default_rng(seed)
    ids = [catalogue.product_ids[int(i)] for i in rng.integers(len(catalogue), size=n + 3)]
    total = float(np.nanmedian(catalogue.price)) / 100 * 5
    makers: dict[str, Callable[[int, str], Query]] = {
        "search": lambda i, p: Query(query_id=f"s{i}", text=f"{catalogue[p].title} {i}"),
        "cross-sell": lambda i, p: Query(query_id=f"c{i}", anchors=(p,), offer_kind="cross_sell"),
        "upsell": lambda i, p: Query(query_id=f"u{i}", anchors=(p,), offer_kind="upsell"),
        "basket": lambda i, p: Query(query_id=f"b{i}", basket=(p,)),
        "bundle": lambda i, p: Query(
            query_id=f"n{i}",
            offer_kind="bundle",
            anchors=(p,),
            constraints=Constraints.model_validate({"total_max": f"{total:.2f}"}),
        ),
    }
    found: Times = defaultdict(list)
    for name, make in makers.items():
        for i, product_id in enumerate(progress(ids, name, len(ids))):
            began = time.perf_counter()
            slate = recommender.recommend(make(i, product_id))
            taken = _since(began)
            if i < 3:  # the first ones warm caches
                continue
            found[f"{name}: whole slate"].append(taken)
            for stage, value in slate.ms.items():
                found[f"{name}: {stage}"].append(value)
    return found


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1_000


if __name__ == "__main__":
    sys.exit(main("latency", __doc__ or "", run))

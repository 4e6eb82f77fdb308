"""Relevance against variety: three re-rankers at strengths from 0 to 1.

    python -m eval.run_diversity --data DIR --store STORE

Tasks: `outfitter` (each shopper's last basket held out of the store's log; its first product is the
answer) and `office` (next product). One blend with the shipped weights ranks; the re-rankers
reorder its best 50. Nothing is tuned.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eval.cli import RunOptions, main, progress, say
from eval.data.base import Case, History, NextTask, take
from eval.data.office import load_office
from eval.finish import finish
from eval.ours import behaviour_sources, fitted, interactions_of, pack, semantic_score
from eval.results import System, TaskResult
from eval.vectors import encode_cached, open_encoder
from retrieval.artifacts import load_dataset, load_manifest, open_snapshot
from retrieval.behaviour.base import PURCHASE, Interactions
from retrieval.config import DiversityConfig, RankingConfig
from retrieval.data.dataset import Catalogue
from retrieval.reranking import POOL, reorder, shares
from retrieval.text.index import document_text

METHODS: tuple[Literal["random", "content", "interest"], ...] = ("random", "content", "interest")
STRENGTHS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
PLAIN, POINT = "the ranking as it is", "content 0.3"
"""The point is tested against the plain ranking; it was chosen by a look at these curves."""
K = 10
N_CASES = 1_000
Lists = list[NDArray[np.int64]]


def run(options: RunOptions) -> int:
    """Measure the curve on both tasks and write the outputs."""
    results, seconds = [], {}
    n = 100 if options.quick else N_CASES
    for name in ("outfitter", "office"):
        if not options.wants(name):
            continue
        began = time.perf_counter()
        task = outfitter(options) if name == "outfitter" else load_office(options.data)
        results.append(curve(task, take(task.test_cases, n), options))
        seconds[name] = round(time.perf_counter() - began, 1)
    return finish(
        options,
        results,
        title="Variety",
        summary="How much relevance each re-ranker gives for how much variety.",
        seconds=seconds,
    )


def outfitter(options: RunOptions) -> NextTask:
    """Hold each shopper's last basket out of the store's log, where there are two or more."""
    snapshot = open_snapshot(options.store)
    manifest, dataset = load_manifest(snapshot), load_dataset(snapshot)
    log = Interactions.of(dataset, manifest.config.behaviour).only(PURCHASE)
    bought: dict[int, dict[int, list[int]]] = defaultdict(dict)
    for shopper, basket, row in zip(log.shopper, log.basket, log.product, strict=True):
        bought[int(shopper)].setdefault(int(basket), []).append(int(row))
    histories, cases = [], []
    for shopper, baskets in sorted(bought.items()):
        *before, last = baskets.values()
        rows = tuple(row for basket in before for row in basket)
        if rows:
            histories.append(History(rows=rows))
            cases.append(Case(query_id=f"s{shopper}", context=rows, target=last[0]))
    return NextTask(
        name="outfitter",
        split="the last basket of each shopper with two or more is asked, all before it learned",
        data_hash=manifest.store_hash,
        products=dataset.catalogue.products,
        include_seen=True,
        fit=histories,
        test_cases=cases,
    )


def curve(task: NextTask, cases: list[Case], options: RunOptions) -> TaskResult:
    """Return every method at every strength: relevance, variety within lists and over all."""
    catalogue = Catalogue(task.products)
    encoder = open_encoder(options.encoder, options.device)
    texts = [document_text(product) for product in task.products]
    vectors = encode_cached(texts, encoder, options.cache, role="passage", label=task.name)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    log = interactions_of(task.fit, len(task.products))
    scores = {s.name: fitted(s, {}, log) for s in behaviour_sources(task)}
    packed = pack(task, cases, scores | {"semantic": semantic_score(vectors, 0.6)})
    pools = packed.best(RankingConfig().next_product, POOL)
    codes, systems = catalogue.leaf_code, list[System]()
    facts: dict[str, float] = {}
    if len(catalogue.leaves) < 2:  # no categories: brands take their place
        _, codes = np.unique([p.brand or "" for p in task.products], return_inverse=True)
        say(f"{task.name}: no categories; brands take their place")
    wished = [shares(codes[list(c.context)], int(codes.max()) + 1) for c in cases]
    for method in METHODS:
        for strength in progress(STRENGTHS, method, len(STRENGTHS)):
            if strength == 0 and method != METHODS[0]:
                continue
            setting = DiversityConfig(method=method, strength=strength)
            lists: Lists = []
            for (rows, values), case, own in zip(pools, cases, wished, strict=True):
                order = reorder(
                    np.asarray(values, np.float64), setting, k=K, vectors=vectors[rows],
                    codes=codes[rows], wished=own, key=case.query_id,
                )  # fmt: skip
                lists.append(np.asarray(rows[order[:K]], np.int64))
            name = f"{method} {strength}" if strength else PLAIN
            systems.append(System(name=name, values=within(lists, cases, codes, vectors)))
            facts |= {f"{m}, {name}": v for m, v in over_all(lists, catalogue).items()}
    return TaskResult(
        name=task.name,
        question="What does variety cost?",
        split=task.split,
        data_hash=task.data_hash,
        systems=[
            System(name=s.name, values=s.values, is_baseline=s.name == PLAIN) for s in systems
        ],
        ours=POINT,
        headline="nDCG@10",
        facts=facts,
        notes=(
            "entropy: of the categories of a list, in bits. distance: mean of 1 - cosine of pairs "
            "in a list. coverage: share of the catalogue in any list. brands: normalised entropy "
            "of the brands shown. price: total variation between the thirds of price shown and "
            "those of the catalogue.",
        ),
    )


def within(
    lists: Lists, cases: list[Case], codes: NDArray[np.int64], vectors: NDArray[np.float32]
) -> dict[str, NDArray[np.float64]]:
    """Return what each list is worth: relevance and variety."""
    rank = [np.flatnonzero(rows == case.target) for rows, case in zip(lists, cases, strict=True)]
    gain = [1 / np.log2(r[0] + 2) if len(r) else 0.0 for r in rank]
    apart = []
    for rows in lists:
        n, total = len(rows), vectors[rows].sum(axis=0)
        pairs = n * (n - 1)
        apart.append(1 - (float(total @ total) - n) / pairs if pairs else 0.0)
    return {
        "nDCG@10": np.array(gain),
        "HR@10": np.array([float(len(r) > 0) for r in rank]),
        "entropy": np.array([entropy(codes[rows]) for rows in lists]),
        "distance": np.array(apart),
    }


def entropy(values: NDArray[np.int64]) -> float:
    """Return the entropy of the values' shares, in bits."""
    share = np.unique(values, return_counts=True)[1] / max(1, len(values))
    return float(abs((share * np.log2(share)).sum()))


def over_all(lists: Lists, catalogue: Catalogue) -> Mapping[str, float]:
    """Return what is shown over all lists together."""
    shown = np.concatenate(lists)
    found = {"coverage": len(np.unique(shown)) / len(catalogue.products)}
    brands = np.unique([p.brand or "" for p in catalogue.products], return_inverse=True)[1]
    if brands.max() > 0:
        found["brands"] = entropy(brands[shown]) / float(np.log2(brands.max() + 1))
    priced = np.isfinite(catalogue.price)
    if priced.any():
        band = np.digitize(catalogue.price, np.quantile(catalogue.price[priced], [1 / 3, 2 / 3]))
        every, seen = band[priced], band[shown[priced[shown]]]
        parts = [np.bincount(v, minlength=3) / max(1, len(v)) for v in (every, seen)]
        found["price"] = float(np.abs(parts[0] - parts[1]).sum() / 2)
    return found


if __name__ == "__main__":
    sys.exit(main("diversity", __doc__ or "", run))

"""The same wishes in English and in Chinese, asked of the sample store through the whole pipeline.

Which products are right is said by the catalogue's own categories and attributes
(`eval/data/outfitter_queries.yaml`), so no ranker has a say in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml

from eval.cli import RunOptions
from eval.measures import measure_run
from eval.results import System, TaskResult
from eval.runs import Qrels, write_qrels, write_run
from eval.significance import paired_test
from retrieval.data.dataset import Product
from retrieval.errors import DataError
from retrieval.pipeline import Recommender
from retrieval.query import Query
from retrieval.store import Store

PAIRS = Path(__file__).parent / "data" / "outfitter_queries.yaml"
LANGUAGES = ("en", "zh")
MEASURES = ("nDCG@10", "P@1", "RR")


def evaluate_languages(options: RunOptions) -> TaskResult:
    """Ask every pair in both languages; the English run is what the Chinese one is held against.

    Raises:
        DataError: If a pair means no product of the store.
    """
    pairs = load_pairs()
    store = Store.open(options.store, device=options.device)
    recommender = Recommender(store)
    qrels = judge(pairs, store.catalogue.products)
    if options.quick:
        qrels = dict(list(qrels.items())[:6])
    runs: dict[str, dict[str, dict[str, float]]] = {language: {} for language in LANGUAGES}
    for query_id, pair in zip(qrels, pairs, strict=False):
        for language in LANGUAGES:
            slate = recommender.recommend(
                Query(query_id=query_id, text=pair[language], k=10, offer_kind="any")
            )
            shown = [s.product_id for s in slate.suggestions]
            runs[language][query_id] = {p: float(len(shown) - i) for i, p in enumerate(shown)}
    store.close()
    write_qrels(qrels, options.out / "languages" / "qrels.txt")
    systems = []
    for language, run in runs.items():
        write_run(run, options.out / "languages" / f"{language}.run.gz", system=language)
        values = measure_run(qrels, run, MEASURES)
        systems.append(System(name=language, values=values, is_baseline=language == "en"))
    english, chinese = (np.asarray(system.values["nDCG@10"]) for system in systems)
    test = paired_test(chinese, english, seed=options.seed)
    return TaskResult(
        name="languages",
        question="Do Chinese wishes find what the same wishes in English find?",
        split=f"{len(qrels)} wishes written in both languages; nothing is tuned",
        data_hash=store.manifest.store_hash,
        systems=systems,
        ours="zh",
        headline="nDCG@10",
        facts={
            "Chinese less English, nDCG@10": round(test.difference, 4),
            "95 % interval": f"{test.low:+.4f} to {test.high:+.4f}",
        },
    )


def load_pairs(path: Path = PAIRS) -> list[dict[str, Any]]:
    """Return the pairs: `en`, `zh`, and what is right."""
    return list(yaml.safe_load(path.read_text("utf-8"))["queries"])


def judge(pairs: list[dict[str, Any]], products: tuple[Product, ...] | list[Product]) -> Qrels:
    """Return query id → the products that a pair means, each of relevance 1.

    Raises:
        DataError: If a pair means none.
    """
    qrels: dict[str, dict[str, int]] = {}
    for i, pair in enumerate(pairs):
        right = {p.product_id: 1 for p in products if means(pair, p)}
        if not right:
            raise DataError(
                f"{PAIRS.name}: no product is meant by {pair['en']!r}; run it on the sample store "
                "`outfitter`, or correct the pair"
            )
        qrels[f"l{i:02d}"] = right
    return qrels


def means(pair: dict[str, Any], product: Product) -> bool:
    """Whether a pair means a product, by category, attributes and the beginning of its title."""
    leaves, where = pair.get("leaf", [product.leaf]), pair.get("where", {})
    return (
        product.leaf in leaves
        and all(product.attributes.get(name) in values for name, values in where.items())
        and product.title.startswith(pair.get("title", ""))
    )

"""Offers: bundles completed, complements found, steps up that are steps up, exact bundles.

    python -m eval.run_offers --data DIR --store STORE

Tasks: `bundles-electronic`, `bundles-food` (crowd-made), `bought-together` and `substitutes`
(beauty), `bundles-exact` and `carts-exact` (random questions against brute force), and on the
simulated store `complements`, `upsell`, `bundles`, against the truth planted in it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from eval.bought_together import evaluate_bought_together
from eval.bundle_checks import exact_bundles_task, exact_carts_task
from eval.cli import RunOptions, main, say
from eval.data.bundles import N_FOLDS, load_bundles
from eval.finish import finish
from eval.next_product import evaluate_folds
from eval.offer_checks import bundle_task, complements_task, upsell_task
from eval.results import Floor, TaskResult
from eval.substitutes import evaluate_substitutes
from eval.truth import load_truth
from retrieval.errors import DataError, StoreError

TRUTH = Path("var/samples/outfitter/truth")
STORE_TASKS = ("complements", "upsell", "bundles")
BUNDLE_FLOORS = {"electronic": 0.166, "food": 0.320}


def run(options: RunOptions) -> int:
    """Evaluate the tasks and write the outputs."""
    results: list[TaskResult] = []
    seconds: dict[str, float] = {}
    for domain, floor in BUNDLE_FLOORS.items():
        if not options.wants(f"bundles-{domain}"):
            continue
        began = time.perf_counter()
        folds = [
            load_bundles(options.data, domain, fold=fold, quick=options.quick)
            for fold in range(2 if options.quick else N_FOLDS)
        ]
        results.append(
            evaluate_folds(
                folds,
                options,
                question=f"A bundle of {domain} products with its last one hidden: which one?",
                floors=(Floor(measure="HR@10", value=floor, source="TF-IDF of title, category"),),
            )
        )
        seconds[f"bundles-{domain}"] = round(time.perf_counter() - began, 1)
    if options.wants("bought-together"):
        began = time.perf_counter()
        results.append(evaluate_bought_together(options))
        seconds["bought-together"] = round(time.perf_counter() - began, 1)
    if options.wants("substitutes"):
        began = time.perf_counter()
        results.append(evaluate_substitutes(options))
        seconds["substitutes"] = round(time.perf_counter() - began, 1)
    n_exact = 60 if options.quick else 1_500
    for name, task in (("bundles-exact", exact_bundles_task), ("carts-exact", exact_carts_task)):
        if options.wants(name):
            began = time.perf_counter()
            results.append(task(seed=options.seed, n=n_exact))
            seconds[name] = round(time.perf_counter() - began, 1)
    if any(options.wants(name) for name in STORE_TASKS):
        began = time.perf_counter()
        try:
            results.extend(on_store(options))
        except (StoreError, DataError) as error:
            if options.only:
                raise
            say(f"the simulated store is left out: {error}")
        seconds["store"] = round(time.perf_counter() - began, 1)
    return finish(
        options,
        results,
        title="Offers",
        summary="What is bought together, what is a step up, and bundles that keep their promises.",
        seconds=seconds,
    )


def on_store(options: RunOptions) -> list[TaskResult]:
    """Evaluate the tasks that need an open store and its planted truth."""
    from retrieval.pipeline import Recommender
    from retrieval.store import Store

    truth = load_truth(options.truth or TRUTH)
    store = Store.open(options.store, device=options.device)
    try:
        recommender = Recommender(store)
        digest = store.manifest.store_hash
        n = 25 if options.quick else None
        found = []
        if options.wants("complements"):
            found.append(
                complements_task(
                    recommender, truth, seed=options.seed, out=options.out, data_hash=digest, n=n
                )
            )
        if options.wants("upsell"):
            found.append(upsell_task(recommender, truth, data_hash=digest, n=n))
        if options.wants("bundles"):
            found.append(
                bundle_task(
                    recommender, seed=options.seed, n=20 if options.quick else 200, data_hash=digest
                )
            )
        return found
    finally:
        store.close()


if __name__ == "__main__":
    sys.exit(main("offers", __doc__ or "", run))

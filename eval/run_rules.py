"""Association rules under false-discovery control, against the planted truth of the sample store.

    python -m eval.run_rules --store STORE [--truth DIR]

A rule is a pair of products of different leaf categories. It is false if nothing was planted
between the two products nor between their categories. A planted pair is recovered if it is
declared; it has enough data if its power is at least 0.8: the chance that its baskets reach the
count that the last declared rule of its size needed, had each basket with the anchor brought the
complement at its planted rate.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from eval.cli import RunOptions, main
from eval.finish import finish
from eval.rule_checks import rules_task
from eval.truth import load_rates, load_truth
from retrieval.artifacts import load_dataset, load_manifest, open_snapshot
from retrieval.behaviour.base import PURCHASE, Interactions

TRUTH = Path("var/samples/outfitter/truth")


def run(options: RunOptions) -> int:
    """Declare rules from the store's baskets by several tests and hold them against the truth."""
    began = time.perf_counter()
    snapshot = open_snapshot(options.store)
    manifest = load_manifest(snapshot)
    dataset = load_dataset(snapshot)
    folder = options.truth or TRUTH
    log = Interactions.of(dataset, manifest.config.behaviour).only(PURCHASE)
    baskets = log.groups(log.basket, manifest.config.behaviour.max_basket)
    result = rules_task(
        baskets,
        dataset.catalogue,
        load_truth(folder),
        load_rates(folder),
        least=manifest.config.behaviour.min_support,
        data_hash=manifest.store_hash,
    )
    return finish(
        options,
        [result],
        title="Association rules",
        summary="Which pairs may be called bought together, at a false-discovery rate of 5 %.",
        seconds={"rules": round(time.perf_counter() - began, 1)},
    )


if __name__ == "__main__":
    sys.exit(main("rules", __doc__ or "", run))

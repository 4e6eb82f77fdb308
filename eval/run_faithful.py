"""Faithful explanations: stated changes run anew, cited records removed.

    python -m eval.run_faithful --store STORE

Tasks: `changes` (does what "would change it" bring the product in, in a store opened anew) and
`removal` (does a suggestion score lower without the records that "why" cites, and not without as
much beside them). `--cases` sets how many queries are asked.
"""

from __future__ import annotations

import sys
import time

from eval.cli import RunOptions, main
from eval.faithful import changes_task, removal_task
from eval.finish import finish
from eval.measured import MeasuredTask
from retrieval.store import Store

N_CHANGES, N_REMOVALS = 400, 250
QUICK = 10


def run(options: RunOptions) -> int:
    """Evaluate the tasks and write the outputs."""
    results: list[MeasuredTask] = []
    seconds: dict[str, float] = {}
    store = Store.open(options.store, device=options.device)
    again = Store.open(options.store, device=options.device)
    try:
        for name, usual in (("changes", N_CHANGES), ("removal", N_REMOVALS)):
            if not options.wants(name):
                continue
            n = QUICK if options.quick else options.cases or usual
            began = time.perf_counter()
            results.append(
                changes_task(store, again, seed=options.seed, n=n)
                if name == "changes"
                else removal_task(store, seed=options.seed, n=n)
            )
            seconds[name] = round(time.perf_counter() - began, 1)
    finally:
        store.close()
        again.close()
    return finish(
        options,
        results,
        title="Faithful explanations",
        summary="Why, why not and what would change it are what the ranker does.",
        seconds=seconds,
    )


if __name__ == "__main__":
    sys.exit(main("faithful", __doc__ or "", run))

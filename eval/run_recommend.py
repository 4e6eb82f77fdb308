"""What comes next, or belongs in the basket: our blend against plain systems tuned alike.

    python -m eval.run_recommend --data DIR

Tasks: `office` (next product, with text), `beauty` (leave-one-out), `household` (one product type
of a basket hidden; weeks 37–44) and `household-cross` (the hidden one alone in its department).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from eval.cli import RunOptions, main, say
from eval.data.base import NextTask
from eval.data.beauty import load_beauty
from eval.data.household import cross_department, load_household
from eval.data.office import load_office
from eval.finish import finish
from eval.next_product import evaluate
from eval.results import Floor, TaskResult
from retrieval.errors import DataError

QUESTIONS = {
    "office": "A shopper's history of office products: which product comes next?",
    "beauty": "A shopper's sequence of beauty products: which one was last?",
    "household": "A grocery basket with one product type hidden: which one?",
    "household-cross": "The same, for hidden types that are alone in their department.",
}
FLOORS: dict[str, Sequence[Floor]] = {
    "office": (
        Floor(measure="HR@10", value=0.154, source="item-kNN and TF-IDF text together"),
    ),
    "beauty": (
        Floor(measure="HR@10", value=0.080, source="sequential rules (a learned blend 0.098)"),
        Floor(measure="nDCG@10", value=0.050, source="sequential rules (a learned blend 0.061)"),
    ),
    "household": (Floor(measure="HR@10", value=0.195, source="item-kNN"),),
    "household-cross": (Floor(measure="HR@10", value=0.223, source="item-kNN"),),
}  # fmt: skip


def run(options: RunOptions) -> int:
    """Evaluate the tasks and write the outputs."""
    results: list[TaskResult] = []
    seconds: dict[str, float] = {}
    for task in tasks(options):
        began = time.perf_counter()
        results.append(
            evaluate(
                task,
                options,
                question=QUESTIONS[task.name],
                floors=FLOORS[task.name],
            )
        )
        seconds[task.name] = round(time.perf_counter() - began, 1)
    return finish(
        options,
        results,
        title="Recommendation",
        summary="Baselines are tuned on tuning cases; ours is a store that chose by its own log.",
        seconds=seconds,
    )


def tasks(options: RunOptions) -> list[NextTask]:
    """Load the tasks asked for; without the household package its tasks are left out, and said."""
    loaded = []
    if options.wants("office"):
        loaded.append(load_office(options.data, quick=options.quick))
    if options.wants("beauty"):
        loaded.append(load_beauty(options.data, quick=options.quick))
    if options.wants("household") or options.wants("household-cross"):
        try:
            panel = load_household(options.data, seed=options.seed, quick=options.quick)
        except DataError as error:
            if options.only:
                raise
            say(f"household left out: {error}")
        else:
            both = (panel, cross_department(panel))
            loaded.extend(task for task in both if options.wants(task.name))
    return loaded


if __name__ == "__main__":
    sys.exit(main("recommend", __doc__ or "", run))

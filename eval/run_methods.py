"""One method at a time: each behaviour scorer alone, tuned alike, on the same cases.

    python -m eval.run_methods --data DIR [--task office …] [--method ease …]

Tasks are those of `eval.run_recommend`; the table of methods is `eval.methods`. Every method is
tuned on the same tuning cases, learned again, and asked the same test cases once.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.baselines import mask
from eval.cli import RunOptions, options, parser, progress, say
from eval.data.base import Case, NextTask, take
from eval.finish import finish
from eval.measures import mean_rank, single_target
from eval.methods import NETWORKS, methods, networks
from eval.ours import Source, interactions_of
from eval.results import System, TaskResult
from eval.run_recommend import QUESTIONS, tasks
from eval.vectors import encode_cached, open_encoder
from retrieval.behaviour.base import Context, Interactions, Scores
from retrieval.errors import QueryError, ShopError
from retrieval.text.index import document_text

CHUNK = 256
N_TUNE, N_TEST = 1_500, 5_000
"""Cases at most, evenly spread, the same for every method."""
REFERENCE = "item_cf"


def run(asked: RunOptions, wanted: Sequence[str], n_tune: int, n_test: int) -> int:
    """Compare the methods on the tasks asked for and write the outputs.

    Raises:
        QueryError: If a method is asked for that no task has.
    """
    results: list[TaskResult] = []
    seconds: dict[str, float] = {}
    for task in tasks(asked):
        table = methods(task)
        if set(wanted) & set(NETWORKS):
            table += networks(task, _vectors(task, asked))
        unknown = set(wanted) - {source.name for source in table}
        if unknown:
            say(f"{task.name}: has no method {', '.join(sorted(unknown))}")
        table = [s for s in table if not wanted or s.name in wanted or s.name == REFERENCE]
        small = replace(
            task,
            tune_cases=take(task.tune_cases, n_tune),
            test_cases=take(task.test_cases, n_test),
        )
        systems = []
        for source in table:
            began = time.process_time()
            systems.append(compare(source, small))
            seconds[f"{task.name} {source.name}"] = round(time.process_time() - began, 1)
        best = max(systems, key=lambda s: float(s.config["tuning nDCG@10"]))
        results.append(
            TaskResult(
                name=task.name,
                question=QUESTIONS[task.name],
                split=task.split,
                data_hash=task.data_hash,
                systems=systems,
                ours=best.name,
                headline="HR@10",
                notes=[
                    *task.notes,
                    f"{len(small.tune_cases):,} tuning and {len(small.test_cases):,} of "
                    f"{len(task.test_cases):,} test cases, evenly spread; each method alone; a "
                    "product scored 0 is not ranked.",
                ],
            )
        )
    if not results:
        raise QueryError(f"no task {', '.join(asked.only)}; known are {', '.join(QUESTIONS)}")
    return finish(
        asked,
        results,
        title="Methods",
        summary="Each scorer alone. Settings come from tuning cases only.",
        seconds=seconds,
    )


def _vectors(task: NextTask, asked: RunOptions) -> NDArray[np.float32]:
    texts = [document_text(product) for product in task.products]
    encoder = open_encoder(asked.encoder, asked.device)
    return encode_cached(texts, encoder, asked.cache, role="passage", label=task.name)


def compare(source: Source, task: NextTask) -> System:
    """Tune a method on the tuning cases, learn it again, and ask the test cases."""
    log = interactions_of(task.tune_fit, len(task.products))
    best: tuple[float, dict[str, Any]] = (-1.0, {})
    for values in itertools.product(*source.grid.values()):
        setting = dict(zip(source.grid, values, strict=True))
        ranks = ranks_of(source, setting, log, task, task.tune_cases)
        value = float(single_target(ranks)["nDCG@10"].mean())
        say(f"{task.name}: {source.name} {setting} tuning nDCG@10 {value:.4f}")
        if value > best[0]:
            best = (value, setting)
    log = interactions_of(task.fit, len(task.products))
    found = single_target(ranks_of(source, best[1], log, task, task.test_cases))
    say(
        f"{task.name}: {source.name} HR@10 {found['HR@10'].mean():.4f} "
        f"nDCG@10 {found['nDCG@10'].mean():.4f} {best[1]}"
    )
    return System(
        name=source.name,
        values=found,
        config={**best[1], "tuning nDCG@10": round(best[0], 4)},
        is_baseline=source.name == REFERENCE,
    )


def ranks_of(
    source: Source,
    setting: dict[str, Any],
    log: Interactions,
    task: NextTask,
    cases: Sequence[Case],
) -> NDArray[np.float64]:
    """Return each case's rank of its answer, infinite where the method gives it nothing."""
    score = scores_of(source.make(**setting).fit(log))
    parts = []
    chunks = range(0, len(cases), CHUNK)
    for begin in progress(chunks, f"{task.name} {source.name}", len(chunks)):
        chunk = cases[begin : begin + CHUNK]
        scores = score([Context(history=np.array(c.context, np.int64)) for c in chunk])
        scores[scores <= 0] = -np.inf
        mask(scores, task, chunk)
        parts.append(mean_rank(scores, np.array([case.target for case in chunk])))
    return np.concatenate(parts) if parts else np.zeros(0)


def scores_of(scorer: Any) -> Callable[[Sequence[Context]], Scores]:  # noqa: ANN401 - any scorer
    """Return the scorer as a function of many contexts, its own where it has one."""
    if hasattr(scorer, "score_many"):
        return lambda contexts: np.array(scorer.score_many(contexts), np.float32)
    return lambda contexts: np.stack([scorer.score(context) for context in contexts])


def main() -> int:
    """Parse the command line, run, and return the exit status; a `ShopError` is one line."""
    made = parser("methods", __doc__ or "")
    add = made.add_argument
    add("--task", action="append", default=[], metavar="TASK", help="same as --only")
    add("--method", action="append", default=[], help="this method only, and item_cf (repeatable)")
    add("--n-tune", type=int, default=N_TUNE, help="tuning cases at most (default %(default)s)")
    add("--n-test", type=int, default=N_TEST, help="test cases at most (default %(default)s)")
    arguments = made.parse_args()
    arguments.only = [*arguments.only, *arguments.task]
    try:
        return run(
            options("methods", arguments), arguments.method, arguments.n_tune, arguments.n_test
        )
    except ShopError as error:
        print(f"{error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

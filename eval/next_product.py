"""Evaluate one next-product (or complete-the-set) task: plain systems, single methods, the store.

Plain systems and single methods are tuned on the task's tuning cases, learned again from all that
may be learned from, and asked the test cases once. Ours is a store built from the same histories
with no setting of its own for the task: its build chooses by the log alone (`eval.served`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.baselines import CHUNK, CaseScore, case_score, of_cases, recipes, score_all, tune
from eval.cli import RunOptions, progress, say
from eval.data.base import NextTask, take
from eval.measures import mean_rank, single_target
from eval.methods import methods
from eval.ours import fitted, interactions_of, tune_source
from eval.results import Floor, System, TaskResult
from eval.runs import write_qrels, write_run
from eval.served import rankings, ranks_of, store_of

DEPTH = 100
RUN_CASES = 2_000
"""Run files hold at most this many cases, evenly spread; the measures cover all."""
OURS = "ours: store"
SINGLE = ("ease",)
"""Methods that are baselines too (the others: `eval.run_methods`)."""
TUNE_CASES = 400


@dataclass(frozen=True, kw_only=True)
class Found:
    """Systems of one task or fold, with ranks by case."""

    ranks: Mapping[str, NDArray[np.float64]]
    config: Mapping[str, Mapping[str, Any]]
    runs: Mapping[str, Mapping[str, Mapping[str, float]]]


def evaluate(
    task: NextTask,
    options: RunOptions,
    *,
    question: str,
    floors: Sequence[Floor],
) -> TaskResult:
    """Return the values of every system on one task and write TREC files.

    Args:
        task: Data with their split.
        options: Flags of the run.
        question: What is asked, for the report.
        floors: What ours must reach.
    """
    return evaluate_folds([task], options, question=question, floors=floors)


def evaluate_folds(
    folds: Sequence[NextTask],
    options: RunOptions,
    *,
    question: str,
    floors: Sequence[Floor],
) -> TaskResult:
    """Evaluate each fold with its own tuning and pool the cases; their tests do not overlap."""
    folds = [replace(fold, test_cases=take(fold.test_cases, options.cases)) for fold in folds]
    first = folds[0]
    found = [_systems(fold, options) for fold in folds]
    cases = [case for fold in folds for case in fold.test_cases]
    folder = options.out / first.name
    shown = take(cases, RUN_CASES)
    ids = first.product_ids
    write_qrels({c.query_id: {ids[c.target]: 1} for c in shown}, folder / "qrels.txt")
    systems = []
    for name in found[0].ranks:
        ranks = np.concatenate([f.ranks[name] for f in found])
        systems.append(
            System(
                name=name,
                values=single_target(ranks),
                config=found[0].config[name]
                if len(found) == 1
                else {f"fold {i}": f.config[name] for i, f in enumerate(found)},
                is_baseline=not name.startswith("ours"),
            )
        )
        label = name.replace("ours: ", "ours-").replace(" ", "-")
        merged = {q: run for f in found for q, run in f.runs[name].items()}
        kept = {c.query_id: merged[c.query_id] for c in shown if c.query_id in merged}
        write_run(kept, folder / f"{label}.run.gz", system=label)
    groups = sorted({case.group for case in cases if case.group})
    return TaskResult(
        name=first.name,
        question=question,
        split=first.split,
        data_hash=first.data_hash,
        systems=systems,
        ours=OURS,
        headline="HR@10",
        floors=() if options.quick else floors,
        groups={group: np.array([c.group == group for c in cases]) for group in groups},
        notes=[
            *first.notes,
            f"All {len(first.products):,} products are ranked; ties count at their mean rank.",
        ],
    )


def _systems(task: NextTask, options: RunOptions) -> Found:
    ranks: dict[str, NDArray[np.float64]] = {}
    config: dict[str, dict[str, Any]] = {}
    runs: dict[str, dict[str, dict[str, float]]] = {}
    wanted = {case.query_id for case in take(task.test_cases, RUN_CASES)}
    for recipe in recipes(task, options.seed):
        setting, _ = tune(recipe, task)
        ranks[recipe.name], runs[recipe.name] = _rank(
            case_score(recipe.make(task, task.fit, **setting)), task, wanted, recipe.name
        )
        config[recipe.name] = setting
        say(f"{task.name}: {recipe.name} {_hit_rate(ranks[recipe.name]):.4f} {setting}")
    past = interactions_of(task.tune_fit, len(task.products))
    tuning = replace(task, tune_cases=take(task.tune_cases, TUNE_CASES))
    for source in methods(task):
        if source.name not in SINGLE:
            continue
        setting = tune_source(source, tuning, past)
        score = fitted(source, setting, interactions_of(task.fit, len(task.products)))
        name = f"single: {source.name}"
        ranks[name], runs[name] = _rank(of_cases(score), task, wanted, name)
        config[name] = setting
        say(f"{task.name}: {name} {_hit_rate(ranks[name]):.4f} {setting}")
    store = store_of(task, task.fit, options)
    try:
        found = rankings(store, task, task.test_cases, label=f"{task.name}: the store")
        config[OURS] = dict(store.learned.report) | {
            "curves": {
                name: {source: curve.y[-1] for source, curve in curves.items()}
                for name, curves in store.learned.curves.items()
            }
        }
    finally:
        store.close()
    ids = task.product_ids
    ranks[OURS] = ranks_of(task.test_cases, found)
    runs[OURS] = {
        case.query_id: {ids[row]: float(v) for row, v in zip(rows, values, strict=True)}
        for case, (rows, values) in zip(task.test_cases, found, strict=True)
        if case.query_id in wanted
    }
    say(f"{task.name}: {OURS} {_hit_rate(ranks[OURS]):.4f}")
    return Found(ranks=ranks, config=config, runs=runs)


def _rank(
    score: CaseScore, task: NextTask, wanted: set[str], label: str
) -> tuple[NDArray[np.float64], dict[str, dict[str, float]]]:
    parts, run = [], {}
    ids = task.product_ids
    n_chunks = (len(task.test_cases) + CHUNK - 1) // CHUNK
    for cases, scores in progress(score_all(score, task, task.test_cases), label, n_chunks):
        parts.append(mean_rank(scores, np.array([case.target for case in cases])))
        for case, values in zip(cases, scores, strict=True):
            if case.query_id in wanted:
                top = np.argpartition(-values, min(DEPTH, len(values) - 1))[:DEPTH]
                run[case.query_id] = {
                    ids[row]: float(values[row]) for row in top if np.isfinite(values[row])
                }
    return np.concatenate(parts) if parts else np.zeros(0), run


def _hit_rate(ranks: NDArray[np.float64]) -> float:
    return float((ranks <= 10).mean()) if len(ranks) else 0.0

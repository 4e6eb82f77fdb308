"""Evaluate one next-product (or complete-the-set) task: baselines and our blend, all alike.

Everything is tuned on the task's tuning cases, learned again from all that may be learned from, and
asked the test cases once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.baselines import CHUNK, recipes, score_all, tune
from eval.cli import RunOptions, progress, say
from eval.data.base import NextTask, take
from eval.measures import mean_rank, single_target
from eval.ours import (
    Packed,
    Score,
    fitted,
    interactions_of,
    lexical_score,
    ndcg,
    pack,
    semantic_score,
    tune_sources,
    tune_weights,
)
from eval.results import Floor, System, TaskResult
from eval.runs import write_qrels, write_run
from eval.vectors import TextEncoder, encode_cached
from retrieval.config import RankingConfig
from retrieval.text.index import document_text

DEPTH = 100
RUN_CASES = 2_000
"""Run files hold at most this many cases, evenly spread; the measures cover all."""
BLEND = "ours: blend"
DEFAULTS = "ours: default weights"


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
    encoder: TextEncoder | None,
    by_words: bool = True,
) -> TaskResult:
    """Return the values of every system on one task and write TREC files.

    Args:
        task: Data with their split.
        options: Flags of the run.
        question: What is asked, for the report.
        floors: What ours must reach.
        encoder: Adds the source `semantic`; None leaves it out.
        by_words: Adds the source `lexical` (titles of the context as words).
    """
    return evaluate_folds(
        [task], options, question=question, floors=floors, encoder=encoder, by_words=by_words
    )


def evaluate_folds(
    folds: Sequence[NextTask],
    options: RunOptions,
    *,
    question: str,
    floors: Sequence[Floor],
    encoder: TextEncoder | None,
    by_words: bool = True,
) -> TaskResult:
    """Evaluate each fold with its own tuning and pool the cases; their tests do not overlap."""
    first = folds[0]
    found = [_systems(fold, options, encoder, by_words=by_words) for fold in folds]
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
        ours=BLEND,
        headline="HR@10",
        floors=() if options.quick else floors,
        groups={group: np.array([c.group == group for c in cases]) for group in groups},
        notes=[
            *first.notes,
            f"All {len(first.products):,} products are ranked; ties count at their mean rank.",
        ],
    )


def _systems(
    task: NextTask, options: RunOptions, encoder: TextEncoder | None, *, by_words: bool
) -> Found:
    ranks: dict[str, NDArray[np.float64]] = {}
    config: dict[str, dict[str, Any]] = {}
    runs: dict[str, dict[str, dict[str, float]]] = {}
    wanted = {case.query_id for case in take(task.test_cases, RUN_CASES)}
    for recipe in recipes(task, options.seed):
        setting, _ = tune(recipe, task)
        ranks[recipe.name], runs[recipe.name] = _rank(
            recipe.make(task, task.fit, **setting).score, task, wanted, recipe.name
        )
        config[recipe.name] = setting
        say(f"{task.name}: {recipe.name} {_hit_rate(ranks[recipe.name]):.4f} {setting}")
    text = _text_sources(task, options, encoder, by_words=by_words)
    n_products = len(task.products)
    log = interactions_of(task.tune_fit, n_products)
    chosen = tune_sources(task, log)
    scores = {n: fitted(s, setting, log) for n, (s, setting, _) in chosen.items()} | text
    packed = pack(task, task.tune_cases, scores, label=f"{task.name} tuning")
    ranking = RankingConfig()
    default = ranking.basket if task.is_basket else ranking.next_product
    weights = tune_weights(packed, default)
    say(f"{task.name}: weights {weights}, tuning nDCG@10 {ndcg(packed, weights):.4f}")
    log = interactions_of(task.fit, n_products)
    scores = {n: fitted(s, setting, log) for n, (s, setting, _) in chosen.items()} | text
    packed = pack(task, task.test_cases, scores, label=f"{task.name} test")
    blends = {f"ours: {source}": {source: 1.0} for source in packed.sources}
    for name, blend in {**blends, DEFAULTS: default, BLEND: weights}.items():
        ranks[name] = packed.ranks(blend)
        runs[name] = _blend_run(packed, blend, task, wanted)
        config[name] = {"weights": {s: w for s, w in blend.items() if s in packed.sources}}
    for name, (_, setting, _) in chosen.items():
        config[f"ours: {name}"] = setting
    say(f"{task.name}: {BLEND} {_hit_rate(ranks[BLEND]):.4f}")
    return Found(ranks=ranks, config=config, runs=runs)


def _text_sources(
    task: NextTask, options: RunOptions, encoder: TextEncoder | None, *, by_words: bool
) -> dict[str, Score]:
    recency = 1.0 if task.is_basket else 0.6
    sources: dict[str, Score] = {}
    if encoder is not None:
        texts = [document_text(product) for product in task.products]
        vectors = encode_cached(texts, encoder, options.cache, role="passage", label=task.name)
        sources["semantic"] = semantic_score(vectors, recency)
    if by_words:
        sources["lexical"] = lexical_score(task, recency)
    return sources


def _rank(
    score: Score, task: NextTask, wanted: set[str], label: str
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


def _blend_run(
    packed: Packed, weights: Mapping[str, float], task: NextTask, wanted: set[str]
) -> dict[str, dict[str, float]]:
    ids = task.product_ids
    return {
        case.query_id: {ids[row]: float(value) for row, value in zip(rows, values, strict=True)}
        for case, (rows, values) in zip(task.test_cases, packed.best(weights, DEPTH), strict=True)
        if case.query_id in wanted
    }


def _hit_rate(ranks: NDArray[np.float64]) -> float:
    return float((ranks <= 10).mean()) if len(ranks) else 0.0

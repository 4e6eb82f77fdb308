"""Beauty: which products are listed as bought together with one, found from sequences alone."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.baselines import ItemKnn, Popularity, RandomOrder
from eval.cli import RunOptions, progress
from eval.data.base import Case, History, NextTask, Rows
from eval.data.beauty import load_beauty, load_bought_together
from eval.measures import measure_run
from eval.methods import methods
from eval.ours import Score, fitted, interactions_of, lexical_score, pack
from eval.results import Floor, System, TaskResult
from eval.runs import write_qrels, write_run
from retrieval.additive import Choices, Weight, fit_additive

K = 10
DEPTH = 100
MEASURES = ("R@10", "nDCG@10", "RR")
OURS = "ours: blend"
SOURCES = ("popularity", "item_cf", "sequence", "ease", "user_knn")


def evaluate_bought_together(options: RunOptions) -> TaskResult:
    """Ask each product with listed companions; one fifth of them teaches the curves."""
    task = load_beauty(options.data, quick=options.quick)
    qrels = load_bought_together(options.data)
    row_of = {product_id: row for row, product_id in enumerate(task.product_ids)}
    # Nothing of the future is asked here: whole sequences may be read.
    whole = [History(rows=(*case.context, case.target)) for case in task.test_cases]
    asked = [p for p in sorted(qrels) if zlib.crc32(p.encode()) % 5 != 0]
    tuning = [p for p in sorted(qrels) if zlib.crc32(p.encode()) % 5 == 0]
    if options.quick:
        asked, tuning = asked[:200], tuning[:100]
    runs = {
        "random": _baseline(RandomOrder(task, whole, seed=options.seed).score, asked, task, row_of),
        "popularity": _baseline(Popularity(task, whole).score, asked, task, row_of),
        "same category": _baseline(_same_leaf(task, whole), asked, task, row_of),
        "item-kNN": _baseline(ItemKnn(task, whole, shrinkage=2.0).score, asked, task, row_of),
    }
    log = interactions_of(whole, len(task.products))
    scores: dict[str, Score] = {
        source.name: fitted(source, {n: v[len(v) // 2] for n, v in source.grid.items()}, log)
        for source in methods(task)
        if source.name in SOURCES
    }
    scores["lexical"] = lexical_score(task)
    # The sources are asked once with a pair each: the curves that rank one companion best.
    pairs = [
        Case(query_id=f"{p}-{other}", context=(row_of[p],), target=row_of[other])
        for p in tuning
        for other in qrels[p]
    ]
    seen = pack(task, pairs, scores, label="tuning")
    curves = fit_additive(
        Choices(
            sources=seen.sources,
            scores=seen.features,
            start=seen.start,
            taken=seen.target,
            counts=np.ones(len(seen.features), np.float32),
        ),
        {},
    )
    cases = [Case(query_id=p, context=(row_of[p],), target=row_of[p]) for p in asked]
    packed = pack(task, cases, scores, label="bought together")
    ids = task.product_ids
    ways: dict[str, Mapping[str, Weight]] = {
        **{f"ours: {source}": {source: 1.0} for source in scores},
        OURS: curves,
    }
    for name, way in ways.items():
        runs[name] = {
            p: {ids[row]: float(v) for row, v in zip(rows, values, strict=True)}
            for p, (rows, values) in zip(asked, packed.best(way, DEPTH), strict=True)
        }
    judged = {p: qrels[p] for p in asked}
    write_qrels(judged, options.out / "bought-together" / "qrels.txt")
    systems = []
    for name, run in runs.items():
        label = name.replace("ours: ", "ours-").replace(" ", "-")
        write_run(run, options.out / "bought-together" / f"{label}.run.gz", system=label)
        systems.append(
            System(
                name=name,
                values=measure_run(judged, run, MEASURES),
                config={"curves": {s: c.y[-1] for s, c in curves.items()}} if name == OURS else {},
                is_baseline=not name.startswith("ours"),
            )
        )
    return TaskResult(
        name="bought-together",
        question="Which products does the shop's page list as bought together with this one?",
        split="learned from all sequences; a fifth of the products teaches curves, others asked",
        data_hash=task.data_hash,
        systems=systems,
        ours=OURS,
        headline="R@10",
        floors=()
        if options.quick
        else (Floor(measure="R@10", value=0.246, source="item-kNN on sequences"),),
        notes=("The lists are of the page, not of these sequences: products may never meet.",),
    )


def _baseline(
    score: Score, asked: list[str], task: NextTask, row_of: dict[str, int]
) -> dict[str, dict[str, float]]:
    run: dict[str, dict[str, float]] = {}
    ids = task.product_ids
    starts = range(0, len(asked), 256)
    for start in progress(starts, "bought together", len(starts)):
        chunk = asked[start : start + 256]
        scores: NDArray[np.float32] = score([(row_of[p],) for p in chunk])
        for p, values in zip(chunk, scores, strict=True):
            values[row_of[p]] = -np.inf
            top = np.argpartition(-values, DEPTH)[:DEPTH]
            run[p] = {ids[row]: float(values[row]) for row in top if values[row] > 0}
    return run


def _same_leaf(task: NextTask, histories: list[History]) -> Score:
    """Popular products of the same narrowest category."""
    leaf = np.array([hash_of(p.category) for p in task.products])
    popular = Popularity(task, histories).score([()])[0] + 0.5

    def score(contexts: Sequence[Rows]) -> NDArray[np.float32]:
        return np.stack(
            [np.where(leaf == leaf[rows[-1]], popular, 0.0).astype(np.float32) for rows in contexts]
        )

    return score


def hash_of(category: tuple[str, ...]) -> int:
    """Return a number for a set of category names (the source does not keep their order)."""
    return zlib.crc32("\0".join(sorted(category)).encode())

"""Measures, by query: nDCG@10, R@100, RR, P@1, HR@10 through ir-measures, and mean-rank ones.

A query that returns nothing counts 0, and so does one whose answer is missing. For tasks with one
right product among all, scores tie often (a rule that knows nothing gives everything 0); a hit
then depends on how ties are broken. `mean_rank` places a tied product in the middle of its tie,
so that a system gains nothing by giving everything one score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from eval.runs import Qrels, Run

Floats = NDArray[np.float64]
_LIBRARY_NAMES = {"HR": "Success"}


def measure_run(qrels: Qrels, run: Run, measures: Sequence[str]) -> dict[str, Floats]:
    """Return measure → values in the order of `qrels`' queries, by ir-measures.

    `HR@k` is the library's `Success@k`. Queries of the run that are not in `qrels` do not count.
    """
    import ir_measures

    parsed = {name: ir_measures.parse_measure(_library_name(name)) for name in measures}
    place = {query_id: i for i, query_id in enumerate(qrels)}
    values = {name: np.zeros(len(place)) for name in measures}
    known = {q: dict(run[q]) for q in qrels if run.get(q)}
    if not known:
        return values
    name_of = {measure: name for name, measure in parsed.items()}
    plain = {q: dict(judged) for q, judged in qrels.items()}
    for found in ir_measures.iter_calc(list(parsed.values()), plain, known):
        values[name_of[found.measure]][place[found.query_id]] = found.value
    return values


def _library_name(name: str) -> str:
    head, _, cutoff = name.partition("@")
    return f"{_LIBRARY_NAMES.get(head, head)}@{cutoff}" if cutoff else head


def mean_rank(scores: NDArray[np.float32], target: NDArray[np.int64]) -> Floats:
    """Return the 1-based rank of each row's target, ties at their middle.

    Args:
        scores: Shape (n_cases, n_products), higher is better; -inf is "not ranked".
        target: Shape (n_cases,), the column that is right.

    Returns:
        Shape (n_cases,). Infinite where the target itself is not ranked.
    """
    own = np.take_along_axis(scores, target[:, None], axis=1)
    better = (scores > own).sum(axis=1)
    tied = (scores == own).sum(axis=1)
    rank = better + (tied + 1) / 2
    return np.where(np.isneginf(own[:, 0]), np.inf, rank)


def single_target(ranks: Floats, k: int = 10) -> dict[str, Floats]:
    """Return HR@k, nDCG@k and RR@k by case, for tasks with one right product each.

    With one relevant product the ideal DCG is 1, so nDCG@k = 1 / log2(1 + rank) within k.
    """
    hit = ranks <= k
    safe = np.where(hit, ranks, 1.0)
    return {
        f"HR@{k}": hit.astype(float),
        f"nDCG@{k}": np.where(hit, 1.0 / np.log2(1.0 + safe), 0.0),
        f"RR@{k}": np.where(hit, 1.0 / safe, 0.0),
    }


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Return the area under the ROC curve; ties count half. NaN if a class is missing."""
    values, truth = np.asarray(scores, float), np.asarray(labels, bool)
    n_true, n_false = int(truth.sum()), int((~truth).sum())
    if not n_true or not n_false:
        return float("nan")
    from scipy.stats import rankdata

    rank_sum = float(rankdata(values)[truth].sum())
    return (rank_sum - n_true * (n_true + 1) / 2) / (n_true * n_false)


def judged_share(qrels: Qrels, run: Run, k: int = 10) -> float:
    """Return the share of the first k results, over all queries, that carry a judgement."""
    judged = total = 0
    for query_id, grades in qrels.items():
        scores: Mapping[str, float] = run.get(query_id, {})
        top = sorted(scores, key=lambda d: (-scores[d], d))[:k]
        total += len(top)
        judged += sum(document_id in grades for document_id in top)
    return judged / total if total else 0.0

"""Order candidates by the sum of what their sources contribute, parts kept."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from retrieval.additive import Weight, contribution
from retrieval.candidates import Candidates
from retrieval.slate import Candidate


def rank_candidates(
    candidates: Candidates, weights: Mapping[str, Weight], *, limit: int | None = None
) -> tuple[Candidate, ...]:
    """Return the candidates, best first; ties go to the lower row so that slates reproduce.

    Args:
        candidates: Rows with scaled scores by source.
        weights: Source to a number or a curve; sources without one count nothing.
        limit: Keep at most this many.
    """
    parts = {
        source: contribution(weights[source], scores)
        for source, scores in candidates.scores.items()
        if weights.get(source)
    }
    total = np.zeros(len(candidates.rows), np.float64)
    for values in parts.values():
        total += values
    order = np.lexsort((candidates.rows, -np.round(total, 9)))[:limit]
    if not parts:
        return tuple(Candidate(row=row, parts={}) for row in candidates.rows[order].tolist())
    # Lists of plain numbers: picking thousands of single values out of arrays takes far longer.
    columns = zip(*(values[order].tolist() for values in parts.values()), strict=True)
    return tuple(
        Candidate(row=row, parts={s: v for s, v in zip(parts, values, strict=True) if v > 0})
        for row, values in zip(candidates.rows[order].tolist(), columns, strict=True)
    )

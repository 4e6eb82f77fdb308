"""Order candidates by the sum of what their sources contribute, parts kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from retrieval.additive import Weight, contribution
from retrieval.behaviour.base import Rows
from retrieval.candidates import Candidates
from retrieval.slate import Candidate

BLOCK = 32
"""Candidates made at once where they are gone through in order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking(Sequence[Candidate]):
    """Candidates, best first, kept as arrays: each is made when it is looked at."""

    rows: Rows
    """Shape (n,)."""
    parts: Mapping[str, NDArray[np.float64]]
    """Source to what it adds to each, of shape (n,)."""

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> Candidate: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Candidate, ...]: ...
    def __getitem__(self, at: int | slice) -> Candidate | tuple[Candidate, ...]:
        if isinstance(at, int):
            return self._made(np.array([at]))[0]
        return self._made(at)

    def __iter__(self) -> Iterator[Candidate]:
        for begin in range(0, len(self), BLOCK):
            yield from self[begin : begin + BLOCK]

    @property
    def totals(self) -> NDArray[np.float64]:
        """Return the sum of the parts: shape (n,)."""
        total = np.zeros(len(self.rows))
        for values in self.parts.values():
            total += values
        return total

    def take(self, places: Rows | NDArray[np.bool_]) -> Ranking:
        """Return some of the candidates: their places, or a mask of shape (n,)."""
        return Ranking(
            rows=self.rows[places],
            parts={source: values[places] for source, values in self.parts.items()},
        )

    def scaled(self, factor: float) -> Ranking:
        """Return the same order with every part times a factor."""
        return Ranking(
            rows=self.rows,
            parts={source: factor * values for source, values in self.parts.items()},
        )

    def then(self, other: Ranking) -> Ranking:
        """Return these candidates followed by others of the same sources."""
        return Ranking(
            rows=np.concatenate([self.rows, other.rows]),
            parts={
                source: np.concatenate([values, other.parts[source]])
                for source, values in self.parts.items()
            },
        )

    def _made(self, at: slice | Rows) -> tuple[Candidate, ...]:
        rows = self.rows[at].tolist()
        # Lists of plain numbers: picking single values out of arrays takes far longer.
        columns = [values[at].tolist() for values in self.parts.values()]
        return tuple(
            Candidate(
                row=row,
                parts={s: own[i] for s, own in zip(self.parts, columns, strict=True) if own[i] > 0},
            )
            for i, row in enumerate(rows)
        )


def rank_candidates(candidates: Candidates, weights: Mapping[str, Weight]) -> Ranking:
    """Return the candidates, best first; ties go to the lower row so that slates reproduce.

    Args:
        candidates: Rows with scaled scores by source.
        weights: Source to a number or a curve; sources without one count nothing.
    """
    parts = {
        source: contribution(weights[source], scores)
        for source, scores in candidates.scores.items()
        if weights.get(source)
    }
    found = Ranking(rows=candidates.rows, parts=parts)
    return found.take(np.lexsort((found.rows, -np.round(found.totals, 9))))

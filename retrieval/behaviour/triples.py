"""Rules of three: what two products together say of a third that neither says alone.

(A, B) → C is declared where C is bought more among baskets with both than among baskets with A
alone, and more than among baskets with B alone. A triple that only repeats its pairs is not one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csc_array, csr_array

from retrieval.behaviour.base import Rows
from retrieval.behaviour.discovery import Method, adjusted, chance_p, wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class TripleCounts:
    """How often (A, B) → C holds, with what its test needs."""

    given: tuple[int, int]
    """A and B, A below B."""
    then: int
    count: int
    """Baskets with all three."""
    n_given: int
    """Baskets with A and B."""
    n_pairs: tuple[int, int]
    """Baskets with A and C, with B and C."""
    n_single: tuple[int, int]
    """Baskets with A, with B."""
    n: int
    """All baskets."""
    p: float = 1.0
    """The larger of two exact chances: given A, and given B."""
    q: float = 1.0

    @property
    def support(self) -> float:
        """Share of all baskets that hold all three."""
        return self.count / self.n if self.n else 0.0

    @property
    def confidence(self) -> float:
        """Share of the baskets with A and B that hold C."""
        return self.count / self.n_given if self.n_given else 0.0

    @property
    def lift(self) -> float:
        """Confidence over the better of C given A and C given B; 1.0 adds nothing to the pairs."""
        best = max(c / n if n else 0.0 for c, n in zip(self.n_pairs, self.n_single, strict=True))
        return self.confidence / best if best else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson 95 % interval of the confidence."""
        return wilson(self.count, self.n_given)


def triple_rules(
    groups: csr_array, *, min_support: int, rate: float = 0.05, method: Method = "bh"
) -> tuple[TripleCounts, ...]:
    """Return the declared triples, lowest q first, then by rows.

    The family holds every (A, B) → C of which all three pairs are in `min_support` groups: no other
    can reach it. Those of the family in fewer groups are not tested and count as p = 1.

    Args:
        groups: Binary matrix of shape (n_groups, n_products).
        min_support: Triples in fewer groups are never declared.
        rate: Share of false ones to expect among the declared.
        method: Of adjustment.
    """
    if min_support < 1:
        raise ValueError(f"`min_support` must be at least 1, got {min_support}")
    n = groups.shape[0]
    held = np.asarray(groups.sum(axis=0)).ravel().astype(np.int64)
    pairs = csr_array(groups.T @ groups)
    pairs.setdiag(0)
    pairs.data[pairs.data < min_support] = 0
    pairs.eliminate_zeros()
    pairs.sort_indices()
    family = 3 * _n_triangles(pairs)
    found = [
        TripleCounts(
            given=(a, b),
            then=c,
            count=count,
            n_given=int(pairs[a, b]),
            n_pairs=(int(pairs[a, c]), int(pairs[b, c])),
            n_single=(int(held[a]), int(held[b])),
            n=n,
        )
        for trio, count in _seen(groups, pairs, min_support)
        for a, b, c in _ways(trio)
    ]
    if not found:
        return ()
    tests = np.array([[t.count, t.n_given, *t.n_pairs, *t.n_single] for t in found], np.int64).T
    count, n_given, with_a, with_b, n_a, n_b = tests
    p = np.maximum(chance_p(count, n_given, with_a, n_a), chance_p(count, n_given, with_b, n_b))
    q = adjusted(p, family, method)
    declared = [
        replace(t, p=float(p[i]), q=float(q[i])) for i, t in enumerate(found) if q[i] <= rate
    ]
    return tuple(sorted(declared, key=lambda t: (t.q, t.given, t.then)))


def _seen(
    groups: csr_array, pairs: csr_array, min_support: int
) -> Iterator[tuple[tuple[int, int, int], int]]:
    """Yield each three products in enough groups, ascending, and in how many."""
    by_product, by_group = csc_array(groups), csr_array(groups)
    for a in range(pairs.shape[0]):
        partners = _row(pairs, a)
        for b in partners[partners > a].tolist():
            both = np.intersect1d(_column(by_product, a), _column(by_product, b))
            beside = np.bincount(by_group[both].indices, minlength=pairs.shape[0])
            for c in np.flatnonzero(beside >= min_support).tolist():
                if c > b:
                    yield (a, b, c), int(beside[c])


def _ways(trio: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
    a, b, c = trio
    yield from ((a, b, c), (a, c, b), (b, c, a))


def _n_triangles(pairs: csr_array) -> int:
    """Count the three products of which all pairs are seen."""
    ones = csr_array((np.ones(pairs.nnz), pairs.indices, pairs.indptr), shape=pairs.shape)
    return round(float((ones @ ones).multiply(ones).sum()) / 6)


def _row(matrix: csr_array, row: int) -> Rows:
    return matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].astype(np.int64)


def _column(matrix: csc_array, column: int) -> Rows:
    return matrix.indices[matrix.indptr[column] : matrix.indptr[column + 1]].astype(np.int64)

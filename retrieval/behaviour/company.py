"""What could explain that two categories share baskets: the others that are bought with both.

Tests over strata need only how often each side is seen in a stratum, not the pair itself: the
count over all strata is the pair's own. So one explainer costs no new counting, two cost a little.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array

from retrieval.behaviour.base import Rows
from retrieval.behaviour.discovery import Floats, stratified_p

TRIED_IN_TWOS = 5
"""So many of the best explainers are also tried two at a time."""
WORD = 64
Bits = NDArray[np.uint64]
EXPLAINED = 1.5
"""A pair this few standard deviations above its strata is explained; no exact test is made."""


@dataclass(frozen=True, kw_only=True)
class Company:
    """Which categories are seen with which, in how many of n groups."""

    held: Rows
    """Groups with each, shape (n_leaves,)."""
    common: csr_array
    """Groups with both, shape (n_leaves, n_leaves); only pairs above chance."""
    by_leaf: csc_array
    """Binary, shape (n_groups, n_leaves)."""
    n: int
    _packed: dict[int, Bits] = field(default_factory=dict)

    def explained(self, one: int, other: int, count: int) -> float:
        """Return the largest p of the pair over all sets of one or two explainers; 0 without any.

        Large-sample tests (Mantel and Haenszel 1959) choose the set, the exact one has the word.
        """
        names, with_one, with_other = self._beside(one, other)
        if not len(names):
            return 0.0
        sides = (int(self.held[one]), int(self.held[other]))
        singles = _two(self.held[names], with_one, with_other, sides, self.n)
        far = above(count, singles)
        best = np.argsort(far, kind="stable")
        tables, least = singles[:, best[0]], float(far[best[0]])
        if least > EXPLAINED and len(names) > 1:
            first, second = np.array(list(combinations(best[:TRIED_IN_TWOS].tolist(), 2))).T
            doubles = self._four(
                (one, other), names[first], names[second], singles[:, first], singles[:, second]
            )
            far = above(count, doubles)
            place = int(np.argmin(far))
            if far[place] < least:
                tables, least = doubles[:, place], float(far[place])
        if least <= EXPLAINED:
            return _upper_tail(least)
        return stratified_p(count, [(int(a), int(b), int(m)) for a, b, m in tables])

    def _beside(self, one: int, other: int) -> tuple[Rows, Rows, Rows]:
        """Return who is seen with both above chance, and in how many groups with each."""
        a, b = (slice(*self.common.indptr[[k, k + 1]]) for k in (one, other))
        names, at, there = np.intersect1d(
            self.common.indices[a], self.common.indices[b], assume_unique=True, return_indices=True
        )
        return names.astype(np.int64), self.common.data[a][at], self.common.data[b][there]

    def _four(
        self, pair: tuple[int, int], some: Rows, others: Rows, with_one: Rows, with_other: Rows
    ) -> Rows:
        """Return the strata of explainers two at a time: with both, with each alone, with neither.

        Args:
            pair: The two categories that are explained.
            some: The first explainer of each two, shape (n_twos,).
            others: The second one, shape (n_twos,).
            with_one: The strata of each first one alone, shape (2, n_twos, 3).
            with_other: The same of each second one.

        Returns:
            Shape (4, n_twos, 3).
        """
        held = {int(leaf): self._bits(int(leaf)) for leaf in (*some, *others)}
        bits = np.stack(
            [held[a] & held[b] for a, b in zip(some.tolist(), others.tolist(), strict=True)]
        )
        one, other = (self._bits(leaf) for leaf in pair)
        both = np.stack([_ones(bits & one), _ones(bits & other), _ones(bits)], axis=1)
        alone = with_other[0] - both
        return np.stack([both, with_one[0] - both, alone, with_one[1] - alone])

    def _bits(self, leaf: int) -> Bits:
        """Return which groups hold a category, a bit each, in whole words."""
        if leaf not in self._packed:
            start, end = self.by_leaf.indptr[leaf], self.by_leaf.indptr[leaf + 1]
            held = np.zeros(-(-self.n // WORD) * WORD, np.bool_)
            held[self.by_leaf.indices[start:end]] = True
            self._packed[leaf] = np.packbits(held).view(np.uint64)
        return self._packed[leaf]


def above(count: int | Rows, tables: Rows) -> Floats:
    """Return how many standard deviations a count is above what its strata lead one to expect.

    Mantel and Haenszel (1959) with the correction for continuity.

    Args:
        count: Groups with both, over all strata.
        tables: Groups with the one, with the other, and all, shape (n_strata, n_tables, 3).
    """
    one, other, n = (tables[..., k].astype(np.float64) for k in range(3))
    size = np.maximum(n, 1.0)
    expected = (one * other / size).sum(axis=0)
    spread = one * other * (n - one) * (n - other) / (size * size * np.maximum(n - 1, 1.0))
    return np.asarray((count - 0.5 - expected) / np.sqrt(np.maximum(spread.sum(axis=0), 1e-12)))


def _two(held: Rows, with_one: Rows, with_other: Rows, sides: tuple[int, int], n: int) -> Rows:
    """Return the strata of each explainer alone: with it, without it; shape (2, n_names, 3)."""
    there = np.stack([with_one, with_other, held], axis=1)
    return np.stack([there, np.array([*sides, n]) - there]).astype(np.int64)


def _upper_tail(z: float) -> float:
    from scipy.stats import norm

    return float(norm.sf(z))


def _ones(bits: Bits) -> Rows:
    """Count the bits of each row."""
    return np.bitwise_count(bits).sum(axis=-1, dtype=np.int64)

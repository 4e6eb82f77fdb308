"""Sequential rules: what shoppers took soon after (Ludewig and Jannach 2018, "SR").

A pair (i, then j) in one shopper's history counts 1/gap, the gap in steps, at most `window` steps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from retrieval.behaviour.base import (
    PURCHASE,
    Context,
    Interactions,
    Scores,
    keep_top,
    load_sparse,
    recent_row_sum,
    save_sparse,
)
from retrieval.config import BehaviourConfig
from retrieval.errors import NotFittedError


class SequenceScorer:
    """Sum over the history of rule weight × recency; the last product counts most."""

    name = "sequence"

    def __init__(
        self, config: BehaviourConfig | None = None, *, window: int = 10, recency: float = 0.6
    ) -> None:
        """Set up: `window` steps looked ahead when learning; `recency` per step back when asked."""
        self.config = config or BehaviourConfig()
        self.window = window
        self.recency = recency
        self._rules: csr_array | None = None

    def fit(self, interactions: Interactions) -> Self:
        """Learn from purchases in time order; the same product twice in a row is one step."""
        bought = interactions.only(PURCHASE)
        order = np.lexsort((np.arange(len(bought.day)), bought.day, bought.shopper))
        shopper, product = bought.shopper[order], bought.product[order]
        n = interactions.n_products
        rules = csr_array((n, n), dtype=np.float64)
        for gap in range(1, self.window + 1):
            same = shopper[gap:] == shopper[:-gap]
            if not same.any():
                break
            first, then = product[:-gap][same], product[gap:][same]
            moved = first != then
            weight = np.full(int(moved.sum()), 1.0 / gap)
            rules = rules + csr_array((weight, (first[moved], then[moved])), shape=(n, n))
        rules.sum_duplicates()
        totals = np.maximum(1e-12, rules.sum(axis=1))
        rules = csr_array(rules)
        rules.data = rules.data / np.repeat(totals + 1.0, np.diff(rules.indptr))
        self._rules = keep_top(rules, self.config.neighbours)
        return self

    def score(self, context: Context) -> Scores:
        """Return what tends to follow what the context names."""
        if self._rules is None:
            raise NotFittedError("sequence: not fitted; call `fit` or `load` first")
        return recent_row_sum(self._rules, context, self.recency)

    def save(self, folder: Path) -> None:
        """Write `sequence.npz`."""
        if self._rules is None:
            raise NotFittedError("sequence: not fitted; call `fit` before `save`")
        save_sparse(folder / "sequence.npz", rules=self._rules)

    def load(self, folder: Path) -> Self:
        """Read `sequence.npz`."""
        self._rules = load_sparse(folder / "sequence.npz")["rules"]
        return self

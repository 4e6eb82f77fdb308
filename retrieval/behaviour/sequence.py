"""Sequential rules: what shoppers took soon after (Ludewig and Jannach 2018, "SR").

A pair (i, then j) in one shopper's history counts 1/gap, the gap in steps, at most `window` steps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from scipy.sparse import csr_array

from retrieval.behaviour.association import PairCounts
from retrieval.behaviour.base import (
    PURCHASE,
    Context,
    Interactions,
    Rows,
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
        shopper, product = purchases_in_order(interactions)
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


class BoughtAfter:
    """Shoppers who bought one product soon after another, counted from the purchases in order."""

    def __init__(self, interactions: Interactions) -> None:
        self._shopper, product = purchases_in_order(interactions)
        self._n = len(np.unique(self._shopper))
        self._places = np.argsort(product, kind="stable")
        self._start = np.searchsorted(product[self._places], np.arange(interactions.n_products + 1))

    def pair(self, anchor: int, other: int, *, within: int) -> PairCounts:
        """Count the shoppers with the other at most `within` purchases after the anchor."""
        first, then = self._of(anchor), self._of(other)
        after = np.searchsorted(then, first, side="right")
        first_after = then[np.minimum(after, len(then) - 1)] if len(then) else first
        soon = (after < len(then)) & (first_after - first <= within)
        soon &= self._shopper[first_after] == self._shopper[first]
        return PairCounts(
            count=len(np.unique(self._shopper[first[soon]])),
            n_anchor=len(np.unique(self._shopper[first])),
            n_other=len(np.unique(self._shopper[then])),
            n=self._n,
        )

    def _of(self, product: int) -> Rows:
        """Return where a product stands among the purchases in order, ascending."""
        return self._places[self._start[product] : self._start[product + 1]]


def purchases_in_order(interactions: Interactions) -> tuple[Rows, Rows]:
    """Return shopper and product of every purchase, by shopper and then by time."""
    bought = interactions.only(PURCHASE)
    order = np.lexsort((np.arange(len(bought.day)), bought.day, bought.shopper))
    return bought.shopper[order], bought.product[order]

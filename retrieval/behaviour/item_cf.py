"""Item-item collaborative filtering: products that the same shoppers took.

Cosine over shoppers with shrinkage (Sarwar et al. 2001; shrinkage as in Bell and Koren 2007).
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from scipy.sparse import csr_array, diags_array

from retrieval.behaviour.base import (
    ADD,
    PURCHASE,
    VIEW,
    Context,
    Interactions,
    Scores,
    keep_top,
    load_sparse,
    recent_row_sum,
    save_sparse,
    shared,
    stacked,
)
from retrieval.config import BehaviourConfig
from retrieval.errors import NotFittedError

WEIGHT = {VIEW: 0.2, ADD: 0.5, PURCHASE: 1.0}


class ItemCFScorer:
    """Sum of neighbours' similarity over what the context names, the latest counting most."""

    name = "item_cf"

    def __init__(
        self,
        config: BehaviourConfig | None = None,
        *,
        shrinkage: float = 5.0,
        recency: float = 0.8,
        activity_power: float = 0.5,
    ) -> None:
        """Set up.

        Args:
            config: Neighbours kept.
            shrinkage: Added to the denominator: pairs with little overlap are trusted less.
            recency: Each step back in a history counts this much less; 1 counts all alike.
            activity_power: A shopper with n products weighs n ** -activity_power; 0 weighs alike.
        """
        self.config = config or BehaviourConfig()
        self.shrinkage = shrinkage
        self.recency = recency
        self.activity_power = activity_power
        self._neighbours: csr_array | None = None

    def fit(self, interactions: Interactions) -> Self:
        """Learn neighbours from the strongest thing each shopper did with each product."""
        weight = np.array([WEIGHT[t] for t in range(len(WEIGHT))])[interactions.type]
        taken = csr_array(
            (weight, (interactions.shopper, interactions.product)),
            shape=(max(1, interactions.n_shoppers), interactions.n_products),
        )
        taken.sum_duplicates()
        taken.data = np.minimum(taken.data, 1.0)
        n_products = np.maximum(1, np.diff(taken.indptr))
        scaled = diags_array(n_products ** (-self.activity_power / 2)) @ taken
        norm = np.sqrt((scaled**2).sum(axis=0))
        kept = []
        for row, similar in shared(scaled):
            similar.data /= norm[row] * norm[similar.indices] + self.shrinkage * 0.1
            similar.data[row == similar.indices] = 0.0
            similar.eliminate_zeros()
            kept.append(keep_top(similar, self.config.neighbours))
        self._neighbours = stacked(kept, interactions.n_products)
        return self

    def score(self, context: Context) -> Scores:
        """Return the summed similarity to what the context names."""
        if self._neighbours is None:
            raise NotFittedError("item_cf: not fitted; call `fit` or `load` first")
        return recent_row_sum(self._neighbours, context, self.recency)

    def save(self, folder: Path) -> None:
        """Write `item_cf.npz`."""
        if self._neighbours is None:
            raise NotFittedError("item_cf: not fitted; call `fit` before `save`")
        save_sparse(folder / "item_cf.npz", neighbours=self._neighbours)

    def load(self, folder: Path) -> Self:
        """Read `item_cf.npz`."""
        self._neighbours = load_sparse(folder / "item_cf.npz")["neighbours"]
        return self

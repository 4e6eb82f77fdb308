"""Decayed popularity: how many shoppers bought a product lately."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.base import ADD, PURCHASE, VIEW, Context, Interactions, Scores
from retrieval.config import BehaviourConfig
from retrieval.errors import NotFittedError

WEIGHT = {VIEW: 0.05, ADD: 0.3, PURCHASE: 1.0}
"""What an event counts beside a purchase; a view is seen about twenty times as often."""


class PopularityScorer:
    """log(1 + decayed events), the same for every context."""

    name = "popularity"

    def __init__(self, config: BehaviourConfig | None = None) -> None:
        self.config = config or BehaviourConfig()
        self._scores: Scores | None = None
        self.n_buyers: NDArray[np.int64] = np.zeros(0, np.int64)
        """Distinct shoppers who bought each product, over the whole log."""
        self.n_repeat: NDArray[np.int64] = np.zeros(0, np.int64)
        """Distinct shoppers who bought each product on two days or more."""

    def fit(self, interactions: Interactions) -> Self:
        """Count; an event `popularity_half_life_days` before the end of the log counts half."""
        age = interactions.end_day - interactions.day
        kind = np.array([WEIGHT[t] for t in range(len(WEIGHT))])[interactions.type]
        weight = kind * 0.5 ** (age / self.config.popularity_half_life_days)
        counts = np.bincount(interactions.product, weight, minlength=interactions.n_products)
        self._scores = np.log1p(counts).astype(np.float32)
        bought = interactions.only(PURCHASE)
        pairs = np.unique(np.stack([bought.shopper, bought.product]), axis=1)
        self.n_buyers = np.bincount(pairs[1], minlength=interactions.n_products)
        days = np.stack([bought.shopper, bought.product, bought.day.astype(np.int64)])
        days = np.unique(days, axis=1)
        again, n_days = np.unique(days[:2], axis=1, return_counts=True)
        self.n_repeat = np.bincount(again[1][n_days > 1], minlength=interactions.n_products)
        return self

    def score(self, context: Context) -> Scores:
        """Return the fitted scores, whatever the context."""
        if self._scores is None:
            raise NotFittedError("popularity: not fitted; call `fit` or `load` first")
        return self._scores

    def is_bought_again(self) -> NDArray[np.bool_]:
        """Return which products at least one buyer in seven buys again: shape (n_products,)."""
        return self.n_repeat * 7 >= np.maximum(self.n_buyers, 1)

    def save(self, folder: Path) -> None:
        """Write `popularity.npz`."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / "popularity.npz",
            scores=self.score(Context()),
            n_buyers=self.n_buyers,
            n_repeat=self.n_repeat,
        )

    def load(self, folder: Path) -> Self:
        """Read `popularity.npz`."""
        with np.load(folder / "popularity.npz", allow_pickle=False) as file:
            self._scores, self.n_buyers = file["scores"], file["n_buyers"]
            self.n_repeat = file["n_repeat"]
        return self

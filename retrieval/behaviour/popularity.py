"""Decayed popularity: how many shoppers bought a product lately."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.base import ADD, PURCHASE, VIEW, Context, Interactions, Rows, Scores
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
        n = max(1, interactions.n_products)
        pairs, place = np.unique(bought.shopper * n + bought.product, return_inverse=True)
        day = bought.day.astype(np.int64)
        day -= day.min(initial=0)
        span = int(day.max(initial=0)) + 1
        n_days = np.bincount(np.unique(place * span + day) // span, minlength=len(pairs))
        self.n_buyers = np.bincount(pairs % n, minlength=interactions.n_products)
        self.n_repeat = np.bincount(pairs[n_days > 1] % n, minlength=interactions.n_products)
        return self

    def score(self, context: Context) -> Scores:
        """Return the fitted scores, whatever the context."""
        if self._scores is None:
            raise NotFittedError("popularity: not fitted; call `fit` or `load` first")
        return self._scores

    def is_bought_again(self, rows: Rows) -> NDArray[np.bool_]:
        """Return which of the products at least one buyer in seven buys again: shape (n_rows,)."""
        return self.n_repeat[rows] * 7 >= np.maximum(self.n_buyers[rows], 1)

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

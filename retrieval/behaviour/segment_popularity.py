"""What a segment buys most: an answer where a shopper or a product list has little else to go by.

The shopper's or the context's clusters lend their own decayed popularity, weighted by how likely
each of them is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np

from retrieval.behaviour.base import PURCHASE, Context, Interactions, Scores
from retrieval.behaviour.clusters import Clusters
from retrieval.config import BehaviourConfig
from retrieval.errors import NotFittedError


class SegmentPopularityScorer:
    """log(1 + decayed purchases of a product among a thousand of the segment)."""

    name = "segment_popularity"

    def __init__(
        self,
        clusters: Clusters,
        config: BehaviourConfig | None = None,
        *,
        prior: float = 50.0,
    ) -> None:
        """Set up.

        Args:
            clusters: Fitted, loaded and saved with this scorer unless that was done before.
            config: Half-life of a purchase.
            prior: Purchases of the average shopper added to every segment, so that small segments
                lean on all: 0 adds none.
        """
        self.clusters = clusters
        self.config = config or BehaviourConfig()
        self.prior = prior
        self._shares: Scores | None = None

    def fit(self, interactions: Interactions) -> Self:
        """Count purchases by cluster; one `popularity_half_life_days` old counts half."""
        if not self.clusters.is_fitted:
            self.clusters.fit(interactions)
        bought = interactions.only(PURCHASE)
        age = bought.end_day - bought.day
        weight = 0.5 ** (age / self.config.popularity_half_life_days)
        n, n_clusters = interactions.n_products, self.clusters.n_clusters
        everywhere = np.bincount(bought.product, weight, minlength=n)
        average = everywhere / max(everywhere.sum(), 1e-12)
        shares = np.zeros((n_clusters, n))
        for cluster in range(n_clusters):
            sure = weight * self.clusters.memberships[bought.shopper, cluster]
            counts = np.bincount(bought.product, sure, minlength=n) + self.prior * average
            shares[cluster] = counts / max(counts.sum(), 1e-12)
        self._shares = shares.astype(np.float32)
        return self

    def score(self, context: Context) -> Scores:
        """Return the segment's popularity; zeros where the context belongs to none."""
        if self._shares is None:
            raise NotFittedError("segment_popularity: not fitted; call `fit` or `load` first")
        return np.log1p(1_000 * (self.clusters.membership(context) @ self._shares)).astype(
            np.float32
        )

    def save(self, folder: Path) -> None:
        """Write `segment_popularity.npz` and the clusters."""
        if self._shares is None:
            raise NotFittedError("segment_popularity: not fitted; call `fit` before `save`")
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "segment_popularity.npz", shares=self._shares)
        self.clusters.save(folder)

    def load(self, folder: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(folder / "segment_popularity.npz", allow_pickle=False) as file:
            self._shares = file["shares"]
        if not self.clusters.is_fitted:
            self.clusters.load(folder)
        return self

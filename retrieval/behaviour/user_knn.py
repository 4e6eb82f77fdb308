"""User-user neighbours: what shoppers bought whose taste is nearest to the context's.

Cosine of inverse-popularity-weighted vectors (Breese, Heckerman and Kadie 1998), damped where the
two share little (Herlocker et al. 1999). The context is a shopper of its own, so it needs no log:
somebody anonymous is answered as well. A known shopper's own row is never a neighbour.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from retrieval.behaviour.base import (
    PURCHASE,
    Context,
    Interactions,
    Rows,
    Scores,
    load_sparse,
    row_sum,
    save_sparse,
)
from retrieval.behaviour.clusters import Clusters
from retrieval.behaviour.taken import context_matrix, taken_matrix
from retrieval.config import BehaviourConfig
from retrieval.errors import NotFittedError


class UserKnnScorer:
    """Purchases of the nearest shoppers, summed by their similarity to the context."""

    name = "user_knn"

    def __init__(
        self,
        config: BehaviourConfig | None = None,
        *,
        n_shoppers: int = 200,
        shrinkage: float = 2.0,
        recency: float = 0.8,
        include_given: bool = True,
        clusters: Clusters | None = None,
    ) -> None:
        """Set up.

        Args:
            config: Not used; there because every scorer takes it.
            n_shoppers: Neighbours asked, at least 1.
            shrinkage: In shared products: similarity counts m / (m + shrinkage) with m shared.
            recency: Each step back in a history counts this much less; 1 counts all alike.
            include_given: False gives what the context names 0: neighbours are near because they
                bought it too, so it leads otherwise.
            clusters: Only shoppers of the same behaviour cluster are asked. Fitted, loaded and
                saved with this scorer unless that was done before. A context that belongs to no
                cluster asks everybody.
        """
        if n_shoppers < 1:
            raise ValueError(f"`n_shoppers` must be at least 1, got {n_shoppers}")
        self.config = config or BehaviourConfig()
        self.n_shoppers = n_shoppers
        self.shrinkage = shrinkage
        self.recency = recency
        self.include_given = include_given
        self.clusters = clusters
        self._rarity: NDArray[np.float64] | None = None
        self._by_product = csr_array((0, 0))
        """Unit vectors of the shoppers, turned: shape (n_products, n_shoppers)."""
        self._bought = csr_array((0, 0))
        """1 where a shopper bought a product: shape (n_shoppers, n_products)."""

    def fit(self, interactions: Interactions) -> Self:
        """Keep every shopper's vector, and what they bought."""
        if self.clusters is not None and not self.clusters.is_fitted:
            self.clusters.fit(interactions)
        taken = taken_matrix(interactions)
        n_takers = np.bincount(taken.indices, minlength=interactions.n_products)
        self._rarity = np.where(
            n_takers > 0, np.log1p(taken.shape[0] / np.maximum(n_takers, 1)), 0.0
        )
        vectors = taken @ diags_array(self._rarity)
        length = np.sqrt((vectors**2).sum(axis=1))
        self._by_product = csr_array((diags_array(1 / np.maximum(length, 1e-12)) @ vectors).T)
        self._bought = taken_matrix(interactions.only(PURCHASE))
        return self

    def neighbours(self, context: Context) -> tuple[Rows, NDArray[np.float64]]:
        """Return the shoppers asked, nearest first, and their damped similarity above 0.

        Ties go to the lower row.
        """
        if self._rarity is None:
            raise NotFittedError("user_knn: not fitted; call `fit` or `load` first")
        asked = context_matrix([context], len(self._rarity), self.recency)
        asked = csr_array(asked @ diags_array(self._rarity))
        length = float(np.sqrt((asked.data**2).sum()))
        n_shoppers = self._by_product.shape[1]
        if not length:
            return np.zeros(0, np.int64), np.zeros(0)
        similar = row_sum(self._by_product, asked.indices, asked.data / length).astype(np.float64)
        if self.shrinkage:
            shared = np.zeros(n_shoppers)
            for product in asked.indices:
                start, end = self._by_product.indptr[product], self._by_product.indptr[product + 1]
                shared[self._by_product.indices[start:end]] += 1
            similar *= shared / (shared + self.shrinkage)
        if context.shopper is not None:
            similar[context.shopper] = 0.0
        if self.clusters is not None and (own := self.clusters.of(context)) is not None:
            similar[self.clusters.labels != own] = 0.0
        rows = np.flatnonzero(similar > 0)
        if len(rows) > self.n_shoppers:  # all that tie with the last, then the lower rows first
            least = np.partition(similar[rows], -self.n_shoppers)[-self.n_shoppers]
            rows = rows[similar[rows] >= least]
        rows = rows[np.lexsort((rows, -similar[rows]))][: self.n_shoppers]
        return rows, similar[rows]

    def score(self, context: Context) -> Scores:
        """Return the neighbours' purchases, each weighing its similarity."""
        rows, similar = self.neighbours(context)
        scores = row_sum(self._bought, rows, similar)
        if not self.include_given:
            scores[context.given] = 0.0
        return scores

    def save(self, folder: Path) -> None:
        """Write `user_knn.npz`, and the clusters where they are used."""
        if self._rarity is None:
            raise NotFittedError("user_knn: not fitted; call `fit` before `save`")
        save_sparse(
            folder / "user_knn.npz",
            by_product=self._by_product,
            bought=self._bought,
            rarity=csr_array(self._rarity[None, :]),
        )
        if self.clusters is not None:
            self.clusters.save(folder)

    def load(self, folder: Path) -> Self:
        """Read what `save` wrote."""
        found = load_sparse(folder / "user_knn.npz")
        self._by_product, self._bought = found["by_product"], found["bought"]
        self._rarity = found["rarity"].toarray()[0]
        if self.clusters is not None and not self.clusters.is_fitted:
            self.clusters.load(folder)
        return self

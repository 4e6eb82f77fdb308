"""EASE^R: item-item weights learned together, in closed form (Steck 2019).

"Embarrassingly Shallow Autoencoders for Sparse Data". With G the co-occurrence counts and
P = (G + λI)⁻¹, the weight from product i to product j is -P_ij / P_jj and 0 on the diagonal. The
inverse is dense, so only the most taken products take part, and only the largest weights of each
row are kept.

Counted over shoppers (`ease`) it says what the same people take, over baskets (`basket_ease`) what
is bought at one time: where people buy often, such as groceries, these differ much.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from retrieval.behaviour.base import (
    PURCHASE,
    Context,
    Interactions,
    Scores,
    load_sparse,
    row_sum,
    save_sparse,
    shared,
)
from retrieval.behaviour.taken import context_matrix, recency_weights, taken_matrix
from retrieval.config import BehaviourConfig
from retrieval.errors import NotFittedError

BLOCK = 512
"""Rows of the dense inverse turned into sparse weights at a time."""


class EaseScorer:
    """Sum of learned weights over what the context names, the latest counting most."""

    def __init__(
        self,
        config: BehaviourConfig | None = None,
        *,
        regularisation: float = 100.0,
        recency: float = 0.8,
        activity_power: float = 0.5,
        max_items: int = 6_000,
        neighbours: int = 200,
        over: Literal["shoppers", "baskets"] = "shoppers",
    ) -> None:
        """Set up.

        Args:
            config: The largest basket that counts.
            regularisation: λ above 0, in shoppers or baskets: more shrinks rare products' weights.
            recency: Each step back in a history counts this much less; 1 counts all alike.
            activity_power: One with n products weighs n ** -activity_power; 0 weighs all alike.
            max_items: Only this many products, the most taken, get weights; others score 0.
                The inverse holds max_items² float32 (6,000: 144 MB, about 10 CPU s).
            neighbours: Weights kept per product.
            over: Whose products are counted together.
        """
        if regularisation <= 0:
            raise ValueError(f"`regularisation` must be above 0, got {regularisation}")
        if max_items < 1:
            raise ValueError(f"`max_items` must be at least 1, got {max_items}")
        self.config = config or BehaviourConfig()
        self.regularisation = regularisation
        self.recency = recency
        self.activity_power = activity_power
        self.max_items = max_items
        self.neighbours = neighbours
        self.over = over
        self.name = "ease" if over == "shoppers" else "basket_ease"
        self._weights: csr_array | None = None

    def fit(self, interactions: Interactions) -> Self:
        """Learn weights from how strongly each shopper took each product, or from baskets."""
        taken = taken_matrix(interactions)
        if self.over == "baskets":
            bought = interactions.only(PURCHASE)
            taken = bought.groups(bought.basket, self.config.max_basket)
        n_shoppers = np.bincount(taken.indices, minlength=interactions.n_products)
        # Most taken first, ties to the lower row; then in row order.
        kept = np.sort(np.lexsort((np.arange(len(n_shoppers)), -n_shoppers))[: self.max_items])
        kept = kept[n_shoppers[kept] > 0]
        n_own = np.maximum(1, np.diff(taken.indptr))
        scaled = diags_array(n_own ** (-self.activity_power / 2)) @ csr_array(taken)[:, kept]
        gram = np.zeros((len(kept), len(kept)), np.float32)
        for row, block in shared(csr_array(scaled)):
            gram[row, block.indices] = block.data
        small = strongest_weights(gram, self.regularisation, self.neighbours)
        shape = (interactions.n_products, interactions.n_products)
        where = small.tocoo()
        self._weights = csr_array((where.data, (kept[where.row], kept[where.col])), shape=shape)
        return self

    def score(self, context: Context) -> Scores:
        """Return the summed weight from what the context names; sums below 0 say nothing."""
        weights = self._fitted()
        late = recency_weights(context, self.recency)
        return np.maximum(row_sum(weights, context.given, late), 0.0)

    def score_many(self, contexts: Sequence[Context]) -> Scores:
        """Return `score` of each context: shape (n_contexts, n_products)."""
        weights = self._fitted()
        asked = context_matrix(contexts, weights.shape[0], self.recency)
        return np.maximum((asked @ weights).toarray(), 0.0).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write `ease.npz` or `basket_ease.npz`."""
        if self._weights is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` before `save`")
        save_sparse(folder / f"{self.name}.npz", weights=self._weights)

    def load(self, folder: Path) -> Self:
        """Read what `save` wrote."""
        self._weights = load_sparse(folder / f"{self.name}.npz")["weights"]
        return self

    def _fitted(self) -> csr_array:
        if self._weights is None:
            raise NotFittedError(f"{self.name}: not fitted; call `fit` or `load` first")
        return self._weights


def strongest_weights(
    gram: NDArray[np.float32], regularisation: float, neighbours: int
) -> csr_array:
    """Return each row's `neighbours` weights of largest size, of either sign.

    Args:
        gram: Symmetric counts of shape (n, n); overwritten.
        regularisation: Added to the diagonal.
        neighbours: Weights kept per row.
    """
    n = len(gram)
    if not n:
        return csr_array((0, 0), dtype=np.float32)
    gram[np.diag_indices(n)] += regularisation
    inverse = symmetric_inverse(gram)
    bottom = -inverse.diagonal().copy()
    rows, columns, values = [], [], []
    k = min(neighbours, n)
    for begin in range(0, n, BLOCK):
        block = inverse[begin : begin + BLOCK] / bottom
        here = np.arange(len(block))
        block[here, begin + here] = 0.0
        best = np.argpartition(-np.abs(block), k - 1, axis=1)[:, :k]
        rows.append(np.repeat(begin + here, k))
        columns.append(best.ravel())
        values.append(np.take_along_axis(block, best, axis=1).ravel())
    kept = csr_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(n, n)
    )
    kept.eliminate_zeros()
    kept.sort_indices()
    return kept


def symmetric_inverse(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the inverse of a positive definite matrix by Cholesky, a third of `inv`'s work."""
    from scipy.linalg.lapack import spotrf, spotri

    # A symmetric C-ordered array is its own Fortran-ordered transpose, so nothing is copied.
    factor, failed = spotrf(matrix.T, lower=1, overwrite_a=1)
    if not failed:
        inverse, failed = spotri(factor, lower=1, overwrite_c=1)
    if failed:  # rounding of a nearly singular matrix; the slower way pivots
        raise np.linalg.LinAlgError(
            "ease: the counts cannot be inverted in single precision; raise `regularisation`"
        )
    lower = np.tril(inverse, -1)
    return np.asarray(lower + lower.T + np.diag(inverse.diagonal()), np.float32)

"""Two matrices that several scorers start from: who took what, and what contexts name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from retrieval.behaviour.base import Context, Interactions
from retrieval.behaviour.item_cf import WEIGHT


def taken_matrix(interactions: Interactions) -> csr_array:
    """Return how strongly each shopper took each product: events add up, at most to 1.

    Shape (n_shoppers, n_products), at least one row.
    """
    weight = np.array([WEIGHT[t] for t in range(len(WEIGHT))])[interactions.type]
    taken = csr_array(
        (weight, (interactions.shopper, interactions.product)),
        shape=(max(1, interactions.n_shoppers), interactions.n_products),
    )
    taken.sum_duplicates()
    taken.data = np.minimum(taken.data, 1.0)
    return taken


def recency_weights(context: Context, recency: float) -> NDArray[np.float64]:
    """Return the weight of each product of `context.given`.

    The last product of the history counts 1 and each one before it `recency` times less. A basket
    and anchors have no order: each of them counts 1.
    """
    weights = np.ones(len(context.given))
    n = len(context.history)
    weights[:n] = recency ** np.arange(n)[::-1].astype(np.float64)
    return weights


def context_matrix(contexts: Sequence[Context], n_products: int, recency: float) -> csr_array:
    """Return the recency weights of many contexts: shape (n_contexts, n_products)."""
    shape = (len(contexts), n_products)
    if not contexts:
        return csr_array(shape, dtype=np.float64)
    row = np.repeat(np.arange(len(contexts)), [len(c.given) for c in contexts])
    column = np.concatenate([c.given for c in contexts])
    weights = np.concatenate([recency_weights(c, recency) for c in contexts])
    return csr_array((weights, (row, column)), shape=shape)

"""What behaviour says of a product that has none yet: what it says of its nearest relatives.

A new product lends the behaviour of the products that it reads like, within its leaf category: a
new tent goes with what tents like it go with. What it inherits fades with every event of its own
and is gone once it has as many as a statistic needs. It is a mean over relatives, so no product is
ranked higher for being unknown than the best of what it resembles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from retrieval.behaviour.base import NO_ROWS, Context, Interactions, Rows

N_RELATIVES = 5
SHARPNESS = 12.0
"""A relative counts by its cosine to this power: the nearest ones count most."""
MOST_NEW = 50_000
"""With more new products than this nothing is carried over: it is then a new shop."""
BLOCK = 1_024
"""New products compared at once."""

Floats = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Relatives:
    """New products, and whose behaviour stands in for theirs."""

    rows: Rows
    """The new products with a relative, ascending: shape (n_new,)."""
    shares: csr_array
    """How much each product lends: shape (n_new, n_products), rows adding up to at most 1."""
    n_events: Rows
    """Events of every product in the log: shape (n_products,)."""

    @classmethod
    def of(cls, log: Interactions, leaf_code: Rows, vectors: Floats, enough: int) -> Relatives:
        """Find the relatives of every product with fewer than `enough` events.

        Args:
            log: What was done with the products.
            leaf_code: Leaf category of each product, -1 for none: shape (n_products,).
            vectors: Unit vectors of the products' texts, shape (n_products, d).
            enough: Events from which a product speaks for itself.
        """
        n_events = np.bincount(log.product, minlength=log.n_products).astype(np.int64)
        is_new = (n_events < enough) & (leaf_code >= 0)
        found: list[tuple[Rows, Rows, Floats]] = []
        if 0 < is_new.sum() <= MOST_NEW:
            for leaf in np.unique(leaf_code[is_new]):
                members = np.flatnonzero(leaf_code == leaf)
                new, old = members[is_new[members]], members[~is_new[members]]
                if len(old):
                    blocks = range(0, len(new), BLOCK)
                    found += [_nearest(new[i : i + BLOCK], old, vectors) for i in blocks]
        row, column, share = (
            np.concatenate([part[i] for part in found]) if found else np.zeros(0, np.int64)
            for i in range(3)
        )
        share = share * (1 - n_events[row] / enough)
        rows = np.unique(row)
        shape = (len(rows), log.n_products)
        shares = csr_array((share, (np.searchsorted(rows, row), column)), shape=shape)
        return cls(rows=rows, shares=shares, n_events=n_events)

    @cached_property
    def silence(self) -> NDArray[np.float64]:
        """Return how much of each new product is inherited: shape (n_new,), 1 without events."""
        return np.asarray(self.shares.sum(axis=1), np.float64)

    @cached_property
    def lenders(self) -> Rows:
        """Return the products that lend to another, ascending."""
        return np.unique(self.shares.indices).astype(np.int64)

    def inherit(
        self, values: Floats | NDArray[np.bool_], given: Rows = NO_ROWS
    ) -> NDArray[np.float64]:
        """Return what new products take over of the values of all: shape (n_products,).

        What is `given` says nothing of what goes with itself: the other relatives speak for it.
        """
        lending = np.asarray(values, np.float64)
        inherited = np.zeros(self.shares.shape[1])
        if not len(given):
            inherited[self.rows] = self.shares @ lending
            return inherited
        speaks = np.ones(len(lending))
        speaks[given] = 0
        heard = self.shares @ speaks
        scale = np.divide(self.silence, heard, out=np.zeros(len(heard)), where=heard > 0)
        inherited[self.rows] = scale * (self.shares @ (lending * speaks))
        return inherited

    def stand_in(self, context: Context) -> Context:
        """Return the context with each product that nothing is known of as its nearest relative.

        Products with an event of their own stay: little of their own goes before more of others.
        """
        silent = self.rows[self.n_events[self.rows] == 0]
        if not len(silent) or not np.isin(context.given, silent).any():
            return context

        def known(rows: Rows) -> Rows:
            return np.array(
                [self._nearest_of(int(r)) if r in silent else r for r in rows], rows.dtype
            )

        return Context(
            anchors=known(context.anchors),
            basket=known(context.basket),
            history=known(context.history),
            anchor_leaves=context.anchor_leaves,
            shopper=context.shopper,
            at=context.at,
        )

    def _nearest_of(self, row: int) -> int:
        place = int(np.searchsorted(self.rows, row))
        own = slice(self.shares.indptr[place], self.shares.indptr[place + 1])
        return int(self.shares.indices[own][np.argmax(self.shares.data[own])])


def _nearest(new: Rows, old: Rows, vectors: Floats) -> tuple[Rows, Rows, Floats]:
    """Return row, relative and share of each pair; the shares of a row add up to 1."""
    near = np.maximum(np.asarray(vectors[new]) @ np.asarray(vectors[old]).T, 0.0)
    near = np.round(near.astype(np.float64), 6)
    k = min(N_RELATIVES, len(old))
    best = np.argsort(-near, axis=1, kind="stable")[:, :k]
    weight = np.take_along_axis(near, best, axis=1) ** SHARPNESS + 1e-12
    share = weight / weight.sum(axis=1, keepdims=True)
    return np.repeat(new, k), old[best].ravel(), share.ravel()

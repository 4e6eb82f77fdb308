"""What pairs of a kind are usually to each other: a new cartridge that fits the filter asked about.

Relatives say what goes for products like it; they cannot say which one product it was made for.
That is read from how established pairs of the same two leaf categories fare that stand in the same
relation: one states that it fits the other, or both are of one brand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.association import AssociationScorer
from retrieval.behaviour.base import Context, Rows
from retrieval.compatibility import CompatibilityIndex

MOST_ANCHORS = 50
"""Established products of a leaf category that stand for it, evenly spread."""
LEAST_PAIRS = 2
"""With fewer established pairs nothing is said of a new one."""
RELATIONS = ("fits", "brand")


class Relations:
    """Mean association of established pairs by categories and relation. Safe from threads."""

    def __init__(
        self,
        association: AssociationScorer,
        compatibility: CompatibilityIndex,
        *,
        leaf_code: Rows,
        brand_code: Rows,
        is_new: NDArray[np.bool_],
        half: float,
    ) -> None:
        """Set up; `half` is the rule weight that counts half, arrays have shape (n_products,)."""
        self._association, self._compatibility = association, compatibility
        self._leaf, self._brand, self._new = leaf_code, brand_code, is_new
        self._half = half
        self._known: dict[int, NDArray[np.float64]] = {}

    def expected(self, given: Rows, rows: Rows) -> NDArray[np.float64]:
        """Return what is usual between new products and the nearest related of what is given.

        Args:
            given: Products that are asked about.
            rows: New products.

        Returns:
            Shape (n_rows,), 0 to 1; 0 without a relation.
        """
        found = np.zeros(len(rows))
        for anchor in np.unique(given):
            if self._leaf[anchor] < 0:
                continue
            usual = self._usual(int(self._leaf[anchor]))
            for place, related in enumerate(self._related(int(anchor))):
                own = np.where(related[rows], usual[place, self._leaf[rows]], 0.0)
                found = np.maximum(found, own)
        return found

    def _related(self, anchor: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which products fit an anchor, and which are of its brand: (n_products,) each."""
        fits = self._compatibility.score(np.array([anchor])) > 0
        brand = self._brand[anchor]
        return fits, (self._brand == brand) & (brand >= 0) & ~fits

    def _usual(self, leaf: int) -> NDArray[np.float64]:
        """Return the mean by relation and leaf category of the other: (n_relations, n_leaves)."""
        if leaf not in self._known:
            n_leaves = int(self._leaf.max()) + 1
            total, count = (np.zeros((len(RELATIONS), n_leaves)) for _ in range(2))
            members = np.flatnonzero((self._leaf == leaf) & ~self._new)
            for anchor in members[:: max(1, len(members) // MOST_ANCHORS)]:
                scores = self._association.score(Context(anchors=np.array([anchor])))
                scores = scores / (scores + self._half)
                for place, related in enumerate(self._related(int(anchor))):
                    pairs = np.flatnonzero(related & ~self._new & (self._leaf >= 0))
                    pairs = pairs[pairs != anchor]
                    total[place] += np.bincount(self._leaf[pairs], scores[pairs], n_leaves)
                    count[place] += np.bincount(self._leaf[pairs], minlength=n_leaves)
            enough = count >= LEAST_PAIRS
            self._known[leaf] = np.where(enough, total / np.maximum(count, 1), 0.0)
        return self._known[leaf]

"""Cross-sell: complements of the anchors, from other categories than theirs.

A product of the anchor's own leaf category is its substitute, however often both are bought; one
that states another fit than the anchor's cannot complement it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.base import Context
from retrieval.store import Store


def complement_mask(store: Store, context: Context) -> NDArray[np.bool_]:
    """Return which products may complement what the context names: shape (n_products,)."""
    catalogue = store.catalogue
    named = catalogue.leaf_code[context.given]
    leaves = {int(code) for code in named if code >= 0} | set(context.anchor_leaves)
    mask = ~np.isin(catalogue.leaf_code, sorted(leaves))
    if leaves:
        mask &= catalogue.leaf_code >= 0  # a product without a category cannot be of another one
    mask[context.given] = False
    groups = {catalogue.products[int(r)].item_group_id for r in context.given} - {None}
    for row, product in enumerate(catalogue.products if groups else ()):
        if product.item_group_id in groups:
            mask[row] = False
    if len(context.given):
        mask &= store.compatibility.score(context.given) >= 0
    return mask

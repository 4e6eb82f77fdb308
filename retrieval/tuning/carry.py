"""How much of their relatives' behaviour new products inherit, as the shop's past has it.

Only products that were met at all count: one without any event, before the cut or after it, may
have been on no shelf, and says nothing of how new products fare.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.additive import Weight, contribution, gains, place
from retrieval.candidates import generate
from retrieval.filters import Mask
from retrieval.plan import RELATIVES, Plan, highest
from retrieval.store import Store

SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)
"""Tried; of equals the first is taken."""
MOST_ASKED = 300


def carried(
    store: Store,
    asked: Sequence[tuple[Plan, Mask, int]],
    weights: Mapping[str, Weight],
    is_met: NDArray[np.bool_],
) -> tuple[float, dict[str, float]] | None:
    """Return the share that ranks best, and nDCG@10 of each; None where no new product was met.

    Args:
        store: The store as it was at the cut.
        asked: Plans with what may be shown and the row that was taken.
        weights: How the other sources count.
        is_met: Which products the whole log knows: shape (n_products,).
    """
    top, new = highest(weights), store.relatives.rows
    if not top or not len(asked) or not is_met[new].any():
        return None
    ranks = np.full((len(asked), len(SHARES)), np.inf)
    for i, (plan, mask, taken) in enumerate(asked):
        found = generate(store, plan, {**weights, RELATIVES: top}, mask)
        parts = {s: contribution(weights[s], v) for s, v in found.scores.items() if s in weights}
        base = np.sum(list(parts.values()), axis=0) if parts else np.zeros(len(found.rows))
        lent = np.where(is_met[found.rows], found.scores.get(RELATIVES, 0.0), 0.0) * top
        row = int(np.searchsorted(found.rows, taken))
        if row < len(found.rows) and found.rows[row] == taken:
            ranks[i] = [place(base + share * lent, row) for share in SHARES]
    values = gains(ranks).mean(axis=0)
    best = int(np.argmax(np.round(values, 6)))
    report = {f"{s:g}": round(float(v), 4) for s, v in zip(SHARES, values, strict=True)}
    return SHARES[best], report

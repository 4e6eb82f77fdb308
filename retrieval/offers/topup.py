"""Reaching a minimum spend at the least regret.

Regret is what is spent above the gap less what the products are expected to be worth to the
shopper: for each its price times the share of baskets with a line of the cart, or its category,
that hold it. The products are chosen exactly, by the bundle solver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.offers.bundle import BundleItem, BundleRules, Model

MOST = 3
"""A top-up of more products is no top-up."""
USEFUL = 0.02
"""Products that fewer baskets than this share hold are no use to top up with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filler:
    """A product that may top a cart up."""

    row: int
    price: int
    """Minor units."""
    permille: int
    """Of a thousand baskets with a line of the cart, how many hold it: its expected worth."""
    role: int = -1
    group: str | None = None

    @property
    def unwanted(self) -> int:
        """Price less expected worth, in thousandths of a minor unit."""
        return self.price * (1000 - self.permille)


def least_regret(
    fillers: Sequence[Filler], gap: int, conflicts: Sequence[tuple[int, int]] = ()
) -> tuple[Filler, ...] | None:
    """Return the products that reach the gap at the least regret; None if none do.

    Of equal regret the ones that cost less are returned, then the fewer.

    Args:
        fillers: What may be added, one piece each.
        gap: What is missing, in minor units, above 0.
        conflicts: Pairs of rows that do not work together.
    """
    useful = [f for f in fillers if f.permille >= 1000 * USEFUL]
    if not useful:
        return None
    items = [
        BundleItem(row=f.row, price=f.price, score=0.0, role=f.role, group=f.group) for f in useful
    ]
    rules = BundleRules(min_items=1, max_items=MOST, conflicts=tuple(conflicts))
    model = Model(items, rules)
    price = np.array([f.price for f in useful], np.int64)
    model.at_least(price, gap)
    found: list[int] | None = None
    for measure in (
        -np.array([f.unwanted for f in useful], np.int64),
        -price,
        -np.ones(len(useful), np.int64),
    ):
        places = model.maximise(measure)
        if places is None:
            break
        found = places
        model.at_least(measure, int(measure[places].sum()))
    return None if found is None else tuple(useful[i] for i in found)

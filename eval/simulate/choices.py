"""How shoppers choose: a leaf, a product in it, and what goes beside it."""

from __future__ import annotations

import numpy as np

from eval.simulate.content import Shelf
from eval.simulate.market import N_BUCKETS, Market, candidates_in
from eval.simulate.shoppers import Shopper
from eval.simulate.year import TRIAL_DEPARTMENT

RESIDUAL_BOND = 0.35
"""Share of a leaf's complement chance that goes to any fitting product, not to planted pairs."""
_REPURCHASE_PATIENCE = 0.45
"""Complements are this much rarer in an order that only fills up a consumable."""
_SWITCHES = 0.12
"""Share of repurchases that try the closest alternative."""
_UNLOVED = 0.6
"""Weight of a leaf that a segment neither likes nor avoids."""
_N_BESIDES = 0.45
"""Mean number of products in a basket that belong to nothing."""


class Choices:
    """Draws leaves and products; its tables are cumulative, so that a draw is one search."""

    def __init__(self, shelf: Shelf, market: Market) -> None:
        self.market = market
        self.trial_leaves = [
            market.leaves.index(leaf.en)
            for department in shelf.departments
            if department.department.en == TRIAL_DEPARTMENT
            for leaf in department.leaves
        ]
        self._leaves = {
            (name, month): np.cumsum(_leaf_weights(shelf, market, name, month))
            for name in shelf.segments
            for month in range(12)
        }
        self._products = {
            (leaf, bucket): np.cumsum(market.choice_weights(leaf, bucket))
            for leaf in range(len(market.leaves))
            for bucket in range(N_BUCKETS)
        }

    def anchor(self, shopper: Shopper, month: int, rng: np.random.Generator) -> int:
        """Draw a product by what the segment likes in the month (0 is January)."""
        table = self._leaves[shopper.segment, month]
        return self.product(shopper, _draw(table, rng), rng)

    def product(self, shopper: Shopper, leaf: int, rng: np.random.Generator) -> int:
        """Draw a product of a leaf by appeal and the shopper's eye for prices."""
        table = self._products[leaf, _bucket_of(shopper)]
        return int(self.market.members[leaf][_draw(table, rng)])

    def trial_product(self, shopper: Shopper, rng: np.random.Generator) -> int:
        """Draw a product of the promoted department."""
        leaf = self.trial_leaves[int(rng.integers(len(self.trial_leaves)))]
        return self.product(shopper, leaf, rng)

    def again(self, product: int, rng: np.random.Generator) -> int:
        """Return what is bought when a product is used up: mostly the same."""
        others = self.market.substitutes[product]
        return others[0] if others and rng.random() < _SWITCHES else product

    def basket(
        self,
        anchor: int,
        shopper: Shopper,
        month: int,
        rng: np.random.Generator,
        *,
        is_repurchase: bool,
    ) -> list[int]:
        """Compose what is bought: an anchor, what belongs to it, now and then something else."""
        market = self.market
        basket = [anchor]
        patience = _REPURCHASE_PATIENCE if is_repurchase else 1.0
        for other, chance in market.complements.get(anchor, ()):
            if rng.random() < chance * patience:
                basket.append(other)
        for leaf, chance in market.leaf_complements.get(int(market.leaf_of[anchor]), ()):
            if rng.random() < RESIDUAL_BOND * chance * patience:
                pool = candidates_in(market, anchor, leaf)
                if len(pool):
                    basket.append(int(pool[_draw(np.cumsum(market.appeal[pool]), rng)]))
        for _ in range(int(rng.poisson(_N_BESIDES))):
            basket.append(self.anchor(shopper, month, rng))
        return list(dict.fromkeys(basket))


def _draw(table: np.ndarray, rng: np.random.Generator) -> int:
    return int(np.searchsorted(table, rng.random() * table[-1]))


def _bucket_of(shopper: Shopper) -> int:
    return min(N_BUCKETS - 1, int(shopper.price_sensitivity * N_BUCKETS))


def _leaf_weights(shelf: Shelf, market: Market, segment: str, month: int) -> np.ndarray:
    likes = shelf.segments[segment].likes
    demand = [leaf.demand for department in shelf.departments for leaf in department.leaves]
    loved = [likes.get(leaf, _UNLOVED) for leaf in market.leaves]
    return np.array(demand) * np.array(loved) * market.seasons[:, month]

"""What a known shopper is due to buy again, and when.

A purchase may be the last one. So a product is due by two parts: the chance that it is bought again
at all, and when, told from the days since the last purchase (a cure model). A purchase long ago
without another is a sign that there will be none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from retrieval.behaviour.base import PURCHASE, Context, Interactions, Rows, Scores
from retrieval.behaviour.gaps import GapModel, Held, gaps_of
from retrieval.config import BehaviourConfig
from retrieval.errors import NotFittedError

Floats = NDArray[np.float64]
AGAIN_PRIOR = 5.0
"""Purchases of the category that the chance of a repurchase of each product starts with."""
OWN_PRIOR = 2.0
"""Purchases of others that a shopper's own repurchases are weighed with."""
N_ROUNDS = 10
"""Of expectation and maximisation for the chance of a repurchase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When a shopper is expected to buy a product again, with the counts behind it."""

    product: int
    n_bought: int
    """Days on which this shopper bought it."""
    n_gaps: int
    """Gaps of all shoppers behind the product's interval."""
    every_days: float
    """The middle gap expected of this shopper."""
    low_days: float
    high_days: float
    """80 % of the gaps of those who buy again lie between."""
    first_day: float
    last_day: float
    """Days since 1970 of this shopper's first and last purchase."""
    chance: float
    """Of a purchase within the horizon."""


class RepurchaseScorer:
    """The chance that the shopper buys each product again soon, times how often they did.

    Args:
        config: Settings of behaviour.
        leaf_code: Category of each product, -1 for none: shape (n_products,); None takes none.
        horizon_days: How far ahead "due" looks, from `Context.at` or the end of the log.
        own_power: 0 ranks by the chance alone; a little more trusts long habits.
    """

    name = "repurchase"

    def __init__(
        self,
        config: BehaviourConfig | None = None,
        *,
        leaf_code: Rows | None = None,
        horizon_days: float = 7.0,
        own_power: float = 0.25,
    ) -> None:
        if horizon_days <= 0:
            raise ValueError(f"`horizon_days` must be above 0, got {horizon_days}")
        self.config = config or BehaviourConfig()
        self.leaf_code = leaf_code
        self.horizon_days = horizon_days
        self.own_power = own_power
        self.model: GapModel | None = None
        self.again: Floats = np.zeros(0)
        """Chance that a purchase of each product is followed by another, shape (n_products,)."""
        self._held: Held | None = None
        self._start: Rows = np.zeros(0, np.int64)
        self._end_day = 0.0

    def fit(self, interactions: Interactions) -> Self:
        """Learn gaps and chances from the purchases."""
        log = interactions.only(PURCHASE)
        gaps, held = gaps_of(log.shopper, log.product, log.day)
        self.model = GapModel(self._parents(log.n_products), log.n_shoppers).fit(gaps)
        self._keep(held, log.n_shoppers, log.end_day)
        self.again = self._chance_again(self.model, held)
        return self

    def score(self, context: Context) -> Scores:
        """Return chance × own purchases ** `own_power`, 0 for what was never bought."""
        model, held = self._fitted()
        scores = np.zeros(len(model.parent), np.float32)
        rows = self._rows(context.shopper)
        if len(rows):
            chance = self._chances(rows, self._end_day if context.at is None else context.at)
            scores[held.thing[rows]] = chance * held.n[rows] ** self.own_power
        return scores

    def due(self, shopper: int, at: float | None = None) -> tuple[Due, ...]:
        """Return what the shopper has bought, most due first, ties by row.

        Args:
            shopper: Row of the shopper.
            at: Days since 1970; None is the end of the log.
        """
        model, held = self._fitted()
        rows = self._rows(shopper)
        moment = self._end_day if at is None else at
        rows = rows[held.last[rows] <= moment]
        chance = self._chances(rows, moment)
        things = held.thing[rows]
        middle, low, high = model.window(held.shopper[rows], things)
        order = np.lexsort((things, -chance))
        return tuple(
            Due(
                product=int(things[i]),
                n_bought=int(held.n[rows[i]]),
                n_gaps=int(model.n_gaps[things[i]]),
                every_days=float(middle[i]),
                low_days=float(low[i]),
                high_days=float(high[i]),
                first_day=float(held.first[rows[i]]),
                last_day=float(held.last[rows[i]]),
                chance=float(chance[i]),
            )
            for i in order
        )

    def save(self, folder: Path) -> None:
        """Write `repurchase.npz`."""
        model, held = self._fitted()
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / "repurchase.npz",
            parent=model.parent,
            again=self.again,
            end_day=np.array(self._end_day),
            **{f"model.{name}": values for name, values in model.state().items()},  # type: ignore[arg-type]
            **{f"held.{name}": getattr(held, name) for name in Held.__slots__},
        )

    def load(self, folder: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(folder / "repurchase.npz", allow_pickle=False) as file:
            parts: dict[str, dict[str, NDArray[np.generic]]] = {"model": {}, "held": {}}
            for name in file.files:
                head, _, tail = name.partition(".")
                if tail:
                    parts[head][tail] = file[name]
            self.model = GapModel.of_state(file["parent"], parts["model"])
            self.again = file["again"]
            held = Held(**parts["held"])  # type: ignore[arg-type]
            self._keep(held, self.model.n_shoppers, float(file["end_day"]))
        return self

    def _fitted(self) -> tuple[GapModel, Held]:
        if self.model is None or self._held is None:
            raise NotFittedError("RepurchaseScorer is not fitted; call `fit` or `load` first")
        return self.model, self._held

    def _parents(self, n_products: int) -> Rows:
        if self.leaf_code is None:
            return np.full(n_products, -1, np.int64)
        return np.asarray(self.leaf_code, np.int64)

    def _keep(self, held: Held, n_shoppers: int, end_day: float) -> None:
        self._held, self._end_day = held, end_day
        self._start = np.searchsorted(held.shopper, np.arange(n_shoppers + 1))

    def _rows(self, shopper: int | None) -> Rows:
        """Return the rows of `held` that are this shopper's."""
        if shopper is None or not 0 <= shopper < len(self._start) - 1:
            return np.zeros(0, np.int64)
        return np.arange(self._start[shopper], self._start[shopper + 1])

    def _chances(self, rows: Rows, at: float) -> Floats:
        model, held = self._fitted()
        shopper, thing = held.shopper[rows], held.thing[rows]
        since = at - held.last[rows]
        now = model.chance_within(shopper, thing, since)
        then = model.chance_within(shopper, thing, since + self.horizon_days)
        n_again = held.n[rows] - 1
        again = (OWN_PRIOR * self.again[thing] + n_again) / (OWN_PRIOR + n_again)
        chance = again * (then - now) / np.maximum(1 - again * now, 1e-9)
        return np.where(since >= 0, chance.clip(0, 1), 0.0)

    def _chance_again(self, model: GapModel, held: Held) -> Floats:
        """Estimate the chance of a repurchase; a purchase still open counts as far as it is due."""
        n_things = len(model.parent)
        if not len(held.n):
            return np.zeros(n_things)
        n_again = np.bincount(held.thing, held.n - 1, minlength=n_things)
        n_open = np.bincount(held.thing, minlength=n_things)
        passed = model.chance_within(held.shopper, held.thing, self._end_day - held.last)
        overall = float((n_again.sum() + 1) / (n_again.sum() + n_open.sum() + 2))
        chance = np.full(n_things, overall)
        has = model.parent >= 0
        for _ in range(N_ROUNDS):
            mine = chance[held.thing]
            still = mine * (1 - passed) / np.maximum(1 - mine * passed, 1e-9)
            to_come = np.bincount(held.thing, still, minlength=n_things)
            yes, all_ = n_again + to_come, n_again + n_open
            overall = float((yes.sum() + 1) / (all_.sum() + 2))
            prior = np.full(n_things, overall)
            if has.any():
                up = np.bincount(model.parent[has], yes[has])
                down = np.bincount(model.parent[has], all_[has])
                of_parent = (up + AGAIN_PRIOR * overall) / (down + AGAIN_PRIOR)
                prior[has] = of_parent[model.parent[has]]
            chance = (yes + AGAIN_PRIOR * prior) / (all_ + AGAIN_PRIOR)
        return chance


def visit_gaps(interactions: Interactions) -> tuple[GapModel, Held]:
    """Return how long shoppers take between orders of any kind, and their orders.

    The only thing is number 0: `model.window(shoppers, zeros)` gives the days until the next order.
    """
    log = interactions.only(PURCHASE)
    gaps, held = gaps_of(log.shopper, np.zeros_like(log.product), log.day)
    return GapModel(np.full(1, -1, np.int64), log.n_shoppers).fit(gaps), held


def category_gaps(interactions: Interactions, leaf_code: Rows) -> tuple[GapModel, Held]:
    """Return the same by category: a shopper's gaps between purchases of anything in a leaf."""
    log = interactions.only(PURCHASE)
    leaf = leaf_code[log.product]
    keep = leaf >= 0
    gaps, held = gaps_of(log.shopper[keep], leaf[keep], log.day[keep])
    n_leaves = int(leaf_code.max(initial=-1)) + 1
    return GapModel(np.full(n_leaves, -1, np.int64), log.n_shoppers).fit(gaps), held

"""How long until it is bought again: days between purchases of the same thing by the same shopper.

The logarithm of a gap is normal around a mean of three parts, each pulled to the one before it by
what its number of gaps is worth (empirical Bayes): the thing (a product, pulled to its category and
that to all), the shopper, and the shopper with this thing. Windows are set on gaps that the fit had
not seen, so that they hold what they say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from retrieval.behaviour.base import Rows

Floats = NDArray[np.float64]
MIN_GAP = 0.5
"""Days; purchases of one calendar day are one purchase."""
GROUP_PRIOR = 8.0
"""Gaps of the category that each thing starts with."""
SPREAD_PRIOR = 30.0
WINDOW = 0.8
CALIBRATION_SHARE = 0.2
"""The latest gaps, which set the windows."""
MIN_CALIBRATION = 100
"""With fewer of them the windows are those of the normal curve."""


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Gaps between purchases; arrays of shape (n_gaps,), sorted by shopper, thing and time."""

    shopper: Rows
    thing: Rows
    start: Floats
    """Days since 1970."""
    days: Floats

    def where(self, keep: NDArray[np.bool_]) -> Gaps:
        """Return some of them."""
        return Gaps(
            shopper=self.shopper[keep],
            thing=self.thing[keep],
            start=self.start[keep],
            days=self.days[keep],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Each shopper's purchases of each thing in sum; shape (n_pairs,), by shopper and thing."""

    shopper: Rows
    thing: Rows
    n: Rows
    """Purchases, those of one day once."""
    first: Floats
    last: Floats


def gaps_of(shopper: Rows, thing: Rows, day: Floats) -> tuple[Gaps, Held]:
    """Return the gaps between purchases and what each shopper holds of each thing.

    Args:
        shopper: Shape (n_purchases,), in any order.
        thing: A product, a category, or 0 for any purchase at all.
        day: Days since 1970.
    """
    order = np.lexsort((day, thing, shopper))
    shopper, thing, day = shopper[order], thing[order], day[order]
    new_pair = np.ones(len(day), bool)
    new_pair[1:] = (shopper[1:] != shopper[:-1]) | (thing[1:] != thing[:-1])
    new_day = new_pair.copy()
    new_day[1:] |= np.floor(day[1:]) != np.floor(day[:-1])
    shopper, thing = shopper[new_day], thing[new_day]
    day, new_pair = day[new_day], new_pair[new_day]
    starts = np.flatnonzero(new_pair)
    ends = np.append(starts[1:], len(day))
    inner = np.flatnonzero(~new_pair)
    gaps = Gaps(
        shopper=shopper[inner],
        thing=thing[inner],
        start=day[inner - 1],
        days=np.maximum(day[inner] - day[inner - 1], MIN_GAP),
    )
    held = Held(
        shopper=shopper[starts],
        thing=thing[starts],
        n=(ends - starts).astype(np.int64),
        first=day[starts],
        last=day[ends - 1] if len(day) else day,
    )
    return gaps, held


class GapModel:
    """Expected gaps: `fit` once, then ask with arrays of shoppers and things.

    Args:
        parent: Category of each thing, -1 for none: shape (n_things,).
        n_shoppers: How many shoppers there are.
    """

    def __init__(self, parent: Rows, n_shoppers: int) -> None:
        self.parent = parent
        self.n_shoppers = n_shoppers
        self.centre = np.zeros(len(parent))
        self.spread = np.ones(len(parent))
        self.n_gaps = np.zeros(len(parent), np.int64)
        self.shopper_effect = np.zeros(n_shoppers)
        self.pair_key: Rows = np.zeros(0, np.int64)
        self.pair_effect = np.zeros(0)
        self.pair_variance = np.zeros(0)
        self.pair_prior = 0.0
        self.z = np.array(stats.norm.ppf([(1 - WINDOW) / 2, (1 + WINDOW) / 2]))

    def fit(self, gaps: Gaps) -> Self:
        """Learn centres, spreads and windows."""
        if not len(gaps.days):
            return self
        end = gaps.start + gaps.days
        is_late = end > np.quantile(end, 1 - CALIBRATION_SHARE)
        self._learn(gaps.where(~is_late))
        late = gaps.where(is_late)
        if len(late.days) >= MIN_CALIBRATION:
            centre, spread = self.predict(late.shopper, late.thing)
            z = (np.log(late.days) - centre) / spread
            self.z = np.quantile(z, [(1 - WINDOW) / 2, (1 + WINDOW) / 2])
        self._learn(gaps)
        return self

    def predict(self, shopper: Rows, thing: Rows) -> tuple[Floats, Floats]:
        """Return mean and standard deviation of log days, each of the arguments' shape."""
        key = shopper * len(self.parent) + thing
        place = np.minimum(np.searchsorted(self.pair_key, key), max(len(self.pair_key) - 1, 0))
        centre = self.centre[thing] + self.shopper_effect[shopper]
        variance = np.full(len(key), self.pair_prior)
        if len(self.pair_key):
            known = self.pair_key[place] == key
            centre = centre + np.where(known, self.pair_effect[place], 0.0)
            variance = np.where(known, self.pair_variance[place], variance)
        return centre, np.sqrt(self.spread[thing] ** 2 + variance)

    def window(self, shopper: Rows, thing: Rows) -> tuple[Floats, Floats, Floats]:
        """Return the middle gap in days and the ends of the 80 % window."""
        centre, spread = self.predict(shopper, thing)
        low, high = self.z
        return np.exp(centre), np.exp(centre + low * spread), np.exp(centre + high * spread)

    def chance_within(self, shopper: Rows, thing: Rows, days: Floats) -> Floats:
        """Return P(gap <= days), for those who will buy again at all."""
        centre, spread = self.predict(shopper, thing)
        return np.asarray(stats.norm.cdf((np.log(np.maximum(days, 1e-3)) - centre) / spread))

    def _learn(self, gaps: Gaps) -> None:
        if not len(gaps.days):
            return
        x, n_things = np.log(gaps.days), len(self.parent)
        self.n_gaps = np.bincount(gaps.thing, minlength=n_things)
        self.centre = _shrunken_means(x, gaps.thing, self.parent)
        residual = x - self.centre[gaps.thing]
        key = gaps.shopper * n_things + gaps.thing
        pairs, place = np.unique(key, return_inverse=True)
        within = _within_variance(residual, place)
        between = max(float(residual.var()) - within, 1e-6)
        of_shopper = min(_between_variance(residual, gaps.shopper), between)
        n_of = np.bincount(gaps.shopper, minlength=self.n_shoppers)
        total = np.bincount(gaps.shopper, residual, minlength=self.n_shoppers)
        # A shopper's gaps are worth less than their number: those of one thing are alike.
        self.shopper_effect = total / (n_of + (within + between - of_shopper) / (of_shopper + 1e-9))
        residual = residual - self.shopper_effect[gaps.shopper]
        self.pair_prior = max(between - of_shopper, 1e-6)
        n_in = np.bincount(place)
        weight = n_in * self.pair_prior / (n_in * self.pair_prior + within)
        self.pair_key = pairs
        self.pair_effect = weight * np.bincount(place, residual) / n_in
        self.pair_variance = self.pair_prior * (1 - weight)
        left = residual - self.pair_effect[place]
        squares = np.bincount(gaps.thing, left**2, minlength=n_things)
        # the pair's own mean has taken up a part of the spread
        freedom = np.bincount(gaps.thing, 1 - (weight / n_in)[place], minlength=n_things)
        self.spread = np.sqrt((squares + SPREAD_PRIOR * within) / (freedom + SPREAD_PRIOR))

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return the fitted arrays by name."""
        return {
            "centre": self.centre,
            "spread": self.spread,
            "n_gaps": self.n_gaps,
            "shopper_effect": self.shopper_effect,
            "pair_key": self.pair_key,
            "pair_effect": self.pair_effect,
            "pair_variance": self.pair_variance,
            "pair_prior": np.array(self.pair_prior),
            "z": self.z,
        }

    @classmethod
    def of_state(cls, parent: Rows, state: dict[str, NDArray[np.generic]]) -> GapModel:
        """Return the model that `state` describes."""
        model = cls(parent, len(state["shopper_effect"]))
        for name, values in state.items():
            setattr(model, name, values)
        model.pair_prior = float(model.pair_prior)
        return model


def _shrunken_means(x: Floats, thing: Rows, parent: Rows) -> Floats:
    """Return each thing's mean, pulled to its category's and that to the mean of all."""
    n_things, n_parents = len(parent), int(parent.max(initial=-1)) + 1
    everywhere = float(x.mean())
    above = np.append(parent, -1)[thing]
    has = above >= 0
    n = np.bincount(above[has], minlength=n_parents)
    total = np.bincount(above[has], x[has], minlength=n_parents)
    of_parent = np.append((total + GROUP_PRIOR * everywhere) / (n + GROUP_PRIOR), everywhere)
    n = np.bincount(thing, minlength=n_things)
    total = np.bincount(thing, x, minlength=n_things)
    return np.asarray((total + GROUP_PRIOR * of_parent[parent]) / (n + GROUP_PRIOR))


def _within_variance(x: Floats, group: Rows) -> float:
    """Return the pooled variance inside groups of two or more; half of all without any."""
    n = np.bincount(group)
    mean = np.bincount(group, x) / np.maximum(n, 1)
    freedom = float((n - 1).clip(0).sum())
    if freedom < 1:
        return max(float(x.var()) / 2, 1e-2)
    return max(float(((x - mean[group]) ** 2).sum()) / freedom, 1e-2)


def _between_variance(x: Floats, group: Rows) -> float:
    """Return the variance of group means that chance does not explain, by moments."""
    n = np.bincount(group)
    seen = n >= 2
    if seen.sum() < 2:
        return 1e-6
    mean = np.bincount(group, x)[seen] / n[seen]
    noise = float(x.var()) / n[seen]
    weight = n[seen] / n[seen].sum()
    middle = float((weight * mean).sum())
    return max(float((weight * (mean - middle) ** 2).sum() - (weight * noise).sum()), 1e-6)

"""How much of each product will be wanted in the coming weeks, and whether the stock covers it.

Most products sell in few weeks, so each has a rate rather than a curve: recent weeks count more,
the category lends what the product does not know (Gamma prior on a Poisson rate, empirical Bayes),
and demand comes in clumps (negative binomial). Fitted on units sold by week; a week without stock
looks like one without demand, which the log cannot tell apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from retrieval.behaviour.base import Rows
from retrieval.data.dataset import Dataset

Floats = NDArray[np.float64]
DAYS_A_WEEK = 7.0
MIN_RATE = 1e-6
RUN_OUT_CHANCE = 0.5
SPAN = 4
"""Weeks over which it is measured how far demand evens out."""


@dataclass(frozen=True, kw_only=True)
class WeeklyUnits:
    """Units sold, shape (n_products, n_weeks); whole weeks, the last one ends with the log."""

    units: Floats
    first_day: float
    """Days since 1970 at the start of the first week."""

    @property
    def n_weeks(self) -> int:
        """How many weeks there are."""
        return int(self.units.shape[1])


def weekly_units(dataset: Dataset) -> WeeklyUnits:
    """Count units bought by product and week, counted back from the end of the log.

    A purchase without a quantity counts one. Days before the first whole week are left out.
    """
    n_products = dataset.products.height
    row_of = pl.DataFrame(
        {"product_id": dataset.products["product_id"], "row": np.arange(n_products)},
        schema={"product_id": pl.String, "row": pl.Int64},
    )
    bought = dataset.events.filter(pl.col("type") == "purchase").join(row_of, on="product_id")
    moments = dataset.events["at"].dt.epoch("us").to_numpy() / 86_400e6
    if not len(moments):
        return WeeklyUnits(units=np.zeros((n_products, 0)), first_day=0.0)
    end = float(moments.max())
    day = bought["at"].dt.epoch("us").to_numpy() / 86_400e6
    return count_weeks(
        bought["row"].to_numpy(),
        day,
        bought["quantity"].fill_null(1.0).to_numpy(),
        n_products=n_products,
        start=float(moments.min()),
        end=end,
    )


def count_weeks(
    product: Rows, day: Floats, quantity: Floats, *, n_products: int, start: float, end: float
) -> WeeklyUnits:
    """Sum quantities into whole weeks that end at `end`."""
    n_weeks = int((end - start) // DAYS_A_WEEK)
    first = end - n_weeks * DAYS_A_WEEK
    week = np.minimum(((day - first) // DAYS_A_WEEK).astype(np.int64), n_weeks - 1)
    keep = (day > first - 1e-9) & (day <= end)
    units = np.zeros((n_products, n_weeks))
    np.add.at(units, (product[keep], week[keep]), quantity[keep])
    return WeeklyUnits(units=units, first_day=first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Units wanted over the coming weeks in sum; arrays of shape (n_products,)."""

    mean: Floats
    low: Floats
    high: Floats
    """80 % of outcomes are expected between."""
    n_weeks: int


class DemandModel:
    """Rate and clumpiness of each product's demand.

    Args:
        leaf_code: Category of each product, -1 for none: shape (n_products,).
        half_life_weeks: After so many weeks a week counts half.
        prior_weeks: Weeks of the category's rate that each product starts with.
    """

    def __init__(
        self, leaf_code: Rows, *, half_life_weeks: float = 8.0, prior_weeks: float = 1.0
    ) -> None:
        if half_life_weeks <= 0 or prior_weeks <= 0:
            raise ValueError(
                "`half_life_weeks` and `prior_weeks` must be above 0, got "
                f"{half_life_weeks} and {prior_weeks}"
            )
        self.leaf_code = np.asarray(leaf_code, np.int64)
        self.half_life_weeks = half_life_weeks
        self.prior_weeks = prior_weeks
        self.rate: Floats = np.zeros(len(self.leaf_code))
        """Units a week at a season factor of 1, shape (n_products,)."""
        self.clumping: Floats = np.zeros(len(self.leaf_code))
        """Variance over mean squared beyond Poisson: variance = mean + clumping × mean²."""
        self.lasting = 0.0
        """Share of the clumping that does not even out over weeks: a rate that has moved."""
        self.n_weeks = 0

    def fit(self, weekly: WeeklyUnits, season: Floats | None = None) -> Self:
        """Learn from weeks; `season` are factors by product and week, of the units' shape."""
        units = weekly.units
        self.n_weeks = weekly.n_weeks
        if not self.n_weeks:
            return self
        factor = np.ones_like(units) if season is None else np.maximum(season, 0.05)
        if self.n_weeks >= 3 * SPAN:
            self.lasting = self._lasting(units, factor)
        self._learn(units, factor)
        return self

    def _learn(self, units: Floats, factor: Floats) -> None:
        weight = 0.5 ** (np.arange(units.shape[1])[::-1] / self.half_life_weeks)
        sold, exposure = units @ weight, factor @ weight
        prior = self._prior_rate(sold, exposure)
        self.rate = np.maximum(
            (sold + self.prior_weeks * prior) / (exposure + self.prior_weeks), MIN_RATE
        )
        self.clumping = self._clumping(units, factor, weight)

    def _lasting(self, units: Floats, factor: Floats) -> float:
        """Estimate from sums of weeks that a fit had not seen, against its single weeks."""
        of_week = of_span = mean_week = mean_span = 0.0
        for last in (units.shape[1] - SPAN, units.shape[1] - 2 * SPAN):
            self._learn(units[:, :last], factor[:, :last])
            mean = self.rate[:, None] * factor[:, last : last + SPAN]
            seen = units[:, last : last + SPAN]
            of_week += float((((seen - mean) ** 2 - mean) / mean).sum())
            mean_week += float(mean.sum())
            total = mean.sum(axis=1)
            of_span += float((((seen.sum(axis=1) - total) ** 2 - total) / total).sum())
            mean_span += float(total.sum())
        if of_week <= 0:
            return 0.0
        ratio = (of_span / mean_span) / (of_week / mean_week)
        return float(np.clip((ratio - 1 / SPAN) / (1 - 1 / SPAN), 0.0, 1.0))

    def forecast(self, weeks: int, season: Floats | None = None) -> Forecast:
        """Return units wanted in the next `weeks` weeks.

        Args:
            weeks: At least 1.
            season: Factor of each coming week, shape (n_products, weeks); None is 1.

        Raises:
            ValueError: If `weeks` is below 1.
        """
        if weeks < 1:
            raise ValueError(f"`weeks` must be at least 1, got {weeks}")
        mean = self.rate * (float(weeks) if season is None else season.sum(axis=1))
        return Forecast(
            mean=mean,
            low=self.quantile(0.1, mean, weeks),
            high=self.quantile(0.9, mean, weeks),
            n_weeks=weeks,
        )

    def quantile(self, q: float, mean: Floats, weeks: int) -> Floats:
        """Return quantiles of the sum over some weeks with the given means."""
        n, p = self._negative_binomial(mean, weeks)
        return np.asarray(stats.nbinom.ppf(q, n, p), float)

    def chance_of_more_than(self, stock: Floats, weeks: int) -> Floats:
        """Return P(units wanted in the next weeks > stock), shape (n_products,)."""
        n, p = self._negative_binomial(self.rate * weeks, weeks)
        return np.asarray(stats.nbinom.sf(stock, n, p), float)

    def weeks_of_stock(self, row: int, stock: float) -> float:
        """Return for how many weeks the stock lasts at the expected rate."""
        return float(stock) / float(self.rate[row])

    def will_run_out(
        self, row: int, stock: float | None, weeks: int, *, chance: float = RUN_OUT_CHANCE
    ) -> bool:
        """Whether demand will exceed the stock within `weeks` with at least this chance.

        A stock that is not stated (None or below 0) never runs out.
        """
        if stock is None or stock < 0:
            return False
        wanted = self.chance_of_more_than(np.full(len(self.rate), float(stock)), weeks)
        return bool(wanted[row] >= chance)

    def _negative_binomial(self, mean: Floats, weeks: int) -> tuple[Floats, Floats]:
        # What is clumpy in each week for itself evens out over several.
        evened = (1 - self.lasting) / weeks + self.lasting
        clumping = np.maximum(self.clumping * evened, 1e-4)
        n = 1 / clumping
        return n, n / (n + np.maximum(mean, MIN_RATE))

    def _prior_rate(self, sold: Floats, exposure: Floats) -> Floats:
        everywhere = float(sold.sum() / max(exposure.sum(), 1e-9))
        leaf = self.leaf_code
        n_leaves = int(leaf.max(initial=-1)) + 1
        has = leaf >= 0
        up = np.bincount(leaf[has], sold[has], minlength=n_leaves)
        down = np.bincount(leaf[has], exposure[has], minlength=n_leaves)
        typical = float(np.median(exposure)) if len(exposure) else 1.0
        of_leaf = np.append((up + typical * everywhere) / (down + typical), everywhere)
        return np.asarray(of_leaf[leaf])

    def _clumping(self, units: Floats, factor: Floats, weight: Floats) -> Floats:
        """Estimate by moments for each product, pulled to the whole shop by its expected units."""
        mean = self.rate[:, None] * factor
        beyond = (((units - mean) ** 2 - mean) * weight).sum(axis=1)
        squares = (mean**2 * weight).sum(axis=1)
        everywhere = max(float(beyond.sum() / max(squares.sum(), 1e-9)), 1e-3)
        strength = 10.0 * np.maximum(self.rate, MIN_RATE) ** 2
        return np.maximum((beyond + strength * everywhere) / (squares + strength), 1e-3)


def croston(units: Floats, *, smoothing: float = 0.1, corrected: bool = True) -> Floats:
    """Return the rate a week by Croston (1972), with Syntetos and Boylan's correction.

    Args:
        units: Shape (n_products, n_weeks).
        smoothing: Weight of the newest size and gap, above 0 and at most 1.
        corrected: Times 1 - smoothing / 2.
    """
    size, gap, since, seen = _start(units)
    for week in units.T:
        since += 1
        sells = week > 0
        first = sells & ~seen
        size = np.where(sells, np.where(first, week, size + smoothing * (week - size)), size)
        gap = np.where(sells, np.where(first, since, gap + smoothing * (since - gap)), gap)
        seen |= sells
        since = np.where(sells, 0.0, since)
    rate = np.where(seen, size / np.maximum(gap, 1.0), 0.0)
    return np.asarray(rate * (1 - smoothing / 2 if corrected else 1.0))


def tsb(units: Floats, *, smoothing: float = 0.1, chance_smoothing: float = 0.1) -> Floats:
    """Return the rate a week by Teunter, Syntetos, Babai (2011): it falls while nothing sells."""
    size, chance, _, seen = _start(units)
    chance = np.full(len(units), float((units > 0).mean()) if units.size else 0.0)
    for week in units.T:
        sells = week > 0
        first = sells & ~seen
        size = np.where(sells, np.where(first, week, size + smoothing * (week - size)), size)
        chance = chance + chance_smoothing * (sells - chance)
        seen |= sells
    return np.asarray(chance * size)


def _start(units: Floats) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    n = len(units)
    return np.zeros(n), np.ones(n), np.zeros(n), np.zeros(n, bool)

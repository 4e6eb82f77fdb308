"""Seasons, weekdays, festivals and trends of categories, from purchases.

A factor says how much more is bought than on an average day: 1.0 is average. Each category's factor
is pulled to that of its top category, and that to the whole shop's, by a Gamma prior on a Poisson
rate whose strength the data choose (empirical Bayes). One year of data cannot tell a season from a
trend; with less than a year some months are unknown and count as average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from retrieval.behaviour.base import PURCHASE, SECONDS_A_DAY, Context, Interactions, Rows, Scores
from retrieval.behaviour.rates import RateRatio, compare_rates
from retrieval.config import BehaviourConfig
from retrieval.errors import ConfigError, NotFittedError

Floats = NDArray[np.float64]
Period = Literal["month", "week", "weekday"]
N_BINS: dict[Period, int] = {"month": 12, "week": 53, "weekday": 7}
STRENGTHS = np.geomspace(1.0, 10_000.0, 25)
FESTIVAL_BEFORE, FESTIVAL_AFTER = 10, 1
"""Days around a festival in which people buy for it."""
FIXED_FESTIVALS = {"618": (6, 18), "双十一": (11, 11)}


def bins_of(day: Floats, period: Period) -> Rows:
    """Return the bin of each day since 1970: month 0–11, ISO week 0–52, weekday 0–6 (Monday 0)."""
    whole = np.floor(day).astype(np.int64)
    if period == "weekday":
        return (whole + 3) % 7  # 1 January 1970 was a Thursday
    dates = whole.astype("datetime64[D]")
    if period == "month":
        return dates.astype("datetime64[M]").astype(np.int64) % 12
    names, place = np.unique(dates, return_inverse=True)
    weeks = np.array([d.isocalendar().week - 1 for d in names.tolist()], np.int64)
    return weeks[place] if len(names) else whole


@dataclass(frozen=True, kw_only=True)
class Factors:
    """Factors of one period, with what they rest on."""

    period: Period
    total: Floats
    """Of the whole shop, shape (n_bins,)."""
    leaf: Floats
    """Shape (n_leaves, n_bins)."""
    counts: Floats
    """Purchases of each leaf in each bin."""
    days: Floats
    """Days of the log in each bin, shape (n_bins,)."""
    strength: float
    """Expected purchases that a leaf's factor is pulled to its parent's with."""


def fit_factors(
    leaf: Rows, day: Floats, *, top_of_leaf: Rows, start: float, end: float, period: Period
) -> Factors:
    """Estimate factors from purchases.

    Args:
        leaf: Category of each purchase, none below 0: shape (n_purchases,).
        day: Days since 1970 of each purchase.
        top_of_leaf: Top category of each leaf, shape (n_leaves,).
        start: First day of the log.
        end: Last moment of the log.
        period: What is compared.
    """
    n_bins, n_leaves = N_BINS[period], len(top_of_leaf)
    all_days = np.arange(np.floor(start), np.floor(end) + 1)
    days = np.bincount(bins_of(all_days, period), minlength=n_bins).astype(float)
    bin_ = bins_of(day, period)
    share = days / days.sum()
    counts = np.zeros((n_leaves, n_bins))
    np.add.at(counts, (leaf, bin_), 1.0)
    total, _ = _pulled(counts.sum(axis=0)[None, :], share, np.ones((1, n_bins)))
    n_tops = int(top_of_leaf.max(initial=-1)) + 1
    by_top = np.zeros((n_tops, n_bins))
    np.add.at(by_top, top_of_leaf, counts)
    top, _ = _pulled(by_top, share, np.repeat(total, n_tops, axis=0))
    factors, strength = _pulled(counts, share, top[top_of_leaf])
    return Factors(
        period=period, total=total[0], leaf=factors, counts=counts, days=days, strength=strength
    )


def _pulled(counts: Floats, share: Floats, prior: Floats) -> tuple[Floats, float]:
    """Return posterior factors and the strength of the prior that makes the counts likeliest."""
    expected = counts.sum(axis=1, keepdims=True) * share
    known = expected > 0
    if not known.any():
        return prior.copy(), float(STRENGTHS[0])
    c, e, f = counts[known], expected[known], np.maximum(prior[known], 1e-3)
    likelihood = [
        float(stats.nbinom.logpmf(c, k * f, k / (k + e)).sum()) for k in STRENGTHS.tolist()
    ]
    k = float(STRENGTHS[int(np.argmax(likelihood))])
    factors = np.where(known, (counts + k * prior) / (expected + k), prior)
    return factors, k


@dataclass(frozen=True, slots=True, kw_only=True)
class Festival:
    """A day that people buy for."""

    name: str
    day: date

    @property
    def window(self) -> tuple[float, float]:
        """First and last moment of its purchases, days since 1970."""
        day = datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC)
        number = day.timestamp() / SECONDS_A_DAY
        return number - FESTIVAL_BEFORE, number + FESTIVAL_AFTER + 1


def festivals(country: str, years: Sequence[int]) -> tuple[Festival, ...]:
    """Return a country's public holidays, the Spring Festival, 618 and 双十一, in order of time.

    Raises:
        ConfigError: If the country is not known by its two letters.
    """
    import holidays

    try:
        found = holidays.country_holidays(country, years=list(years))
    except NotImplementedError as error:
        raise ConfigError(
            f"no public holidays are known for the country {country!r}; give two letters of "
            "ISO 3166, like CN or US"
        ) from error
    days = [Festival(name=name, day=day) for day, name in found.items()]
    chinese = holidays.country_holidays("CN", years=list(years), language="en_US")
    for day, name in sorted(chinese.items()):
        is_first = (day - timedelta(days=1)) not in chinese or "Spring" not in chinese[
            day - timedelta(days=1)
        ]
        if "Spring Festival" in name and "Eve" not in name and "overlap" not in name and is_first:
            days.append(Festival(name="春节", day=day))
    for name, (month, number) in FIXED_FESTIVALS.items():
        days += [Festival(name=name, day=date(year, month, number)) for year in years]
    return tuple(sorted(days, key=lambda festival: (festival.day, festival.name)))


class SeasonalScorer:
    """How much more a product's category is wanted now than on average, beyond the whole shop.

    log(season × trend) where above 0. The season is that of the month of `Context.at`; the trend is
    the category's last weeks against the time before, the season taken out, and counts only where
    its 95 % interval lies above 1.

    Args:
        config: Settings of behaviour.
        leaf_code: Category of each product, -1 for none: shape (n_products,).
        top_of_leaf: Top category of each leaf; None takes one for all.
        recent_days: What "lately" is.
    """

    name = "seasonal"

    def __init__(
        self,
        config: BehaviourConfig | None = None,
        *,
        leaf_code: Rows | None = None,
        top_of_leaf: Rows | None = None,
        recent_days: float = 28.0,
    ) -> None:
        self.config = config or BehaviourConfig()
        self.leaf_code = leaf_code
        self.top_of_leaf = top_of_leaf
        self.recent_days = recent_days
        self.lift: Floats | None = None
        """log of season over the shop's, shape (n_leaves, 12)."""
        self.rising: Floats = np.zeros(0)
        """log of the trend's lower end where above 0, shape (n_leaves,)."""
        self.sells: NDArray[np.bool_] = np.zeros(0, bool)
        self._end_day = 0.0

    def fit(self, interactions: Interactions) -> Self:
        """Learn from the purchases."""
        log = interactions.only(PURCHASE)
        leaf_of = self._leaves(log.n_products)
        n_leaves = int(leaf_of.max(initial=-1)) + 1
        self._end_day = log.end_day
        self.sells = np.bincount(log.product, minlength=log.n_products) > 0
        keep = leaf_of[log.product] >= 0
        leaf, day = leaf_of[log.product][keep], log.day[keep]
        self.lift, self.rising = np.zeros((n_leaves, 12)), np.zeros(n_leaves)
        if not len(day):
            return self
        top = np.zeros(n_leaves, np.int64) if self.top_of_leaf is None else self.top_of_leaf
        factors = fit_factors(
            leaf, day, top_of_leaf=top, start=float(day.min()), end=log.end_day, period="month"
        )
        self.lift = np.log(np.maximum(factors.leaf, 1e-3) / np.maximum(factors.total, 1e-3))
        for code in range(n_leaves):
            found = trend(
                day[leaf == code],
                start=float(day.min()),
                end=log.end_day,
                recent_days=self.recent_days,
                factors=factors.leaf[code],
            )
            if found is not None and found.low > 1:
                self.rising[code] = np.log(found.low)
        return self

    def score(self, context: Context) -> Scores:
        """Return log lifts, 0 for what is not in season, has no category or never sold."""
        if self.lift is None:
            raise NotFittedError("SeasonalScorer is not fitted; call `fit` or `load` first")
        at = self._end_day if context.at is None else context.at
        leaf_of = self._leaves(len(self.sells))
        month = int(bins_of(np.array([at]), "month")[0])
        by_leaf = np.append(np.maximum(self.lift[:, month] + self.rising, 0.0), 0.0)
        return np.where(self.sells, by_leaf[leaf_of], 0.0).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write `seasonal.npz`."""
        if self.lift is None:
            raise NotFittedError("SeasonalScorer is not fitted; call `fit` or `load` first")
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / "seasonal.npz",
            lift=self.lift,
            rising=self.rising,
            sells=self.sells,
            end_day=np.array(self._end_day),
        )

    def load(self, folder: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(folder / "seasonal.npz", allow_pickle=False) as file:
            self.lift, self.rising, self.sells = file["lift"], file["rising"], file["sells"]
            self._end_day = float(file["end_day"])
        return self

    def _leaves(self, n_products: int) -> Rows:
        if self.leaf_code is None:
            return np.full(n_products, -1, np.int64)
        return np.asarray(self.leaf_code, np.int64)


def trend(
    day: Floats,
    *,
    start: float,
    end: float,
    recent_days: float = 28.0,
    factors: Floats | None = None,
) -> RateRatio | None:
    """Compare the last days with the time before; `factors` by month take the season out.

    Args:
        day: When each purchase was, days since 1970.
        start: First day of the log.
        end: Last moment of the log.
        recent_days: How many days are recent.
        factors: Season by month, shape (12,); None takes the seasons for even.

    Returns:
        None where the log is not at least three times as long as the recent days.
    """
    if end - start < 3 * recent_days:
        return None
    split = end - recent_days
    days = np.arange(np.floor(start), np.floor(end) + 1) + 0.5
    days = days[(days >= start) & (days <= end)]
    weight = np.ones(len(days)) if factors is None else factors[bins_of(days, "month")]
    recent = float(weight[days >= split].sum())
    n_recent = int((day >= split).sum())
    return compare_rates(
        n_recent,
        max(recent, 1e-6),
        len(day) - n_recent,
        max(float(weight.sum()) - recent, 1e-6),
    )


def festival_lift(
    day: Floats, festival: Festival, *, start: float, end: float, around_days: float = 28.0
) -> RateRatio | None:
    """Compare the festival's days with the weeks before and after them.

    Returns:
        None where the log does not cover its days and at least a week beside them.
    """
    first, last = festival.window
    low, high = max(start, first - around_days), min(end, last + around_days)
    beside = (high - low) - (last - first)
    if first < start or last > end or beside < 7:
        return None
    n = int(((day >= first) & (day < last)).sum())
    n_beside = int(((day >= low) & (day < high)).sum()) - n
    return compare_rates(n, last - first, n_beside, beside)

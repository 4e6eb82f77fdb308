"""Is a difference more than chance? Bootstrap intervals, paired randomisation, Holm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """How much better `this` is than `that`, by query."""

    difference: float
    low: float
    high: float
    p: float
    n: int


def interval(values: Floats, *, seed: int = 0, n_resamples: int = 1_000) -> Interval:
    """Return the mean over queries with a percentile bootstrap interval (95 %).

    Fewer than two queries, or all alike, give an interval of no width.
    """
    values = np.asarray(values, float)
    if not len(values):
        return Interval(value=0.0, low=0.0, high=0.0)
    mean = float(values.mean())
    if len(values) < 2 or np.all(values == values[0]):
        return Interval(value=mean, low=mean, high=mean)
    found = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=n_resamples,
        method="percentile",
        batch=max(1, 2_000_000 // len(values)),
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(value=mean, low=float(found.low), high=float(found.high))


def paired_test(this: Floats, that: Floats, *, seed: int = 0, n: int = 9_999) -> PairedTest:
    """Compare two systems on the same queries by a two-sided randomisation test.

    Under "no difference" each query's difference may as well have the other sign. Queries without
    a difference change nothing whatever their sign, so only the others are drawn.

    Raises:
        ValueError: If the two do not cover the same number of queries.
    """
    this, that = np.asarray(this, float), np.asarray(that, float)
    if this.shape != that.shape:
        raise ValueError(
            f"`this` and `that` must cover the same queries, got {len(this)} and {len(that)}"
        )
    difference = this - that
    spread = interval(difference, seed=seed)
    moved = difference[difference != 0]
    if len(moved) < 2:
        p = 1.0
    else:
        p = float(
            stats.permutation_test(
                (moved,),
                np.sum,
                permutation_type="samples",
                vectorized=True,
                n_resamples=n,
                batch=max(1, 2_000_000 // len(moved)),
                rng=np.random.default_rng(seed),
            ).pvalue
        )
    return PairedTest(
        difference=spread.value, low=spread.low, high=spread.high, p=p, n=len(difference)
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm-adjusted p-values, in the order given."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for place, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[i]))
        adjusted[i] = highest
    return adjusted

"""Comparing how often things happen: Poisson rates with exact intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRatio:
    """One rate over another, with the counts and the times behind both."""

    count: int
    time: float
    """In days, or expected events: the unit cancels out."""
    count_before: int
    time_before: float
    ratio: float
    low: float
    high: float
    """95 %; infinite where nothing happened before."""
    p: float
    """Two-sided, of equal rates."""


def compare_rates(count: int, time: float, count_before: int, time_before: float) -> RateRatio:
    """Compare two Poisson rates by the exact conditional test (Przyborowski & Wilenski 1940).

    Given their sum, the first count is binomial; the interval is Clopper and Pearson's.

    Raises:
        ValueError: If a time is not above 0 or a count is below 0.
    """
    if min(time, time_before) <= 0 or min(count, count_before) < 0:
        raise ValueError(
            "times must be above 0 and counts at least 0, got "
            f"{count} in {time} against {count_before} in {time_before}"
        )
    n, share, scale = count + count_before, time / (time + time_before), time_before / time
    if not n:
        return RateRatio(
            count=0, time=time, count_before=0, time_before=time_before,
            ratio=1.0, low=0.0, high=math.inf, p=1.0,
        )  # fmt: skip
    low = float(stats.beta.ppf(0.025, count, count_before + 1)) if count else 0.0
    high = float(stats.beta.ppf(0.975, count + 1, count_before)) if count_before else 1.0
    return RateRatio(
        count=count,
        time=time,
        count_before=count_before,
        time_before=time_before,
        ratio=_odds(count / n) * scale,
        low=_odds(low) * scale,
        high=_odds(high) * scale,
        p=float(stats.binomtest(count, n, share).pvalue),
    )


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else math.inf

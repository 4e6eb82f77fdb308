"""Whether what is seen together is more than chance: exact tests and false-discovery control.

Every test is one-sided (more often than by chance) and conditions on how often each side is seen at
all, so popularity alone never makes a rule. Sources: Fisher (1935) for the exact test; Birch (1964)
for its form over strata, whose large-sample version is Mantel and Haenszel's (1959); Benjamini and
Hochberg (1995) and Benjamini and Yekutieli (2001) for the adjustment.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import lgamma, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Method = Literal["bh", "by"]
Table = tuple[int, int, int]
"""Groups with the one, groups with the other, and all groups of a stratum."""

Z95 = 1.959963984540054
"""Standard normal quantile of 0.975."""
REACH = 40.0
"""Standard deviations around a stratum's mean that its distribution is computed for."""


def chance_p(count: ArrayLike, n_one: ArrayLike, n_other: ArrayLike, n: ArrayLike) -> Floats:
    """Return the chance of at least `count` common groups if the two had nothing to do together.

    The upper tail of the hypergeometric distribution, that is Fisher's exact test, one-sided.
    """
    from scipy.stats import hypergeom

    tail = hypergeom.sf(np.asarray(count) - 1, n, n_one, n_other)
    return np.clip(np.asarray(tail, np.float64), 0.0, 1.0)


def stratified_p(count: int, tables: Sequence[Table]) -> float:
    """Return the same chance where the two are only compared within strata.

    Exact: the sum of independent hypergeometric counts, one a stratum (Birch 1964).

    Args:
        count: Groups with both, over all strata.
        tables: One (n_one, n_other, n) for each stratum.
    """
    low, shares = 0, np.ones(1)
    for one, other, n in tables:
        if not one or not other:
            continue
        start, here = _distribution(one, other, n)
        low += start
        shares = np.convolve(shares, here)
    if count <= low:
        return 1.0
    return float(min(1.0, shares[count - low :].sum()))


def adjusted(p: Floats, family: int | None = None, method: Method = "bh") -> Floats:
    """Return q-values: declaring all with q at most x keeps the false share at most x on average.

    Args:
        p: The p-values of the tests made, shape (n,).
        family: How many tests there could have been, at least n; those not made count as p = 1.
            None takes n.
        method: `bh` holds for independent and positively dependent tests, `by` for any.
    """
    n = len(p)
    family = n if family is None else family
    if family < n:
        raise ValueError(f"`family` must be at least the {n} tests made, got {family}")
    if not n:
        return np.zeros(0)
    order = np.argsort(p, kind="stable")
    factor = family * (harmonic(family) if method == "by" else 1.0)
    raw = p[order] * factor / np.arange(1, n + 1)
    q = np.empty(n)
    q[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return q


def harmonic(n: int) -> float:
    """Return 1 + 1/2 + … + 1/n; from a million on by its expansion (error below 1e-13)."""
    if n < 1_000_000:
        return float((1.0 / np.arange(1, n + 1)).sum())
    return float(np.log(n) + np.euler_gamma + 1 / (2 * n) - 1 / (12 * n * n))


def wilson(count: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of `count` in `n` (Wilson 1927); all of 0..1 for n = 0.

    Closed at its ends: 0 of n starts at 0, n of n ends at 1.
    """
    if not n:
        return 0.0, 1.0
    share, square = count / n, Z95 * Z95
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = Z95 / (1 + square / n) * sqrt(share * (1 - share) / n + square / (4 * n * n))
    return (0.0 if not count else centre - half), (1.0 if count == n else centre + half)


def _distribution(one: int, other: int, n: int) -> tuple[int, Floats]:
    """Return the lowest count and the chance of each from there on."""
    mean = one * other / n
    spread = sqrt(mean * (1 - one / n) * (n - other) / max(1, n - 1))
    low = max(0, one + other - n, int(mean - REACH * spread - REACH))
    high = min(one, other, int(mean + REACH * spread + REACH))
    counts = np.arange(low, high + 1)
    # ratio of neighbours: (one - x)(other - x) / ((x + 1)(n - one - other + x + 1))
    ahead = counts[:-1].astype(np.float64)
    steps = np.log((one - ahead) * (other - ahead)) - np.log(
        (ahead + 1) * (n - one - other + ahead + 1)
    )
    first = _log_choose(one, low) + _log_choose(n - one, other - low) - _log_choose(n, other)
    return low, np.exp(first + np.concatenate([[0.0], np.cumsum(steps)]))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

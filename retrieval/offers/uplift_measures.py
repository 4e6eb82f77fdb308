"""How well a ranking of shoppers finds those an offer moves: scikit-uplift's measures, resampled.

Both are areas against the random ranking, divided by that of the best possible ranking of the
outcomes: 0 is random, and far less than 1 is possible, because nobody is seen both with and without
the offer.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
N_RESAMPLES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A value with its bootstrap 95 % interval."""

    value: float
    low: float
    high: float


def qini(ranking: Floats, treated: Bools, responded: Bools) -> float:
    """Return the Qini coefficient of a ranking of shoppers; all arrays of shape (n_shoppers,)."""
    from sklift.metrics import qini_auc_score

    return _measure(qini_auc_score, ranking, treated, responded)


def auuc(ranking: Floats, treated: Bools, responded: Bools) -> float:
    """Return the normalised area under the uplift curve."""
    from sklift.metrics import uplift_auc_score

    return _measure(uplift_auc_score, ranking, treated, responded)


def uplift_at(share: float, ranking: Floats, treated: Bools, responded: Bools) -> float:
    """Return the difference of the arms among the best-ranked share of all shoppers."""
    best = np.argsort(-ranking, kind="stable")[: max(1, round(share * len(ranking)))]
    with_offer, without = responded[best][treated[best]], responded[best][~treated[best]]
    if not len(with_offer) or not len(without):
        return 0.0
    return float(with_offer.mean() - without.mean())


def with_interval(
    measure: Callable[[Floats, Bools, Bools], float],
    ranking: Floats,
    treated: Bools,
    responded: Bools,
    *,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
) -> Measured:
    """Return a measure with the percentile interval over shoppers drawn again within each arm."""
    rng = np.random.default_rng(seed)
    arms = [np.flatnonzero(treated == arm) for arm in (True, False)]
    found = []
    for _ in range(n_resamples):
        rows = np.concatenate([rng.choice(arm, len(arm)) for arm in arms])
        found.append(measure(ranking[rows], treated[rows], responded[rows]))
    low, high = np.quantile(found, [0.025, 0.975])
    return Measured(value=measure(ranking, treated, responded), low=float(low), high=float(high))


def _measure(
    score: Callable[..., float], ranking: Floats, treated: Bools, responded: Bools
) -> float:
    with warnings.catch_warnings():
        # scikit-uplift 0.5.1 calls functions that scikit-learn 1.10 will drop
        warnings.simplefilter("ignore", FutureWarning)
        return float(score(responded.astype(int), ranking, treated.astype(int)))

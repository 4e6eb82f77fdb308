"""What a way of giving offers would have earned, told from a randomised trial.

A trial shows every shopper one of the two outcomes. Those whose coin agrees with the policy stand
for the others: by inverse propensity (IPS), or on top of an outcome model, which makes the spread
smaller and is right if either is (doubly robust, DR; Dudik et al. 2011).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.offers.uplift import folds

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Z_95 = 1.959964
RIDGE = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyValue:
    """Mean outcome a shopper under a policy, with its 95 % interval."""

    value: float
    low: float
    high: float


def outcome_models(features: Floats, treated: Bools, responded: Bools, outcome: Floats) -> Floats:
    """Return each shopper's expected outcome without and with the offer, shape (n_shoppers, 2).

    Ridge regressions by arm, each shopper predicted from the other folds.
    """
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = np.zeros((len(outcome), 2))
    for learn, ask in folds(treated, responded):
        for arm in (0, 1):
            rows = learn[treated[learn] == bool(arm)]
            model = make_pipeline(StandardScaler(), Ridge(alpha=RIDGE))
            found[ask, arm] = model.fit(features[rows], outcome[rows]).predict(features[ask])
    return found


def ips(gives: Bools, treated: Bools, outcome: Floats) -> Floats:
    """Return one value a shopper, whose mean is the policy's value.

    Args:
        gives: Whom the policy gives the offer, shape (n_shoppers,).
        treated: Who was given it, by a coin of the observed share.
        outcome: What followed.
    """
    share = float(treated.mean())
    weight = np.where(gives, treated / share, ~treated / (1 - share))
    return weight * outcome


def doubly_robust(gives: Bools, treated: Bools, outcome: Floats, expected: Floats) -> Floats:
    """Return one value a shopper; `expected` is what `outcome_models` returns."""
    share = float(treated.mean())
    mine = np.where(gives, expected[:, 1], expected[:, 0])
    seen = np.where(treated, expected[:, 1], expected[:, 0])
    weight = np.where(gives, treated / share, ~treated / (1 - share))
    return mine + weight * (outcome - seen)


def value_of(terms: Floats) -> PolicyValue:
    """Return the mean of the shoppers' values with a normal 95 % interval."""
    mean, half = float(terms.mean()), Z_95 * float(terms.std(ddof=1)) / np.sqrt(len(terms))
    return PolicyValue(value=mean, low=mean - half, high=mean + half)

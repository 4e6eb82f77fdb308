"""pass^k: the chance that k trials of one goal all succeed (Yao et al. 2024, tau-bench)."""

from __future__ import annotations

from math import comb


def pass_hat(n_trials: int, n_passed: int, k: int) -> float:
    """Return the unbiased estimate C(passed, k) / C(trials, k) of one goal.

    Raises:
        ValueError: If `k` is not between 1 and the number of trials.
    """
    if not 1 <= k <= n_trials:
        raise ValueError(f"`k` must be from 1 to {n_trials} (the trials), got {k}")
    return comb(n_passed, k) / comb(n_trials, k)

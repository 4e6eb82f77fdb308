"""Behaviour clusters: shoppers whose days go to the same categories.

A mixture of multinomials (Nigam et al. 2000) over the number of days on which a shopper looked at
or bought something of a leaf category. The number of clusters is the one of lowest BIC among those
that other random starts find again: the mean pairwise adjusted Rand index (Hubert and Arabie 1985)
of the starts is the stability, 0.8 or more is wanted.

A mixture says how likely each cluster is for any bag of products, so somebody anonymous belongs to
clusters as well. Categories with sensitive words (`sensitive.py`) are left out before anything is
learned: no cluster rests on them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from retrieval.behaviour.base import Context, Interactions, Rows
from retrieval.behaviour.sensitive import is_sensitive
from retrieval.config import BehaviourConfig
from retrieval.errors import NotFittedError

Floats = NDArray[np.float64]

WANTED_STABILITY = 0.8
PRIOR = 20.0
"""Days of the average shopper that every cluster holds from the start: no share is ever 0."""
MAX_LEARNED = 20_000
"""Shoppers that clusters are learned from, evenly spread; all of them are assigned."""
N_STARTS, SHORT_ROUNDS, N_ROUNDS = 5, 12, 200
START_SPREAD = 0.2
"""Dirichlet parameter of a start's memberships: small values begin with nearly hard clusters."""
TOLERANCE = 1e-7


class Clusters:
    """Which behaviour cluster a shopper or a context belongs to, and how surely."""

    def __init__(
        self,
        leaf_code: Rows,
        leaves: Sequence[str],
        config: BehaviourConfig | None = None,
        *,
        min_clusters: int = 2,
        max_clusters: int = 8,
        min_days: int = 3,
        n_seeds: int = 4,
        seed: int = 0,
    ) -> None:
        """Set up.

        Args:
            leaf_code: Leaf category of each product, -1 for none: shape (n_products,).
            leaves: Category paths, by code.
            config: Not used; there because every fitted thing takes it.
            min_clusters: Fewest clusters tried, at least 1.
            max_clusters: Most clusters tried.
            min_days: Shoppers with fewer category days are assigned but not learned from.
            n_seeds: Random starts of each number of clusters; at least 2 give a stability.
            seed: Of the first start.
        """
        if not 1 <= min_clusters <= max_clusters:
            raise ValueError(
                "`min_clusters` must be at least 1 and at most `max_clusters`, "
                f"got {min_clusters} and {max_clusters}"
            )
        self.config = config or BehaviourConfig()
        hidden = np.array([is_sensitive(name) for name in leaves] + [True])
        self._code = np.where(hidden[leaf_code], -1, leaf_code).astype(np.int64)
        self.leaves = tuple(leaves)
        self.min_clusters, self.max_clusters = min_clusters, max_clusters
        self.min_days = min_days
        self.n_seeds, self.seed = n_seeds, seed
        self.is_fitted = False
        self.shares: Floats = np.zeros((0, len(leaves)))
        """Share of each category in each cluster's days: shape (n_clusters, n_leaves)."""
        self.sizes: Floats = np.zeros(0)
        """Share of shoppers of each cluster: shape (n_clusters,)."""
        self.memberships: Floats = np.zeros((0, 0))
        """How likely each shopper is of each cluster: (n_shoppers, n_clusters); rows of 0 where
        nothing is known."""
        self.tried: dict[int, dict[str, float]] = {}
        """Number of clusters to its `bic` and `stability`."""

    @property
    def n_clusters(self) -> int:
        """How many were found; 0 where nothing was learned."""
        return len(self.sizes)

    @property
    def stability(self) -> float:
        """Mean pairwise adjusted Rand index of the starts; 0 where nothing was learned."""
        return self.tried.get(self.n_clusters, {}).get("stability", 0.0)

    @property
    def labels(self) -> Rows:
        """Each shopper's likeliest cluster, -1 for none: shape (n_shoppers,)."""
        if not self.n_clusters:
            return np.full(len(self.memberships), -1, np.int64)
        best = self.memberships.argmax(axis=1)
        return np.where(self.memberships.any(axis=1), best, -1).astype(np.int64)

    def fit(self, interactions: Interactions) -> Self:
        """Learn clusters from the log and assign every shopper of it."""
        days = self.category_days(interactions)
        n_days = np.asarray(days.sum(axis=1))
        learned = np.flatnonzero(n_days >= self.min_days)
        learned = learned[:: max(1, -(-len(learned) // MAX_LEARNED))]
        self.shares, self.sizes, self.tried = np.zeros((0, len(self.leaves))), np.zeros(0), {}
        best: tuple[bool, float] = (False, np.inf)
        for k in range(self.min_clusters, min(self.max_clusters, len(learned)) + 1):
            sample = csr_array(days[learned])
            starts = [mixture(sample, k, self.seed + i) for i in range(self.n_seeds)]
            first = max(starts, key=lambda start: start[2])
            bic = (k * len(self.leaves) - 1) * float(np.log(len(learned))) - 2 * first[2]
            stability = agreement([belongs(sample, *s[:2]).argmax(axis=1) for s in starts])
            self.tried[k] = {"bic": round(bic, 1), "stability": round(stability, 4)}
            is_stable = stability >= WANTED_STABILITY
            # A stable number of clusters goes before any other; among alike the lower BIC, or
            # where none is stable the most stable.
            value = bic if is_stable else -stability
            if (is_stable and not best[0]) or (is_stable == best[0] and value < best[1]):
                best, (self.shares, self.sizes, _) = (is_stable, value), first
        self.memberships = self._memberships(days)
        self.is_fitted = True
        return self

    def category_days(self, interactions: Interactions) -> csr_array:
        """Return the days on which a shopper met a category: shape (n_shoppers, n_leaves)."""
        leaf = self._code[interactions.product]
        keep = leaf >= 0
        met = np.stack([interactions.shopper, interactions.day.astype(np.int64), leaf])[:, keep]
        met = np.unique(met, axis=1)
        shape = (interactions.n_shoppers, len(self.leaves))
        return csr_array((np.ones(met.shape[1]), (met[0], met[2])), shape=shape)

    def membership(self, context: Context) -> Floats:
        """Return how likely the context is of each cluster; zeros if nothing is known of it.

        A shopper of the log has what was found for them; others go by the products they name.

        Raises:
            NotFittedError: If `fit` or `load` came not before.
        """
        if not self.is_fitted:
            raise NotFittedError("clusters: not fitted; call `fit` or `load` first")
        if context.shopper is not None and self.memberships[context.shopper].any():
            return self.memberships[context.shopper]
        leaf = self._code[context.given]
        leaf = leaf[leaf >= 0]
        row = csr_array((np.ones(len(leaf)), (np.zeros(len(leaf), np.int64), leaf)),
                        shape=(1, len(self.leaves)))  # fmt: skip
        found = self._memberships(row)
        return found[0]

    def of(self, context: Context) -> int | None:
        """Return the likeliest cluster of a context, None if nothing is known of it."""
        found = self.membership(context)
        return int(found.argmax()) if found.any() else None

    def save(self, folder: Path) -> None:
        """Write `clusters.npz`."""
        if not self.is_fitted:
            raise NotFittedError("clusters: not fitted; call `fit` before `save`")
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(
            folder / "clusters.npz",
            shares=self.shares,
            sizes=self.sizes,
            memberships=self.memberships,
            tried=np.array(json.dumps(self.tried)),
        )

    def load(self, folder: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(folder / "clusters.npz", allow_pickle=False) as file:
            self.shares, self.sizes = file["shares"], file["sizes"]
            self.memberships = file["memberships"]
            self.tried = {int(k): v for k, v in json.loads(str(file["tried"])).items()}
        self.is_fitted = True
        return self

    def _memberships(self, days: csr_array) -> Floats:
        found = belongs(days, self.shares, self.sizes)
        found[np.asarray(days.sum(axis=1)) == 0] = 0.0
        return found


def mixture(days: csr_array, k: int, seed: int) -> tuple[Floats, Floats, float]:
    """Learn a mixture of k multinomials by expectation maximisation.

    The best of a few short runs from random starts is carried on to its end ("small EM", Biernacki,
    Celeux and Govaert 2003).

    Returns:
        Shares (k, n_leaves), sizes (k,), and the log likelihood.
    """
    rng = np.random.default_rng(seed)
    starts = (rng.dirichlet(np.full(k, START_SPREAD), days.shape[0]) for _ in range(N_STARTS))
    tried = [_improve(days, start, SHORT_ROUNDS) for start in starts]
    belong = max(tried, key=lambda found: found[2])[3]
    shares, sizes, likelihood, _ = _improve(days, belong, N_ROUNDS)
    return shares, sizes, likelihood


def _improve(
    days: csr_array, belong: Floats, n_rounds: int
) -> tuple[Floats, Floats, float, Floats]:
    """Return shares, sizes, log likelihood and memberships after at most `n_rounds` of EM."""
    k = belong.shape[1]
    average = np.asarray(days.sum(axis=0)) + 1e-9
    average = average / average.sum()
    likelihood, shares, sizes = -np.inf, np.zeros((k, days.shape[1])), np.full(k, 1 / k)
    for _ in range(n_rounds):
        shares = np.asarray((days.T @ belong).T) + PRIOR * average
        shares /= shares.sum(axis=1, keepdims=True)
        sizes = (belong.sum(axis=0) + 1.0) / (len(belong) + k)
        logs = days @ np.log(shares).T + np.log(sizes)
        top = logs.max(axis=1, keepdims=True)
        belong = np.exp(logs - top)
        total = belong.sum(axis=1, keepdims=True)
        belong /= total
        before, likelihood = likelihood, float((top + np.log(total)).sum())
        if likelihood - before < TOLERANCE * abs(likelihood):
            break
    return shares, sizes, likelihood, belong


def belongs(days: csr_array, shares: Floats, sizes: Floats) -> Floats:
    """Return how likely each row is of each cluster: shape (n_rows, n_clusters)."""
    if not len(sizes):
        return np.zeros((days.shape[0], 0))
    logs = days @ np.log(shares).T + np.log(sizes)
    belong = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(belong / belong.sum(axis=1, keepdims=True))


def agreement(labellings: Sequence[Rows]) -> float:
    """Return the mean pairwise adjusted Rand index; 0 for fewer than two labellings."""
    pairs = [adjusted_rand(a, b) for a, b in combinations(labellings, 2)]
    return float(np.mean(pairs)) if pairs else 0.0


def adjusted_rand(first: Rows, second: Rows) -> float:
    """Return how far two labellings agree: 1 for the same partition, about 0 for chance.

    Hubert and Arabie (1985), over pairs of elements. Two labellings that both put everything
    together, or everything apart, agree: 1.
    """
    table = csr_array((np.ones(len(first)), (first, second)))
    table.sum_duplicates()
    both = _pairs(table.data)
    here, there = _pairs(np.asarray(table.sum(axis=1))), _pairs(np.asarray(table.sum(axis=0)))
    everything = len(first) * (len(first) - 1) / 2
    expected = here * there / everything if everything else 0.0
    most = (here + there) / 2
    return 1.0 if most == expected else float((both - expected) / (most - expected))


def _pairs(counts: Floats) -> float:
    return float((counts * (counts - 1) / 2).sum())

"""Which shopper is given which offer: the exact choice by expected incremental margin in a budget.

An offer that brings an order earns its margin less its discount; one given to somebody who buys
anyway costs its discount. What is chosen changes who is *told* of an offer, never its price: for
the same eligibility everybody pays the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ConfigError

Floats = NDArray[np.float64]
NO_OFFER = -1
MAX_NODES = 100_000
"""The solver stops at a number of nodes, not of seconds, so that a choice reproduces."""


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What giving each offer to each shopper is expected to bring, (n_shoppers, n_offers)."""

    margin: Floats
    """Incremental margin after discounts, in currency; may be negative."""
    cost: Floats
    """Discount given, in currency, at least 0: what the budget pays."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Who is given what."""

    offer: NDArray[np.int64]
    """Column of the offer each shopper is given, or `NO_OFFER`: shape (n_shoppers,)."""
    margin: float
    cost: float
    is_optimal: bool
    """False only where the solver ran out of nodes; the choice still keeps the budget."""


def worth_of(
    uplift: Floats, if_not: Floats, *, margin_per_order: float, discount_per_order: float
) -> Worth:
    """Return what one offer brings: uplift × (margin − discount) − P(buys anyway) × discount.

    Args:
        uplift: Shape (n_shoppers,).
        if_not: Chance of buying in scope without the offer, shape (n_shoppers,).
        margin_per_order: Margin of an order with a purchase in scope, before the discount.
        discount_per_order: What the offer takes off such an order.
    """
    margin = uplift * (margin_per_order - discount_per_order) - if_not * discount_per_order
    cost = np.maximum(if_not + uplift, 0.0) * discount_per_order
    return Worth(margin=margin[:, None], cost=cost[:, None])


def choose(worth: Worth, *, budget: float, eligible: NDArray[np.bool_] | None = None) -> Choice:
    """Choose at most one offer a shopper: most margin with an expected cost within the budget.

    Exact (a multiple-choice knapsack solved by branch and bound, HiGHS); only pairs with a margin
    above 0 are ever chosen.

    Args:
        worth: Of each pair.
        budget: In currency, at least 0.
        eligible: Pairs that may be chosen, of the same shape; None allows all.

    Raises:
        ConfigError: If the budget is not a number of at least 0.
    """
    if not (np.isfinite(budget) and budget >= 0):
        raise ConfigError(f"the budget must be a number of at least 0, got {budget}")
    allowed = worth.margin > 0
    if eligible is not None:
        allowed &= eligible
    shopper, column = np.nonzero(allowed)
    margin, cost = worth.margin[shopper, column], worth.cost[shopper, column]
    taken, is_optimal = _knapsack(shopper, margin, cost, budget)
    offer = np.full(len(worth.margin), NO_OFFER, np.int64)
    offer[shopper[taken]] = column[taken]
    return Choice(
        offer=offer,
        margin=float(margin[taken].sum()),
        cost=float(cost[taken].sum()),
        is_optimal=is_optimal,
    )


def _knapsack(
    shopper: NDArray[np.int64], margin: Floats, cost: Floats, budget: float
) -> tuple[NDArray[np.bool_], bool]:
    """Return which pairs are taken, shape (n_pairs,), and whether that is proven best."""
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, vstack

    n = len(shopper)
    is_single = len(np.unique(shopper)) == n
    if not n or (is_single and cost.sum() <= budget):
        return np.ones(n, bool), True
    rows = [csr_array(cost[None, :])]
    upper = [budget]
    if not is_single:
        names, place = np.unique(shopper, return_inverse=True)
        rows.append(csr_array((np.ones(n), (place, np.arange(n))), shape=(len(names), n)))
        upper += [1.0] * len(names)
    found = milp(
        -margin,
        constraints=LinearConstraint(vstack(rows), -np.inf, np.array(upper)),
        integrality=np.ones(n),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0.0, "node_limit": MAX_NODES},
    )
    if found.x is None:
        return np.zeros(n, bool), False
    taken = found.x > 0.5
    # The solver keeps the budget to its tolerance only.
    for pair in np.flatnonzero(taken)[np.argsort(margin[taken], kind="stable")]:
        if cost[taken].sum() <= budget + 1e-9:
            break
        taken[pair] = False
    return taken, bool(found.status == 0)

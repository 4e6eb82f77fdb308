"""Bundles: two to six products that go together, under every constraint, provably best.

One binary variable a product, solved exactly by branch and bound (HiGHS through
`scipy.optimize.milp`). The value of a bundle is the sum of its products' scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from retrieval.data.dataset import to_minor

Goal = Literal["best_fit", "cheapest", "best_margin"]
MIN_ITEMS, MAX_ITEMS = 2, 4
TIME_LIMIT_S = 2.0
KEEP_VALUE = 0.7
"""`best_margin` keeps at least this share of the best fit's value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleItem:
    """A product that may be in a bundle; its price is stated and it may be sold."""

    row: int
    price: int
    """Minor units."""
    score: float
    role: int = -1
    """Products of one role (leaf category) exclude each other; -1 excludes none."""
    group: str | None = None
    margin: float | None = None
    """Share of the price; not stated counts as 0 against a margin floor."""
    required: bool = False
    lead: bool = False
    """One of the products that the set is built around; if there are any, one is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRules:
    """What a bundle must meet."""

    total_max: Decimal | None = None
    min_items: int = MIN_ITEMS
    max_items: int = MAX_ITEMS
    margin_min: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A bundle, and whether it is proven best."""

    rows: tuple[int, ...]
    total: int
    """Minor units."""
    value: float
    optimal: bool


def solve(
    items: Sequence[BundleItem],
    rules: BundleRules,
    *,
    goal: Goal = "best_fit",
    value_min: float = 0.0,
) -> Solution | None:
    """Return the best bundle, or None when nothing meets the rules.

    Args:
        items: What may be chosen; `required` ones are in every bundle.
        rules: The constraints.
        goal: Most value, least total, or most margin (in money).
        value_min: The value must be at least this.
    """
    if not items:
        return None
    price = np.array([i.price for i in items], float)
    score = np.array([i.score for i in items], float)
    margin = np.array([(i.margin or 0.0) * i.price for i in items], float)
    rows, low, high = _rows_of_rules(items, rules, price, margin)
    rows.append(score)
    low.append(value_min - 1e-9)
    high.append(np.inf)
    scale = max(1.0, float(price.max()))
    objective = {
        "best_fit": -score + 1e-6 * price / scale,
        "cheapest": price / scale - 1e-6 * score,
        "best_margin": -margin / scale - 1e-6 * score,
    }[goal]
    lower = np.array([1.0 if i.required else 0.0 for i in items])
    result = milp(
        objective,
        integrality=np.ones(len(items)),
        bounds=Bounds(lower, np.ones(len(items))),
        constraints=LinearConstraint(np.array(rows), np.array(low), np.array(high)),
        options={"time_limit": TIME_LIMIT_S, "mip_rel_gap": 0.0},
    )
    if result.x is None:
        return None
    chosen = [item for item, x in zip(items, result.x, strict=True) if x > 0.5]
    chosen.sort(key=lambda i: (not i.required, -i.score, i.row))
    return Solution(
        rows=tuple(i.row for i in chosen),
        total=sum(i.price for i in chosen),
        value=sum(i.score for i in chosen),
        optimal=result.status == 0,
    )


def options(items: Sequence[BundleItem], rules: BundleRules) -> dict[Goal, Solution]:
    """Return up to three different bundles: best fit, cheapest that works, best margin.

    The cheapest keeps half the value per product that the best fit has; the best margin keeps
    `KEEP_VALUE` of its whole value. A later option equal to an earlier one is left out.
    """
    best = solve(items, rules)
    if best is None:
        return {}
    found: dict[Goal, Solution] = {"best_fit": best}
    required = sum(i.required for i in items)
    n_least = max(rules.min_items, required)
    floor = 0.5 * best.value * n_least / len(best.rows)
    later: tuple[tuple[Goal, float], ...] = (
        ("cheapest", floor),
        ("best_margin", KEEP_VALUE * best.value),
    )
    for goal, value_min in later:
        other = solve(items, rules, goal=goal, value_min=value_min)
        if other is not None and all(set(other.rows) != set(s.rows) for s in found.values()):
            found[goal] = other
    return found


def cheapest_total(items: Sequence[BundleItem], rules: BundleRules) -> Solution | None:
    """Return the cheapest bundle when the total is no constraint: the true bound."""
    free = BundleRules(
        min_items=rules.min_items, max_items=rules.max_items, margin_min=rules.margin_min
    )
    return solve(items, free, goal="cheapest")


def _rows_of_rules(
    items: Sequence[BundleItem],
    rules: BundleRules,
    price: NDArray[np.float64],
    margin: NDArray[np.float64],
) -> tuple[list[NDArray[np.float64]], list[float], list[float]]:
    """Return the constraint matrix's rows with their lower and upper bounds."""
    n_required = sum(i.required for i in items)
    rows = [np.ones(len(items))]
    low: list[float] = [max(rules.min_items, n_required)]
    high: list[float] = [max(rules.max_items, n_required)]
    if rules.total_max is not None:
        rows.append(price)
        low.append(-np.inf)
        high.append(to_minor(rules.total_max) + 0.25)  # prices are whole minor units
    if rules.margin_min is not None:
        rows.append(margin - float(rules.margin_min) * price)
        low.append(-1e-9)
        high.append(np.inf)
    lead = np.array([float(i.lead) for i in items])
    if lead.any():
        rows.append(lead)
        low.append(1.0)
        high.append(np.inf)
    for key in ("role", "group"):
        for name in sorted({str(getattr(i, key)) for i in items} - {"-1", "None"}):
            member = np.array([float(str(getattr(i, key)) == name) for i in items])
            n_required_here = sum(i.required and str(getattr(i, key)) == name for i in items)
            if member.sum() > 1:
                rows.append(member)
                low.append(-np.inf)
                high.append(max(1, n_required_here))
    return rows, low, high

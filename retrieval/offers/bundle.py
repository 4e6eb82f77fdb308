"""Bundles: two to six products that go together, under every constraint, provably best.

One binary variable a product, solved exactly by branch and bound (HiGHS through
`scipy.optimize.milp`). The value of a bundle is the sum of its products' scores.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

Goal = Literal["best_fit", "cheapest", "best_margin"]
MIN_ITEMS, MAX_ITEMS = 2, 4
"""Sizes where the query states none."""
MAX_NODES = 50_000
"""Branch and bound stops here. A limit in seconds would let the machine's load change slates."""
MAX_CUTS = 20
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
    conflicts: tuple[tuple[int, int], ...] = ()
    """Pairs of rows that the records say do not work together."""


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
    if not items or rules.min_items > rules.max_items:
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
    for _ in range(MAX_CUTS):
        result = milp(
            objective,
            integrality=np.ones(len(items)),
            bounds=Bounds(np.array([float(i.required) for i in items]), np.ones(len(items))),
            constraints=LinearConstraint(np.array(rows), np.array(low), np.array(high)),
            options={"node_limit": MAX_NODES, "mip_rel_gap": 0.0},
        )
        if result.x is None:
            return None
        taken = result.x > 0.5
        chosen = [item for item, is_in in zip(items, taken, strict=True) if is_in]
        if meets(chosen, items, rules):
            chosen.sort(key=lambda i: (not i.required, -i.score, i.row))
            return Solution(
                rows=tuple(i.row for i in chosen),
                total=sum(i.price for i in chosen),
                value=sum(i.score for i in chosen),
                optimal=result.status == 0,
            )
        # the solver's tolerance let a hair's breadth through: forbid this very choice
        rows.append(np.where(taken, 1.0, -1.0))
        low.append(-np.inf)
        high.append(len(chosen) - 1)
    return None


def meets(chosen: Sequence[BundleItem], items: Sequence[BundleItem], rules: BundleRules) -> bool:
    """Whether a choice keeps every rule, in exact arithmetic."""
    total = sum(i.price for i in chosen)
    kept = sum((Decimal(str(i.margin or 0.0)) * i.price for i in chosen), Decimal(0))
    return (
        all(i in chosen for i in items if i.required)
        and (any(i.lead for i in chosen) or not any(i.lead for i in items))
        and rules.min_items <= len(chosen) <= rules.max_items
        and (rules.total_max is None or total <= rules.total_max * 100)
        and (rules.margin_min is None or kept >= rules.margin_min * total)
        and all(n <= max(1, n_required) for n, n_required in _shared(chosen, items).values())
    )


def _shared(
    chosen: Sequence[BundleItem], items: Sequence[BundleItem]
) -> dict[tuple[str, object], tuple[int, int]]:
    """Return, per role and group, how many are chosen and how many must be."""
    n: Counter[tuple[str, object]] = Counter()
    n_required: Counter[tuple[str, object]] = Counter()
    for counts, those in ((n, chosen), (n_required, [i for i in items if i.required])):
        counts.update(("role", i.role) for i in those if i.role >= 0)
        counts.update(("group", i.group) for i in those if i.group is not None)
    return {key: (n[key], n_required[key]) for key in n}


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
        min_items=rules.min_items,
        max_items=rules.max_items,
        margin_min=rules.margin_min,
        conflicts=rules.conflicts,
    )
    return solve(items, free, goal="cheapest")


def _rows_of_rules(
    items: Sequence[BundleItem],
    rules: BundleRules,
    price: NDArray[np.float64],
    margin: NDArray[np.float64],
) -> tuple[list[NDArray[np.float64]], list[float], list[float]]:
    """Return the constraint matrix's rows with their lower and upper bounds."""
    rows = [np.ones(len(items))]
    low: list[float] = [rules.min_items]
    high: list[float] = [rules.max_items]
    scale = max(1.0, float(price.max()))  # prices as shares of the dearest: the solver's tolerance
    if rules.total_max is not None:
        rows.append(price / scale)
        low.append(-np.inf)
        high.append((math.floor(rules.total_max * 100) + 0.25) / scale)  # whole minor units
    if rules.margin_min is not None:
        rows.append((margin - float(rules.margin_min) * price) / scale)
        low.append(-1e-12)
        high.append(np.inf)
    lead = np.array([float(i.lead) for i in items])
    if lead.any():
        rows.append(lead)
        low.append(1.0)
        high.append(np.inf)
    for pair in rules.conflicts:
        both = np.array([float(i.row in pair) for i in items])
        if both.sum() > 1:
            rows.append(both)
            low.append(-np.inf)
            high.append(1.0)
    for (key, name), (_, n_required) in _shared(items, items).items():
        member = np.array([float(getattr(i, key) == name) for i in items])
        if member.sum() > 1:
            rows.append(member)
            low.append(-np.inf)
            high.append(max(1, n_required))
    return rows, low, high

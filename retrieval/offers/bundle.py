"""Bundles: one to six products that go together, under every constraint, provably best.

One binary variable a product, solved exactly by branch and bound (HiGHS through
`scipy.optimize.milp`). All that is compared is a whole number: prices in minor units, scores in
millionths, margins in ten-thousandths of a minor unit. So ties are ties, and an option is best by
its own measure first and by the two others after it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

Goal = Literal["best_fit", "cheapest", "best_margin"]
Integers = NDArray[np.int64]
MIN_ITEMS, MAX_ITEMS = 2, 4
"""Sizes where the query states none."""
MAX_NODES = 50_000
"""Branch and bound stops here. A limit in seconds would let the machine's load change slates."""
MAX_CUTS = 20
KEEP_VALUE = 0.7
"""`best_margin` keeps at least this share of the best fit's value."""
LARGEST = 1e6
"""Coefficients are scaled to at most this: the solver's tolerance is absolute."""


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
    was_required: bool = False
    """A must-have given up to find what stands in the way: of its kind no fewer may be chosen."""
    lead: bool = False
    """One of the products that the set is built around; if there are any, one is in it."""
    breaks: frozenset[str] = frozenset()
    """Names of the constraints on single products that it breaks: such a product is in no bundle.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRules:
    """What a bundle must meet."""

    total_max: Decimal | None = None
    min_items: int = MIN_ITEMS
    max_items: int = MAX_ITEMS
    margin_min: Decimal | None = None
    conflicts: tuple[tuple[int, int], ...] = ()
    """Pairs of rows that the records say do not work together."""
    roles: tuple[tuple[str, frozenset[int]], ...] = ()
    """Names, and the rows of which exactly one is in the bundle."""
    needs: tuple[tuple[int, frozenset[int]], ...] = ()
    """A row, and the rows of which at least one must be there when it is."""
    one_of_a_kind: bool = True
    """Whether products of one role, or of one group, exclude each other."""
    around_lead: bool = True
    waived: frozenset[str] = frozenset()
    """Constraints on single products that are not in force; to find what stands in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A bundle, and whether it is proven best."""

    rows: tuple[int, ...]
    total: int
    """Minor units."""
    value: float
    optimal: bool
    kept: int = 0
    """Margin in ten-thousandths of a minor unit."""
    also: tuple[Goal, ...] = ()
    """Further goals that this same bundle is the answer to."""


def millionths(score: float) -> int:
    """Return a score as it is compared."""
    return round(score * 1_000_000)


def kept_of(item: BundleItem) -> int:
    """Return a product's margin in ten-thousandths of a minor unit."""
    return int((Decimal(str(item.margin or 0.0)) * item.price * 10_000).to_integral_value())


def solve(
    items: Sequence[BundleItem],
    rules: BundleRules,
    *,
    goal: Goal = "best_fit",
    value_min: float = 0.0,
) -> Solution | None:
    """Return the best bundle, or None when nothing meets the rules.

    No bundle of at least `value_min` is as good by all of price, value and margin and better by
    one of them: what ties by the goal is decided by the other two.

    Args:
        items: What may be chosen; `required` ones are in every bundle.
        rules: The constraints.
        goal: Most value, least total, or most margin (in money).
        value_min: The value must be at least this.
    """
    model = Model(items, rules)
    value, cost, kept = measures(items)
    if value_min > 0:
        model.at_least(value, math.floor(value_min * 1_000_000))
    order = {
        "best_fit": (value, cost, kept),
        "cheapest": (cost, value, kept),
        "best_margin": (kept, value, cost),
    }[goal]
    chosen: list[BundleItem] | None = None
    for measure in order:
        found = model.maximise(measure)
        if found is None:
            break  # at the first measure: impossible; later the node limit, and the last one stands
        chosen = [items[i] for i in found]
        model.at_least(measure, int(measure[found].sum()))
    return None if chosen is None else _solution(chosen, is_optimal=model.is_proven)


def solve_any(items: Sequence[BundleItem], rules: BundleRules) -> tuple[BundleItem, ...] | None:
    """Return some bundle that meets the rules; None only when it is proven that none does.

    Raises:
        RuntimeError: If neither could be shown within the node limit.
    """
    model = Model(items, rules)
    found = model.maximise(np.zeros(len(items), np.int64))
    if found is None and not model.is_proven:
        raise RuntimeError(f"{len(items)} products: neither a bundle nor a proof that none exists")
    return None if found is None else tuple(items[i] for i in found)


def measures(items: Sequence[BundleItem]) -> tuple[Integers, Integers, Integers]:
    """Return value, cost (negative price) and margin kept, more is better: each (n_items,)."""
    return (
        np.array([millionths(i.score) for i in items], np.int64),
        np.array([-i.price for i in items], np.int64),
        np.array([kept_of(i) for i in items], np.int64),
    )


def _solution(chosen: Sequence[BundleItem], *, is_optimal: bool) -> Solution:
    ordered = sorted(chosen, key=lambda i: (not i.required, -i.score, i.row))
    return Solution(
        rows=tuple(i.row for i in ordered),
        total=sum(i.price for i in ordered),
        value=sum(i.score for i in ordered),
        optimal=is_optimal,
        kept=sum(map(kept_of, ordered)),
    )


def options(items: Sequence[BundleItem], rules: BundleRules) -> dict[Goal, Solution]:
    """Return up to three different bundles: best fit, cheapest that works, best margin.

    The cheapest keeps half the value per product that the best fit has; the best margin keeps
    `KEEP_VALUE` of its whole value. None is as good as another by price, value and margin and
    better by one. A goal that an earlier option meets as well is named in that option's `also`.
    """
    best = solve(items, rules)
    if best is None:
        return {}
    required = sum(i.required for i in items)
    n_least = max(rules.min_items, required)
    floor = 0.5 * best.value * n_least / len(best.rows)
    later: tuple[tuple[Goal, float], ...] = (
        ("cheapest", floor),
        ("best_margin", KEEP_VALUE * best.value),
    )
    found: dict[Goal, Solution] = {"best_fit": best}
    also: dict[Goal, tuple[Goal, ...]] = {}
    for goal, value_min in later:
        other = solve(items, rules, goal=goal, value_min=value_min)
        if other is None:
            continue
        same = next((g for g, s in found.items() if measured(s) == measured(other)), None)
        if same is None:
            found[goal] = other
        else:
            also[same] = (*also.get(same, ()), goal)
    return {g: replace(s, also=also.get(g, ())) for g, s in found.items()}


def measured(solution: Solution) -> tuple[int, int, int]:
    """Return price, value and margin as they are compared: equal ones are no choice."""
    return solution.total, millionths(solution.value), solution.kept


def meets(chosen: Sequence[BundleItem], items: Sequence[BundleItem], rules: BundleRules) -> bool:
    """Whether a choice keeps every rule, in exact arithmetic."""
    total = sum(i.price for i in chosen)
    kept = sum((Decimal(str(i.margin or 0.0)) * i.price for i in chosen), Decimal(0))
    rows = {i.row for i in chosen}
    return (
        all(i.row in rows for i in items if i.required)
        and not any(i.breaks - rules.waived for i in chosen)
        and (
            not rules.around_lead
            or any(i.lead for i in chosen)
            or not any(i.lead for i in items)
        )
        and rules.min_items <= len(chosen) <= rules.max_items
        and (rules.total_max is None or total <= rules.total_max * 100)
        and (rules.margin_min is None or kept >= rules.margin_min * total)
        and not any(rows >= {*pair} for pair in rules.conflicts)
        and all(len(rows & members) == 1 for _, members in rules.roles)
        and all(row not in rows or rows & partners for row, partners in rules.needs)
        and (
            not rules.one_of_a_kind
            or all(n <= max(1, least) for n, least in _shared(chosen, items).values())
        )
    )  # fmt: skip


def _shared(
    chosen: Sequence[BundleItem], items: Sequence[BundleItem]
) -> dict[tuple[str, object], tuple[int, int]]:
    """Return, per role and group, how many are chosen and how many must be."""
    n: Counter[tuple[str, object]] = Counter()
    n_required: Counter[tuple[str, object]] = Counter()
    musts = [i for i in items if i.required or i.was_required]
    for counts, those in ((n, chosen), (n_required, musts)):
        counts.update(("role", i.role) for i in those if i.role >= 0)
        counts.update(("group", i.group) for i in those if i.group is not None)
    return {key: (n[key], n_required[key]) for key in n}


class Model:
    """The rules as rows of a matrix; asked for the most of one measure after another."""

    def __init__(self, items: Sequence[BundleItem], rules: BundleRules) -> None:
        self.items, self.rules = items, rules
        self.is_proven = True
        """Whether every answer so far was proven, none cut short."""
        self._rows: list[NDArray[np.float64]] = []
        self._low: list[float] = []
        self._high: list[float] = []
        self._floors: list[tuple[Integers, int]] = []
        self._add_sums()
        self._add_members()

    def at_least(self, measure: Integers, value: int) -> None:
        """Ask of every later answer that it have at least this much of a measure."""
        self._floors.append((measure, value))
        scale = max(1.0, float(np.abs(measure).max()) / LARGEST)
        self._add(measure / scale, (value - 0.25) / scale, np.inf)

    def maximise(self, measure: Integers) -> list[int] | None:
        """Return the places of the choice with most of a measure; None if there is none."""
        n = len(self.items)
        if not n or self.rules.min_items > self.rules.max_items:
            return None
        needed = np.array([float(i.required) for i in self.items])
        open_to = np.array([float(not i.breaks - self.rules.waived) for i in self.items])
        if (needed > open_to).any():
            return None
        scale = max(1.0, float(np.abs(measure).max()) / LARGEST)
        for _ in range(MAX_CUTS):
            result = milp(
                -measure / scale,
                integrality=np.ones(n),
                bounds=Bounds(needed, open_to),
                constraints=LinearConstraint(
                    np.array(self._rows), np.array(self._low), np.array(self._high)
                ),
                options={"node_limit": MAX_NODES, "mip_rel_gap": 0.0},
            )
            if result.x is None:
                self.is_proven &= result.status == 2  # proven infeasible
                return None
            taken = result.x > 0.5
            places = [int(i) for i in np.flatnonzero(taken)]
            if self._keeps(places):
                self.is_proven &= result.status == 0
                return places
            # the solver's tolerance let a hair's breadth through: forbid this very choice
            self._add(np.where(taken, 1.0, -1.0), -np.inf, len(places) - 1)
        self.is_proven = False
        return None

    def _keeps(self, places: list[int]) -> bool:
        chosen = [self.items[i] for i in places]
        floors = (int(measure[places].sum()) >= value for measure, value in self._floors)
        return meets(chosen, self.items, self.rules) and all(floors)

    def _add(self, row: NDArray[np.float64], low: float, high: float) -> None:
        self._rows.append(row)
        self._low.append(low)
        self._high.append(high)

    def _add_sums(self) -> None:
        """Add what is counted over all products: size, total, margin."""
        rules, n = self.rules, len(self.items)
        price = np.array([i.price for i in self.items], float)
        scale = max(1.0, float(price.max(initial=0)))  # shares of the dearest
        self._add(np.ones(n), rules.min_items, rules.max_items)
        if rules.total_max is not None:
            limit = (math.floor(rules.total_max * 100) + 0.25) / scale  # whole minor units
            self._add(price / scale, -np.inf, limit)
        if rules.margin_min is not None:
            above = [
                float((Decimal(str(i.margin or 0.0)) - rules.margin_min) * i.price)
                for i in self.items
            ]
            self._add(np.array(above) / scale, -1e-9, np.inf)

    def _add_members(self) -> None:
        """Add which products want, need or exclude each other."""
        rules = self.rules
        if rules.around_lead and any(i.lead for i in self.items):
            self._add(np.array([float(i.lead) for i in self.items]), 1.0, np.inf)
        place = {item.row: i for i, item in enumerate(self.items)}
        for pair in rules.conflicts:
            if all(row in place for row in pair):
                self._add(self._of({place[row] for row in pair}), -np.inf, 1.0)
        for _, members in rules.roles:
            self._add(self._of({place[r] for r in members if r in place}), 1.0, 1.0)
        for row, partners in rules.needs:
            if row in place:
                needing = self._of({place[r] for r in partners if r in place})
                needing[place[row]] -= 1.0
                self._add(needing, 0.0, np.inf)
        if rules.one_of_a_kind:
            for key, (n, n_required) in _shared(self.items, self.items).items():
                if n > 1:
                    self._add(self._of(self._sharing(*key)), -np.inf, max(1, n_required))

    def _sharing(self, key: str, name: object) -> set[int]:
        return {i for i, item in enumerate(self.items) if getattr(item, key) == name}

    def _of(self, places: set[int]) -> NDArray[np.float64]:
        row = np.zeros(len(self.items))
        row[list(places)] = 1.0
        return row

"""Random bundle questions, and their answers by looking at every subset of products.

Shares no code with the solver: each constraint is a predicate on a subset.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import numpy as np

from retrieval.offers.bundle import BundleItem, BundleRules

Chosen = tuple[BundleItem, ...]
Check = Callable[[Chosen], bool]


@dataclass(frozen=True, slots=True)
class Case:
    """Products and rules."""

    items: tuple[BundleItem, ...]
    rules: BundleRules


def subsets(items: Sequence[BundleItem]) -> Iterator[Chosen]:
    """Yield every choice of at least one product."""
    for size in range(1, len(items) + 1):
        yield from itertools.combinations(items, size)


def value(chosen: Chosen) -> int:
    """Return the sum of scores in millionths."""
    return sum(round(i.score * 1_000_000) for i in chosen)


def cost(chosen: Chosen) -> int:
    """Return the negative sum of prices: more is better."""
    return -sum(i.price for i in chosen)


def kept(chosen: Chosen) -> Fraction:
    """Return the margin in minor units."""
    return sum((Fraction(str(i.margin or 0)) * i.price for i in chosen), Fraction(0))


def share(chosen: Chosen) -> Fraction:
    """Return the margin as a share of the total."""
    return kept(chosen) / -cost(chosen)


def checks(items: Sequence[BundleItem], rules: BundleRules) -> dict[str, Check]:
    """Return name → whether a choice meets that constraint by itself."""
    found: dict[str, Check] = {
        "min_items": lambda c: len(c) >= rules.min_items,
        "max_items": lambda c: len(c) <= rules.max_items,
        "compatibility": lambda c: not any({a, b} <= rows_of(c) for a, b in rules.conflicts),
        "one_of_a_kind": lambda c: not rules.one_of_a_kind or _are_of_different_kinds(c, items),
        "around_lead": lambda c: not any(i.lead for i in items) or any(i.lead for i in c),
        "needs_fit": lambda c: all(
            bool(partners & rows_of(c)) for row, partners in rules.needs if row in rows_of(c)
        ),
    }
    total, floor = rules.total_max, rules.margin_min
    if total is not None:
        found["total_max"] = lambda c: -cost(c) <= total * 100
    if floor is not None:
        found["margin_min"] = lambda c: kept(c) >= Fraction(str(floor)) * -cost(c)
    for name, rows in rules.roles:
        found[f"roles:{name}"] = _exactly_one_of(rows)
    for item in items:
        if item.required:
            found[f"must_include:{item.row}"] = _with(item.row)
    for name in {name for i in items for name in i.breaks} - rules.waived:
        found[name] = _none_breaking(name)
    return found


def rows_of(chosen: Chosen) -> set[int]:
    """Return the rows of a choice."""
    return {i.row for i in chosen}


def _exactly_one_of(rows: frozenset[int]) -> Check:
    return lambda c: sum(i.row in rows for i in c) == 1


def _with(row: int) -> Check:
    return lambda c: row in rows_of(c)


def _none_breaking(name: str) -> Check:
    return lambda c: not any(name in i.breaks for i in c)


def _are_of_different_kinds(chosen: Chosen, items: Sequence[BundleItem]) -> bool:
    """Whether no role or group is held more than once, or more than the must-haves do."""
    for key, none in (("role", -1), ("group", None)):
        for name in {getattr(i, key) for i in chosen} - {none}:
            n_required = sum(i.required for i in items if getattr(i, key) == name)
            if sum(getattr(i, key) == name for i in chosen) > max(1, n_required):
                return False
    return True


def feasible(
    items: Sequence[BundleItem], rules: BundleRules, names: Sequence[str] | None = None
) -> list[Chosen]:
    """Return every choice that meets the named constraints, by default all."""
    tests = checks(items, rules)
    wanted = [tests[n] for n in (tests if names is None else names) if n in tests]
    return [c for c in subsets(items) if all(test(c) for test in wanted)]


def least_conflict_size(items: Sequence[BundleItem], rules: BundleRules) -> int | None:
    """Return the size of the smallest set of constraints that no choice meets; None if none."""
    tests = checks(items, rules)
    met = {frozenset(name for name, test in tests.items() if test(c)) for c in subsets(items)}
    for size in range(1, len(tests) + 1):
        for names in itertools.combinations(tests, size):
            if not any(set(names) <= known for known in met):
                return size
    return None


def random_case(rng: np.random.Generator, n_max: int = 8) -> Case:
    """Draw products and rules of every kind that often conflict."""
    n = int(rng.integers(1, n_max + 1))
    rows = range(n)

    def some(part: float) -> frozenset[int]:
        return frozenset(r for r in rows if rng.random() < part)

    items = tuple(
        BundleItem(
            row=row,
            price=int(rng.integers(1, 60)) * 50,
            score=float(rng.integers(0, 8)) / 8 if rng.random() < 0.5 else float(rng.random()),
            role=int(rng.integers(-1, 4)),
            group=None if rng.random() < 0.7 else f"g{rng.integers(0, 2)}",
            margin=None if rng.random() < 0.1 else round(float(rng.uniform(-0.1, 0.6)), 2),
            required=bool(rng.random() < 0.1),
            lead=bool(rng.random() < 0.1),
            breaks=frozenset(name for name in ("price_max", "in_stock") if rng.random() < 0.12),
        )
        for row in rows
    )
    least = int(rng.integers(1, 4))
    rules = BundleRules(
        total_max=Decimal(int(rng.integers(10, 120))) if rng.random() < 0.6 else None,
        min_items=least,
        max_items=int(rng.integers(least, 6)),
        margin_min=Decimal(str(round(rng.uniform(0, 0.5), 2))) if rng.random() < 0.4 else None,
        conflicts=tuple(p for p in itertools.combinations(rows, 2) if rng.random() < 0.08),
        roles=tuple((f"R{i}", some(0.4)) for i in range(int(rng.integers(0, 3)))),
        needs=tuple((r, some(0.3) - {r}) for r in rows if rng.random() < 0.15),
    )
    return Case(items, rules)


def capped(case: Case, price_max: int) -> Case:
    """Return the case with `price_max` broken by exactly the products above it."""
    limit = frozenset({"price_max"})
    items = tuple(
        replace(i, breaks=(i.breaks - limit) | (limit if i.price > price_max else frozenset()))
        for i in case.items
    )
    return Case(items, case.rules)

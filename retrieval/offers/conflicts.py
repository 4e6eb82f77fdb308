"""When no bundle meets the rules: the fewest constraints in the way, and how near one comes.

A set of constraints is in conflict when no bundle meets all of it. The set returned is of least
size: every smaller set is met by some bundle. A bundle that was found shows for all the constraints
it meets, and so for every subset of them, that they agree; this spares most runs of the solver.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

from retrieval.offers.bundle import (
    BundleItem,
    BundleRules,
    Model,
    kept_of,
    measures,
    meets,
    solve_any,
)

MUST, ROLE = "must_include:", "roles:"
SHARE = Decimal("0.0001")
"""Margins are told to this."""
MAX_STEPS = 30
Names = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """How near one constraint can be met when all the others hold."""

    name: str
    value: Decimal | int
    """Smallest total, largest margin share (rounded down), size, or price of one product."""
    rows: tuple[int, ...]
    """A bundle that reaches it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Constraints that no bundle meets together; without any one of them, some bundle does."""

    names: tuple[str, ...]
    nearest: tuple[Nearest, ...] = ()
    """For those of the names that have a measure and, given up alone, make a bundle possible."""


def constraints_of(items: Sequence[BundleItem], rules: BundleRules) -> tuple[str, ...]:
    """Return the names of all constraints, those that a shopper states first.

    `must_include:ROW` and `roles:NAME` stand for one product or role each.
    """
    filters = sorted({name for i in items for name in i.breaks} - rules.waived)
    stated = (
        ("total_max", rules.total_max is not None),
        ("margin_min", rules.margin_min is not None),
        *((f"{ROLE}{name}", True) for name, _ in rules.roles),
        *((f"{MUST}{i.row}", True) for i in items if i.required),
        *((name, True) for name in filters),
        ("min_items", rules.min_items > 1),
        ("max_items", True),
        ("needs_fit", bool(rules.needs)),
        ("compatibility", bool(rules.conflicts)),
        ("one_of_a_kind", rules.one_of_a_kind),
        ("around_lead", rules.around_lead and any(i.lead for i in items)),
    )
    return tuple(name for name, is_set in stated if is_set)


def without(
    items: Sequence[BundleItem], rules: BundleRules, dropped: Names
) -> tuple[tuple[BundleItem, ...], BundleRules]:
    """Return the same question with some constraints given up."""
    filters = {name for i in items for name in i.breaks}
    eased = replace(
        rules,
        total_max=None if "total_max" in dropped else rules.total_max,
        margin_min=None if "margin_min" in dropped else rules.margin_min,
        min_items=1 if "min_items" in dropped else rules.min_items,
        max_items=max(len(items), rules.min_items) if "max_items" in dropped else rules.max_items,
        roles=tuple(role for role in rules.roles if f"{ROLE}{role[0]}" not in dropped),
        needs=() if "needs_fit" in dropped else rules.needs,
        conflicts=() if "compatibility" in dropped else rules.conflicts,
        one_of_a_kind=rules.one_of_a_kind and "one_of_a_kind" not in dropped,
        around_lead=rules.around_lead and "around_lead" not in dropped,
        waived=rules.waived | (filters & dropped),
    )
    freed = tuple(
        replace(i, required=False, was_required=True)
        if i.required and f"{MUST}{i.row}" in dropped
        else i
        for i in items
    )
    return freed, eased


def find_conflict(items: Sequence[BundleItem], rules: BundleRules) -> Conflict | None:
    """Return the smallest conflict, or None when some bundle meets all rules.

    Of several of one size the first in the order of `constraints_of` is returned.
    """
    names = constraints_of(items, rules)
    shown: list[Names] = []

    def is_in_conflict(kept: Names) -> bool:
        if any(kept <= known for known in shown):
            return False
        found = solve_any(*without(items, rules, frozenset(names) - kept))
        if found is None:
            return True
        shown.append(_met(items, rules, names, found))
        return False

    if not items or not is_in_conflict(frozenset(names)):
        return None if items else Conflict(names=())
    first = _filtered(names, is_in_conflict)
    smallest = next(
        (
            subset
            for size in range(1, len(first))
            for subset in combinations(names, size)
            if is_in_conflict(frozenset(subset))
        ),
        first,
    )
    bounds = (nearest(items, rules, name) for name in smallest)
    return Conflict(names=smallest, nearest=tuple(b for b in bounds if b is not None))


def _filtered(names: tuple[str, ...], is_in_conflict: Callable[[Names], bool]) -> tuple[str, ...]:
    """Leave out every constraint that the conflict does not need (the deletion filter)."""
    kept = list(names)
    for name in reversed(names):
        rest = frozenset(kept) - {name}
        if is_in_conflict(rest):
            kept.remove(name)
    return tuple(kept)


def _met(
    items: Sequence[BundleItem],
    rules: BundleRules,
    names: tuple[str, ...],
    chosen: Sequence[BundleItem],
) -> Names:
    """Return which constraints, each taken alone, a bundle meets: then it meets them together."""
    rows = {i.row for i in chosen}
    found = set()
    for name in names:
        freed, eased = without(items, rules, frozenset(names) - {name})
        if meets([i for i in freed if i.row in rows], freed, eased):
            found.add(name)
    return frozenset(found)


def nearest(items: Sequence[BundleItem], rules: BundleRules, name: str) -> Nearest | None:
    """Return how near a constraint can be met with all the others in force; None if not at all.

    Constraints without a measure (a role, a must-have, what fits) have None too.
    """
    freed, eased = without(items, rules, frozenset({name}))
    if name == "total_max":
        return _most(freed, eased, name, 1, lambda c: Decimal(sum(i.price for i in c)) / 100)
    if name == "margin_min":
        return _best_margin(freed, eased)
    if name in ("min_items", "max_items"):
        return _nearest_size(freed, eased, name)
    if name in ("price_max", "price_min"):
        return _nearest_price(items, rules, name)
    return None


def _most(
    items: Sequence[BundleItem],
    rules: BundleRules,
    name: str,
    which: int,
    value: Callable[[Sequence[BundleItem]], Decimal],
) -> Nearest | None:
    places = Model(items, rules).maximise(measures(items)[which])
    if places is None:
        return None
    chosen = [items[i] for i in places]
    return Nearest(name=name, value=value(chosen), rows=tuple(i.row for i in chosen))


def _best_margin(items: Sequence[BundleItem], rules: BundleRules) -> Nearest | None:
    """Return the bundle with the largest margin share.

    Dinkelbach's method (Management Science 13, 1967): the best share s is where the most of
    kept - s * total is zero; each bundle that exceeds zero gives a larger s.
    """
    _, cost, kept = measures(items)
    best: tuple[Fraction, list[int]] | None = None
    for _ in range(MAX_STEPS):
        share = best[0] if best is not None else Fraction(0)
        level = [round(share * int(c) * 10_000) for c in cost]  # negative prices
        places = Model(items, rules).maximise(kept + level)
        if places is None:
            break
        found = _share([items[i] for i in places])
        if best is not None and found <= best[0]:
            break
        best = (found, places)
    if best is None:
        return None
    value = Decimal(math.floor(best[0] * 10_000)) * SHARE
    return Nearest(name="margin_min", value=value, rows=tuple(items[i].row for i in best[1]))


def _share(chosen: Sequence[BundleItem]) -> Fraction:
    total = sum(i.price for i in chosen)
    return Fraction(sum(map(kept_of, chosen)), 10_000 * total) if total else Fraction(0)


def _nearest_size(items: Sequence[BundleItem], rules: BundleRules, name: str) -> Nearest | None:
    """Return the largest size below the least asked for, or the smallest above the most."""
    for size in _sizes(len(items), rules, name):
        found = solve_any(items, replace(rules, min_items=size, max_items=size))
        if found is not None:
            return Nearest(name=name, value=size, rows=tuple(i.row for i in found))
    return None


def _sizes(n: int, rules: BundleRules, name: str) -> Iterator[int]:
    if name == "min_items":
        return iter(range(min(rules.max_items, n), 0, -1))
    return iter(range(rules.min_items, n + 1))


def _nearest_price(items: Sequence[BundleItem], rules: BundleRules, name: str) -> Nearest | None:
    """Return the limit on single prices, moved as little as possible, at which a bundle exists."""
    limits = sorted({i.price for i in items if name in i.breaks}, reverse=name == "price_min")
    found: Nearest | None = None
    low, high = 0, len(limits)
    while low < high:  # more prices allowed never make fewer bundles
        middle = (low + high) // 2
        sign = 1 if name == "price_max" else -1
        eased = [
            replace(i, breaks=i.breaks - {name}) if sign * i.price <= sign * limits[middle] else i
            for i in items
        ]
        chosen = solve_any(eased, rules)
        if chosen is None:
            low = middle + 1
        else:
            rows = tuple(i.row for i in chosen)
            found = Nearest(name=name, value=Decimal(limits[middle]) / 100, rows=rows)
            high = middle
    return found

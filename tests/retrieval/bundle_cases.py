"""Random bundle questions, and their answers by looking at every subset. Shares no code with the
solver."""

import itertools
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from retrieval.offers.bundle import BundleItem, BundleRules


@dataclass(frozen=True)
class Case:
    items: tuple[BundleItem, ...]
    rules: BundleRules


def subsets(items):
    for size in range(1, len(items) + 1):
        yield from itertools.combinations(items, size)


def value(chosen):
    return sum(round(i.score * 1_000_000) for i in chosen)


def cost(chosen):
    return -sum(i.price for i in chosen)


def kept(chosen):
    return sum(Fraction(str(i.margin or 0)) * i.price for i in chosen)


def share(chosen):
    return kept(chosen) / -cost(chosen)


def checks(items, rules):
    """Return name -> whether a choice meets that constraint by itself."""
    filters = {name for i in items for name in i.breaks}
    found = {
        "min_items": lambda c: len(c) >= rules.min_items,
        "max_items": lambda c: len(c) <= rules.max_items,
        "compatibility": lambda c: (
            not any({a, b} <= {i.row for i in c} for a, b in rules.conflicts)
        ),
        "one_of_a_kind": lambda c: (
            not rules.one_of_a_kind
            or all(
                at_most_one_or_as_required(c, items, key, none)
                for key, none in (("role", -1), ("group", None))
            )
        ),
        "around_lead": lambda c: not any(i.lead for i in items) or any(i.lead for i in c),
        "needs_fit": lambda c: all(
            any(i.row in partners for i in c)
            for row, partners in rules.needs
            if any(i.row == row for i in c)
        ),
    }
    if rules.total_max is not None:
        found["total_max"] = lambda c: -cost(c) <= rules.total_max * 100
    if rules.margin_min is not None:
        found["margin_min"] = lambda c: kept(c) >= Fraction(str(rules.margin_min)) * -cost(c)
    for name, rows in rules.roles:
        found[f"roles:{name}"] = lambda c, rows=rows: sum(i.row in rows for i in c) == 1
    for item in items:
        if item.required:
            found[f"must_include:{item.row}"] = lambda c, row=item.row: any(i.row == row for i in c)
    for name in filters - rules.waived:
        found[name] = lambda c, name=name: not any(name in i.breaks for i in c)
    return found


def at_most_one_or_as_required(chosen, items, key, none):
    for name in {getattr(i, key) for i in chosen} - {none}:
        n = sum(getattr(i, key) == name for i in chosen)
        if n > max(1, sum(i.required for i in items if getattr(i, key) == name)):
            return False
    return True


def feasible(items, rules, names=None):
    tests = checks(items, rules)
    wanted = [tests[n] for n in (tests if names is None else names) if n in tests]
    return [c for c in subsets(items) if all(test(c) for test in wanted)]


def least_conflict_size(items, rules):
    """Return the size of the smallest set of constraints that no subset of products meets."""
    tests = checks(items, rules)
    met = {frozenset(name for name, test in tests.items() if test(c)) for c in subsets(items)}
    for size in range(1, len(tests) + 1):
        for names in itertools.combinations(tests, size):
            if not any(set(names) <= known for known in met):
                return size
    return None


def is_conflict(items, rules, names):
    return not feasible(items, rules, names)


def random_case(rng, n_max=8):
    """Draw products and rules of every kind that often conflict."""
    n = int(rng.integers(1, n_max + 1))
    rows = range(n)
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
    some = lambda share: frozenset(r for r in rows if rng.random() < share)  # noqa: E731
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


def capped(case, price_max):
    """Return the case with `price_max` broken by exactly the products above it."""
    items = tuple(
        replace(
            i,
            breaks=(i.breaks - {"price_max"})
            | ({"price_max"} if i.price > price_max else frozenset()),
        )
        for i in case.items
    )
    return Case(items, case.rules)

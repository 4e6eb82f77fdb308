"""The bundle solver and the stack of offers against a look at every subset."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np

from eval.bundle_cases import Case, Chosen, checks, cost, feasible, kept, random_case, value
from eval.bundle_cases import least_conflict_size as least_size
from eval.cli import progress
from eval.results import Floor, System, TaskResult
from retrieval.data.dataset import Product
from retrieval.offers.bundle import Goal, Solution, options, solve
from retrieval.offers.conflicts import Conflict, find_conflict
from retrieval.offers.topup import MOST, USEFUL, Filler, least_regret
from retrieval.promotion import Offer
from retrieval.stacking import (
    Line,
    apply_stack,
    best_stack,
    delivery_fee,
    go_together,
    refusal,
)

GOALS: tuple[Goal, ...] = ("best_fit", "cheapest", "best_margin")
MEASURES: Mapping[Goal, Callable[[Chosen], Fraction]] = {
    "best_fit": lambda c: Fraction(value(c)),
    "cheapest": lambda c: Fraction(cost(c)),
    "best_margin": kept,
}
AT = datetime(2026, 6, 1, tzinfo=UTC)
NONE = "brute force over all subsets; none may be"


def exact_bundles_task(*, seed: int, n: int) -> TaskResult:
    """Do bundles, options and conflicts agree with brute force on random questions?"""
    rng = np.random.default_rng(seed)
    rows = [_compared(random_case(rng)) for _ in progress(range(n), "exact bundles", n)]
    names = list(rows[0])
    values = {name: np.array([row[name] for row in rows]) for name in names}
    checked = [name for name in names if name != "possible"]
    return TaskResult(
        name="bundles-exact",
        question="Random products and rules of every kind: are answers those of brute force?",
        split=f"{n} random questions of up to 8 products, every subset looked at",
        data_hash=f"seed {seed}",
        systems=[System(name="ours: solver", values=values, is_baseline=False)],
        ours="ours: solver",
        headline="gap",
        floors=tuple(Floor(measure=m, value=0.0, source=NONE, is_upper=True) for m in checked),
        notes=(
            "gap: largest relative difference of a goal to its best subset. dominated: an option "
            "that some subset beats by price, fit or margin and equals by the rest. conflict: the "
            "named constraints can be met together, or a smaller set cannot. bound: the smallest "
            "total or the size is not that of brute force.",
        ),
    )


def exact_carts_task(*, seed: int, n: int) -> TaskResult:
    """Do the best stack of offers and the top-up of least regret agree with brute force?"""
    rng = np.random.default_rng(seed)
    stacks = [_stack_gap(rng) for _ in progress(range(n), "exact stacks", n)]
    fills = [_top_up_gap(rng) for _ in progress(range(n), "exact top-ups", n)]
    values = {"stack gap": np.array(stacks), "top-up gap": np.array(fills)}
    return TaskResult(
        name="carts-exact",
        question="Random carts, offers and fillers: do stacks save, and top-ups cost, as the best?",
        split=f"{n} carts of up to 4 lines and 7 offers; {n} gaps with up to 10 fillers",
        data_hash=f"seed {seed}",
        systems=[System(name="ours: cart", values=values, is_baseline=False)],
        ours="ours: cart",
        headline="stack gap",
        floors=tuple(Floor(measure=m, value=0.0, source=NONE, is_upper=True) for m in values),
        notes=("Gaps are in money; a missing answer where there is one counts 1.",),
    )


def _compared(case: Case) -> dict[str, float]:
    possible = feasible(case.items, case.rules)
    picked = {
        goal: _picked(case, s)
        for goal in GOALS
        if (s := solve(case.items, case.rules, goal=goal)) is not None
    }
    tests = checks(case.items, case.rules).values()
    conflict = find_conflict(case.items, case.rules)
    is_least = conflict is None or (
        not feasible(case.items, case.rules, conflict.names)
        and len(conflict.names) == least_size(case.items, case.rules)
    )
    n_expected = len(GOALS) if possible else 0
    return {
        "possible": float(bool(possible)),
        "gap": max((_gap(goal, c, possible) for goal, c in picked.items()), default=0.0),
        "verdict wrong": float(len(picked) != n_expected or (conflict is None) != bool(possible)),
        "violations": float(any(not test(c) for c in picked.values() for test in tests)),
        "dominated": float(_has_dominated(case, possible)),
        "conflict": float(not is_least),
        "bound": float(conflict is not None and _is_bound_off(case, conflict)),
    }


def _gap(goal: Goal, chosen: Chosen, possible: list[Chosen]) -> float:
    """Return how far a choice is from the best subset, as a share of it."""
    measure = MEASURES[goal]
    best = max(map(measure, possible), default=Fraction(0))
    return float(abs(best - measure(chosen)) / max(Fraction(1), abs(best)))


def _picked(case: Case, solution: Solution) -> Chosen:
    return tuple(i for i in case.items if i.row in solution.rows)


def _has_dominated(case: Case, possible: list[Chosen]) -> bool:
    points = [(Fraction(cost(c)), Fraction(value(c)), kept(c)) for c in possible]
    for solution in options(case.items, case.rules).values():
        chosen = _picked(case, solution)
        own = (Fraction(cost(chosen)), Fraction(value(chosen)), kept(chosen))
        if any(p != own and all(b >= a for a, b in zip(own, p, strict=True)) for p in points):
            return True
    return False


def _is_bound_off(case: Case, conflict: Conflict) -> bool:
    for bound in conflict.nearest:
        names = [n for n in checks(case.items, case.rules) if n != bound.name]
        possible = feasible(case.items, case.rules, names)
        expected: Decimal | int | None = None
        if bound.name == "total_max":
            expected = Decimal(-max(map(cost, possible))) / 100
        elif bound.name in ("min_items", "max_items"):
            sizes = [len(c) for c in possible]
            expected = max(sizes) if bound.name == "min_items" else min(sizes)
        if expected is not None and expected != bound.value:
            return True
    return False


def _stack_gap(rng: np.random.Generator) -> float:
    """Return what the best legal stack saves more than the one that was found."""
    lines = [
        Line(
            product=Product(
                product_id=f"p{i}", title="p", price=_amount(rng, 15_000), category=(_letter(rng),)
            ),
            quantity=int(rng.integers(1, 4)),
        )
        for i in range(int(rng.integers(1, 5)))
    ]
    offers = [_offer(rng, i) for i in range(int(rng.integers(0, 8)))]
    asked = {o.offer_id for o in offers if rng.random() < 0.8}
    counting = [o for o in offers if refusal(o, lines, AT, asked) is None]
    fee = delivery_fee(offers, lines, AT)
    best = max(
        apply_stack(stack, lines, fee).saved
        for size in range(len(counting) + 1)
        for stack in itertools.combinations(counting, size)
        if all(go_together(a, b, lines) for a, b in itertools.combinations(stack, 2))
    )
    return float(abs(best - best_stack(offers, lines, AT, asked).saved))


def _offer(rng: np.random.Generator, place: int) -> Offer:
    kind = ("percent", "amount", "coupon", "free_delivery")[int(rng.integers(4))]
    return Offer(
        offer_id=f"o{place}",
        kind=kind,
        value=Decimal(int(rng.integers(1, 60))) if kind == "percent" else _amount(rng, 4_000),
        product_ids=frozenset({"p0"} if rng.random() < 0.2 else ()),
        categories=frozenset({_letter(rng)} if rng.random() < 0.6 else ()),
        min_spend=_amount(rng, 20_000) if rng.random() < 0.5 else None,
        starts_at=None,
        ends_at=None,
        stackable=bool(rng.random() < 0.6),
    )


def _amount(rng: np.random.Generator, most: int) -> Decimal:
    return Decimal(int(rng.integers(1, most))) / 100


def _letter(rng: np.random.Generator) -> str:
    return "abc"[int(rng.integers(3))]


def _top_up_gap(rng: np.random.Generator) -> float:
    """Return what the found top-up regrets more than the best of all sets."""
    fillers = [
        Filler(
            row=row, price=int(rng.integers(1, 4_000)), permille=int(rng.integers(0, 1_000)),
            role=int(rng.integers(-1, 5)),
        )
        for row in range(int(rng.integers(1, 11)))
    ]  # fmt: skip
    gap = int(rng.integers(1, 7_000))
    able = [f for f in fillers if f.permille >= 1000 * USEFUL]
    reaching = [
        sum(f.unwanted for f in chosen)
        for size in range(1, MOST + 1)
        for chosen in itertools.combinations(able, size)
        if sum(f.price for f in chosen) >= gap
        and all(a.role != b.role or a.role < 0 for a, b in itertools.combinations(chosen, 2))
    ]
    found = least_regret(fillers, gap)
    if found is None or not reaching:
        return float((found is None) != (not reaching))
    return abs(sum(f.unwanted for f in found) - min(reaching)) / 100_000

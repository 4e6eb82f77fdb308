"""Bundles, their options and their conflicts against a look at every subset of products."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.bundle_cases import (
    capped,
    checks,
    cost,
    feasible,
    kept,
    least_conflict_size,
    random_case,
    share,
    value,
)
from retrieval.offers.bundle import BundleItem, BundleRules, meets, options, solve
from retrieval.offers.conflicts import find_conflict, without

SEEDS = st.integers(0, 2**32 - 1)
GOALS = {
    "best_fit": lambda c: (value(c), cost(c), kept(c)),
    "cheapest": lambda c: (cost(c), value(c), kept(c)),
    "best_margin": lambda c: (kept(c), value(c), cost(c)),
}


def case_of(seed):
    return random_case(np.random.default_rng(seed))


def chosen(items, solution):
    return [i for i in items if i.row in solution.rows]


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_every_goal_is_as_good_as_the_best_of_all_subsets(seed):
    case = case_of(seed)
    possible = feasible(case.items, case.rules)
    for goal, measure in GOALS.items():
        found = solve(case.items, case.rules, goal=goal)
        assert (found is None) == (not possible)
        if found is not None:
            assert found.optimal
            assert measure(chosen(case.items, found)) == max(map(measure, possible))


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_no_option_is_dominated_and_none_is_said_twice(seed):
    case = case_of(seed)
    found = options(case.items, case.rules)
    points = [GOALS["best_fit"](chosen(case.items, s)) for s in found.values()]
    assert len(set(points)) == len(points)
    for point in points:
        for other in map(GOALS["best_fit"], feasible(case.items, case.rules)):
            at_least = all(b >= a for a, b in zip(point, other, strict=True))
            assert not at_least or other == point
    named = [goal for g, s in found.items() for goal in (g, *s.also)]
    assert len(set(named)) == len(named)
    assert set(named) in (set(), set(GOALS))


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_conflict_is_one_and_of_least_size(seed):
    case = case_of(seed)
    conflict = find_conflict(case.items, case.rules)
    assert (conflict is None) == bool(feasible(case.items, case.rules))
    if conflict is not None:
        assert not feasible(case.items, case.rules, conflict.names)
        assert len(conflict.names) == least_conflict_size(case.items, case.rules)


@given(SEEDS, st.integers(100, 3_000))
@settings(max_examples=20, deadline=None)
def test_the_nearest_value_is_the_nearest_of_all_subsets(seed, price_max):
    case = capped(case_of(seed), price_max)
    conflict = find_conflict(case.items, case.rules)
    for bound in conflict.nearest if conflict else ():
        others = [name for name in checks(case.items, case.rules) if name != bound.name]
        possible = feasible(case.items, case.rules, others)
        if bound.name == "total_max":
            assert bound.value * 100 == min(-cost(c) for c in possible)
        elif bound.name == "margin_min":
            assert 0 <= max(map(share, possible)) - Fraction(bound.value) < Fraction(1, 10_000)
        elif bound.name == "min_items":
            assert bound.value == max(map(len, possible))
        elif bound.name == "max_items":
            assert bound.value == min(map(len, possible))
        else:
            assert bound.name == "price_max"
            assert bound.value * 100 == min(max(i.price for i in c) for c in possible)
        assert any({i.row for i in c} == set(bound.rows) for c in possible)


def test_two_must_haves_that_do_not_work_together_are_named_with_the_reason():
    items = [BundleItem(row=r, price=100, score=1.0, required=r < 2) for r in range(3)]
    found = find_conflict(items, BundleRules(conflicts=((0, 1),)))
    assert set(found.names) == {"must_include:0", "must_include:1", "compatibility"}
    assert found.nearest == ()


def test_the_smallest_conflict_is_found_although_a_larger_one_comes_first():
    # total 1.00 is impossible by itself; that three are wanted of two is another, larger conflict
    items = [BundleItem(row=r, price=900, score=1.0) for r in range(2)]
    found = find_conflict(items, BundleRules(total_max=1, min_items=3))
    assert found.names == ("total_max",)
    assert found.nearest == ()  # another total would not help: three of two are wanted


def test_nothing_to_choose_from_is_a_conflict_of_nothing():
    assert find_conflict([], BundleRules()).names == ()


@pytest.mark.parametrize("name", ["total_max", "margin_min", "compatibility", "needs_fit"])
def test_a_constraint_given_up_is_not_in_force(name):
    case = case_of(7)
    freed, eased = without(case.items, case.rules, frozenset({name}))
    for c in feasible(freed, eased):
        assert meets(c, freed, eased)
    assert name not in checks(freed, eased) or name in ("compatibility", "needs_fit")

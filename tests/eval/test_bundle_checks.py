"""The comparison with brute force counts what is wrong, and finds nothing wrong."""

import numpy as np

from eval.bundle_cases import Case, feasible, least_conflict_size, random_case
from eval.bundle_checks import exact_bundles_task, exact_carts_task
from retrieval.offers.bundle import BundleItem, BundleRules


def test_solver_and_conflicts_agree_with_all_subsets():
    task = exact_bundles_task(seed=1, n=12)
    values = task.systems[0].values
    assert {floor.measure for floor in task.floors} == set(values) - {"possible"}
    assert all(values[floor.measure].max() == 0 for floor in task.floors)
    assert 0 < values["possible"].mean() < 1  # both verdicts are asked for


def test_stacks_and_top_ups_agree_with_all_sets():
    values = exact_carts_task(seed=1, n=12).systems[0].values
    assert all(np.max(found) == 0 for found in values.values())


def test_brute_force_knows_a_conflict_by_hand():
    # two products of 5.00, a total of 4.00: the total alone is in conflict with having any
    items = tuple(BundleItem(row=r, price=500, score=1.0) for r in range(2))
    assert feasible(items, BundleRules(total_max=4)) == []
    assert least_conflict_size(items, BundleRules(total_max=4)) == 1
    assert least_conflict_size(items, BundleRules(total_max=10)) is None
    # 5.00 allows one; that two are wanted conflicts with it: two constraints
    assert least_conflict_size(items, BundleRules(total_max=5, min_items=2)) == 2


def test_random_questions_hold_every_kind_of_rule():
    rng = np.random.default_rng(0)
    cases = [random_case(rng) for _ in range(60)]
    assert all(isinstance(case, Case) for case in cases)
    for name in ("total_max", "margin_min", "conflicts", "roles", "needs"):
        assert any(getattr(case.rules, name) for case in cases)

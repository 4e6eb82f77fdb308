"""The bundle solver against brute force, and cases worked by hand."""

import itertools
from decimal import Decimal

import numpy as np
import pytest

from retrieval.offers.bundle import (
    BundleItem,
    BundleRules,
    cheapest_total,
    meets,
    options,
    solve,
)
from retrieval.offers.bundling import margin_of, rules_of
from retrieval.query import Constraints

GOALS = ("best_fit", "cheapest", "best_margin")


def item(row, price, score, **fields):
    return BundleItem(row=row, price=price, score=score, **fields)


@pytest.fixture
def camp():
    """tent 100.00, mat 30.00, pad 25.00 (same role as the mat), stove 40.00."""
    return [
        item(0, 10_000, 1.0, role=0, margin=0.2),
        item(1, 3_000, 0.8, role=1, margin=0.5),
        item(2, 2_500, 0.7, role=1, margin=0.1),
        item(3, 4_000, 0.5, role=2, margin=0.4),
    ]


def test_the_best_bundle_takes_the_most_value_that_the_total_allows(camp):
    # tent + mat + stove = 170 with 2.3; within 145 tent + stove is 140 with 1.5, tent + mat 1.8
    assert solve(camp, BundleRules()).rows == (0, 1, 3)
    assert solve(camp, BundleRules(total_max=Decimal("145"))).rows == (0, 1)
    assert solve(camp, BundleRules(total_max=Decimal("145"))).total == 13_000


def test_a_total_is_inclusive_to_the_cent(camp):
    assert solve(camp, BundleRules(total_max=Decimal("65.00"))).rows == (2, 3)
    assert solve(camp, BundleRules(total_max=Decimal("64.99"))) is None


def test_products_of_one_role_exclude_each_other(camp):
    found = solve(camp, BundleRules(min_items=2, max_items=4))
    assert not {1, 2} <= set(found.rows)
    assert solve(camp, BundleRules(min_items=4)) is None


def test_variants_of_one_group_exclude_each_other():
    items = [item(0, 100, 1.0, group="g"), item(1, 100, 0.9, group="g"), item(2, 100, 0.1)]
    assert solve(items, BundleRules()).rows == (0, 2)


def test_required_products_are_in_every_option(camp):
    must = [i if i.row != 2 else item(2, 2_500, 0.7, role=1, required=True) for i in camp]
    assert all(2 in found.rows for found in options(must, BundleRules()).values())


def test_two_required_products_may_share_a_role():
    items = [item(0, 100, 1, role=1, required=True), item(1, 100, 1, role=1, required=True)]
    assert solve(items, BundleRules()).rows == (0, 1)


def test_more_required_products_than_places_is_impossible():
    items = [item(i, 100, 1.0, required=True) for i in range(3)]
    assert solve(items, BundleRules(max_items=2)) is None


def test_a_set_holds_one_of_what_it_is_built_around(camp):
    around = [*camp[:3], item(3, 4_000, 0.0, role=2, lead=True)]
    assert 3 in solve(around, BundleRules(max_items=2)).rows


@pytest.mark.parametrize(
    "rules",
    [
        BundleRules(min_items=5, max_items=3),
        BundleRules(total_max=Decimal(0)),
        BundleRules(margin_min=Decimal("0.9")),
        BundleRules(min_items=6, max_items=6),
    ],
)
def test_conflicting_rules_have_no_bundle(camp, rules):
    assert solve(camp, rules) is None
    assert options(camp, rules) == {}


def test_nothing_to_choose_from_has_no_bundle():
    assert solve([], BundleRules()) is None


def test_a_margin_floor_holds_for_the_whole(camp):
    # tent + stove: (20 + 16) / 140 = 25.7 %; mat + stove: (15 + 16) / 70 = 44.3 %
    found = solve(camp, BundleRules(margin_min=Decimal("0.44")))
    assert found.rows == (1, 3)
    assert solve(camp, BundleRules(margin_min=Decimal("0.45"))) is None


def test_a_margin_exactly_at_the_floor_is_kept():
    items = [item(0, 999, 1.0, margin=0.3), item(1, 333, 1.0, margin=0.3)]
    assert solve(items, BundleRules(margin_min=Decimal("0.3"))).rows == (0, 1)


def test_prices_in_the_millions_keep_the_total_to_the_cent():
    items = [item(0, 500_000_000, 1.0), item(1, 400_000_001, 0.9), item(2, 400_000_000, 0.5)]
    found = solve(items, BundleRules(total_max=Decimal("9000000.00"), max_items=2))
    assert found.rows == (0, 2)


def test_options_differ_and_keep_their_promises(camp):
    found = options(camp, BundleRules())
    assert len({frozenset(s.rows) for s in found.values()}) == len(found)
    assert found["cheapest"].total <= found["best_fit"].total
    assert found["best_fit"].value == max(s.value for s in found.values())


def test_the_bound_is_the_cheapest_total(camp):
    assert cheapest_total(camp, BundleRules(total_max=Decimal(1))).total == 6_500


def instance(rng):
    """Draw up to nine products and rules that often conflict."""
    n = int(rng.integers(1, 10))
    items = [
        item(
            row,
            int(rng.integers(1, 60)) * 50,
            round(float(rng.random()), 3),
            role=int(rng.integers(-1, 4)),
            group=None if rng.random() < 0.7 else f"g{rng.integers(0, 2)}",
            margin=None if rng.random() < 0.1 else round(float(rng.uniform(-0.1, 0.6)), 2),
            required=bool(rng.random() < 0.1),
            lead=bool(rng.random() < 0.1),
        )
        for row in range(n)
    ]
    least = int(rng.integers(1, 4))
    return items, BundleRules(
        total_max=Decimal(int(rng.integers(10, 120))) if rng.random() < 0.7 else None,
        min_items=least,
        max_items=int(rng.integers(least, 6)),
        margin_min=Decimal(str(round(rng.uniform(0, 0.5), 2))) if rng.random() < 0.4 else None,
    )


def brute_force(items, rules, goal):
    """Return the best attainable objective over all subsets, or None."""
    best = None
    for size in range(rules.min_items, rules.max_items + 1):
        for chosen in itertools.combinations(items, size):
            if is_allowed(chosen, items, rules):
                value = objective(chosen, goal)
                best = value if best is None else max(best, value)
    return best


def is_allowed(chosen, items, rules):
    total = sum(i.price for i in chosen)
    kept = sum(Decimal(str(i.margin or 0)) * i.price for i in chosen)
    if rules.total_max is not None and total > rules.total_max * 100:
        return False
    if rules.margin_min is not None and kept < rules.margin_min * total:
        return False
    if any(i.required and i not in chosen for i in items):
        return False
    if any(i.lead for i in items) and not any(i.lead for i in chosen):
        return False
    for key, none in (("role", -1), ("group", None)):
        values = [getattr(i, key) for i in chosen if getattr(i, key) != none]
        for value in set(values):
            n_required = sum(i.required for i in items if getattr(i, key) == value)
            if values.count(value) > max(1, n_required):
                return False
    return True


def objective(chosen, goal):
    if goal == "best_fit":
        return sum(i.score for i in chosen)
    if goal == "cheapest":
        return -sum(i.price for i in chosen)
    return sum((i.margin or 0.0) * i.price for i in chosen)


@pytest.mark.parametrize("seed", range(8))
def test_the_solver_agrees_with_brute_force(seed):
    rng = np.random.default_rng(seed)
    for i in range(40):
        items, rules = instance(rng)
        goal = GOALS[i % 3]
        best, found = brute_force(items, rules, goal), solve(items, rules, goal=goal)
        assert (found is None) == (best is None), (items, rules)
        if found is None or best is None:
            continue
        chosen = [i for i in items if i.row in found.rows]
        assert found.optimal
        assert meets(chosen, items, rules)
        assert is_allowed(chosen, items, rules)
        scale = max(i.price for i in items)
        slack = 1e-5 * scale if goal != "best_fit" else 1e-5
        assert objective(chosen, goal) == pytest.approx(best, abs=slack), (items, rules, goal)


def test_sizes_not_stated_make_room_for_the_must_haves():
    assert rules_of(Constraints()).min_items == 2
    assert rules_of(Constraints()).max_items == 4
    assert rules_of(Constraints(), n_required=6).max_items == 6
    assert rules_of(Constraints(max_items=3), n_required=6).max_items == 3
    assert rules_of(Constraints(max_items=1)).min_items == 1
    assert rules_of(Constraints(min_items=5)).max_items == 5


def test_a_bundles_margin_is_of_its_total(tiny_dataset):
    # footprint 29.00 * 0.48 + mat 24.90 * 0.41 = 13.92 + 10.209 over 53.90
    products = [tiny_dataset.catalogue[p] for p in ("footprint-duo", "mat-foam")]
    assert margin_of(products) == pytest.approx(24.129 / 53.90, abs=1e-4)


def test_products_that_do_not_fit_each_other_are_never_in_one_bundle(camp):
    # camp's best bundle holds rows 0, 1 and 3; rows 0 and 3 are now said not to fit
    free, strict = BundleRules(), BundleRules(conflicts=((0, 3),))
    assert {0, 3} <= set(solve(camp, free).rows)
    assert not {0, 3} <= set(solve(camp, strict).rows)

"""The bundle solver: cases worked by hand. `test_bundles_exactly` has brute force."""

from decimal import Decimal

import pytest

from retrieval.offers.bundle import (
    BundleItem,
    BundleRules,
    options,
    solve,
)
from retrieval.offers.bundling import margin_of, rules_of
from retrieval.query import Constraints


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


def test_a_role_is_filled_exactly_once(camp):
    # beds are mat and pad, which are of one kind; with shelter and bed the best is tent + mat
    roles = (("shelter", frozenset({0})), ("bed", frozenset({1, 2})))
    assert solve(camp, BundleRules(roles=roles, max_items=2)).rows == (0, 1)
    free = BundleRules(roles=roles, max_items=4, one_of_a_kind=False)
    assert solve(camp, free).rows == (0, 1, 3)  # the stove fills no role and may come too
    assert solve(camp, BundleRules(roles=(("boat", frozenset()),))) is None


def test_what_needs_a_partner_comes_with_one_or_not_at_all():
    stove, gas, mug = item(0, 4_000, 1.0), item(1, 500, 0.1), item(2, 900, 0.6)
    needs = ((0, frozenset({1})),)
    assert solve([stove, gas, mug], BundleRules(max_items=2, needs=needs)).rows == (0, 1)
    assert solve([stove, mug], BundleRules(max_items=2, needs=needs)) is None


def test_ties_are_decided_by_the_other_measures():
    # all pairs are worth 2.0; a + b and a + c cost 300, of which a + c keeps more
    items = [
        item(0, 100, 1.0, margin=0.1), item(1, 200, 1.0, margin=0.1), item(2, 200, 1.0, margin=0.3),
    ]  # fmt: skip
    assert solve(items, BundleRules(max_items=2)).rows == (0, 2)


def test_goals_that_one_bundle_meets_are_named_once():
    items = [item(0, 100, 1.0, margin=0.3), item(1, 200, 1.0, margin=0.3)]
    found = options(items, BundleRules())
    assert list(found) == ["best_fit"]
    assert found["best_fit"].also == ("cheapest", "best_margin")


def test_roles_make_room_for_themselves_and_for_must_haves():
    two = Constraints(roles=("Tents", "Stoves"))
    assert (rules_of(two).min_items, rules_of(two).max_items) == (2, 2)
    assert rules_of(two, n_required=1).max_items == 3
    assert rules_of(Constraints(roles=("Tents",))).max_items == 1

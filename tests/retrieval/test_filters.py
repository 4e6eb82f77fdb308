"""Hard constraints on a shop of six products small enough to read."""

from decimal import Decimal

import numpy as np
import pytest
from pydantic import ValidationError

from retrieval.data.dataset import Catalogue, Product
from retrieval.filters import allowed, broken, mentions, nearest_bounds
from retrieval.query import Constraints

SHOP = (
    Product(
        product_id="boot", title="Trail boot", category=("Shoes", "Boots"), brand="Ardent",
        price=Decimal("120.00"), stock=3, rating=4.5, attributes={"Material": "Leather, nylon"},
        translations={"zh": {"title": "登山靴", "category": ["鞋", "靴子"]}},
    ),
    Product(
        product_id="shoe", title="Road shoe", category=("Shoes", "Trainers"), brand="Bo  Sport",
        price=Decimal("80.00"), stock=0, rating=3.9, attributes={"material": "mesh"},
        description="A leather-free shoe, made without leather.",
    ),
    Product(
        product_id="sock", title="Wool socks", category=("Clothes", "Socks"), brand="ardent",
        price=Decimal("12.50"), attributes={"material": "merino wool", "size": "M"},
    ),
    Product(product_id="cap", title="Cap", stock=5, description="不含皮革。Genuine cap."),
    Product(product_id="belt", title="Belt of leather", price=Decimal("30"), stock=9, rating=4.0),
    Product(product_id="bag", title="皮革包", category=("Bags",), price=Decimal("30"), stock=1),
)  # fmt: skip
CATALOGUE = Catalogue(SHOP)


def passing(**constraints):
    mask = allowed(CATALOGUE, Constraints(**constraints))
    return [p for p, ok in zip(CATALOGUE.product_ids, mask, strict=True) if ok]


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        ({}, ["boot", "shoe", "sock", "cap", "belt", "bag"]),
        ({"price_max": "30"}, ["sock", "belt", "bag"]),  # inclusive; no stated price never passes
        ({"price_min": "80", "price_max": "120"}, ["boot", "shoe"]),
        ({"price_max": "29.99"}, ["sock"]),
        ({"rating_min": 4}, ["boot", "belt"]),
        ({"in_stock": True}, ["boot", "cap", "belt", "bag"]),  # not stated counts as out
        ({"in_stock": False}, ["boot", "shoe", "sock", "cap", "belt", "bag"]),
        ({"exclude": ("boot", "nope")}, ["shoe", "sock", "cap", "belt", "bag"]),
        ({"categories": ("SHOES",)}, ["boot", "shoe"]),
        ({"categories": ("shoes > boots",)}, ["boot"]),
        ({"categories": ("靴子",)}, ["boot"]),  # a translated name
        ({"categories": ("Boots", "Socks")}, ["boot", "sock"]),
        ({"exclude_categories": ("shoes",)}, ["sock", "cap", "belt", "bag"]),
        ({"brands": ("ARDENT",)}, ["boot", "sock"]),
        ({"brands": ("bo sport",)}, ["shoe"]),  # single spaces
        ({"exclude_brands": ("Ardent",)}, ["shoe", "cap", "belt", "bag"]),
        ({"attributes": {"material": "leather"}}, ["boot"]),  # one of several values, any case
        ({"attributes": {"material": "wool", "size": "m"}}, ["sock"]),
        ({"attributes": {"material": "eather"}}, []),  # whole words only
        ({"exclude_attributes": {"material": "mesh"}}, ["boot", "sock", "cap", "belt", "bag"]),
        ({"exclude_words": ("leather",)}, ["shoe", "sock", "cap", "bag"]),  # leather-free stays
        ({"exclude_words": ("sock",)}, ["boot", "shoe", "cap", "belt", "bag"]),  # plural too
        ({"exclude_words": ("皮革",)}, ["boot", "shoe", "sock", "cap", "belt"]),  # 不含皮革 stays
        ({"exclude_words": ("", " ")}, ["boot", "shoe", "sock", "cap", "belt", "bag"]),
        ({"brands": ("",), "categories": (" ",)}, ["boot", "shoe", "sock", "cap", "belt", "bag"]),
    ],
)
def test_who_passes(constraints, expected):
    assert passing(**constraints) == expected


def test_broken_names_every_constraint_that_a_product_breaks():
    constraints = Constraints(price_max=Decimal(10), brands=("Bo Sport",), in_stock=True)
    row = CATALOGUE.row("sock")
    assert broken(CATALOGUE, constraints, row) == ("price_max", "in_stock", "brands")
    assert broken(CATALOGUE, Constraints(), row) == ()


def test_a_word_is_not_found_inside_another():
    assert not mentions(Product(product_id="x", title="Leathery look"), "leather")
    assert mentions(Product(product_id="x", title="leather"), "LEATHER")
    assert mentions(Product(product_id="x", title="防水leather靴"), "leather")
    assert not mentions(Product(product_id="x", title="кожаный"), "кожа")
    assert mentions(Product(product_id="x", title="сумка, кожа"), "кожа")


def test_a_denied_word_still_counts_where_it_is_also_affirmed():
    product = Product(product_id="x", title="Bag", description="No wool lining. Wool outside.")
    assert mentions(product, "wool")


def everything():
    return np.ones(len(CATALOGUE), bool)


def test_the_bound_of_a_price_is_the_nearest_price():
    among = np.array([True, True, False, False, False, False])
    (bound,) = nearest_bounds(CATALOGUE, Constraints(price_max=Decimal(50)), among)
    assert (bound.name, bound.value, CATALOGUE.product_ids[bound.row]) == (
        "price_max", Decimal("80.00"), "shoe",
    )  # fmt: skip


def test_only_what_alone_stands_in_the_way_has_a_bound():
    shoes = np.array([True, True, False, False, False, False])
    constraints = Constraints(price_max=Decimal(50), brands=("Ardent",))
    (bound,) = nearest_bounds(CATALOGUE, constraints, shoes)
    assert (bound.name, bound.value) == ("price_max", Decimal("120.00"))


def test_bounds_of_each_kind_are_values_that_a_product_reaches():
    shoes = np.array([True, True, False, False, False, False])
    for constraints, expected in (
        (Constraints(price_min=Decimal(500)), Decimal("120.00")),
        (Constraints(rating_min=5), "4.5"),
        (Constraints(brands=("Nobody",)), "Ardent"),
        (Constraints(categories=("Hats",)), "Shoes > Boots"),
    ):
        (bound,) = nearest_bounds(CATALOGUE, constraints, shoes)
        assert bound.value == expected


def test_no_bound_where_two_constraints_stand_in_the_way():
    constraints = Constraints(price_max=Decimal(1), categories=("Hats",))
    assert nearest_bounds(CATALOGUE, constraints, everything()) == ()


def test_masks_agree_with_asking_each_product():
    """The folded columns are an optimisation: they must say what one look at the product says."""
    for word in ("leather", "wool", "皮革", "cap", "shoe"):
        mask = allowed(CATALOGUE, Constraints(exclude_words=(word,)))
        assert mask.tolist() == [not mentions(p, word) for p in SHOP]


# --- amounts --------------------------------------------------------------------------------------

LOADS = Catalogue(
    tuple(
        Product(product_id=str(n), title=f"Pack {n}", attributes=attributes)
        for n, attributes in enumerate(
            (
                {"Volume": "40 l", "weight": "1.2 kg"}, {"volume": "55 l", "weight": "990 g"},
                {"volume": "900 ml", "weight": "1,450 g"}, {"volume": "40 oz", "weight": "light"},
                {"persons": "3"}, {},
            )
        )
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        ({"attributes_min": {"volume": "40 l"}}, ["0", "1"]),  # inclusive
        ({"attributes_min": {"volume": "0.5 l"}}, ["0", "1", "2"]),  # another unit of the kind
        ({"attributes_min": {"volume": "40"}}, []),  # no unit is another kind
        ({"attributes_max": {"weight": "1200 g"}}, ["0", "1"]),
        ({"attributes_max": {"weight": "1.2 KG"}, "attributes_min": {"volume": "41 l"}}, ["1"]),
        ({"attributes_min": {"persons": "3"}}, ["4"]),
        ({"attributes_min": {"persons": "4"}}, []),
        ({"attributes_max": {"height": "1 m"}}, []),  # nothing states it
    ],
)
def test_amounts_are_compared_in_any_unit_of_their_kind(constraints, expected):
    mask = allowed(LOADS, Constraints(**constraints))
    assert [p for p, ok in zip(LOADS.product_ids, mask, strict=True) if ok] == expected


def test_an_amount_that_is_broken_is_named():
    asked = Constraints(attributes_max={"weight": "1 kg"}, attributes_min={"volume": "50 l"})
    assert broken(LOADS, asked, 0) == ("attributes_min", "attributes_max")
    assert broken(LOADS, asked, 1) == ()


def test_an_amount_without_a_number_is_refused():
    with pytest.raises(ValidationError, match="must begin with a number"):
        Constraints(attributes_min={"volume": "large"})

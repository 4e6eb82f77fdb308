"""Price reductions: who may have which when, and what it takes off."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from retrieval.promotion import best_for, offers_of


@pytest.fixture(scope="module")
def offers(tiny_dataset):
    return {offer.offer_id: offer for offer in offers_of(tiny_dataset.offers)}


def at(month, day):
    return datetime(2026, month, day, tzinfo=UTC)


def test_a_percentage_is_rounded_half_up_to_the_cent(offers):
    assert offers["tents-10"].saving(Decimal("129.00")) == Decimal("12.90")
    assert offers["tents-10"].saving(Decimal("0.05")) == Decimal("0.01")  # 0.005


def test_an_amount_never_takes_more_than_the_price(offers):
    assert offers["sleep-15"].saving(Decimal("9.00")) == Decimal("9.00")


def test_an_offer_runs_between_its_dates(offers):
    offer = offers["tents-10"]
    assert [offer.runs(at(*day)) for day in ((1, 31), (2, 1), (3, 31), (4, 1))] == [
        False, True, True, False,
    ]  # fmt: skip
    assert not offer.runs(None)  # no moment is known, and it ends


def test_scope_is_a_product_or_any_category_of_its_path(tiny_dataset, offers):
    shop = tiny_dataset.catalogue
    assert offers["tents-10"].covers(shop["tent-duo"])
    assert not offers["tents-10"].covers(shop["footprint-duo"])  # "Tent accessories"
    assert offers["sleep-15"].covers(shop["bag-winter"])  # Sleeping, one level up
    assert offers["free-delivery"].covers(shop["lantern"])  # no scope: everything


@pytest.mark.parametrize(
    ("product_id", "day", "expected"),
    [
        ("tent-duo", (3, 1), "tents-10"),
        ("tent-duo", (6, 20), None),  # over
        ("bag-winter", (6, 20), "sleep-15"),
        ("bag-summer", (6, 20), None),  # 59.00 is below the minimum spend
        ("gas-screw", (6, 20), None),  # the coupon needs 10.00
        ("lantern", (6, 20), None),  # free delivery takes nothing off the product
    ],
)
def test_the_best_running_offer_on_one_piece(tiny_dataset, offers, product_id, day, expected):
    found = best_for(tiny_dataset.catalogue[product_id], tuple(offers.values()), at(*day))
    assert (found.offer_id if found else None) == expected

"""Several reductions on one cart: worked by hand, and against every set of offers."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.data.dataset import Product
from retrieval.promotion import Offer
from retrieval.stacking import Line, apply_stack, best_stack, delivery_fee, go_together, refusal

AT = datetime(2026, 6, 1, tzinfo=UTC)


def product(product_id, price, *category):
    return Product(product_id=product_id, title=product_id, price=Decimal(price), category=category)


def offer(
    offer_id, kind, value, *, products=(), categories=(), spend=None, stackable=True, **dates
):
    return Offer(
        offer_id=offer_id, kind=kind, value=Decimal(value), product_ids=frozenset(products),
        categories=frozenset(categories), min_spend=None if spend is None else Decimal(spend),
        starts_at=dates.get("starts_at"), ends_at=dates.get("ends_at"), stackable=stackable,
    )  # fmt: skip


TENT = Line(product=product("tent", "100.00", "Shelter"))
PEGS = Line(product=product("pegs", "9.99", "Shelter"), quantity=3)
MUG = Line(product=product("mug", "8.00", "Kitchen"))
CART = (TENT, PEGS, MUG)


def test_percentages_come_before_amounts_and_each_takes_from_what_is_left():
    # shelter 129.97: 10 % is 10.00 + 3.00 (2.997); the coupon of 5 leaves 116.97 + 8.00 - 5.00
    offers = (offer("z", "percent", 10, categories=["shelter"]), offer("a", "amount", 5))
    priced = apply_stack(offers, CART)
    assert list(priced.savings) == ["z", "a"]
    assert priced.savings == {"z": Decimal("13.00"), "a": Decimal("5.00")}
    assert priced.to_pay == Decimal("119.97")


def test_an_amount_is_shared_out_to_the_cent_and_never_exceeds_its_lines():
    lines = tuple(Line(product=product(f"p{i}", "1.00")) for i in range(3))
    priced = apply_stack((offer("a", "amount", 1),), lines)
    assert priced.line_totals == (Decimal("0.66"), Decimal("0.67"), Decimal("0.67"))
    assert apply_stack((offer("a", "amount", 9),), lines).to_pay == 0


def test_the_narrower_amount_comes_first_so_that_nothing_is_lost():
    # 8 off the mug leaves it free; then 5 off all from the 129.97 that are left
    offers = (offer("a", "amount", 5), offer("b", "amount", 8, products=["mug"]))
    assert apply_stack(offers, CART).saved == 13


@pytest.mark.parametrize(
    ("found", "asked", "why"),
    [
        (offer("o", "amount", 5, spend="137.97"), (), None),
        (offer("o", "amount", 5, spend="137.98"), (), "below its minimum spend"),
        (offer("o", "amount", 5, categories=["kitchen"], spend=9), (), "below its minimum spend"),
        (offer("o", "amount", 5, categories=["boats"]), (), "nothing in scope"),
        (offer("o", "coupon", 5), (), "not asked for"),
        (offer("o", "coupon", 5), ("o",), None),
        (offer("o", "amount", 5, ends_at=datetime(2026, 5, 31, tzinfo=UTC)), (), "not running"),
    ],
)
def test_an_offer_counts_or_says_why_not(found, asked, why):
    assert refusal(found, CART, AT, asked) == why


def test_what_is_not_stackable_shares_no_line():
    alone = offer("a", "percent", 20, categories=["shelter"], stackable=False)
    assert not go_together(alone, offer("b", "percent", 5), CART)
    assert go_together(alone, offer("b", "amount", 2, products=["mug"]), CART)
    assert go_together(alone, offer("b", "free_delivery", 5), CART)
    assert not go_together(alone, offer("b", "free_delivery", 5, stackable=False), CART)
    free = offer("b", "free_delivery", 5)
    assert not go_together(free, offer("c", "free_delivery", 5), CART)


def test_delivery_costs_what_would_be_saved_and_is_saved_once():
    offers = (offer("d", "free_delivery", "4.90", spend=100), offer("e", "free_delivery", "3.00"))
    assert delivery_fee(offers, CART, AT) == Decimal("4.90")
    assert best_stack(offers, CART, AT).savings == {"d": Decimal("4.90")}
    small = best_stack(offers, (MUG,), AT)
    assert (small.savings, small.to_pay) == ({"e": Decimal("3.00")}, Decimal("9.90"))


def test_coupons_not_asked_for_are_left_out():
    coupon = offer("c", "coupon", 10)
    assert best_stack((coupon,), CART, AT).saved == 0
    assert best_stack((coupon,), CART, AT, asked=("c",)).saved == 10


@st.composite
def carts(draw):
    """Up to four lines of three categories and up to six offers of every kind."""
    cents = st.integers(1, 15_000).map(lambda n: Decimal(n) / 100)
    lines = [
        Line(product=product(f"p{i}", draw(cents), draw(st.sampled_from("abc"))),
             quantity=draw(st.integers(1, 3)))
        for i in range(draw(st.integers(1, 4)))
    ]  # fmt: skip
    offers = []
    for i in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["percent", "amount", "coupon", "free_delivery"]))
        value = draw(st.integers(1, 100)) if kind == "percent" else draw(cents)
        offers.append(
            offer(
                f"o{i}", kind, value,
                categories=draw(st.lists(st.sampled_from("abc"), max_size=2)),
                products=draw(st.lists(st.sampled_from(["p0", "p1"]), max_size=1)),
                spend=draw(st.none() | cents), stackable=draw(st.booleans()),
            )
        )  # fmt: skip
    asked = draw(st.sets(st.sampled_from([o.offer_id for o in offers] or ["-"])))
    return lines, offers, asked


@given(carts())
def test_the_best_stack_saves_as_much_as_the_best_of_all_sets(cart):
    lines, offers, asked = cart
    counting = [o for o in offers if refusal(o, lines, AT, asked) is None]
    fee = delivery_fee(offers, lines, AT)
    legal = [
        stack
        for size in range(len(counting) + 1)
        for stack in itertools.combinations(counting, size)
        if all(go_together(a, b, lines) for a, b in itertools.combinations(stack, 2))
    ]
    found = best_stack(offers, lines, AT, asked)
    assert found.saved == max(apply_stack(stack, lines, fee).saved for stack in legal)
    used = [o for o in counting if o.offer_id in found.savings]
    assert all(go_together(a, b, lines) for a, b in itertools.combinations(used, 2))


@given(carts())
def test_money_adds_up_and_never_turns_negative(cart):
    lines, offers, asked = cart
    priced = best_stack(offers, lines, AT, asked)
    assert priced.total + priced.delivery - sum(priced.savings.values()) == priced.to_pay
    assert min(*priced.line_totals, priced.delivery_due) >= 0
    assert all(value == value.quantize(Decimal("0.01")) for value in priced.line_totals)

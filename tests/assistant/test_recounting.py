# ruff: noqa: E501
"""Records of one turn, each wrong in one place, over a shop of four products."""

from decimal import Decimal

import pytest

from assistant.recounting import miscounts
from retrieval.data.dataset import Catalogue, Product
from retrieval.evidence import Evidence

SHOP = Catalogue(
    (
        Product(product_id="a", title="A", price=Decimal("10.00"), rating=4.25, rating_count=7, brand="Acme", category=("Shop", "Mats"), attributes={"weight": "2 kg", "season": "summer"}),
        Product(product_id="b", title="B", price=Decimal("5.50")),
        Product(product_id="c", title="C"),
        Product(product_id="d", title="D", price=Decimal("5.50")),
    )
)  # fmt: skip


def problems(kind: str, data: dict[str, object], ids: tuple[str, ...] = ("a",)) -> list[str]:
    fact = Evidence(
        evidence_id=f"{kind}:1", kind=kind, product_ids=ids, text="", data=data, origin=""
    )
    return list(miscounts(fact, SHOP))


def total(**change: object) -> dict[str, object]:
    return {"prices": {"a": "10.00", "b": "5.50"}, "total": "15.50", "n": 2} | change


def line(product_id: str, price: str, quantity: int) -> dict[str, object]:
    return {"product_id": product_id, "price": price, "quantity": quantity}


def bound(name: str, value: str, product_id: str = "a", **more: object) -> dict[str, object]:
    return {"name": name, "value": value, "product_id": product_id, **more}


def steps(*made: tuple[str, str, str], **more: object) -> dict[str, object]:
    return {
        "steps": [dict(zip(("kind", "field", "value"), one, strict=True)) for one in made],
        **more,
    }


TRUE = [
    ("total", total()),
    ("total", {"prices": {"a": "10.00", "c": "0"}, "total": "10.00", "n": 2}),
    ("total", total(budget="20.00", left="4.50")),
    ("total", total(wanted="15.49")),
    ("cart", {"lines": [line("a", "10.00", 2), line("b", "5.50", 1)], "total": "25.50", "n": 3}),
    ("cart", {"lines": [line("c", "0", 1)], "total": "0", "n": 1}),
    ("cart", {"lines": [], "total": "0", "n": 0}),
    ("bound", bound("cheapest", "10.00")),
    ("bound", bound("dearest", "10")),
    ("bound", bound("best_rated", "4.2")),  # a mean of 4.25 is shown with one decimal
    ("bound", bound("best_rated", "4.25")),
    ("bound", bound("most_reviewed", "7")),
    ("bound", bound("most_reviewed", "0", "b")),
    ("bound", bound("weight", "2 kg")),
    ("bound", bound("season", "summer")),
    ("bound", bound("height", "9 m")),  # it states none
    ("bound", bound("cheapest", "1.00", "c")),
    ("bound", bound("price_max", "10.00", wanted="9.99")),
    ("bound", bound("price_min", "10.00", wanted="10.01")),
    ("bound", bound("rating_min", "4.2", wanted="4.3")),
    ("bound", bound("brands", "Acme", wanted="Acme")),
    ("bound", bound("best_rated", "4.0", "b")),  # it has no rating
    ("bound", bound("height", "9", wanted="1")),  # a limit of no price and no rating
    ("bound", bound("price_max", "10.00")),
    ("constraint", {"name": "price_max", "actual": "10.00"}),
    ("constraint", {"name": "price_min", "actual": "10.00"}),
    ("constraint", {"name": "price_max", "actual": None}),
    ("constraint", {"name": "brands", "actual": "Bolt"}),
    ("change", steps(("loosen", "price_max", "10.00"), value="10.00")),
    ("change", steps(("loosen", "price_min", "10.00"), value="10.00")),
    ("change", steps(("narrow", "brands", "Acme"), ("narrow", "categories", "Mats"))),
    ("change", steps(("narrow", "categories", "Shop"), value="Shop")),
    ("change", steps(("loosen", "rating_min", "4.25"), value="4.25")),
    ("change", steps(("lift", "brands", "Bolt"), ("drop", "basket", "b"))),
    ("change", steps(("lift", "price_max", "3.00"), value="3.00")),
    ("rank", {"rank": 1, "parts": {"x": "0.1"}}),
    ("rank", {"rank": 1, "part": "x", "parts": {"x": "0.1"}}),
    ("price", {"price": "99.00"}),  # read again from the store instead
]
FALSE = [
    ("total", total(prices={"a": "9.00", "b": "5.50"}, total="14.50"), "a does not cost 9.00"),
    ("total", total(total="15.51"), "the sum is 15.50"),
    ("total", total(n=3), "over 2 products"),
    ("total", {"prices": {"c": "1.00"}, "total": "1.00", "n": 1}, "c does not cost 1.00"),
    ("total", {"prices": {}, "total": "1.00", "n": 0}, "the sum is 0 over 0"),
    ("total", total(budget="20.00", left="4.51"), "of the budget 4.50 is left"),
    ("total", total(wanted="15.50"), "within the limit"),
    ("total", total(wanted="16"), "within the limit"),
    ("cart", {"lines": [line("a", "9.00", 1)], "total": "10.00", "n": 1}, "a does not cost 9.00"),
    ("cart", {"lines": [line("a", "10.00", 2)], "total": "10.00", "n": 2}, "comes to 20.00"),
    ("cart", {"lines": [line("c", "1.00", 1)], "total": "0", "n": 1}, "c does not cost 1.00"),
    ("cart", {"lines": [line("a", "10.00", 2)], "total": "20.00", "n": 1}, "the cart holds 2"),
    ("bound", bound("cheapest", "9.99"), "a states 10.00"),
    ("bound", bound("dearest", "11.00"), "a states 10.00"),
    ("bound", bound("price_max", "9.99", wanted="1"), "a states 10.00"),
    ("bound", bound("price_min", "9.99", wanted="99"), "a states 10.00"),
    ("bound", bound("best_rated", "4.3"), "a states 4.2"),
    ("bound", bound("rating_min", "4.3", wanted="5"), "a states 4.2"),
    ("bound", bound("best_rated", "good"), "a states 4.2"),
    ("bound", bound("rating_min", "good", wanted="5"), "a states 4.2"),
    ("bound", bound("most_reviewed", "8"), "a states 7"),
    ("bound", bound("most_reviewed", "1", "b"), "b states 0"),
    ("bound", bound("weight", "3 kg"), "a states 2 kg"),
    ("bound", bound("season", "winter"), "a states summer"),
    ("bound", bound("price_max", "10.00", wanted="10.00"), "meets the limit"),
    ("bound", bound("price_min", "10.00", wanted="10.00"), "meets the limit"),
    ("bound", bound("rating_min", "4.2", wanted="4.2"), "meets the limit"),
    ("constraint", {"name": "price_max", "actual": "9.00"}, "costs 10.00, not 9.00"),
    ("constraint", {"name": "price_min", "actual": "9.00"}, "costs 10.00, not 9.00"),
    ("change", steps(("loosen", "price_max", "9.00"), value="9.00"), "does not state price_max"),
    ("change", steps(("narrow", "price_max", "9.00"), value="9.00"), "does not state price_max"),
    ("change", steps(("loosen", "price_min", "9.00"), value="9.00"), "does not state price_min"),
    ("change", steps(("narrow", "brands", "Bolt"), value="Bolt"), "does not state brands"),
    (
        "change",
        steps(("narrow", "categories", "Tents"), value="Tents"),
        "does not state categories",
    ),
    ("change", steps(("lift", "brands", "Bolt"), value="Acme"), "Acme was not tried"),
    ("change", steps(("lift", "brands", "Bolt")), "None was not tried"),
    ("rank", {"part": "x", "parts": {"x": "0.0"}}, "x added nothing"),
    ("rank", {"part": "x", "parts": {"x": "-0.1"}}, "x added nothing"),
    ("rank", {"part": "x", "parts": {"y": "1"}}, "x added nothing"),
]


@pytest.mark.parametrize(("kind", "data"), TRUE)
def test_what_adds_up_is_not_objected_to(kind, data):
    assert problems(kind, data) == []


@pytest.mark.parametrize(("kind", "data", "problem"), FALSE)
def test_what_does_not_add_up_is_named(kind, data, problem):
    (found,) = problems(kind, data)
    assert problem in found


def test_a_product_that_the_shop_does_not_have_is_no_record():
    assert problems("total", total(), ("a", "z")) == [
        "total:1 speaks of 'z', which the shop does not have"
    ]
    assert problems("price", {}, ("z",)) == []

"""Records of one turn, worked out again from the catalogue: sums, prices, nearest values.

They have no place in the store from which their id could bring them back, so the gate redoes the
arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal

from assistant.formatting import as_decimal
from retrieval.data.dataset import Catalogue, Product
from retrieval.evidence import Evidence

PRICE_NAMES = frozenset({"price_max", "price_min", "cheapest", "dearest"})
RATING_NAMES = frozenset({"rating_min", "best_rated"})


def miscounts(fact: Evidence, catalogue: Catalogue) -> Iterator[str]:
    """Yield what does not add up in a record of this turn."""
    recount = RECOUNTS.get(fact.kind)
    if recount is None:
        return
    unknown = [p for p in fact.product_ids if p not in catalogue]
    if unknown:
        yield f"{fact.evidence_id} speaks of {unknown[0]!r}, which the shop does not have"
        return
    yield from recount(fact, catalogue)


def _total(fact: Evidence, catalogue: Catalogue) -> Iterator[str]:
    prices = {name: Decimal(amount) for name, amount in fact.data["prices"].items()}
    for name, amount in prices.items():
        if (catalogue[name].price or 0) != amount:
            yield f"{name} does not cost {amount}"
    total = sum(prices.values(), Decimal(0))
    if total != Decimal(fact.data["total"]) or len(prices) != fact.data["n"]:
        yield f"the sum is {total} over {len(prices)} products"
    if "budget" in fact.data:
        left = Decimal(fact.data["budget"]) - total
        if left != Decimal(fact.data["left"]):
            yield f"of the budget {left} is left"
    if "wanted" in fact.data and Decimal(fact.data["wanted"]) >= total:
        yield f"{total} is within the limit"


def _cart(fact: Evidence, catalogue: Catalogue) -> Iterator[str]:
    total = Decimal(0)
    for line in fact.data["lines"]:
        price = catalogue[line["product_id"]].price or Decimal(0)
        if Decimal(line["price"]) != price:
            yield f"{line['product_id']} does not cost {line['price']}"
        total += price * line["quantity"]
    if total != Decimal(fact.data["total"]):
        yield f"the cart comes to {total}"
    n = sum(line["quantity"] for line in fact.data["lines"])
    if n != fact.data["n"]:
        yield f"the cart holds {n}"


def _bound(fact: Evidence, catalogue: Catalogue) -> Iterator[str]:
    product = catalogue[str(fact.data["product_id"])]
    name, value = str(fact.data["name"]), str(fact.data["value"])
    stated = _stated(product, name)
    number = as_decimal(value)
    same = value == stated if number is None else number == as_decimal(stated or "none")
    if name in RATING_NAMES and product.rating is not None:
        same = number in (as_decimal(str(product.rating)), as_decimal(f"{product.rating:.1f}"))
    if stated is not None and not same:
        yield f"{product.product_id} states {stated}, not {value}"
    wanted = as_decimal(str(fact.data.get("wanted", "")))
    met = {
        "price_max": lambda v, w: v <= w,
        "price_min": lambda v, w: v >= w,
        "rating_min": lambda v, w: v >= w,
    }
    if name in met and number is not None and wanted is not None and met[name](number, wanted):
        yield f"{value} meets the limit of {wanted}"


def _stated(product: Product, name: str) -> str | None:
    if name in PRICE_NAMES:
        return None if product.price is None else f"{product.price:.2f}"
    if name in RATING_NAMES:
        return None if product.rating is None else f"{product.rating:.1f}"
    if name == "most_reviewed":
        return str(product.rating_count or 0)
    return product.attributes.get(name)


def _constraint(fact: Evidence, catalogue: Catalogue) -> Iterator[str]:
    product, actual = catalogue[fact.product_ids[0]], fact.data["actual"]
    if fact.data["name"] in ("price_max", "price_min") and actual is not None:
        stated = _stated(product, fact.data["name"])
        if actual != stated:
            yield f"{product.product_id} costs {stated}, not {actual}"


def _change(fact: Evidence, catalogue: Catalogue) -> Iterator[str]:
    """What is tried of the product's own (its price, brand, category) is what it states."""
    product = catalogue[fact.product_ids[0]]
    own = {
        "price_max": (_stated(product, "price_max"),),
        "price_min": (_stated(product, "price_min"),),
        "brands": (product.brand,),
        "categories": product.category,
    }
    for step in fact.data["steps"]:
        field, value = step["field"], step["value"]
        if step["kind"] in ("loosen", "narrow") and value not in own.get(field, (value,)):
            yield f"{product.product_id} does not state {field} {value}"
    if len(fact.data["steps"]) == 1 and fact.data.get("value") != fact.data["steps"][0]["value"]:
        yield f"{fact.data.get('value')} was not tried"


def _rank(fact: Evidence, catalogue: Catalogue) -> Iterator[str]:
    """A part that is named as counting is one that added to the score."""
    part = fact.data.get("part")
    if part is not None and not float(fact.data["parts"].get(part, 0)) > 0:
        yield f"{part} added nothing"


RECOUNTS: Mapping[str, Callable[[Evidence, Catalogue], Iterator[str]]] = {
    "total": _total,
    "cart": _cart,
    "bound": _bound,
    "constraint": _constraint,
    "change": _change,
    "rank": _rank,
}

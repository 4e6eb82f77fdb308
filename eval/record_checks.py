"""Records against the tables they were made from: a reply is no truer than what it cites.

Shares no code with `retrieval.records` or the gate. Counts over the log have a command of their own
(`retrieval.recount`) and are left to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from eval.shop_table import ShopTable

Record = Mapping[str, Any]
STEM = 3
"""This many first letters of a word must stand in the text; its ending may differ."""


def record_mistakes(record: Record, table: ShopTable) -> Iterator[str]:
    """Yield what a record says otherwise than the tables."""
    unknown = [i for i in record["product_ids"] if i not in table.rows]
    if unknown:
        yield f"speaks of {unknown[0]}, which is no product of the shop"
        return
    check = CHECKS.get(record["kind"])
    if check is not None:
        yield from check(record, table)


def _price(record: Record, table: ShopTable) -> Iterator[str]:
    row, data = table.rows[record["product_ids"][0]], record["data"]
    if Decimal(data["price"]) != row.price:
        yield f"price {data['price']}, the table says {row.price}"
    if "list_price" in data and Decimal(data["list_price"]) != row.list_price:
        yield f"list price {data['list_price']}, the table says {row.list_price}"


def _stock(record: Record, table: ShopTable) -> Iterator[str]:
    row = table.rows[record["product_ids"][0]]
    if record["data"]["stock"] != row.stock:
        yield f"stock {record['data']['stock']}, the table says {row.stock}"


def _rating(record: Record, table: ShopTable) -> Iterator[str]:
    row, data = table.rows[record["product_ids"][0]], record["data"]
    if row.rating is None or abs(float(data["rating"]) - row.rating) > 0.05:
        yield f"rating {data['rating']}, the table says {row.rating}"
    if data["rating_count"] != row.rating_count:
        yield f"{data['rating_count']} ratings, the table says {row.rating_count}"


def _attribute(record: Record, table: ShopTable) -> Iterator[str]:
    row, data = table.rows[record["product_ids"][0]], record["data"]
    stated = (row.brand,) if data["name"] == "brand" else row.attributes.get(data["name"], ())
    if data["value"] not in stated:
        yield f"{data['name']} {data['value']}, the table says {', '.join(map(str, stated))}"


def _comparison(record: Record, table: ShopTable) -> Iterator[str]:
    data = record["data"]
    for side, product_id in zip(("this", "that"), record["product_ids"], strict=True):
        row = table.rows[product_id]
        stated = row.attributes.get(data["name"], ())
        if data["name"] == "rating" and row.rating is not None:
            stated = (f"{row.rating:.1f}",)
        if data["name"] != "price" and data[side] not in stated:
            yield f"{data['name']} of {product_id} is {stated}, not {data[side]}"


def _quote(record: Record, table: ShopTable) -> Iterator[str]:
    data = record["data"]
    product_id, text = table.sentences.get(data["span_id"], ("", ""))
    if product_id not in record["product_ids"] or text != data["text"]:
        yield f"quotes {data['text']!r}; the review says {text!r} of {product_id or 'nothing'}"


def _complaint(record: Record, table: ShopTable) -> Iterator[str]:
    yield from _quote(record, table)
    data, ratings = record["data"], table.ratings.get(record["product_ids"][0], ())
    n_low = sum(rating <= 2 for rating in ratings)
    if (data["count"], data["n_reviews"]) != (n_low, len(ratings)):
        yield f"{data['count']} of {data['n_reviews']}, the reviews say {n_low} of {len(ratings)}"


def _disagreement(record: Record, table: ShopTable) -> Iterator[str]:
    data, ratings = record["data"], table.ratings.get(record["product_ids"][0], ())
    counts = (len(ratings), sum(r >= 4 for r in ratings), sum(r <= 2 for r in ratings))
    if (data["n_reviews"], data["n_high"], data["n_low"]) != counts:
        yield f"{data['n_high']} and {data['n_low']} of {data['n_reviews']}, they are {counts}"


def _total(record: Record, table: ShopTable) -> Iterator[str]:
    data = record["data"]
    total = sum((table.rows[i].price or Decimal(0) for i in data["prices"]), Decimal(0))
    if Decimal(data["total"]) != total or data["n"] != len(data["prices"]):
        yield f"{data['n']} for {data['total']}, the table says {len(data['prices'])} for {total}"
    if "left" in data and Decimal(data["left"]) != Decimal(data["budget"]) - total:
        yield f"{data['left']} of {data['budget']} is left, it is {Decimal(data['budget']) - total}"


def _cart(record: Record, table: ShopTable) -> Iterator[str]:
    data = record["data"]
    lines = [(table.rows[line["product_id"]].price, line) for line in data["lines"]]
    total = sum(((price or Decimal(0)) * line["quantity"] for price, line in lines), Decimal(0))
    if Decimal(data["total"]) != total:
        yield f"the cart comes to {total}, not {data['total']}"
    if data["n"] != sum(line["quantity"] for _, line in lines):
        yield f"the cart holds {sum(line['quantity'] for _, line in lines)}, not {data['n']}"


def _difference(record: Record, table: ShopTable) -> Iterator[str]:
    this, that = (table.rows[i].price or Decimal(0) for i in record["product_ids"])
    data = record["data"]
    if Decimal(data["difference"]) != abs(this - that):
        yield f"differ by {abs(this - that)}, not {data['difference']}"
    if this != that and data["dearer"] != ("this" if this > that else "that"):
        yield "the other one is the dearer"


def _offer(record: Record, table: ShopTable) -> Iterator[str]:
    data, row = record["data"], table.rows[record["product_ids"][0]]
    offer = table.offers.get(data["offer_id"])
    if offer is None:
        yield f"{data['offer_id']} is no offer of the shop"
        return
    price, value = row.price or Decimal(0), Decimal(str(offer["value"]))
    if Decimal(data["price"]) != price:
        yield f"price {data['price']}, the table says {price}"
    if Decimal(data["price_after"]) != price - Decimal(data["saving"]):
        yield f"{price} less {data['saving']} is not {data['price_after']}"
    full = price * value / 100 if offer["kind"] == "percent" else value
    if Decimal(data["saving"]) > full + Decimal("0.01"):
        yield f"saves {data['saving']}, the offer gives {full} at most"


def _bound(record: Record, table: ShopTable) -> Iterator[str]:
    data, row = record["data"], table.rows[record["data"]["product_id"]]
    if data["name"] in ("price_max", "price_min", "cheapest", "dearest"):
        if Decimal(data["value"]) != row.price:
            yield f"{data['value']}, the table says {row.price}"
    elif data["name"] in row.attributes and data["value"] not in row.attributes[data["name"]]:
        yield f"{data['name']} {data['value']}, the table says {row.attributes[data['name']]}"


def _match(record: Record, table: ShopTable) -> Iterator[str]:
    text = table.rows[record["product_ids"][0]].text
    for word in record["data"]["words"]:
        if not word.isdigit() and word.casefold()[:STEM] not in text:  # numbers are never shown
            yield f"“{word}” does not stand in the row"


CHECKS: Mapping[str, Callable[[Record, ShopTable], Iterator[str]]] = {
    "price": _price,
    "stock": _stock,
    "rating": _rating,
    "attribute": _attribute,
    "comparison": _comparison,
    "quote": _quote,
    "complaint": _complaint,
    "shared_complaint": _quote,
    "aspect_opinion": _quote,
    "disagreement": _disagreement,
    "total": _total,
    "cart": _cart,
    "difference": _difference,
    "offer": _offer,
    "bound": _bound,
    "match": _match,
}

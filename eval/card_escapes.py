"""Cards, bundles, chips and the cart against the shop's tables, string by string.

What a screen writes on a card is made again here from the Parquet files, and must be the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from assistant.answer import BundleCard, Card, Reply
from eval.escapes import claim_escapes, reply_escapes, wish_escapes
from eval.shop_table import Row, ShopTable, normal
from eval.written_facts import Escape, facts_beyond, values_of

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥", "JPY": "¥"}
FEW = 5
"""Up to this many in stock are counted on the card."""
POINTING = re.compile(r"\b(?:first|two)\b|第一款|前两款|两款", re.IGNORECASE)
"""Which card a suggested reply points at."""


def escapes(reply: Reply, table: ShopTable) -> list[Escape]:
    """Return every fact of a reply, text and cards, that no record or table holds."""
    written = reply.as_json()
    found = reply_escapes(written, table)
    budget = reply.constraints.get("total_max")
    for card in reply.cards:
        found += card_escapes(card, written, table)
    for bundle in reply.bundle_cards:
        found += _bundle_escapes(bundle, written, table, budget)
    found += _cart_escapes(reply.cart, table, reply.language)
    for label in reply.chips.values():
        found += wish_escapes(normal(label), reply.constraints, table)
    for said in reply.suggested_replies:
        text = POINTING.sub(" ", normal(said))
        found += facts_beyond(text, values_of([]), table, f"suggested reply: {said}")
    return found


def card_escapes(card: Card, reply: Mapping[str, Any], table: ShopTable) -> list[Escape]:
    """Return what a card says that is not so."""
    row, language = table.rows.get(card.product_id), reply["language"]
    if row is None:
        return [Escape(sort="card", found=card.product_id, where="a card of no product")]
    expected = {
        "title": row.title(language),
        "brand": row.brand,
        "price": _written(row.price, table),
        "list_price": _written(row.list_price, table) if _is_reduced(row) else None,
        "stock": stock_word(row.stock, language),
        "rating": row.rating,
        "rating_count": row.rating_count,
        "can_add": row.price is not None and row.stock != 0,
    }
    found = [
        Escape(sort="card", found=str(getattr(card, name)), where=f"{name}, it is {value}")
        for name, value in expected.items()
        if getattr(card, name) != value
    ]
    if card.category and card.category not in row.categories:
        found.append(Escape(sort="card", found=card.category, where="category"))
    if card.reason:
        found += _reason_escapes(card, reply, table)
    for chip in card.chips:
        record = reply["evidence"].get(chip.evidence_id)
        records = [record] if record is not None else []
        found += claim_escapes(chip.label, records, table, language, about=[card.product_id])
    return [*found, *_upgrade_escapes(card, reply, table)]


def stock_word(stock: int | None, language: str) -> str:
    """Return what a card must say of so many in stock."""
    english = language == "en"
    if stock is None:
        return "Stock not stated" if english else "库存未注明"
    if stock == 0:
        return "Out of stock" if english else "缺货"
    if stock <= FEW:
        return f"Only {stock} left" if english else f"仅剩{stock}件"
    return "In stock" if english else "有货"


def _reason_escapes(card: Card, reply: Mapping[str, Any], table: ShopTable) -> list[Escape]:
    records = [reply["evidence"][i] for i in card.reason_evidence_ids if i in reply["evidence"]]
    return claim_escapes(card.reason, records, table, reply["language"], about=[card.product_id])


def _upgrade_escapes(card: Card, reply: Mapping[str, Any], table: ShopTable) -> Iterator[Escape]:
    """Yield gains, losses and the difference that the two rows do not bear out."""
    suggestion = next((s for s in reply["suggestions"] if s["product_id"] == card.product_id), None)
    anchor = table.rows.get(str((suggestion or {}).get("anchor_id")))
    row = table.rows[card.product_id]
    if anchor is None:
        for text in (*card.gains, *card.losses, card.difference, card.anchor_title):
            if text:
                yield Escape(sort="card", found=text, where="an upgrade of nothing")
        return
    if card.anchor_title and not anchor.title(reply["language"]).startswith(card.anchor_title):
        yield Escape(sort="card", found=card.anchor_title, where="the anchor's title")
    if card.difference is not None:
        more = (row.price or Decimal(0)) - (anchor.price or Decimal(0))
        if card.difference != f"+{_written(more, table)}":
            yield Escape(sort="card", found=card.difference, where=f"difference, it is {more}")
    pairs = {
        f"{this} ({that})"
        for name, values in row.attributes.items()
        for this in values
        for that in anchor.attributes.get(name, ())
    }
    if row.rating is not None and anchor.rating is not None:
        pairs.add(f"{row.rating:.1f} ({anchor.rating:.1f})")
    for line in (*card.gains, *card.losses):
        if line.partition(": ")[2] not in pairs:
            yield Escape(sort="card", found=line, where="gains and losses")


def _bundle_escapes(
    bundle: BundleCard, reply: Mapping[str, Any], table: ShopTable, budget: object
) -> Iterator[Escape]:
    for card in bundle.cards:
        yield from card_escapes(card, reply, table)
    prices = [table.rows[i].price or Decimal(0) for i in bundle.product_ids]
    total = sum(prices, Decimal(0))
    if bundle.total != _written(total, table):
        yield Escape(sort="card", found=bundle.total, where=f"the bundle comes to {total}")
    data = {"n": len(prices), "total": str(total)}
    if budget is not None:
        data |= {"budget": str(budget), "left": str(Decimal(str(budget)) - total)}
    yield from facts_beyond(normal(bundle.note), values_of([{"data": data}]), table, bundle.note)


def _cart_escapes(cart: Mapping[str, Any], table: ShopTable, language: str) -> Iterator[Escape]:
    total = Decimal(0)
    for line in cart["lines"]:
        row = table.rows[line["product_id"]]
        price = row.price or Decimal(0)
        total += price * line["quantity"]
        expected = {
            "price": _written(price, table),
            "subtotal": _written(price * line["quantity"], table),
        }
        for name, value in expected.items():
            if line[name] != value:
                yield Escape(sort="cart", found=line[name], where=f"{name}, it is {value}")
        if not row.title(language).startswith(line["title"]):
            yield Escape(sort="cart", found=line["title"], where=row.title(language))
    if cart["total"] != _written(total, table):
        yield Escape(sort="cart", found=cart["total"], where=f"the cart comes to {total}")


def _is_reduced(row: Row) -> bool:
    return row.price is not None and row.list_price is not None and row.list_price > row.price


def _written(amount: Decimal | None, table: ShopTable) -> str | None:
    """Return an amount as a screen must write it."""
    if amount is None:
        return None
    sign = SIGNS.get(table.currency)
    return f"{sign}{amount:,.2f}" if sign else f"{amount:,.2f} {table.currency}"

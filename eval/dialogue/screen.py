"""What a shopper sees after a turn: words, cards in their order, the cart. No id, no record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from assistant.answer import Card, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One card as it reads."""

    title: str
    brand: str | None
    category: str
    price: Decimal | None
    rating: float | None
    can_add: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One reply as it reads."""

    text: str = ""
    cards: tuple[Seen, ...] = ()
    sets: tuple[tuple[Seen, ...], ...] = ()
    cart: Mapping[str, int]
    """Title to quantity."""
    total: str = ""


def look(reply: Reply) -> Screen:
    """Return what a reply looks like."""
    return Screen(
        text=reply.text,
        cards=tuple(map(_seen, reply.cards)),
        sets=tuple(tuple(map(_seen, bundle.cards)) for bundle in reply.bundle_cards),
        cart={line["title"]: line["quantity"] for line in reply.cart["lines"]},
        total=reply.cart["total"],
    )


def _seen(card: Card) -> Seen:
    return Seen(
        title=card.title,
        brand=card.brand,
        category=card.category,
        price=amount(card.price),
        rating=card.rating,
        can_add=card.can_add,
    )


def amount(text: str | None) -> Decimal | None:
    """Return a formatted price as a number."""
    found = re.search(r"\d[\d,]*(?:\.\d+)?", text or "")
    return Decimal(found.group().replace(",", "")) if found else None

"""Promotions: who may have which reduction when, and what it takes off one piece.

Everybody with the same eligibility has the same price: nothing in here knows the shopper. What
several take off a cart together is in `retrieval.stacking`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

import polars as pl

from retrieval.data.dataset import Product, to_money
from retrieval.filters import fold

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A price reduction, ready for arithmetic."""

    offer_id: str
    kind: str
    value: Decimal
    product_ids: frozenset[str]
    categories: frozenset[str]
    min_spend: Decimal | None
    starts_at: datetime | None
    ends_at: datetime | None
    stackable: bool

    def covers(self, product: Product) -> bool:
        """Whether the product is in scope; an offer without scope covers everything."""
        if not self.product_ids and not self.categories:
            return True
        names = {fold(name) for name in product.category}
        return product.product_id in self.product_ids or bool(names & self.categories)

    def runs(self, at: datetime | None) -> bool:
        """Whether the moment lies within the offer's dates; no moment means no end is known."""
        if at is None:
            return self.ends_at is None
        return (self.starts_at is None or self.starts_at <= at) and (
            self.ends_at is None or at <= self.ends_at
        )

    def saving(self, amount: Decimal) -> Decimal:
        """Return what the offer takes off an amount in its scope, never more than the amount."""
        percent = self.kind == "percent"
        off = amount * min(self.value, Decimal(100)) / 100 if percent else self.value
        return min(amount, off.quantize(CENT, ROUND_HALF_UP))


def offers_of(frame: pl.DataFrame) -> tuple[Offer, ...]:
    """Read the store's offer table."""
    return tuple(
        Offer(
            offer_id=row["offer_id"],
            kind=row["kind"],
            value=Decimal(str(row["value"])),
            product_ids=frozenset(row["product_ids"] or ()),
            categories=frozenset(fold(c) for c in row["categories"] or ()),
            min_spend=to_money(row["min_spend_minor"]),
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            stackable=bool(row["stackable"]),
        )
        for row in frame.iter_rows(named=True)
    )


def best_for(product: Product, offers: Sequence[Offer], at: datetime | None) -> Offer | None:
    """Return the running offer that takes most off one piece of the product, if any does.

    Coupons count too (they must be asked for); offers with a minimum spend above the price and
    free delivery do not.
    """
    price = product.price
    if price is None or not price:
        return None
    usable = [
        offer
        for offer in offers
        if offer.kind != "free_delivery"
        and offer.runs(at)
        and offer.covers(product)
        and (offer.min_spend is None or offer.min_spend <= price)
    ]
    return max(usable, key=lambda o: (o.saving(price), o.offer_id), default=None)

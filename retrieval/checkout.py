"""A cart as it is asked about, and its price.

The price knows the lines, the moment and the coupons asked for, and nothing of the shopper;
`retrieval.parity` audits that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retrieval.errors import QueryError
from retrieval.plan import moment
from retrieval.promotion import Offer
from retrieval.query import Moment, Name, Query
from retrieval.stacking import Line, Priced, best_stack
from retrieval.store import Store

MAX_LINES, MAX_QUANTITY = 200, 999


class CartLine(BaseModel):
    """A product and how many of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    product_id: Annotated[str, Field(min_length=1)]
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = 1


class CartQuery(BaseModel):
    """One cart. Unknown products and coupons are noted, never a failure."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cart_id: Name
    lines: Annotated[tuple[CartLine, ...], Field(max_length=MAX_LINES)]
    shopper_id: str | None = None
    coupons: tuple[str, ...] | None = None
    """Coupons asked for; None asks for all that run, an empty list for none."""
    personalise: bool = True
    at: Moment | None = None
    """The moment asked about; None is the end of the store's log."""


def parse_cart(data: object, *, where: str) -> CartQuery:
    """Return the checked cart.

    Raises:
        QueryError: Naming `where`, the field and its value.
    """
    try:
        if isinstance(data, dict):  # null is not stated
            data = {name: value for name, value in data.items() if value is not None}
        return CartQuery.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "cart"
        raise QueryError(
            f"{where}: `{field}` {first['msg'].lower()}, got {str(first['input'])[:80]!r}; "
            "fix the cart (fields: docs/data-formats.md)"
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A cart, priced with the best stack of offers."""

    query: CartQuery
    lines: tuple[Line, ...]
    """Known products with a price; a product named twice is one line."""
    at: datetime | None
    asked: frozenset[str]
    """Coupons asked for that exist."""
    offers: tuple[Offer, ...]
    priced: Priced
    notes: tuple[str, ...]

    def price(self, lines: Sequence[Line]) -> Priced:
        """Return other lines priced at the same moment, with the same coupons asked for."""
        return best_stack(self.offers, lines, self.at, self.asked)


def check_out(store: Store, query: CartQuery) -> Checkout:
    """Return the cart priced; what it names and the store does not know becomes a note."""
    notes: list[str] = []
    quantities: dict[str, int] = {}
    for line in query.lines:
        quantities[line.product_id] = quantities.get(line.product_id, 0) + line.quantity
    lines = []
    for product_id, quantity in quantities.items():
        if product_id not in store.catalogue:
            notes.append(f"unknown product in lines: {product_id}")
            continue
        product = store.catalogue[product_id]
        if product.price is None:
            notes.append(f"{product_id} states no price and is left out of all sums")
            continue
        if product.stock is not None and product.stock < quantity:
            notes.append(f"{product_id}: {quantity} in the cart, {product.stock} in stock")
        lines.append(Line(product=product, quantity=quantity))
    offers = tuple(store.promotions.values())
    coupons = {o.offer_id for o in offers if o.kind == "coupon"}
    wanted = coupons if query.coupons is None else set(query.coupons)
    notes += [f"unknown coupon: {one}" for one in sorted(wanted - coupons)]
    at = moment(store, Query(query_id=query.cart_id, at=query.at))
    asked = frozenset(wanted & coupons)
    return Checkout(
        query=query, lines=tuple(lines), at=at, asked=asked, offers=offers,
        priced=best_stack(offers, lines, at, asked), notes=tuple(notes),
    )  # fmt: skip

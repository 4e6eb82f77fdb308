"""Event records as they are written down, and their final ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import cast

from eval.simulate.product import Product
from eval.simulate.shoppers import Shopper
from eval.simulate.year import SALE_STARTS

Event = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One purchased line, kept for reviews and truth; `product` and `order` are positions."""

    shopper: Shopper
    product: int
    order: int
    at: datetime
    price: Decimal


@dataclass(slots=True, kw_only=True)
class EventLog:
    """What one shopper did, in the order it was written down."""

    shopper: Shopper
    products: list[Product]
    events: list[Event] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    n_orders: int = 0
    n_sessions: int = 0

    def new_session(self) -> str:
        """Return a session id that is unique in the log."""
        self.n_sessions += 1
        return f"{self.shopper.shopper_id}/{self.n_sessions}"

    def new_order(self) -> int:
        """Return the next order's number; `order_id` makes an id of it."""
        self.n_orders += 1
        return self.n_orders

    def order_id(self, order: int) -> str:
        """Return an order's id, unique among all shoppers."""
        return f"{self.shopper.shopper_id}/{order}"

    def line(self, *, product: int, order: int, at: datetime, price: Decimal) -> Line:
        """Return a purchased line of this shopper."""
        return Line(shopper=self.shopper, product=product, order=order, at=at, price=price)

    def view(self, at: datetime, session: str, product: int) -> None:
        """Write that a product was looked at."""
        self.add("view", at, session_id=session, product_id=self.products[product].product_id)

    def cart(self, kind: str, at: datetime, session: str, product: int) -> None:
        """Write that a product went into the cart or out of it."""
        self.add(
            kind,
            at,
            session_id=session,
            product_id=self.products[product].product_id,
            quantity=1,
            price=f"{self.price_at(product, at):.2f}",
        )

    def add(self, kind: str, at: datetime, **fields: object) -> None:
        """Write any event; fields that are None are left out."""
        event: Event = {"shopper_id": self.shopper.shopper_id, "type": kind, "at": at}
        event.update((name, value) for name, value in fields.items() if value is not None)
        self.events.append(event)

    def price_at(self, product: int, at: datetime) -> Decimal:
        """Return what a product cost at a time: the list price before the sale began."""
        record = self.products[product].record
        price = record.get("list_price") if at < SALE_STARTS else None
        return Decimal(str(price or record["price"]))


def number_events(events: list[Event]) -> list[Event]:
    """Order events by time and give events, sessions and orders their final ids."""
    events = sorted(events, key=lambda event: cast(datetime, event["at"]))
    sessions: dict[object, str] = {}
    orders: dict[object, str] = {}
    numbered = []
    for number, event in enumerate(events, start=1):
        at = cast(datetime, event["at"]).isoformat()[:19]
        record: Event = {"event_id": f"e-{number:07d}", **event, "at": f"{at}Z"}
        for name, known, prefix in (("session_id", sessions, "v"), ("order_id", orders, "o")):
            if name in record:
                record[name] = known.setdefault(record[name], f"{prefix}-{len(known) + 1:06d}")
        numbered.append(record)
    return numbered

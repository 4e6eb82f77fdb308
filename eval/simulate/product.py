"""A product as the simulator knows it, with what the shop never shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from eval.simulate.content import Brand, Kind, Leaf


@dataclass(slots=True, kw_only=True)
class Product:
    """A product as the simulator knows it; `record` is what the shop shows."""

    product_id: str
    leaf: Leaf
    kind: Kind
    brand_key: str
    brand: Brand
    group: str
    level: float
    """Where it stands in its kind: 0 cheapest and plainest, 1 dearest and best."""
    price: Decimal
    demand: float
    attributes: dict[str, str]
    colour: str | None
    slots: dict[str, str]
    record: dict[str, object] = field(default_factory=dict)

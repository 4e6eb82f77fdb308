"""Prices as a shop writes them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np


def price_at_level(bounds: tuple[float, float], level: float, rng: np.random.Generator) -> float:
    """Return a price between the bounds, geometric in the level, give or take 4 %."""
    low, high = bounds
    return float(low * (high / low) ** level * np.exp(rng.normal(0, 0.04)))


def shop_price(amount: float) -> Decimal:
    """Return the nearest price with a shop's ending: 3.95, 24.95, 79.95, 129.00, 345.00."""
    if amount < 10:
        halves = max(2, round((amount - 0.45) * 2))  # 1.45, 1.95, 2.45 …
        return Decimal(halves) / 2 + Decimal("0.45")
    if amount < 100:
        return Decimal(round(amount - 0.95)) + Decimal("0.95")
    tens = round((amount + 1) / 10) * 10  # 129, 139 … 649
    return Decimal(tens - 1).quantize(Decimal("1.00"))


def list_price(price: Decimal, rng: np.random.Generator) -> Decimal | None:
    """Draw a crossed-out price, 12 to 35 % above, for about one product in six."""
    if rng.random() >= 0.17 or price < 8:
        return None
    crossed_out = shop_price(float(price) * float(rng.uniform(1.12, 1.35)))
    return crossed_out if crossed_out > price else None

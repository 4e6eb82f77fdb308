"""Shoppers: segment, price sensitivity, orders a year, the promotion's coin and its effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eval.simulate.content import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Shopper:
    """One person who buys, with everything the shop would like to know."""

    shopper_id: str
    segment: str
    price_sensitivity: float
    n_orders: int
    """Planned orders in the year; repurchases come on top."""
    is_treated: bool
    uplift: float
    """Change of the chance of an order in the promotion's weeks if treated; may be negative."""


def make_shoppers(shelf: Shelf, rng: np.random.Generator, *, n_shoppers: int) -> list[Shopper]:
    """Draw the shoppers. Treatment is a fair coin, independent of everything else."""
    names = list(shelf.segments)
    shares = np.array([shelf.segments[name].share for name in names])
    chosen = rng.choice(len(names), size=n_shoppers, p=shares / shares.sum())
    shoppers = []
    for number, index in enumerate(chosen, start=1):
        segment = shelf.segments[names[index]]
        sensitivity = float(rng.beta(*segment.price_sensitivity))
        uplift = segment.uplift + 0.10 * (sensitivity - 0.5) + float(rng.normal(0, 0.02))
        shoppers.append(
            Shopper(
                shopper_id=f"s-{number:05d}",
                segment=names[index],
                price_sensitivity=round(sensitivity, 3),
                n_orders=int(rng.poisson(rng.gamma(1.4, segment.orders / 1.4))),
                is_treated=bool(rng.random() < 0.5),
                uplift=round(float(np.clip(uplift, -0.06, 0.35)), 3),
            )
        )
    return shoppers

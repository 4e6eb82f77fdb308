"""Upsell: better for the same need, and dearer; with what is gained and what is lost.

Better is what the records can show: a specification that the shop's settings give a direction, or
a higher mean rating on enough reviews. A dearer product with nothing to show is not offered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieval.data.dataset import Product
from retrieval.evidence import Evidence
from retrieval.filters import Mask
from retrieval.records import Records
from retrieval.slate import Candidate
from retrieval.store import Store

DEAREST = 2.5
"""At most this many times the anchor's price: beyond that it is another need."""
RATING_STEP = 0.2
"""Mean ratings closer than this are the same."""
MIN_RATINGS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """A dearer product for the same need, and how it differs."""

    candidate: Candidate
    gains: tuple[Evidence, ...]
    losses: tuple[Evidence, ...]
    difference: Evidence


def find_upgrades(
    store: Store, records: Records, anchor: Product, mask: Mask, *, dearest: float = DEAREST
) -> tuple[Upgrade, ...]:
    """Return the upgrades of a product, best first; none when the anchor states no price.

    The score is the sum of `gain` (net gains over specifications, 0 to 1), `rating` (rise of the
    shrunken mean rating, 0 to 0.5), `semantic` (likeness of the text, 0 to 1, times 0.5) and
    `price` (0.3 at the same price, 0 at `dearest`).
    """
    catalogue = store.catalogue
    row = catalogue.row(anchor.product_id)
    leaf = int(catalogue.leaf_code[row])
    if anchor.price is None or leaf < 0:
        return ()
    price = float(catalogue.price[row])
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero(
            mask
            & (catalogue.leaf_code == leaf)
            & (catalogue.price > price)
            & (catalogue.price <= price * dearest)
        )
    alike = np.asarray(store.product_vectors.vectors[rows]) @ np.asarray(
        store.product_vectors.vectors[row]
    )
    found = []
    for other, likeness in zip(rows, alike, strict=True):
        upgrade = _upgrade(records, anchor, catalogue.products[int(other)], int(other))
        if upgrade is None:
            continue
        ratio = (float(catalogue.price[other]) - price) / (price * (dearest - 1))
        parts = dict(upgrade.candidate.parts) | {
            "semantic": 0.5 * max(0.0, float(likeness)),
            "price": 0.3 * (1 - ratio),
        }
        found.append(
            Upgrade(
                candidate=Candidate(row=int(other), parts=parts),
                gains=upgrade.gains,
                losses=upgrade.losses,
                difference=upgrade.difference,
            )
        )
    return tuple(sorted(found, key=lambda u: (-round(u.candidate.score, 9), u.candidate.row)))


def _upgrade(records: Records, anchor: Product, other: Product, row: int) -> Upgrade | None:
    difference = records.difference(other, anchor)
    if difference is None:
        return None
    gains, losses = [], []
    for name in other.attributes:
        fact = records.comparison(other, anchor, name)
        if fact is not None and fact.data["better"] == "this":
            gains.append(fact)
        elif fact is not None and fact.data["better"] == "that":
            losses.append(fact)
    rise = _shrunk(other) - _shrunk(anchor)
    rating = records.rating_comparison(other, anchor)
    enough = min(other.rating_count or 0, anchor.rating_count or 0) >= MIN_RATINGS
    if rating is not None and enough and abs(rise) >= RATING_STEP:
        (gains if rise > 0 else losses).append(rating)
    if not gains or len(losses) > len(gains):
        return None
    net = (len(gains) - len(losses)) / max(1, len(gains) + len(losses))
    parts = {"gain": net, "rating": float(np.clip(0.5 * rise, -0.5, 0.5))}
    return Upgrade(
        candidate=Candidate(row=row, parts=parts),
        gains=tuple(gains),
        losses=tuple(losses),
        difference=difference,
    )


def _shrunk(product: Product) -> float:
    """Mean rating pulled to 3.8 with the weight of five reviews."""
    n = product.rating_count or 0
    return ((product.rating or 3.8) * n + 3.8 * 5) / (n + 5)

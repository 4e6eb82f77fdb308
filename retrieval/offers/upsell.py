"""Upsell: better for the same need, and dearer; with what is gained and what is lost.

Better is what the records can show: a specification that the shop's settings give a direction, or
a higher mean rating on enough reviews. A dearer product with nothing to show is not offered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieval.behaviour.base import Rows
from retrieval.candidates import shrunken_ratings
from retrieval.data.dataset import Product
from retrieval.evidence import Evidence
from retrieval.filters import Mask
from retrieval.records import Records
from retrieval.slate import Candidate

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


def upgrades_of(records: Records, anchors: Rows, mask: Mask) -> tuple[Upgrade, ...]:
    """Return the upgrades of several products, best first; the last anchor has the first word."""
    found: dict[int, Upgrade] = {}
    for row in anchors[::-1]:
        anchor = records.store.catalogue.products[int(row)]
        for upgrade in find_upgrades(records, anchor, mask):
            found.setdefault(upgrade.candidate.row, upgrade)
    return tuple(sorted(found.values(), key=_order))


def find_upgrades(
    records: Records, anchor: Product, mask: Mask, *, dearest: float = DEAREST
) -> tuple[Upgrade, ...]:
    """Return the upgrades of a product, best first; none when the anchor states no price.

    The score is the sum of `gain` (net gains over specifications, 0 to 1), `rating` (rise of the
    shrunken mean rating, 0 to 0.5), `semantic` (likeness of the text, 0 to 1, times 0.5) and
    `price` (0.3 at the same price, 0 at `dearest`).
    """
    store, catalogue = records.store, records.store.catalogue
    row = catalogue.row(anchor.product_id)
    leaf, price = int(catalogue.leaf_code[row]), float(catalogue.price[row])
    if leaf < 0 or not price > 0:  # not stated, or given away
        return ()
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero(
            mask
            & (catalogue.leaf_code == leaf)
            & (catalogue.price > price)
            & (catalogue.price <= price * dearest)
        )
    vectors = store.product_vectors.vectors
    alike = np.round(np.asarray(vectors[rows]) @ np.asarray(vectors[row]), 6)
    rise = shrunken_ratings(catalogue)
    rise -= rise[row]
    found = []
    for other, likeness in zip(rows, alike, strict=True):
        upgrade = _upgrade(records, anchor, int(other), float(rise[other]))
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
    return tuple(sorted(found, key=_order))


def _order(upgrade: Upgrade) -> tuple[float, int]:
    return -round(upgrade.candidate.score, 9), upgrade.candidate.row


def _upgrade(records: Records, anchor: Product, row: int, rise: float) -> Upgrade | None:
    other = records.store.catalogue.products[row]
    difference = records.difference(other, anchor)
    if difference is None:
        return None
    gains, losses = [], []
    for name in (name for name in other.attributes if name != "rating"):
        fact = records.comparison(other, anchor, name)
        if fact is not None and fact.data["better"] == "this":
            gains.append(fact)
        elif fact is not None and fact.data["better"] == "that":
            losses.append(fact)
    rating = records.rating_comparison(other, anchor)
    enough = min(other.rating_count or 0, anchor.rating_count or 0) >= MIN_RATINGS
    better = "this" if rise > 0 else "that"
    if enough and abs(rise) >= RATING_STEP and rating and rating.data["better"] == better:
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

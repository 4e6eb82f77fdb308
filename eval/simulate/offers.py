"""Offer records: the written ones, `best_of` a leaf resolved to its most wanted products."""

from __future__ import annotations

import numpy as np

from eval.simulate.content import OfferContent, Shelf
from eval.simulate.market import Market


def make_offers(shelf: Shelf, market: Market) -> list[dict[str, object]]:
    """Return the offers as records, in the order they are written."""
    return [_record(offer, market) for offer in shelf.offers]


def _record(offer: OfferContent, market: Market) -> dict[str, object]:
    record: dict[str, object] = {
        "offer_id": offer.offer_id,
        "kind": offer.kind,
        "value": offer.value,
        "stackable": offer.stackable,
    }
    if offer.best_of is not None:
        group = market.members[market.leaves.index(offer.best_of)]
        best = group[np.argsort(-market.appeal[group], kind="stable")][: offer.n]
        record["product_ids"] = [market.products[i].product_id for i in best]
    if offer.categories:
        record["categories"] = list(offer.categories)
    for name in ("min_spend", "starts_at", "ends_at"):
        if (value := getattr(offer, name)) is not None:
            record[name] = value
    return record

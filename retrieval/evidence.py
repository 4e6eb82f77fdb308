"""Evidence: a checkable fact with its origin.

An id says what the record is (`price:P1`, `attribute:P1:weight_g`, `quote:R7#2`,
`bought_together:P1:P2`), so the same fact has the same id in every slate of a store. `data` holds
the raw values (money as strings with two decimals), `text` an English reading of them, `origin`
where they came from and, for behaviour, the window and how to recompute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

EvidenceKind = Literal[
    "attribute",  # data: name, value
    "category",  # data: category (list)
    "price",  # data: price, currency, list_price?
    "stock",  # data: stock
    "rating",  # data: rating, rating_count
    "quote",  # data: span_id, review_id, text, rating?, created_at?, language?
    "complaint",  # data: aspect, count, n_reviews, share, span_id, text
    "bought_together",  # data: count, n_anchor, n_baskets, confidence, low, high, lift, from, to
    "viewed_together",  # same, over sessions
    "bought_next",  # data: count, n_anchor, share, low, high, from, to
    "popularity",  # data: n_shoppers, from, to
    "own_history",  # data: type, count, last_at, related product or category
    "compatibility",  # data: name, value, other product id
    "offer",  # data: offer_id, kind, value, saving?, price_after?, ends_at?
    "comparison",  # data: name, this, that, unit?, better: this|that|neither
    "difference",  # data: price_this, price_that, difference
    "total",  # data: prices {id: price}, total, budget?, left?
    "count",  # data: n, conditions          computed over the whole table
    "bound",  # data: name, value, product_id: the nearest possible value of a failed constraint
    "match",  # data: words, field            the words of the query found in the record
    "rank",  # data: rank, n, score, parts    the ranker's own record (why, why not)
    "constraint",  # data: name, wanted, actual     why a product was left out
    "cart",  # data: lines, total
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One checkable fact."""

    evidence_id: str
    kind: EvidenceKind
    product_ids: tuple[str, ...]
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    origin: str

    def as_json(self) -> dict[str, Any]:
        """Return the record as the doors write it (under its id)."""
        return {
            "kind": self.kind,
            "product_ids": list(self.product_ids),
            "text": self.text,
            "data": dict(self.data),
            "origin": self.origin,
        }
